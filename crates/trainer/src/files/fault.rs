//! What can be wrong with the content of a file.

use super::shown::{MESSAGE, VALUE, shown};

/// Why a file is refused. Texts from the file are shortened and escaped where they are printed, not in the fields.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FileFault {
    /// The file ends too early, or is longer than its header says.
    #[error("{what}: expected {expected} bytes, got {got}")]
    Length {
        /// The part of the file.
        what: &'static str,
        /// How long it should be.
        expected: u64,
        /// How long it is.
        got: u64,
    },
    /// No memory for numbers that a small file holds many of.
    #[error("expected memory for {bytes} bytes, got none")]
    OutOfMemory {
        /// How much was asked for.
        bytes: u64,
    },
    /// The header is no safetensors header.
    #[error("header: {}", shown(.0, MESSAGE))]
    Header(String),
    /// The file is of another kind: no model, no checkpoint.
    #[error("expected a file of format {expected}, got {}", shown(.got, VALUE))]
    Format {
        /// What was to be read.
        expected: &'static str,
        /// What the file says it is.
        got: String,
    },
    /// The file was written by a later version of this crate.
    #[error(
        "expected format version {expected} at most, got {}; a newer version of this program can read it",
        shown(.got, VALUE)
    )]
    Version {
        /// The latest version known.
        expected: u32,
        /// The version of the file.
        got: String,
    },
    /// The bytes are not those that were written.
    #[error("damaged: expected the SHA-256 {expected}, got {got}")]
    Checksum {
        /// The checksum in the file.
        expected: String,
        /// The checksum of the file.
        got: String,
    },
    /// A piece of metadata is absent or malformed.
    #[error("metadata, {key}: {}", shown(.message, MESSAGE))]
    Metadata {
        /// Its name.
        key: &'static str,
        /// What is wrong.
        message: String,
    },
    /// A tensor of the wrong type or shape.
    #[error(
        "tensor {}: expected {}, got {}",
        shown(.name, VALUE), shown(.expected, MESSAGE), shown(.got, MESSAGE)
    )]
    Tensor {
        /// Its name.
        name: String,
        /// What it should be.
        expected: String,
        /// What it is.
        got: String,
    },
    /// The tensors are not those of the network.
    #[error("expected the tensors of the network; {}", names(.missing, .unexpected))]
    Names {
        /// Tensors that the network has and the file has not.
        missing: Vec<String>,
        /// Tensors that the file has and the network has not.
        unexpected: Vec<String>,
    },
    /// A number that is infinite or not a number.
    #[error("tensor {}, element {index}: expected a finite number, got {value}", shown(.name, VALUE))]
    NotFinite {
        /// The name of the tensor.
        name: String,
        /// The position of the element, counted from 0 in the order of the array.
        index: usize,
        /// Its value.
        value: f64,
    },
}

impl FileFault {
    pub(crate) fn metadata(key: &'static str, message: impl ToString) -> Self {
        FileFault::Metadata { key, message: message.to_string() }
    }

    pub(crate) fn tensor(name: &str, expected: impl Into<String>, got: impl Into<String>) -> Self {
        FileFault::Tensor { name: name.into(), expected: expected.into(), got: got.into() }
    }
}

/// A few names and how many more there are: a hostile file may have millions.
fn names(missing: &[String], unexpected: &[String]) -> String {
    let list = |names: &[String]| {
        let few: Vec<_> = names.iter().take(5).map(|name| shown(name, VALUE)).collect();
        let rest = names.len() - few.len();
        few.join(", ") + &if rest > 0 { format!(" and {rest} more") } else { String::new() }
    };
    match (missing, unexpected) {
        (missing, []) => format!("missing: {}", list(missing)),
        ([], unexpected) => format!("not of the network: {}", list(unexpected)),
        (missing, unexpected) => {
            format!("missing: {}; not of the network: {}", list(missing), list(unexpected))
        }
    }
}
