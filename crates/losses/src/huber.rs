//! Squares near the target, distances far from it.
//!
//! ```text
//! d = x - t
//! value = mean over all elements of   d² / 2           where |d| ≤ δ        dx = upstream · d / elements
//!                                     δ (|d| - δ / 2)  elsewhere            dx = upstream · δ sign(d) / elements
//! ```
//!
//! Huber, "Robust estimation of a location parameter", 1964, eq. 2.

use ndarray::ArrayRef2;
use tensor_ops::Scalar;

use crate::elementwise::over_elements;
use crate::{Error, Loss, Reduction, Targets};

/// The mean, over all elements of the batch, of Huber's function of the difference; or its sum.
///
/// As smooth as squares at the target, and an outlier pulls with no more than δ.
///
/// # Shapes
///
/// Outputs [n, d]; targets as rows of the same width.
///
/// # Examples
///
/// ```
/// use losses::{Huber, Loss, Reduction, Targets};
/// use ndarray::array;
///
/// let loss = Huber { delta: 2.0, reduction: Reduction::Sum };
/// let value: f64 = loss.value(&array![[1.0, 10.0]], Targets::Rows(array![[0.0, 0.0]].view()))?;
/// assert_eq!(value, 0.5 + 2.0 * (10.0 - 1.0));
/// # Ok::<(), losses::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct Huber {
    /// δ, where squares end; above 0.
    pub delta: f64,
    /// Mean or sum over all elements.
    pub reduction: Reduction,
}

impl Default for Huber {
    fn default() -> Self {
        Huber { delta: 1.0, reduction: Reduction::Mean }
    }
}

impl Huber {
    pub(crate) fn check(&self) -> Result<(), Error> {
        if !(self.delta > 0.0 && self.delta.is_finite()) {
            return Err(Error::option("huber", "delta", "a finite number above 0", self.delta));
        }
        Ok(())
    }
}

impl<T: Scalar> Loss<T> for Huber {
    fn kind(&self) -> &'static str {
        "huber"
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
        self.check()?;
        let targets = targets.rows("huber", x)?;
        let [zero, half, delta] = [0.0, 0.5, self.delta].map(T::Wide::from_f64);
        Ok(over_elements(self.reduction, x, &targets, gradient, |x, t| {
            let d = x - t;
            let distance = d.abs();
            if distance > delta {
                (delta * (distance - half * delta), if d > zero { delta } else { -delta })
            } else {
                (half * d * d, d)
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn value_and_gradient_on_both_sides_of_the_joint() {
        let (x, t) = (array![[1.0, 3.0, -f32::MAX]], Array2::zeros((1, 3)));
        let mut dx = Array2::from_elem((1, 3), f32::NAN);
        let loss = Huber { delta: 2.0, reduction: Reduction::Sum };
        let value = loss.value_and_gradient(&x, Targets::Rows(t.view()), 1.0, &mut dx).unwrap();
        assert_eq!(value, 0.5 + 4.0 + 2.0 * (f64::from(f32::MAX) - 1.0));
        assert_eq!(dx, array![[1.0, 2.0, -2.0]]);
    }

    #[test]
    fn a_delta_that_is_not_above_0_is_refused() {
        let t = array![[0.0]];
        let loss = Huber { delta: -1.0, ..Huber::default() };
        let error = loss.value(&array![[1.0]], Targets::Rows(t.view())).unwrap_err();
        assert_eq!(error.to_string(), "huber: delta: expected a finite number above 0, got -1.0");
    }
}
