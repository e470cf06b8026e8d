//! The squared distance to the target.
//!
//! ```text
//! value = mean over all elements of (x - t)²        dx = upstream · 2 (x - t) / elements
//! ```
//!
//! Gauss, "Theoria motus corporum coelestium", 1809.

use ndarray::ArrayRef2;
use tensor_ops::Scalar;

use crate::elementwise::over_elements;
use crate::{Error, Loss, Reduction, Targets};

/// The mean, over all elements of the batch, of the squared difference; or its sum.
///
/// The factor is 1 and not 1/2, as in PyTorch and Keras.
///
/// # Shapes
///
/// Outputs [n, d]; targets as rows of the same width.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct MeanSquaredError {
    /// Mean or sum over all elements.
    pub reduction: Reduction,
}

impl<T: Scalar> Loss<T> for MeanSquaredError {
    fn kind(&self) -> &'static str {
        "mean_squared_error"
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
        let targets = targets.rows("mean_squared_error", x)?;
        let two = T::Wide::from_f64(2.0);
        Ok(over_elements(self.reduction, x, &targets, gradient, |x, t| {
            let d = x - t;
            (d * d, two * d)
        }))
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn value_and_gradient_by_hand() {
        let (x, t) = (array![[1.0, 2.0], [3.0, 4.0]], array![[1.0, 0.0], [0.0, 4.0]]);
        let mut dx = Array2::from_elem((2, 2), f64::NAN);
        let targets = Targets::Rows(t.view());
        let value = MeanSquaredError::default().value_and_gradient(&x, targets, 2.0, &mut dx).unwrap();
        assert_eq!(value, 13.0 / 4.0);
        assert_eq!(dx, array![[0.0, 2.0], [3.0, 0.0]]);
    }

    #[test]
    fn the_largest_f32_has_a_finite_value_and_gradient() {
        let (x, t) = (array![[f32::MAX, 0.0, 0.0, 0.0]], array![[-f32::MAX, 0.0, 0.0, 0.0]]);
        let mut dx = Array2::zeros((1, 4));
        let targets = Targets::Rows(t.view());
        let value = MeanSquaredError::default().value_and_gradient(&x, targets, 1.0, &mut dx).unwrap();
        assert_eq!(value, f64::from(f32::MAX).powi(2));
        assert_eq!(dx[[0, 0]], f32::MAX);
    }

    #[test]
    fn class_indices_are_refused() {
        let error = MeanSquaredError::default().value(&array![[1.0]], Targets::Classes(&[0])).unwrap_err();
        assert_eq!(error.to_string(), "mean_squared_error: expected targets as rows of numbers");
    }
}
