//! Which class was taken for which.

use ndarray::{Array2, ArrayRef2, Axis};
use tensor_ops::{Scalar, argmax_rows};

/// How often each class was taken for each class, and the metrics that follow from it.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use trainer::metrics::ConfusionMatrix;
///
/// let outputs = array![[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.7, 0.3]];
/// let matrix = ConfusionMatrix::of(&outputs, &[0, 1, 1, 0]);
/// assert_eq!(matrix.counts(), array![[2, 0], [1, 1]]);
/// assert_eq!(matrix.precision(0), Some(2.0 / 3.0));
/// assert_eq!(matrix.recall(1), Some(0.5));
/// assert_eq!(matrix.f1(0), Some(0.8));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfusionMatrix {
    counts: Array2<u64>,
    /// For each class, how many examples got no prediction.
    without: Vec<u64>,
}

impl ConfusionMatrix {
    /// Counts pairs of a label and what was predicted; nothing is predicted for an example whose outputs are not
    /// numbers, and that counts as wrong.
    ///
    /// # Panics
    ///
    /// If a label or a prediction is not below `classes`.
    #[track_caller]
    pub fn new(classes: usize, pairs: impl IntoIterator<Item = (usize, Option<usize>)>) -> Self {
        let mut matrix =
            ConfusionMatrix { counts: Array2::zeros((classes, classes)), without: vec![0; classes] };
        for (label, prediction) in pairs {
            match prediction {
                Some(prediction) => matrix.counts[[label, prediction]] += 1,
                None => matrix.without[label] += 1,
            }
        }
        matrix
    }

    /// The matrix for rows of outputs, whose largest element is the prediction.
    ///
    /// # Panics
    ///
    /// If there is not one label a row, or a label has no output.
    #[track_caller]
    pub fn of<T: Scalar>(outputs: &ArrayRef2<T>, labels: &[usize]) -> Self {
        assert_eq!(outputs.nrows(), labels.len(), "confusion matrix: rows and labels");
        ConfusionMatrix::new(outputs.ncols(), labels.iter().copied().zip(argmax_rows(outputs)))
    }

    /// The counts: a row is the true class, a column the predicted one.
    pub fn counts(&self) -> &Array2<u64> {
        &self.counts
    }

    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.without.len()
    }

    /// The examples of a class.
    ///
    /// # Panics
    ///
    /// If there is no such class; so do the metrics of a class.
    pub fn support(&self, class: usize) -> u64 {
        self.counts.row(class).sum() + self.without[class]
    }

    /// How often a class was predicted.
    pub fn predicted(&self, class: usize) -> u64 {
        self.counts.column(class).sum()
    }

    /// The share of all examples that are right.
    pub fn accuracy(&self) -> Option<f64> {
        let all: u64 = self.counts.sum() + self.without.iter().sum::<u64>();
        share(self.counts.diag().sum(), all)
    }

    /// Of the examples that were taken for this class, the share that is.
    pub fn precision(&self, class: usize) -> Option<f64> {
        share(self.counts[[class, class]], self.predicted(class))
    }

    /// Of the examples of this class, the share that was found.
    pub fn recall(&self, class: usize) -> Option<f64> {
        share(self.counts[[class, class]], self.support(class))
    }

    /// The harmonic mean of precision and recall, 2 right / (support + predicted); none if the class neither occurs nor
    /// is predicted.
    pub fn f1(&self, class: usize) -> Option<f64> {
        share(2 * self.counts[[class, class]], self.support(class) + self.predicted(class))
    }

    /// The mean precision of the classes that occur or are predicted. A class that is never predicted counts 0, as in
    /// scikit-learn.
    pub fn macro_precision(&self) -> Option<f64> {
        self.mean(|class| self.precision(class))
    }

    /// The mean recall of those classes.
    pub fn macro_recall(&self) -> Option<f64> {
        self.mean(|class| self.recall(class))
    }

    /// The mean F1 of those classes.
    pub fn macro_f1(&self) -> Option<f64> {
        self.mean(|class| self.f1(class))
    }

    fn mean(&self, metric: impl Fn(usize) -> Option<f64>) -> Option<f64> {
        let seen: Vec<_> = (0..self.classes()).filter(|&c| self.support(c) + self.predicted(c) > 0).collect();
        let sum: f64 = seen.iter().map(|&class| metric(class).unwrap_or(0.0)).sum();
        (!seen.is_empty()).then(|| sum / seen.len() as f64)
    }

    /// The `n` most frequent mistakes: label, prediction, count.
    pub fn worst(&self, n: usize) -> Vec<(usize, usize, u64)> {
        let mistakes = self.counts.indexed_iter().filter(|((i, j), count)| i != j && **count > 0);
        let mut mistakes: Vec<_> = mistakes.map(|((i, j), &count)| (i, j, count)).collect();
        mistakes.sort_by_key(|&(i, j, count)| (std::cmp::Reverse(count), i, j));
        mistakes.truncate(n);
        mistakes
    }

    /// The counts as shares of the examples of each class; a row of zeros for a class without examples.
    pub fn shares(&self) -> Array2<f64> {
        let mut shares = self.counts.mapv(|count| count as f64);
        for (class, mut row) in shares.axis_iter_mut(Axis(0)).enumerate() {
            row /= (self.support(class) as f64).max(1.0);
        }
        shares
    }
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three classes, of which the last never occurs; and one example of class 1 without a prediction.
    fn matrix() -> ConfusionMatrix {
        let pairs = [(0, 0), (0, 0), (0, 1), (1, 1), (1, 0)].map(|(label, y)| (label, Some(y)));
        ConfusionMatrix::new(3, pairs.into_iter().chain([(1, None)]))
    }

    #[test]
    fn an_example_without_a_prediction_is_wrong() {
        assert_eq!(matrix().accuracy(), Some(0.5));
        assert_eq!(matrix().recall(1), Some(1.0 / 3.0));
        assert_eq!(matrix().precision(1), Some(0.5));
        assert_eq!(matrix().f1(1), Some(0.4));
    }

    #[test]
    fn a_class_that_neither_occurs_nor_is_predicted_does_not_count() {
        assert_eq!((matrix().precision(2), matrix().recall(2), matrix().f1(2)), (None, None, None));
        assert_eq!(matrix().macro_recall(), Some((2.0 / 3.0 + 1.0 / 3.0) / 2.0));
    }

    #[test]
    fn a_class_that_is_never_predicted_has_no_precision_and_counts_0_in_the_mean() {
        let matrix = ConfusionMatrix::new(2, [(0, Some(0)), (1, Some(0))]);
        assert_eq!(matrix.precision(1), None);
        assert_eq!(matrix.macro_precision(), Some(0.25));
    }

    #[test]
    fn the_worst_mistakes_come_first() {
        let matrix =
            ConfusionMatrix::new(3, [(0, 1), (2, 1), (2, 1), (1, 1), (1, 0)].map(|(a, b)| (a, Some(b))));
        assert_eq!(matrix.worst(2), [(2, 1, 2), (0, 1, 1)]);
    }
}
