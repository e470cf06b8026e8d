//! Files that are whole or refused: durable writing, and tensors in the safetensors format.

mod atomic;
mod fault;
mod place;
pub(crate) mod shown;
pub(crate) mod tensors;

pub use atomic::write_atomically;
pub use fault::FileFault;
pub use tensors::Stored;

#[cfg(feature = "checkpoint")]
pub(crate) use atomic::{sweep, write_with};

use std::path::Path;

pub(crate) use datasets::durable as fs;

use crate::Error;

/// The content of the file at `path`, made into something by `parse`.
pub(crate) fn read_with<X>(
    fs: &dyn fs::Fs,
    path: &Path,
    parse: impl FnOnce(&[u8]) -> Result<X, Error>,
) -> Result<X, Error> {
    let bytes = fs.read(path).map_err(|e| Error::io("read", path, e))?;
    parse(&bytes).map_err(|error| error.in_file(path))
}

/// A value as metadata hold it.
pub(crate) fn json<X: serde::Serialize>(key: &'static str, value: &X) -> Result<String, FileFault> {
    serde_json::to_string(value).map_err(|e| FileFault::metadata(key, e))
}
