//! The margin by which the right class leads.
//!
//! ```text
//! lossₙ = Σ over j ≠ tₙ of hₙⱼ^p / classes      hₙⱼ = max(0, margin - xₙ[tₙ] + xₙⱼ)      p: 1, or 2 if squared
//! value = mean or sum over the rows
//! dxₙⱼ  = upstream · p hₙⱼ^(p-1) / classes where hₙⱼ > 0; the negative sum of those at j = tₙ
//! ```
//!
//! Crammer, Singer, "On the algorithmic implementation of multiclass kernel-based vector machines", 2001, with the sum
//! over classes of Weston, Watkins, 1999. The derivative at the edge of the margin is a convention: 0.

use ndarray::ArrayRef2;
use tensor_ops::Scalar;

use crate::{Error, Loss, Reduction, Targets};

/// How far each wrong class comes within the margin of the right one, on average over the classes.
///
/// PyTorch's `MultiMarginLoss`. Once the right class leads by the margin, an example has no pull at all.
///
/// # Shapes
///
/// Scores [n, classes]; targets as class indices.
///
/// # Examples
///
/// ```
/// use losses::{Hinge, Loss, Targets};
/// use ndarray::array;
///
/// let value: f64 = Hinge::default().value(&array![[3.0, 2.5, 0.0, 0.0]], Targets::Classes(&[0]))?;
/// assert_eq!(value, 0.5 / 4.0);
/// # Ok::<(), losses::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct Hinge {
    /// The lead that is enough.
    pub margin: f64,
    /// Whether what is lacking is squared.
    pub squared: bool,
    /// Mean or sum over the rows.
    pub reduction: Reduction,
}

impl Default for Hinge {
    fn default() -> Self {
        Hinge { margin: 1.0, squared: false, reduction: Reduction::Mean }
    }
}

impl Hinge {
    pub(crate) fn check(&self) -> Result<(), Error> {
        if !(self.margin > 0.0 && self.margin.is_finite()) {
            return Err(Error::option("hinge", "margin", "a finite number above 0", self.margin));
        }
        Ok(())
    }
}

impl<T: Scalar> Loss<T> for Hinge {
    fn kind(&self) -> &'static str {
        "hinge"
    }

    fn reduction(&self) -> Reduction {
        self.reduction
    }

    fn evaluate(
        &self,
        x: &ArrayRef2<T>,
        targets: Targets<'_, T>,
        mut gradient: Option<(T, &mut ArrayRef2<T>)>,
    ) -> Result<T::Wide, Error> {
        self.check()?;
        let (n, classes) = x.dim();
        let labels = targets.classes("hinge", n, classes)?;
        let [zero, one, two, margin] = [0.0, 1.0, 2.0, self.margin].map(T::Wide::from_f64);
        let share = T::Wide::from_f64(self.reduction.share(n as f64) / classes as f64);
        let mut total = zero;
        for (i, &label) in labels.iter().enumerate() {
            let mut at_label = zero;
            for (j, xj) in x.row(i).iter().enumerate() {
                let lacking = margin - x[[i, label]].widen() + xj.widen();
                // What is not a number is not at or below 0 either, and stays visible.
                let (value, slope) = if j == label || lacking <= zero {
                    (zero, zero)
                } else if self.squared {
                    (lacking * lacking, two * lacking)
                } else {
                    (lacking, one)
                };
                total += value;
                at_label -= slope;
                if let Some((upstream, dx)) = &mut gradient {
                    dx[[i, j]] = T::narrow(upstream.widen() * share * slope);
                }
            }
            if let Some((upstream, dx)) = &mut gradient {
                dx[[i, label]] = T::narrow(upstream.widen() * share * at_label);
            }
        }
        Ok(total * share)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn value_and_gradient_by_hand() {
        let x = array![[1.0, 2.0, -5.0], [0.0, 9.0, 0.0]];
        let mut dx = Array2::from_elem((2, 3), f64::NAN);
        let loss = Hinge { squared: true, ..Hinge::default() };
        let value = loss.value_and_gradient(&x, Targets::Classes(&[0, 1]), 6.0, &mut dx).unwrap();
        assert_eq!(value, 4.0 / 6.0);
        assert_eq!(dx, array![[-4.0, 4.0, 0.0], [0.0, 0.0, 0.0]]);
    }

    #[test]
    fn the_largest_scores_are_exact() {
        let x = array![[-f32::MAX, f32::MAX]];
        let mut dx = Array2::zeros((1, 2));
        let value = Hinge::default().value_and_gradient(&x, Targets::Classes(&[0]), 1.0, &mut dx).unwrap();
        assert_eq!(value, f64::from(f32::MAX));
        assert_eq!(dx, array![[-0.5, 0.5]]);
    }

    #[test]
    fn a_score_that_is_not_a_number_is_no_perfect_answer() {
        let value = Hinge::default().value(&array![[f64::NAN, 0.0]], Targets::Classes(&[0])).unwrap();
        assert!(value.is_nan());
    }

    #[test]
    fn at_the_edge_of_the_margin_nothing_pulls() {
        let mut dx = Array2::from_elem((1, 2), f64::NAN);
        for squared in [false, true] {
            let loss = Hinge { squared, ..Hinge::default() };
            let value = loss.value_and_gradient(&array![[1.0, 0.0]], Targets::Classes(&[0]), 1.0, &mut dx);
            assert_eq!((value.unwrap(), &dx), (0.0, &array![[0.0, 0.0]]));
        }
    }
}
