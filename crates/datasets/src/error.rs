//! What can be wrong with data, and where.

use std::io;
use std::path::{Path, PathBuf};

/// What can be wrong with data.
///
/// The functions that open a file wrap what they find in [`Error::In`], so that every message starts with the path.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Something is wrong in this file.
    #[error("{}: {fault}", path.display())]
    In {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        fault: Box<Error>,
    },
    /// The operating system refused.
    #[error(transparent)]
    Io(io::Error),

    /// Another number of targets than of examples.
    #[error("targets: expected {examples}, one an example, got {targets}")]
    CountMismatch {
        /// The number of examples.
        examples: usize,
        /// The number of targets.
        targets: usize,
    },
    /// A label that is no class.
    #[error("label {index}: expected a class below {classes}, got {label}")]
    LabelOutOfRange {
        /// Which label, counted from 0.
        index: usize,
        /// What it is.
        label: String,
        /// The number of classes.
        classes: usize,
    },
    /// A label so large that it is more likely a mistake than a class; name the classes if it is one.
    #[error("labels: expected classes below {limit} where their number is not given, got {label}")]
    TooManyClasses {
        /// The largest label.
        label: usize,
        /// The most classes that are assumed.
        limit: usize,
    },
    /// A shape with another number of elements.
    #[error("features: expected as many numbers as in {expected:?}, got {got:?}")]
    Shape {
        /// The shape of an example.
        expected: Vec<usize>,
        /// The shape that was asked for.
        got: Vec<usize>,
    },
    /// A scaling for another number of features.
    #[error("scaling: expected {expected} features, got {got}")]
    ScalingWidth {
        /// The number of numbers in an example.
        expected: usize,
        /// The number of shifts or factors.
        got: usize,
    },
    /// No examples where some are needed.
    #[error("expected at least one example, got none")]
    NoExamples,
    /// A feature that is infinite or not a number.
    #[error("example {example}: expected finite numbers")]
    NotFinite {
        /// Which example, counted from 0.
        example: usize,
    },
    /// Numbers so large or so close together that f64 cannot hold their variance.
    #[error("features: expected a variance within the range of f64, got numbers from {low:e} to {high:e}")]
    Spread {
        /// The least of the numbers.
        low: f64,
        /// The largest of the numbers.
        high: f64,
    },
    /// A split that cannot be made.
    #[error("split: {0}")]
    Split(String),
}

impl Error {
    /// The same error, found in the file at `path`.
    #[expect(dead_code)]
    pub(crate) fn at(self, path: &Path) -> Self {
        Self::In { path: path.to_owned(), fault: Box::new(self) }
    }

    /// What is wrong, without the path of the file.
    pub fn fault(&self) -> &Self {
        match self {
            Self::In { fault, .. } => fault.fault(),
            other => other,
        }
    }
}
