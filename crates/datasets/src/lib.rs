//! Data sets for small networks, as `ndarray` arrays: strict readers of CSV and IDX, verified downloads of MNIST and
//! Fashion-MNIST, scaling, splits, and mini-batches that are pure functions of a seed.
//!
//! Three things are worth knowing before use:
//!
//! - Nothing is guessed and nothing is skipped. A file is read whole or refused, with the path, the line and the
//!   column, or the byte. No file makes a reader panic, or take more memory than a small multiple of its own size or of
//!   the limit in the options, whichever is less.
//! - Images stay bytes. They become numbers of the network's type, scaled, when a batch is copied by [`Gather`].
//! - The order of examples is a function of a seed and the number of the epoch or step, see [`batches`]; training can
//!   go on anywhere without saved state, and gives the same batches on every machine.
//!
//! Do not use this for tables with text or missing values, for data that does not fit in memory, or for image files:
//! take a data frame library or a decoder, and build a [`Dataset`] from its arrays.
//!
//! # Examples
//!
//! ```
//! use datasets::{Gather, Scaling, batches, csv, split};
//!
//! let text = b"label,width,height\n0,1.0,5.0\n1,3.0,1.0\n0,1.5,4.5\n1,2.5,0.5\n";
//! let data = csv::parse(text, &csv::Options::default())?;
//! let labels = data.targets.classes().unwrap_or_default();
//! let (train, test) = split::stratified(labels, 0.5, 42)?;
//! let (train, test) = (data.select(&train), data.select(&test));
//!
//! let scaling = Scaling::standardise(&train)?;
//! let gather = Gather::<f32>::new(&train.features, &scaling)?;
//! let mut batch = ndarray::Array::zeros(vec![1, 2]);
//! for rows in batches::shuffled_epoch(train.len(), 42, 0).chunks_exact(1) {
//!     gather.rows(rows, &mut batch);
//! }
//! # assert_eq!(test.len(), 2);
//! # Ok::<(), datasets::Error>(())
//! ```
//!
//! # Features
//!
//! `download` adds https to [`download`]; `serde` makes [`Scaling`] serialisable.

pub mod batches;
pub mod csv;
mod dataset;
pub mod download;
mod error;
mod gather;
pub mod idx;
mod scaling;
mod sets;
mod source;
pub mod split;

pub use dataset::{Dataset, Features, MAX_UNNAMED_CLASSES, Targets};
pub use error::{Attempt, Error};
pub use gather::Gather;
pub use scaling::Scaling;
pub use sets::{File, Set, load};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
