//! What can be wrong with targets.

/// Why a loss cannot be computed. Rows are counted from 0 within the batch.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A class index beyond the classes.
    #[error("row {row}: expected a class below {classes}, got {label}")]
    Label {
        /// The row of the batch.
        row: usize,
        /// The number of classes.
        classes: usize,
        /// The index found.
        label: usize,
    },
    /// More or fewer targets than outputs.
    #[error("expected {expected} rows of targets, got {got}")]
    RowCount {
        /// Rows of the network's output.
        expected: usize,
        /// Rows of targets.
        got: usize,
    },
    /// Target rows of another width than the outputs.
    #[error("expected targets of width {expected}, got {got}")]
    Width {
        /// Columns of the network's output.
        expected: usize,
        /// Columns of the targets.
        got: usize,
    },
    /// A row that is to be a distribution and is not.
    #[error("row {row}: expected probabilities that sum to 1, got a sum of {sum}")]
    NotADistribution {
        /// The row of the batch.
        row: usize,
        /// The sum of the row.
        sum: f64,
    },
    /// A target value that the loss has no meaning for.
    #[error("row {row}, column {column}: expected a target {expected}, got {got}")]
    Value {
        /// The row of the batch.
        row: usize,
        /// The column.
        column: usize,
        /// What it may be: `from 0 to 1`.
        expected: &'static str,
        /// What it is.
        got: f64,
    },
    /// The loss takes class indices and got rows, or the reverse.
    #[error("{loss}: expected targets as {expected}")]
    TargetKind {
        /// The loss.
        loss: &'static str,
        /// `class indices` or `rows of numbers`.
        expected: &'static str,
    },
    /// A mean over nothing.
    #[error("expected at least one row of at least one number, got an empty batch")]
    EmptyBatch,
    /// A weighted mean over rows whose classes all have the weight 0.
    #[error("{loss}: expected a row whose class has a weight above 0, got none")]
    NoWeight {
        /// The loss.
        loss: &'static str,
    },
    /// An option of the loss with a value that makes no sense.
    #[error("{loss}: {option}: expected {expected}, got {got}")]
    Option {
        /// The loss.
        loss: &'static str,
        /// The name of the option.
        option: &'static str,
        /// What it may be.
        expected: String,
        /// What it is.
        got: String,
    },
}

impl Error {
    /// The same, with rows under other numbers: those of a data set, say, from which the batch was drawn.
    #[must_use]
    pub fn renumbered(mut self, number: impl Fn(usize) -> usize) -> Self {
        if let Error::Label { row, .. } | Error::NotADistribution { row, .. } | Error::Value { row, .. } =
            &mut self
        {
            *row = number(*row);
        }
        self
    }

    pub(crate) fn option(
        loss: &'static str,
        option: &'static str,
        expected: impl Into<String>,
        got: impl std::fmt::Debug,
    ) -> Self {
        Error::Option { loss, option, expected: expected.into(), got: format!("{got:?}") }
    }
}
