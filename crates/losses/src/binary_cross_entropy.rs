//! Cross entropy of independent yes-or-no answers, from logits.
//!
//! ```text
//! value = mean over all elements of   max(x, 0) - x t + ln(1 + exp(-|x|))   = -t ln σ(x) - (1 - t) ln(1 - σ(x))
//! dx    = upstream · (σ(x) - t) / elements
//! ```
//!
//! The sigmoid and the logarithm cancel before anything is computed, so no logit is too large. Cox, "The regression
//! analysis of binary sequences", 1958; the stable form is that of TensorFlow's `sigmoid_cross_entropy_with_logits`.

use ndarray::ArrayRef2;
use tensor_ops::Scalar;

use crate::elementwise::over_elements;
use crate::{Error, Loss, Reduction, Targets};

/// Sigmoid of the logits, then the mean (or sum) over all elements of the cross entropy with the targets.
///
/// For one yes-or-no answer an example, or for several labels that may hold at once. Give it logits: a sigmoid layer
/// before it would be applied twice.
///
/// # Shapes
///
/// Logits [n, labels]; targets as rows of the same width, each from 0 to 1.
///
/// # Examples
///
/// ```
/// use losses::{BinaryCrossEntropy, Loss, Targets};
/// use ndarray::array;
///
/// let targets = array![[1.0, 0.0]];
/// let value: f64 = BinaryCrossEntropy::default().value(&array![[0.0, 0.0]], Targets::Rows(targets.view()))?;
/// assert_eq!(value, 2f64.ln());
/// # Ok::<(), losses::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct BinaryCrossEntropy {
    /// Mean or sum over all elements.
    pub reduction: Reduction,
}

impl<T: Scalar> Loss<T> for BinaryCrossEntropy {
    fn kind(&self) -> &'static str {
        "binary_cross_entropy"
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
        let targets = targets.rows("binary_cross_entropy", x)?;
        let outside = targets.indexed_iter().find(|(_, t)| !(0.0..=1.0).contains(&t.value()));
        if let Some(((row, column), t)) = outside {
            return Err(Error::Value { row, column, expected: "from 0 to 1", got: t.value() });
        }
        let one = T::Wide::from_f64(1.0);
        Ok(over_elements(self.reduction, x, &targets, gradient, |x, t| {
            // The function is smooth at 0, so the branch compares values. In each, what is left of a large logit is
            // written without subtracting nearly equal numbers.
            if x.value() < 0.0 {
                let e = x.exp();
                (e.ln_1p() - x * t, e / (one + e) - t)
            } else {
                let e = (-x).exp();
                (x * (one - t) + e.ln_1p(), (one - t) - e / (one + e))
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn extreme_logits_are_exact() {
        let loss = BinaryCrossEntropy::default();
        let run = |x: f32, t: f32| {
            let mut dx = Array2::zeros((1, 1));
            let targets = array![[t]];
            let value = loss.value_and_gradient(&array![[x]], Targets::Rows(targets.view()), 1.0, &mut dx);
            (value.unwrap(), dx[[0, 0]])
        };
        assert_eq!(run(f32::MAX, 0.0), (f64::from(f32::MAX), 1.0));
        assert_eq!(run(-f32::MAX, 1.0), (f64::from(f32::MAX), -1.0));
        assert_eq!(run(f32::MAX, 1.0), (0.0, 0.0));
        assert_eq!(run(-f32::MAX, 0.0), (0.0, 0.0));
        // ln(1 + e⁻⁵⁰) = e⁻⁵⁰ to 22 digits, where the textbook form gives 0.
        let (value, dx) = run(50.0, 1.0);
        assert_eq!((value, dx), ((-50f64).exp(), -((-50f64).exp()) as f32));
        assert_eq!(run(-50.0, 0.0), (value, -dx));
    }

    #[test]
    fn a_target_beyond_1_names_its_place() {
        let targets = array![[1.0, 0.0], [0.5, 2.0]];
        let loss = BinaryCrossEntropy::default();
        let error = loss.value(&Array2::zeros((2, 2)), Targets::Rows(targets.view())).unwrap_err();
        assert_eq!(error.to_string(), "row 1, column 1: expected a target from 0 to 1, got 2");
    }
}
