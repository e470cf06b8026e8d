//! What outputs are worth, beside the loss.
//!
//! All of these take plain arrays and lists: get the outputs of a model for a whole data set from
//! [`outputs`](crate::outputs). Where a share is one of nothing (the precision for a class that was never predicted),
//! it is `None` and not a number made up.

mod confusion;
mod regression;

use ndarray::{ArrayRef2, Axis};
use tensor_ops::Scalar;

pub use confusion::ConfusionMatrix;
pub use regression::{mean_absolute_error, r2, root_mean_squared_error};

/// The share of rows whose label is among the `k` largest outputs; none if there are no rows.
///
/// Among equal outputs the smaller class counts as larger. A row with an output that is not a number is wrong.
///
/// # Panics
///
/// If there is not one label a row.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use trainer::metrics::top_k;
///
/// let outputs = array![[0.1, 0.5, 0.4], [0.7, 0.2, 0.1]];
/// assert_eq!(top_k(&outputs, &[2, 2], 1), Some(0.0));
/// assert_eq!(top_k(&outputs, &[2, 2], 2), Some(0.5));
/// ```
#[track_caller]
pub fn top_k<T: Scalar>(outputs: &ArrayRef2<T>, labels: &[usize], k: usize) -> Option<f64> {
    assert_eq!(outputs.nrows(), labels.len(), "top_k: rows and labels");
    let right = |(row, &label): (ndarray::ArrayView1<'_, T>, &usize)| {
        let Some(own) = row.get(label).map(|v| v.value()) else { return false };
        let before = |(class, v): (usize, &T)| v.value() > own || (v.value() == own && class < label);
        !row.iter().any(|v| v.value().is_nan()) && row.iter().enumerate().filter(|&v| before(v)).count() < k
    };
    let count = outputs.axis_iter(Axis(0)).zip(labels).filter(|&row| right(row)).count();
    (!labels.is_empty()).then(|| count as f64 / labels.len() as f64)
}

/// For several labels that may hold at once: a matrix of no (class 0) and yes (class 1) for each column, where an
/// output above `threshold` says yes. The threshold for logits is 0, for probabilities one half.
///
/// # Panics
///
/// If the shapes differ.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use trainer::metrics::by_label;
///
/// let matrices = by_label(&array![[2.0, -1.0], [-3.0, 1.0]], &array![[1.0, 0.0], [1.0, 1.0]], 0.0);
/// assert_eq!(matrices[0].recall(1), Some(0.5));
/// assert_eq!(matrices[1].accuracy(), Some(1.0));
/// ```
#[track_caller]
pub fn by_label<T: Scalar, U: Scalar>(
    outputs: &ArrayRef2<T>,
    targets: &ArrayRef2<U>,
    threshold: f64,
) -> Vec<ConfusionMatrix> {
    assert_eq!(outputs.dim(), targets.dim(), "by_label: shapes of outputs and targets");
    let columns = outputs.columns().into_iter().zip(targets.columns());
    let matrix = |(outputs, targets): (ndarray::ArrayView1<'_, T>, ndarray::ArrayView1<'_, U>)| {
        let labels = targets.iter().map(|t| usize::from(t.value() > 0.5));
        let predictions =
            outputs.iter().map(|y| y.value()).map(|y| (!y.is_nan()).then(|| usize::from(y > threshold)));
        ConfusionMatrix::new(2, labels.zip(predictions))
    };
    columns.map(matrix).collect()
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn top_1_is_the_accuracy_of_the_first_maximum() {
        let outputs = array![[1.0, 1.0, 0.0], [0.0, 2.0, 1.0], [f64::NAN, 1.0, 0.0]];
        let labels = [0, 1, 1];
        assert_eq!(top_k(&outputs, &labels, 1), Some(2.0 / 3.0));
        assert_eq!(ConfusionMatrix::of(&outputs, &labels).accuracy(), Some(2.0 / 3.0));
        assert_eq!(top_k(&outputs, &labels, 3), Some(2.0 / 3.0));
        assert_eq!(top_k(&outputs.slice(ndarray::s![..0, ..]), &[], 1), None);
    }

    #[test]
    fn an_output_that_is_no_number_is_no_answer() {
        let matrices = by_label(&array![[f64::NAN], [-1.0]], &array![[0.0], [0.0]], 0.0);
        assert_eq!(matrices[0].accuracy(), Some(0.5));
    }

    #[test]
    fn among_equal_outputs_the_smaller_class_counts_as_larger() {
        let outputs = array![[1.0, 1.0, 0.0]];
        let right = |label, k| top_k(&outputs, &[label], k) == Some(1.0);
        assert_eq!([right(0, 1), right(1, 1), right(1, 2), right(2, 2)], [true, false, true, false]);
    }

    #[test]
    fn an_output_at_the_threshold_says_no() {
        let matrices = by_label(&array![[0.5]], &array![[0.0]], 0.5);
        assert_eq!(matrices[0].accuracy(), Some(1.0));
    }
}
