//! The distance to the target.
//!
//! ```text
//! value = mean over all elements of |x - t|        dx = upstream · sign(x - t) / elements
//! ```
//!
//! The derivative at x = t is a convention: 0 here, as in PyTorch. Boscovich, 1757; Laplace, 1793.

use ndarray::ArrayRef2;
use tensor_ops::Scalar;

use crate::elementwise::over_elements;
use crate::{Error, Loss, Reduction, Targets};

/// The mean, over all elements of the batch, of the absolute difference; or its sum.
///
/// An outlier pulls no harder than any other example: the best constant answer is the median.
///
/// # Shapes
///
/// Outputs [n, d]; targets as rows of the same width.
///
/// # Examples
///
/// ```
/// use losses::{Loss, MeanAbsoluteError, Targets};
/// use ndarray::array;
///
/// let value: f64 = MeanAbsoluteError::default().value(&array![[1.0, 5.0]], Targets::Rows(array![[2.0, 2.0]].view()))?;
/// assert_eq!(value, 2.0);
/// # Ok::<(), losses::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct MeanAbsoluteError {
    /// Mean or sum over all elements.
    pub reduction: Reduction,
}

impl<T: Scalar> Loss<T> for MeanAbsoluteError {
    fn kind(&self) -> &'static str {
        "mean_absolute_error"
    }

    fn reduction(&self) -> Reduction {
        self.reduction
    }

    fn evaluate(
        &self,
        x: &ArrayRef2<T>,
        targets: Targets<'_, T>,
        gradient: Option<(T, &mut ArrayRef2<T>)>,
    ) -> Result<T::Wide, Error> {
        let targets = targets.rows("mean_absolute_error", x)?;
        let [minus, zero, plus] = [-1.0, 0.0, 1.0].map(T::Wide::from_f64);
        Ok(over_elements(self.reduction, x, &targets, gradient, |x, t| {
            let d = x - t;
            // A difference that is not a number has no sign; it must not pass for a slope of 0.
            let slope = if d > zero {
                plus
            } else if d < zero {
                minus
            } else {
                d
            };
            (d.abs(), slope)
        }))
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn the_gradient_is_a_sign_and_0_at_the_target() {
        let (x, t) = (array![[1.0, 2.0, 3.0, f32::MAX]], array![[2.0, 2.0, 2.0, -f32::MAX]]);
        let mut dx = Array2::from_elem((1, 4), f32::NAN);
        let loss = MeanAbsoluteError { reduction: Reduction::Sum };
        let value = loss.value_and_gradient(&x, Targets::Rows(t.view()), 3.0, &mut dx).unwrap();
        assert_eq!(value, 2.0 + 2.0 * f64::from(f32::MAX));
        assert_eq!(dx, array![[-3.0, 0.0, 3.0, 3.0]]);
    }

    #[test]
    fn what_is_not_a_number_stays_so() {
        let mut dx = Array2::zeros((1, 1));
        let targets = Targets::Rows(ndarray::aview2(&[[0.0]]));
        let loss = MeanAbsoluteError::default();
        let value = loss.value_and_gradient(&array![[f64::NAN]], targets, 1.0, &mut dx).unwrap();
        assert!(value.is_nan() && dx[[0, 0]].is_nan());
    }
}
