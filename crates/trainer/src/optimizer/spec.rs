//! Optimisers as data: what a recipe holds.

use tensor_ops::Scalar;

use super::{Optimizer, Sgd};
use crate::Error;

/// An optimiser written down.
///
/// # Examples
///
/// ```
/// use trainer::{Optimizer, OptimizerSpec, Sgd};
///
/// let optimizer = OptimizerSpec::Sgd(Sgd { momentum: 0.9, ..Sgd::default() }).build::<f32>()?;
/// assert_eq!(optimizer.slots(), ["velocity"]);
/// # Ok::<(), trainer::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "recipe", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "recipe", serde(tag = "name", rename_all = "snake_case"))]
#[non_exhaustive]
#[allow(missing_docs, reason = "each variant is the optimiser of the same name")]
pub enum Spec {
    Sgd(Sgd),
}

impl Spec {
    /// The optimiser.
    ///
    /// # Errors
    ///
    /// [`Error::Option`] if an option makes no sense.
    pub fn build<T: Scalar>(&self) -> Result<Box<dyn Optimizer<T>>, Error> {
        Ok(match *self {
            Spec::Sgd(sgd) => Box::new(sgd),
        })
    }
}
