//! Losses as data: what a recipe holds.

use tensor_ops::Scalar;

use crate::{Error, Loss, MeanSquaredError, Reduction, SoftmaxCrossEntropy};

/// A loss written down.
///
/// # Examples
///
/// ```
/// use losses::{Loss, Spec};
///
/// let loss = Spec::SoftmaxCrossEntropy { reduction: Default::default() }.build::<f32>()?;
/// assert_eq!(loss.kind(), "softmax_cross_entropy");
/// # Ok::<(), losses::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(tag = "name", rename_all = "snake_case", deny_unknown_fields))]
#[non_exhaustive]
#[allow(missing_docs, reason = "each variant is the loss of the same name, each field its option")]
pub enum Spec {
    MeanSquaredError {
        #[cfg_attr(feature = "serde", serde(default))]
        reduction: Reduction,
    },
    SoftmaxCrossEntropy {
        #[cfg_attr(feature = "serde", serde(default))]
        reduction: Reduction,
    },
}

impl Spec {
    /// The loss.
    ///
    /// # Errors
    ///
    /// [`Error::Option`] if an option makes no sense.
    pub fn build<T: Scalar>(&self) -> Result<Box<dyn Loss<T>>, Error> {
        Ok(match *self {
            Spec::MeanSquaredError { reduction } => Box::new(MeanSquaredError { reduction }),
            Spec::SoftmaxCrossEntropy { reduction } => Box::new(SoftmaxCrossEntropy { reduction }),
        })
    }
}
