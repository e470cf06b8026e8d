//! What a loss is.

use std::fmt::Debug;

use ndarray::{ArrayRef1, ArrayRef2, ArrayView2};
use tensor_ops::{Dual, Scalar};

use crate::Error;

/// What the outputs of a batch should have been.
#[derive(Clone, Copy, Debug)]
pub enum Targets<'a, T> {
    /// One class index a row.
    Classes(&'a [usize]),
    /// One row of numbers a row: one-hot rows, probabilities, regression values, 0 or 1 for each of several labels.
    Rows(ArrayView2<'a, T>),
}

/// How the losses of the rows become one number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Reduction {
    /// Their mean; each loss says over what.
    #[default]
    Mean,
    /// Their sum.
    Sum,
}

/// A scalar function of a network's outputs and the targets, with its derivative by the outputs.
///
/// The loss of a batch is the sum of the losses of its rows, or their mean, as [`Loss::reduction`] says: a batch may be
/// computed in parts, whose losses are put together by [`Loss::weight`]. So a row counts by itself; a loss of all rows at
/// once, such as a correlation, is none in this sense. The checker of this crate looks at it.
///
/// # Examples
///
/// ```
/// use losses::{Loss, SoftmaxCrossEntropy, Targets};
/// use ndarray::{Array2, array};
///
/// let logits = array![[2.0, 0.0], [0.0, 0.0]];
/// let mut dlogits = Array2::zeros((2, 2));
/// let loss = SoftmaxCrossEntropy::default();
/// let value: f64 = loss.value_and_gradient(&logits, Targets::Classes(&[0, 1]), 1.0, &mut dlogits)?;
/// assert!((value - ((-2f64).exp().ln_1p() + 2f64.ln()) / 2.0).abs() < 1e-15);
/// assert_eq!(dlogits.row(1), array![0.25, -0.25]);
/// # Ok::<(), losses::Error>(())
/// ```
pub trait Loss<T: Scalar>: Debug + Send + Sync {
    /// The name of this loss in the field's terms: `softmax_cross_entropy`.
    fn kind(&self) -> &'static str;

    /// Whether the value is a mean or a sum over the rows. Whoever puts batches together must know.
    fn reduction(&self) -> Reduction {
        Reduction::Mean
    }

    /// What the rows of `targets` weigh together in a mean over several batches: their number, unless classes have
    /// weights.
    fn weight(&self, targets: Targets<'_, T>) -> f64 {
        targets.len() as f64
    }

    /// The value; and with `gradient` = (upstream, dx) also dx ← upstream · ∂value/∂x.
    ///
    /// Authors write this one method, because value and gradient share most of their work; users call the two below.
    ///
    /// # Shapes
    ///
    /// `x` and `dx` [n, d]; targets of n rows. [`Loss::value_and_gradient`] sees to the shape of `dx`.
    ///
    /// # Errors
    ///
    /// [`Error`] if the targets do not fit; `dx` is then in no defined state.
    fn evaluate(
        &self,
        x: &ArrayRef2<T>,
        targets: Targets<'_, T>,
        gradient: Option<(T, &mut ArrayRef2<T>)>,
    ) -> Result<T::Wide, Error>;

    /// The same of the *sum* over the rows, also where [`Loss::evaluate`] gives their mean: the mean times
    /// [`Loss::weight`]. By sums, a batch is put together of parts.
    ///
    /// A loss whose rows may have a value though they weigh nothing in the mean must bring its own; for others, a mean over
    /// nothing is a sum of 0.
    ///
    /// # Errors
    ///
    /// As [`Loss::evaluate`], but for [`Error::NoWeight`].
    fn evaluate_sum(
        &self,
        x: &ArrayRef2<T>,
        targets: Targets<'_, T>,
        gradient: Option<(T, &mut ArrayRef2<T>)>,
    ) -> Result<T::Wide, Error> {
        let weight = match self.reduction() {
            Reduction::Mean => self.weight(targets),
            Reduction::Sum => 1.0,
        };
        if weight == 0.0 {
            return match self.evaluate(x, targets, None) {
                Ok(_) | Err(Error::NoWeight { .. }) => {
                    gradient.into_iter().for_each(|(_, dx)| dx.fill(T::zero()));
                    Ok(T::Wide::from_f64(0.0))
                }
                Err(error) => Err(error),
            };
        }
        let gradient = gradient.map(|(upstream, dx)| (upstream * T::from_f64(weight), dx));
        Ok(self.evaluate(x, targets, gradient)? * T::Wide::from_f64(weight))
    }

    /// The value alone.
    ///
    /// # Errors
    ///
    /// As [`Loss::evaluate`].
    fn value(&self, x: &ArrayRef2<T>, targets: Targets<'_, T>) -> Result<T::Wide, Error> {
        self.evaluate(x, targets, None)
    }

    /// The value, and dx ← upstream · ∂value/∂x: overwritten, and scaled by the derivative from above.
    ///
    /// # Errors
    ///
    /// As [`Loss::evaluate`].
    ///
    /// # Panics
    ///
    /// If `dx` has not the shape of `x`.
    #[track_caller]
    fn value_and_gradient(
        &self,
        x: &ArrayRef2<T>,
        targets: Targets<'_, T>,
        upstream: T,
        dx: &mut ArrayRef2<T>,
    ) -> Result<T::Wide, Error> {
        assert_eq!(dx.dim(), x.dim(), "{}: shape of dx", self.kind());
        self.evaluate(x, targets, Some((upstream, dx)))
    }
}

/// A loss over every scalar of the project. Implemented for all that qualify.
pub trait AnyLoss: Loss<f32> + Loss<f64> + Loss<Dual> {}

impl<L: Loss<f32> + Loss<f64> + Loss<Dual> + ?Sized> AnyLoss for L {}

impl Reduction {
    /// The factor on a sum over `count` things.
    pub(crate) fn share(self, count: f64) -> f64 {
        match self {
            Reduction::Mean => 1.0 / count,
            Reduction::Sum => 1.0,
        }
    }
}

impl<'a, T: Scalar> Targets<'a, T> {
    /// The number of rows.
    pub fn len(&self) -> usize {
        match self {
            Targets::Classes(labels) => labels.len(),
            Targets::Rows(rows) => rows.nrows(),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The class indices, each checked to be one of `classes`, one for each of `n` rows.
    pub(crate) fn classes(&self, loss: &'static str, n: usize, classes: usize) -> Result<&'a [usize], Error> {
        let Targets::Classes(labels) = *self else {
            return Err(Error::TargetKind { loss, expected: "class indices" });
        };
        self.count(n)?;
        match labels.iter().position(|&label| label >= classes) {
            Some(row) => Err(Error::Label { row, classes, label: labels[row] }),
            None => Ok(labels),
        }
    }

    /// The rows of numbers, checked to have the shape of `x`.
    pub(crate) fn rows(&self, loss: &'static str, x: &ArrayRef2<T>) -> Result<ArrayView2<'a, T>, Error> {
        let Targets::Rows(rows) = *self else {
            return Err(Error::TargetKind { loss, expected: "rows of numbers" });
        };
        self.count(x.nrows())?;
        if rows.ncols() != x.ncols() {
            return Err(Error::Width { expected: x.ncols(), got: rows.ncols() });
        }
        if x.ncols() == 0 {
            return Err(Error::EmptyBatch);
        }
        Ok(rows)
    }

    /// The rows of numbers, checked to have the shape of `x` and to be distributions.
    pub(crate) fn distributions(
        &self,
        loss: &'static str,
        x: &ArrayRef2<T>,
    ) -> Result<ArrayView2<'a, T>, Error> {
        let rows = self.rows(loss, x)?;
        rows.rows().into_iter().enumerate().try_for_each(|(i, row)| check_distribution(i, &row))?;
        Ok(rows)
    }

    fn count(&self, n: usize) -> Result<(), Error> {
        match n {
            0 => Err(Error::EmptyBatch),
            _ if self.len() != n => Err(Error::RowCount { expected: n, got: self.len() }),
            _ => Ok(()),
        }
    }
}

/// How far from 1 the sum of a target row may be: what f32 rounding of many classes leaves.
const SUM_TOLERANCE: f64 = 1e-4;

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
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use ndarray::{Array2, aview2};

    use super::*;
    use crate::Spec;

    #[test]
    fn a_gradient_of_another_shape_panics_before_anything_is_written() {
        for spec in Spec::all() {
            let loss = spec.build::<f64>().unwrap();
            let x = Array2::from_elem((3, 2), -0.5);
            let rows = Targets::Rows(aview2(&[[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]));
            let classes = Targets::Classes(&[0, 1, 0]);
            let targets = if loss.value(&x, rows).is_ok() { rows } else { classes };
            for shape in [(3, 3), (3, 1), (2, 2), (4, 2), (2, 3), (0, 0)] {
                let mut dx = Array2::from_elem(shape, 7.0);
                let run = AssertUnwindSafe(|| drop(loss.value_and_gradient(&x, targets, 1.0, &mut dx)));
                let message = *catch_unwind(run).unwrap_err().downcast::<String>().unwrap();
                assert!(message.contains(&format!("{}: shape of dx", spec.kind())), "{message}");
                assert!(dx.iter().all(|&d| d == 7.0), "{}", spec.kind());
            }
        }
    }

    #[test]
    fn a_mean_over_nothing_is_an_error() {
        for (n, d) in [(0, 2), (2, 0), (0, 0)] {
            let (x, rows) = (Array2::<f64>::zeros((n, d)), Array2::zeros((n, d)));
            for spec in Spec::all() {
                let loss = spec.build::<f64>().unwrap();
                let labels = vec![0; n];
                for targets in [Targets::Rows(rows.view()), Targets::Classes(&labels)] {
                    assert!(loss.value(&x, targets).is_err(), "{} of [{n}, {d}]", spec.kind());
                }
                if let "mean_squared_error" | "mean_absolute_error" | "huber" | "binary_cross_entropy" =
                    spec.kind()
                {
                    assert_eq!(loss.value(&x, Targets::Rows(rows.view())), Err(Error::EmptyBatch));
                }
            }
        }
    }
}
