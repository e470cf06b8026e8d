#![doc = include_str!("../README.md")]
//!
//! # Worth knowing before use
//!
//! - Nothing is guessed and nothing is skipped. A file is read whole or refused, with the path, the line and the
//!   column, or the byte. No file makes a reader panic, or take more memory than a small multiple of its own size or of
//!   the limit in the options, whichever is less.
//! - Images stay bytes. They become numbers of the network's type, scaled, when a batch is copied by [`Gather`].
//! - The order of examples is a function of a seed and the number of the epoch or step, see [`batches`]; training can
//!   go on anywhere without saved state, and gives the same batches on every machine.

pub mod batches;
#[cfg(feature = "csv")]
pub mod csv;
mod dataset;
#[cfg(feature = "fetch")]
pub mod download;
#[doc(hidden)]
pub mod durable;
mod error;
mod gather;
pub mod idx;
mod memory;
mod repeats;
mod scaling;
mod sets;
mod source;
pub mod split;

pub use dataset::{Dataset, Features, MAX_UNNAMED_CLASSES, Targets};
pub use error::{Attempt, Error};
pub use gather::Gather;
pub use scaling::Scaling;
pub use sets::{File, Set, load};
