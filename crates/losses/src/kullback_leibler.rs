//! The divergence of a distribution from another.
//!
//! ```text
//! lossₙ = Σⱼ tₙⱼ (ln tₙⱼ - xₙⱼ)      x: logarithms of probabilities; a term is 0 where t is
//! value = mean or sum over the rows
//! dxₙⱼ  = -upstream · tₙⱼ            divided by the number of rows for the mean
//! ```
//!
//! Kullback, Leibler, "On information and sufficiency", 1951, eq. 2.3.

use ndarray::{ArrayRef2, Zip};
use tensor_ops::Scalar;

use crate::{Error, Loss, Reduction, Targets};

/// The Kullback-Leibler divergence of the targets from the outputs, which are logarithms of probabilities.
///
/// The mean is over the *rows*, which is the divergence itself: PyTorch calls that `batchmean`, and its `mean`, which
/// divides by the number of elements, is not offered.
///
/// # Shapes
///
/// Log-probabilities [n, classes], as a log-softmax layer gives them; targets as rows of probabilities that each sum
/// to 1.
///
/// # Examples
///
/// ```
/// use losses::{KullbackLeibler, Loss, Targets};
/// use ndarray::array;
///
/// let certain = array![[1.0, 0.0]];
/// let even = array![[0.5_f64.ln(), 0.5_f64.ln()]];
/// let value = KullbackLeibler::default().value(&even, Targets::Rows(certain.view()))?;
/// assert_eq!(value, 2f64.ln());
/// # Ok::<(), losses::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct KullbackLeibler {
    /// Mean or sum over the rows.
    pub reduction: Reduction,
}

impl<T: Scalar> Loss<T> for KullbackLeibler {
    fn kind(&self) -> &'static str {
        "kullback_leibler"
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
        let targets = targets.distributions("kullback_leibler", x)?;
        let share = self.reduction.share(x.nrows() as f64);
        let mut total = T::Wide::from_f64(0.0);
        Zip::from(x).and(&targets).for_each(|x, t| {
            if t.value() != 0.0 {
                let t = t.widen();
                total += t * (t.ln() - x.widen());
            }
        });
        if let Some((upstream, dx)) = gradient {
            let scale = -upstream * T::from_f64(share);
            Zip::from(dx).and(&targets).for_each(|dx, &t| *dx = scale * t);
        }
        Ok(total * T::Wide::from_f64(share))
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn a_distribution_does_not_diverge_from_itself() {
        let p = array![[0.25, 0.75, 0.0], [1.0, 0.0, 0.0]];
        let log_p = p.mapv(f64::ln);
        let mut dx = Array2::zeros((2, 3));
        let targets = Targets::Rows(p.view());
        let value = KullbackLeibler::default().value_and_gradient(&log_p, targets, 1.0, &mut dx).unwrap();
        assert_eq!(value, 0.0);
        assert_eq!(dx, p * -0.5);
    }

    #[test]
    fn targets_that_are_no_distribution_name_the_row() {
        let targets = array![[0.5, 0.5], [0.5, 0.4]];
        let x = Array2::zeros((2, 2));
        let error = KullbackLeibler::default().value(&x, Targets::Rows(targets.view())).unwrap_err();
        assert_eq!(error.to_string(), "row 1: expected probabilities that sum to 1, got a sum of 0.9");
    }
}
