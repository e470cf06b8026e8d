//! Softmax with cross entropy: the loss of classifiers.
//!
//! ```text
//! lossₙ = Σⱼ cₙⱼ (lse(xₙ) - xₙⱼ)                      lse(x) = ln Σⱼ exp(xⱼ)
//!       = -ln softmax(xₙ)[t]                          for a class index t without options
//! cₙⱼ   = wⱼ ((1 - s) tₙⱼ + s / classes)              w: weights of the classes, s: label smoothing
//! value = Σ lossₙ / Σ w[tₙ], or the sum alone
//! dxₙⱼ  = upstream · (softmax(xₙ)ⱼ Σₖ cₙₖ - cₙⱼ)      divided by Σ w[tₙ] for the mean
//! ```
//!
//! Softmax and logarithm cancel before anything is computed, so the loss is exact for any finite logits and needs no
//! small constant inside the logarithm, which would cap the loss at 16 and falsify the gradient. Bridle, "Training
//! stochastic model recognition algorithms as networks", 1990. Smoothing: Szegedy et al., "Rethinking the Inception
//! architecture for computer vision", 2016, section 7.

mod rows;

use ndarray::ArrayRef2;
use tensor_ops::Scalar;

use crate::{Error, Loss, Reduction, Targets, class_weights};

use rows::Rows;

const KIND: &str = "softmax_cross_entropy";

/// Softmax of the logits, then cross entropy with the targets.
///
/// Give it logits: a softmax layer before it would be applied twice.
///
/// The conventions of options are PyTorch's. The weight of a class applies to its part of a smoothed target too. The
/// mean divides by the sum of the weights of the rows' classes if targets are class indices, and by the number of rows
/// if they are rows of probabilities.
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
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct SoftmaxCrossEntropy {
    /// s, the share of each target that is spread evenly over all classes; 0 for none.
    pub label_smoothing: f64,
    /// w, the weight of each class; empty if all weigh 1.
    pub class_weights: Vec<f64>,
    /// Mean or sum over the rows.
    pub reduction: Reduction,
}

impl SoftmaxCrossEntropy {
    pub(crate) fn check(&self) -> Result<(), Error> {
        if !(0.0..=1.0).contains(&self.label_smoothing) {
            return Err(Error::option(KIND, "label_smoothing", "a number from 0 to 1", self.label_smoothing));
        }
        class_weights::check(KIND, &self.class_weights)
    }

    fn is_plain(&self) -> bool {
        self.label_smoothing == 0.0 && self.class_weights.is_empty()
    }

    /// cₙⱼ, given tₙⱼ.
    fn coefficient<T: Scalar>(&self, t: T, j: usize, classes: usize) -> T {
        let (s, w) = (self.label_smoothing, self.class_weights.get(j).copied().unwrap_or(1.0));
        T::from_f64(w * (1.0 - s)) * t + T::from_f64(w * s / classes as f64)
    }
}

impl<T: Scalar> Loss<T> for SoftmaxCrossEntropy {
    fn kind(&self) -> &'static str {
        KIND
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
        gradient: Option<(T, &mut ArrayRef2<T>)>,
    ) -> Result<T::Wide, Error> {
        self.reduced(self.reduction, x, targets, gradient)
    }

    fn evaluate_sum(
        &self,
        x: &ArrayRef2<T>,
        targets: Targets<'_, T>,
        gradient: Option<(T, &mut ArrayRef2<T>)>,
    ) -> Result<T::Wide, Error> {
        // By smoothing, a row of a class that weighs nothing has a share of the weights of the others.
        self.reduced(Reduction::Sum, x, targets, gradient)
    }
}

impl SoftmaxCrossEntropy {
    fn reduced<T: Scalar>(
        &self,
        reduction: Reduction,
        x: &ArrayRef2<T>,
        targets: Targets<'_, T>,
        gradient: Option<(T, &mut ArrayRef2<T>)>,
    ) -> Result<T::Wide, Error> {
        self.check()?;
        let (n, classes) = x.dim();
        class_weights::check_count(KIND, &self.class_weights, classes)?;
        let (targets, share) = match targets {
            Targets::Classes(_) => {
                let labels = targets.classes(KIND, n, classes)?;
                let share = class_weights::share(KIND, reduction, &self.class_weights, labels)?;
                (Targets::Classes(labels), share)
            }
            Targets::Rows(_) => {
                let rows = targets.distributions(KIND, x)?;
                (Targets::Rows(rows), reduction.share(n as f64))
            }
        };
        let x = x.as_standard_layout();
        let logits = x.as_slice().expect("in the standard layout");
        let rows = Rows { options: self, n, classes: classes.max(1), logits, targets };
        let total = match gradient {
            Some((upstream, dx)) => {
                let scale = upstream * T::from_f64(share);
                match dx.as_slice_mut() {
                    Some(dx) => rows.with_gradient(scale, dx),
                    None => {
                        let mut copy = vec![T::zero(); dx.len()];
                        let total = rows.with_gradient(scale, &mut copy);
                        dx.iter_mut().zip(copy).for_each(|(dx, copy)| *dx = copy);
                        total
                    }
                }
            }
            None => rows.value(),
        };
        Ok(total * T::Wide::from_f64(share))
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, Axis, array};
    use tensor_ops::one_hot;

    use super::rows::PIECE;

    use super::*;

    #[test]
    fn class_indices_and_one_hot_rows_agree() {
        let x = array![[0.3, -1.0, 2.0], [5.0, 5.0, 5.0]];
        for label_smoothing in [0.0, 0.2] {
            let loss = SoftmaxCrossEntropy { label_smoothing, ..Default::default() };
            let (mut by_class, mut by_row) = (Array2::zeros((2, 3)), Array2::zeros((2, 3)));
            let rows = one_hot::<f64>(&[2, 0], 3).unwrap();
            let a = loss.value_and_gradient(&x, Targets::Classes(&[2, 0]), 1.0, &mut by_class).unwrap();
            let b = loss.value_and_gradient(&x, Targets::Rows(rows.view()), 1.0, &mut by_row).unwrap();
            assert!((a - b).abs() < 1e-15);
            assert!((&by_class - &by_row).iter().all(|d| d.abs() < 1e-16));
            assert!(by_class.rows().into_iter().all(|row| row.sum().abs() < 1e-16));
        }
    }

    #[test]
    fn the_value_is_the_same_with_and_without_a_gradient() {
        let x = Array2::from_shape_fn((3, 77), |(i, j)| ((i * 31 + j * 17) % 13) as f32 * 0.7 - 4.0);
        for x in [x.view(), x.slice(ndarray::s![.., ..;-2])] {
            let (loss, targets) = (SoftmaxCrossEntropy::default(), Targets::Classes(&[5, 0, 38]));
            let mut dx = Array2::zeros(x.dim());
            let with = loss.value_and_gradient(&x, targets, 1.0, &mut dx).unwrap();
            assert_eq!(loss.value(&x, targets).unwrap(), with);
        }
    }

    #[test]
    fn rows_in_blocks_and_rows_longer_than_a_piece_are_those_of_one_row_alone() {
        for (n, classes) in [(150, 10), (70, 9), (3, PIECE), (3, PIECE + 1), (2, 1100)] {
            let x = Array2::from_shape_fn((n, classes), |(i, j)| ((i * 31 + j * 17) % 13) as f64 * 0.7 - 4.0);
            let labels: Vec<_> = (0..n).map(|i| i * 7 % classes).collect();
            let loss = SoftmaxCrossEntropy { reduction: Reduction::Sum, ..Default::default() };
            let mut dx = Array2::zeros(x.dim());
            let all = loss.value_and_gradient(&x, Targets::Classes(&labels), 1.0, &mut dx).unwrap();
            assert_eq!(loss.value(&x, Targets::Classes(&labels)).unwrap(), all, "{n} rows of {classes}");
            let mut sum = 0.0;
            for (i, x) in x.axis_chunks_iter(Axis(0), 1).enumerate() {
                let mut row = Array2::zeros((1, classes));
                sum += loss.value_and_gradient(&x, Targets::Classes(&labels[i..=i]), 1.0, &mut row).unwrap();
                assert_eq!(row.row(0), dx.row(i), "row {i} of {n} of {classes}");
            }
            assert_eq!(sum, all, "{n} rows of {classes}");
        }
    }

    #[test]
    fn smoothing_mixes_in_the_even_distribution() {
        let x = array![[0.3_f64, -1.0, 2.0]];
        let loss = SoftmaxCrossEntropy { label_smoothing: 0.3, ..Default::default() };
        let mixed = array![[0.1, 0.1, 0.8]];
        let smoothed = loss.value(&x, Targets::Classes(&[2])).unwrap();
        let plain = SoftmaxCrossEntropy::default().value(&x, Targets::Rows(mixed.view())).unwrap();
        assert!((smoothed - plain).abs() < 1e-15);
    }

    #[test]
    fn the_mean_of_indices_divides_by_weights_and_that_of_rows_by_rows() {
        let x = Array2::<f64>::zeros((2, 2));
        let loss = SoftmaxCrossEntropy { class_weights: vec![1.0, 3.0], ..Default::default() };
        let rows = one_hot(&[0, 1], 2).unwrap();
        let by_class = loss.value(&x, Targets::Classes(&[0, 1])).unwrap();
        let by_row = loss.value(&x, Targets::Rows(rows.view())).unwrap();
        assert!((by_class - 2f64.ln()).abs() < 1e-15);
        assert!((by_row - 2.0 * 2f64.ln()).abs() < 1e-15);
        assert_eq!(loss.weight(Targets::<f64>::Classes(&[0, 1])), 4.0);
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
        let apart = array![[f32::MIN, f32::MAX]];
        let mut dx = Array2::zeros((1, 2));
        let value = loss.value_and_gradient(&apart, Targets::Classes(&[0]), 1.0, &mut dx).unwrap();
        assert_eq!((value, dx), (2.0 * f64::from(f32::MAX), array![[-1.0, 1.0]]));
    }

    #[test]
    fn what_is_next_to_nothing_is_exact_too() {
        // exp(-20) and exp(-38), which beside 1 are lost in f32 and f64.
        let mut dx = Array2::zeros((1, 2));
        for rows in [None, Some(array![[1.0_f32, 0.0]])] {
            let targets = rows.as_ref().map_or(Targets::Classes(&[0]), |rows| Targets::Rows(rows.view()));
            SoftmaxCrossEntropy::default()
                .value_and_gradient(&array![[20.0, 0.0]], targets, 1.0, &mut dx)
                .unwrap();
            assert_eq!(dx, array![[-2.0611537e-9_f32, 2.0611537e-9]], "{targets:?}");
        }
        for (logits, target) in
            [(vec![38.0, 0.0], 0), ([vec![0.0; PIECE], vec![38.0 + 513f64.ln()]].concat(), PIECE)]
        {
            let x = Array2::from_shape_vec((1, logits.len()), logits).unwrap();
            let classes = Targets::Classes(std::slice::from_ref(&target));
            let one_hot = one_hot(&[target], x.ncols()).unwrap();
            for targets in [classes, Targets::Rows(one_hot.view())] {
                let value: f64 = SoftmaxCrossEntropy::default().value(&x, targets).unwrap();
                let exact = (x.ncols() - 1) as f64 * (-x[[0, target]]).exp();
                assert!((value / exact - 1.0).abs() < 1e-14, "{value} {exact}");
            }
        }
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

    #[test]
    fn a_smoothing_above_1_is_refused() {
        let loss = SoftmaxCrossEntropy { label_smoothing: 1.5, ..Default::default() };
        let error = loss.value(&array![[0.0]], Targets::Classes(&[0])).unwrap_err().to_string();
        assert_eq!(error, "softmax_cross_entropy: label_smoothing: expected a number from 0 to 1, got 1.5");
    }

    #[test]
    fn a_class_without_a_share_costs_nothing_however_unlikely_it_is() {
        let (x, rows) = (array![[0.0_f64, f64::NEG_INFINITY]], array![[1.0, 0.0]]);
        let mut dx = Array2::from_elem((1, 2), f64::NAN);
        let loss = SoftmaxCrossEntropy::default();
        let value = loss.value_and_gradient(&x, Targets::Rows(rows.view()), 1.0, &mut dx).unwrap();
        assert_eq!((value, dx), (0.0, array![[0.0, 0.0]]));
    }
}
