//! The squared distance to the target.
//!
//! ```text
//! value = mean over all elements of (x - t)²        dx = upstream · 2 (x - t) / elements
//! ```
//!
//! Gauss, "Theoria motus corporum coelestium", 1809.

use ndarray::{ArrayRef2, Zip};
use tensor_ops::Scalar;

use crate::{Error, Loss, Reduction, Targets};

/// The mean, over all elements of the batch, of the squared difference; or its sum.
///
/// The factor is 1 and not 1/2, as in PyTorch and Keras.
///
/// # Shapes
///
/// Outputs [n, d]; targets as rows of the same width.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MeanSquaredError {
    /// Mean or sum over all elements.
    pub reduction: Reduction,
}

impl<T: Scalar> Loss<T> for MeanSquaredError {
    fn kind(&self) -> &'static str {
        "mean_squared_error"
    }

    fn evaluate(
        &self,
        x: &ArrayRef2<T>,
        targets: Targets<'_, T>,
        gradient: Option<(T, &mut ArrayRef2<T>)>,
    ) -> Result<T::Wide, Error> {
        let targets = targets.rows("mean_squared_error", x)?;
        let share = match self.reduction {
            Reduction::Mean => 1.0 / x.len() as f64,
            Reduction::Sum => 1.0,
        };
        let mut total = T::Wide::from_f64(0.0);
        Zip::from(x).and(&targets).for_each(|&x, &t| {
            let difference = (x - t).widen();
            total += difference * difference;
        });
        if let Some((upstream, dx)) = gradient {
            let scale = upstream * T::from_f64(2.0 * share);
            Zip::from(dx).and(x).and(&targets).for_each(|dx, &x, &t| *dx = scale * (x - t));
        }
        Ok(total * T::Wide::from_f64(share))
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
    fn class_indices_are_refused() {
        let error = MeanSquaredError::default().value(&array![[1.0]], Targets::Classes(&[0])).unwrap_err();
        assert_eq!(error.to_string(), "mean_squared_error: expected targets as rows of numbers");
    }
}
