//! A data set as the trainer reads it: scaled batches of the network's scalar, with their targets.

use datasets::{Dataset, Gather, Scaling};
use ndarray::{Array2, ArrayRefD, ArrayView2, Axis, Slice};
use tensor_ops::Scalar;

use crate::Error;

/// Scaled inputs and targets, ready to be gathered into batches. Nothing is copied until then.
#[derive(Debug)]
pub struct Source<'a, T: Scalar> {
    dataset: &'a Dataset,
    scaling: &'a Scaling,
    gather: Gather<'a, T>,
    one_hot: bool,
}

impl<'a, T: Scalar> Source<'a, T> {
    /// Reads `dataset` through `scaling`.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] if the scaling is for other features, or there are no examples.
    pub fn new(dataset: &'a Dataset, scaling: &'a Scaling) -> Result<Self, Error> {
        if dataset.is_empty() {
            return Err(datasets::Error::NoExamples.into());
        }
        Ok(Source { dataset, scaling, gather: Gather::new(&dataset.features, scaling)?, one_hot: false })
    }

    /// Classes as one-hot rows from here on, for losses that want rows of numbers.
    #[must_use]
    pub fn with_one_hot(mut self, one_hot: bool) -> Self {
        self.one_hot = one_hot;
        self
    }

    /// The number of examples.
    pub fn len(&self) -> usize {
        self.dataset.len()
    }

    /// Whether there are no examples; never the case.
    pub fn is_empty(&self) -> bool {
        self.dataset.is_empty()
    }

    /// The examples themselves.
    pub fn dataset(&self) -> &'a Dataset {
        self.dataset
    }

    /// What is done to the features as they are read.
    pub fn scaling(&self) -> &'a Scaling {
        self.scaling
    }

    /// x ← the scaled examples with these indices.
    ///
    /// # Panics
    ///
    /// If the shapes do not fit or there is no such example.
    pub fn inputs(&self, indices: &[usize], x: &mut ArrayRefD<T>) {
        self.gather.rows(indices, x);
    }

    /// Has the examples with these indices fetched while this thread computes its next products. Changes no number.
    #[cfg(feature = "train")]
    pub(crate) fn prefetch(&self, indices: &[usize]) {
        self.gather.prefetch(indices);
    }

    /// The numbers that a network must output for these targets.
    pub fn outputs(&self) -> usize {
        match &self.dataset.targets {
            datasets::Targets::Classes(_) => self.dataset.n_classes(),
            datasets::Targets::Values(values) => values.ncols(),
        }
    }

    /// The targets of the examples with these indices, held by `buffer`.
    ///
    /// # Panics
    ///
    /// If there is no such example or more than the buffer has room for.
    pub fn targets<'b>(&self, indices: &[usize], buffer: &'b mut TargetBuffer<T>) -> losses::Targets<'b, T> {
        let n = indices.len();
        match &self.dataset.targets {
            datasets::Targets::Classes(labels) if self.one_hot => {
                for (mut row, &i) in buffer.rows.rows_mut().into_iter().zip(indices) {
                    row.fill(T::zero());
                    row[labels[i]] = T::one();
                }
                losses::Targets::Rows(buffer.head(n))
            }
            datasets::Targets::Classes(labels) => {
                buffer.classes.clear();
                buffer.classes.extend(indices.iter().map(|&i| labels[i]));
                losses::Targets::Classes(&buffer.classes)
            }
            datasets::Targets::Values(values) => {
                for (mut row, &i) in buffer.rows.rows_mut().into_iter().zip(indices) {
                    row.zip_mut_with(&values.row(i), |to, &v| *to = T::from_f64(v));
                }
                losses::Targets::Rows(buffer.head(n))
            }
        }
    }

    /// Room for the targets of `n` examples.
    pub fn target_buffer(&self, n: usize) -> TargetBuffer<T> {
        TargetBuffer { classes: Vec::with_capacity(n), rows: Array2::zeros((n, self.target_width())) }
    }

    /// The numbers in the row of a target; 0 for class indices, which have none.
    pub(crate) fn target_width(&self) -> usize {
        let wants_rows = self.one_hot || self.dataset.targets.classes().is_none();
        if wants_rows { self.outputs() } else { 0 }
    }
}

/// Memory for the targets of a batch.
#[derive(Debug)]
pub struct TargetBuffer<T> {
    classes: Vec<usize>,
    rows: Array2<T>,
}

impl<T> TargetBuffer<T> {
    fn head(&self, n: usize) -> ArrayView2<'_, T> {
        self.rows.slice_axis(Axis(0), Slice::from(..n))
    }
}
