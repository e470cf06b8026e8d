//! Softmax with cross entropy: the loss of classifiers.
//!
//! ```text
//! lossₙ = lse(xₙ) Σⱼ tₙⱼ - Σⱼ tₙⱼ xₙⱼ        lse(x) = ln Σⱼ exp(xⱼ)
//!       = -ln softmax(xₙ)[t]                 for a class index t
//! value = mean or sum over n
//! dxₙⱼ  = upstream · (softmax(xₙ)ⱼ Σₖ tₙₖ - tₙⱼ)      divided by the number of rows for the mean
//! ```
//!
//! Softmax and logarithm cancel before anything is computed, so the loss is exact for any finite logits and needs no
//! small constant inside the logarithm, which would cap the loss at 16 and falsify the gradient. Bridle, "Training
//! stochastic model recognition algorithms as networks", 1990.

use ndarray::{ArrayRef1, ArrayRef2};
use tensor_ops::Scalar;

use crate::{Error, Loss, Reduction, Targets};

/// How far from 1 the sum of a target row may be: what f32 rounding of many classes leaves.
const SUM_TOLERANCE: f64 = 1e-4;

/// Softmax of the logits, then cross entropy with the targets.
///
/// # Shapes
///
/// Logits [n, classes]; targets as class indices, or as rows of probabilities that each sum to 1 (one-hot rows among
/// them).
///
/// # Examples
///
/// Exact where the textbook form gives infinity:
///
/// ```
/// use losses::{Loss, SoftmaxCrossEntropy, Targets};
/// use ndarray::array;
///
/// let value = SoftmaxCrossEntropy::default().value(&array![[1e4_f32, 0.0]], Targets::Classes(&[1]))?;
/// assert_eq!(value, 1e4);
/// # Ok::<(), losses::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SoftmaxCrossEntropy {
    /// Mean or sum over the rows.
    pub reduction: Reduction,
}

impl<T: Scalar> Loss<T> for SoftmaxCrossEntropy {
    fn kind(&self) -> &'static str {
        "softmax_cross_entropy"
    }

    fn evaluate(
        &self,
        x: &ArrayRef2<T>,
        targets: Targets<'_, T>,
        mut gradient: Option<(T, &mut ArrayRef2<T>)>,
    ) -> Result<T::Wide, Error> {
        let n = x.nrows();
        let share = match self.reduction {
            Reduction::Mean => 1.0 / n as f64,
            Reduction::Sum => 1.0,
        };
        let mut total = T::Wide::from_f64(0.0);
        let mut row = |i: usize, target: Row<'_, T>| {
            let dx = gradient.as_mut().map(|(upstream, dx)| (*upstream * T::from_f64(share), dx.row_mut(i)));
            total += match dx {
                Some((scale, mut dx)) => row_loss(&x.row(i), target, Some((scale, &mut dx))),
                None => row_loss(&x.row(i), target, None),
            };
        };
        match targets {
            Targets::Classes(_) => {
                let labels = targets.classes("softmax_cross_entropy", n, x.ncols())?;
                labels.iter().enumerate().for_each(|(i, &label)| row(i, Row::Class(label)));
            }
            Targets::Rows(_) => {
                let rows = targets.rows("softmax_cross_entropy", x)?;
                for (i, target) in rows.rows().into_iter().enumerate() {
                    check_distribution(i, &target)?;
                    row(i, Row::Probabilities(&target));
                }
            }
        }
        Ok(total * T::Wide::from_f64(share))
    }
}

enum Row<'a, T> {
    Class(usize),
    Probabilities(&'a ArrayRef1<T>),
}

/// The loss of one row; with (scale, dx) also dx ← scale · its gradient.
fn row_loss<T: Scalar>(
    x: &ArrayRef1<T>,
    target: Row<'_, T>,
    gradient: Option<(T, &mut ArrayRef1<T>)>,
) -> T::Wide {
    // The largest logit is taken as a constant: no result depends on it.
    let m = T::from_f64(x.iter().fold(f64::NEG_INFINITY, |m, v| m.max(v.value())));
    let mut sum = T::Wide::from_f64(0.0);
    // Wide differences: two finite f32 logits can be further apart than f32 reaches.
    let below = |x: T| x.widen() - m.widen();
    match gradient {
        None => x.iter().for_each(|&x| sum += (x - m).exp().widen()),
        Some((scale, dx)) => {
            for (dx, &x) in dx.iter_mut().zip(x) {
                *dx = (x - m).exp();
                sum += dx.widen();
            }
            let mass = match target {
                Row::Class(_) => T::one(),
                Row::Probabilities(t) => t.iter().fold(T::zero(), |sum, &t| sum + t),
            };
            let softmax_scale = scale * mass * T::narrow(T::Wide::from_f64(1.0) / sum);
            dx.map_inplace(|dx| *dx *= softmax_scale);
            match target {
                Row::Class(label) => dx[label] -= scale,
                Row::Probabilities(t) => dx.iter_mut().zip(t).for_each(|(dx, &t)| *dx -= scale * t),
            }
        }
    }
    let log_sum = sum.ln();
    match target {
        Row::Class(label) => log_sum - below(x[label]),
        Row::Probabilities(t) => t
            .iter()
            .zip(x)
            .filter(|(t, _)| t.value() != 0.0)
            .fold(T::Wide::from_f64(0.0), |loss, (t, &x)| loss + t.widen() * (log_sum - below(x))),
    }
}

fn check_distribution<T: Scalar>(row: usize, target: &ArrayRef1<T>) -> Result<(), Error> {
    let sum = target.iter().map(|t| t.value()).sum::<f64>();
    if let Some((column, t)) = target.iter().enumerate().find(|(_, t)| !(0.0..=1.0).contains(&t.value())) {
        return Err(Error::Value { row, column, expected: "from 0 to 1", got: t.value() });
    }
    if (sum - 1.0).abs() > SUM_TOLERANCE {
        return Err(Error::NotADistribution { row, sum });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};
    use tensor_ops::one_hot;

    use super::*;

    #[test]
    fn class_indices_and_one_hot_rows_agree() {
        let x = array![[0.3, -1.0, 2.0], [5.0, 5.0, 5.0]];
        let loss = SoftmaxCrossEntropy::default();
        let (mut by_class, mut by_row) = (Array2::zeros((2, 3)), Array2::zeros((2, 3)));
        let rows = one_hot::<f64>(&[2, 0], 3).unwrap();
        let a = loss.value_and_gradient(&x, Targets::Classes(&[2, 0]), 1.0, &mut by_class).unwrap();
        let b = loss.value_and_gradient(&x, Targets::Rows(rows.view()), 1.0, &mut by_row).unwrap();
        assert!((a - b).abs() < 1e-15);
        assert!((&by_class - &by_row).iter().all(|d| d.abs() < 1e-16));
        assert!(by_class.rows().into_iter().all(|row| row.sum().abs() < 1e-16));
    }

    #[test]
    fn the_loss_of_an_even_guess_is_the_logarithm_of_the_classes() {
        let x = Array2::<f32>::zeros((4, 10));
        let value = SoftmaxCrossEntropy::default().value(&x, Targets::Classes(&[0, 1, 2, 3])).unwrap();
        assert!((value - 10f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn extreme_logits_are_exact() {
        let loss = SoftmaxCrossEntropy::default();
        let value = |z: f32| loss.value(&array![[0.0, z]], Targets::Classes(&[0])).unwrap();
        assert_eq!(value(1e4), 1e4);
        assert_eq!(value(-1e4), 0.0);
        assert_eq!(value(f32::MAX), f64::from(f32::MAX));
        assert!((value(20.0) - (20.0 + (-20f64).exp().ln_1p())).abs() < 1e-6);
        let apart = loss.value(&array![[f32::MIN, f32::MAX]], Targets::Classes(&[0])).unwrap();
        assert_eq!(apart, 2.0 * f64::from(f32::MAX));
    }

    #[test]
    fn the_upstream_derivative_scales_the_gradient() {
        let x = array![[1.0, -1.0]];
        let (mut once, mut thrice) = (Array2::zeros((1, 2)), Array2::zeros((1, 2)));
        let loss = SoftmaxCrossEntropy::default();
        loss.value_and_gradient(&x, Targets::Classes(&[1]), 1.0, &mut once).unwrap();
        loss.value_and_gradient(&x, Targets::Classes(&[1]), 3.0, &mut thrice).unwrap();
        assert!((&once * 3.0 - &thrice).iter().all(|d: &f64| d.abs() < 1e-15));
    }

    #[test]
    fn bad_targets_name_the_row() {
        let x = Array2::<f64>::zeros((2, 3));
        let error = |targets| SoftmaxCrossEntropy::default().value(&x, targets).unwrap_err().to_string();
        assert_eq!(error(Targets::Classes(&[0, 3])), "row 1: expected a class below 3, got 3");
        assert_eq!(error(Targets::Classes(&[0])), "expected 2 rows of targets, got 1");
        let rows = array![[1.0, 0.0, 0.0], [0.5, 0.2, 0.0]];
        assert_eq!(
            error(Targets::Rows(rows.view())),
            "row 1: expected probabilities that sum to 1, got a sum of 0.7"
        );
    }
}
