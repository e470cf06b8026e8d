//! What can be wrong with a network, known when it is built.

use std::fmt::Write;

/// Why a layer cannot be part of a network.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The layer does not take inputs of this shape.
    #[error("{at}: expected input {expected}, got {got:?}")]
    Input {
        /// Where: `layer 2 (affine)`.
        at: String,
        /// The shape of one example that it takes, as text: `[784]`, `[1, height, width]`.
        expected: String,
        /// The shape of one example that it was given.
        got: Vec<usize>,
    },
    /// An option has a value that makes no sense.
    #[error("{at}: expected {option} {expected}, got {got}")]
    Option {
        /// Where: `layer 2 (conv2d)`.
        at: String,
        /// The name of the option.
        option: &'static str,
        /// What it may be: `of at least 1`.
        expected: String,
        /// What it is.
        got: String,
    },
    /// The layer has no written form, so a model that holds it cannot be saved or exported.
    #[error("{at}: expected a layer that can be written down, got one whose `spec` is none")]
    NoSpec {
        /// Where.
        at: String,
    },
}

impl Error {
    /// An input of the wrong shape.
    ///
    /// # Examples
    ///
    /// ```
    /// let error = layers::Error::input("affine", "[784]", &[768]);
    /// assert_eq!(error.to_string(), "affine: expected input [784], got [768]");
    /// assert_eq!(error.within(2, "").to_string(), "layer 2 (affine): expected input [784], got [768]");
    /// ```
    pub fn input(kind: &str, expected: impl Into<String>, got: &[usize]) -> Self {
        Error::Input { at: kind.into(), expected: expected.into(), got: got.to_vec() }
    }

    /// An option with an impossible value.
    pub fn option(
        kind: &str,
        option: &'static str,
        expected: impl Into<String>,
        got: impl std::fmt::Debug,
    ) -> Self {
        Error::Option { at: kind.into(), option, expected: expected.into(), got: format!("{got:?}") }
    }

    /// The same error, placed in layer `index` of a container; `container` is the container's kind, or empty at the top.
    #[must_use]
    pub fn within(mut self, index: usize, container: &str) -> Self {
        let (Error::Input { at, .. } | Error::Option { at, .. } | Error::NoSpec { at }) = &mut self;
        let mut place = String::new();
        if !container.is_empty() {
            let _ = write!(place, "{container}, ");
        }
        // A place inside reads `layer 0 (affine)` already; a bare kind does not.
        let _ = if at.contains("layer ") {
            write!(place, "layer {index}, {at}")
        } else {
            write!(place, "layer {index} ({at})")
        };
        *at = place;
        self
    }
}
