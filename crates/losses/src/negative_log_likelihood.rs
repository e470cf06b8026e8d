//! The logarithm of the probability that was given to the right class.
//!
//! ```text
//! lossₙ = -w[tₙ] xₙ[tₙ]        x: logarithms of probabilities; w: the weights of the classes, 1 unless given
//! value = Σ lossₙ / Σ w[tₙ], or the sum alone
//! dxₙⱼ  = -upstream · w[tₙ] at j = tₙ, 0 elsewhere; divided by Σ w[tₙ] for the mean
//! ```
//!
//! Fisher, "On the mathematical foundations of theoretical statistics", 1922.

use ndarray::ArrayRef2;
use tensor_ops::Scalar;

use crate::{Error, Loss, Reduction, Targets, class_weights};

/// The negative logarithm of the probability of the right class, from outputs that are logarithms of probabilities.
///
/// After a log-softmax layer this is [`SoftmaxCrossEntropy`](crate::SoftmaxCrossEntropy) of the logits.
///
/// # Shapes
///
/// Log-probabilities [n, classes]; targets as class indices.
///
/// # Examples
///
/// ```
/// use losses::{Loss, NegativeLogLikelihood, Targets};
/// use ndarray::array;
///
/// let x = array![[0.25_f64.ln(), 0.75_f64.ln()]];
/// let value = NegativeLogLikelihood::default().value(&x, Targets::Classes(&[0]))?;
/// assert_eq!(value, 4f64.ln());
/// # Ok::<(), losses::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct NegativeLogLikelihood {
    /// The weight of each class; empty if all weigh 1.
    pub class_weights: Vec<f64>,
    /// Mean or sum over the rows. The mean divides by the sum of the weights of the rows.
    pub reduction: Reduction,
}

impl NegativeLogLikelihood {
    pub(crate) fn check(&self) -> Result<(), Error> {
        class_weights::check("negative_log_likelihood", &self.class_weights)
    }
}

impl<T: Scalar> Loss<T> for NegativeLogLikelihood {
    fn kind(&self) -> &'static str {
        "negative_log_likelihood"
    }

    fn reduction(&self) -> Reduction {
        self.reduction
    }

    fn weight(&self, targets: Targets<'_, T>) -> f64 {
        match targets {
            Targets::Classes(labels) => class_weights::total(&self.class_weights, labels),
            Targets::Rows(rows) => rows.nrows() as f64,
        }
    }

    fn evaluate(
        &self,
        x: &ArrayRef2<T>,
        targets: Targets<'_, T>,
        mut gradient: Option<(T, &mut ArrayRef2<T>)>,
    ) -> Result<T::Wide, Error> {
        let name = "negative_log_likelihood";
        self.check()?;
        let (n, classes) = x.dim();
        let labels = targets.classes(name, n, classes)?;
        class_weights::check_count(name, &self.class_weights, classes)?;
        let share = class_weights::share(name, self.reduction, &self.class_weights, labels)?;
        if let Some((_, dx)) = &mut gradient {
            dx.fill(T::zero());
        }
        let mut total = T::Wide::from_f64(0.0);
        for (i, &label) in labels.iter().enumerate() {
            let weight = self.class_weights.get(label).copied().unwrap_or(1.0);
            if weight == 0.0 {
                continue; // also where the logarithm is -inf
            }
            total -= T::Wide::from_f64(weight) * x[[i, label]].widen();
            if let Some((upstream, dx)) = &mut gradient {
                dx[[i, label]] = -*upstream * T::from_f64(weight * share);
            }
        }
        Ok(total * T::Wide::from_f64(share))
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn the_mean_divides_by_the_weights_of_the_rows() {
        let x = array![[-1.0, -2.0], [-3.0, -4.0], [f64::NEG_INFINITY, 0.0]];
        let mut dx = Array2::from_elem((3, 2), f64::NAN);
        let loss = NegativeLogLikelihood { class_weights: vec![0.0, 3.0], ..Default::default() };
        let value = loss.value_and_gradient(&x, Targets::Classes(&[1, 1, 0]), 1.0, &mut dx).unwrap();
        assert_eq!(value, 3.0);
        assert_eq!(dx, array![[0.0, -0.5], [0.0, -0.5], [0.0, 0.0]]);
    }

    #[test]
    fn weights_that_do_not_fit_are_refused() {
        let error = |weights: &[f64]| {
            let loss = NegativeLogLikelihood { class_weights: weights.to_vec(), ..Default::default() };
            loss.value(&array![[0.0, 0.0]], Targets::Classes(&[0])).unwrap_err().to_string()
        };
        let name = "negative_log_likelihood";
        assert_eq!(
            error(&[1.0]),
            format!("{name}: class_weights: expected one for each of 2 classes, got 1")
        );
        assert_eq!(
            error(&[1.0, -1.0]),
            format!("{name}: class_weights: expected finite numbers from 0, got -1.0")
        );
        for huge in [1e31, 1e308] {
            let expected = format!("{name}: class_weights: expected numbers up to 1e30, got {huge:?}");
            assert_eq!(error(&[huge, huge]), expected);
        }
        assert_eq!(
            error(&[0.0, 1.0]),
            format!("{name}: expected a row whose class has a weight above 0, got none")
        );
    }

    #[test]
    fn rows_weigh_as_their_classes_do() {
        let loss = NegativeLogLikelihood { class_weights: vec![0.5, 2.0], ..Default::default() };
        assert_eq!(loss.weight(Targets::<f64>::Classes(&[0, 1, 1])), 4.5);
    }
}
