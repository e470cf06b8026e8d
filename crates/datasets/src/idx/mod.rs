//! IDX, the format of MNIST: a big-endian array of any rank, plain or gzip.
//!
//! Two zero bytes, a byte for the type of the numbers, a byte for the number of axes, the length of each axis in four
//! bytes, and the numbers, the last axis varying fastest (Y. LeCun, C. Cortes, C. Burges, "The MNIST database").
//!
//! A file is believed only as far as it goes: nothing is allocated for a header that the file cannot fill, gzip is
//! read to its end so that its checksum counts, and a file that is longer or shorter than its header says is refused.
//!
//! # Examples
//!
//! ```
//! use datasets::idx;
//!
//! let labels = [0, 0, 0x08, 1, 0, 0, 0, 3, 7, 2, 1]; // bytes, one axis, of length 3
//! let idx::Data::U8(labels) = idx::parse(&labels, &idx::Options::default())? else { unreachable!() };
//! assert_eq!(labels, ndarray::array![7, 2, 1].into_dyn());
//! # Ok::<(), datasets::Error>(())
//! ```

mod read;
mod write;

use std::path::Path;

use ndarray::{ArrayD, Axis, Ix2};

use crate::dataset::MAX_UNNAMED_CLASSES;
use crate::memory::{collected, converted, grow};
use crate::{Dataset, Error, Features, Targets};

pub use read::{parse, read};
pub use write::write;

/// An array of one of the six types that IDX knows.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// Unsigned bytes, type 0x08.
    U8(ArrayD<u8>),
    /// Signed bytes, type 0x09.
    I8(ArrayD<i8>),
    /// Two-byte integers, type 0x0B.
    I16(ArrayD<i16>),
    /// Four-byte integers, type 0x0C.
    I32(ArrayD<i32>),
    /// Single precision, type 0x0D.
    F32(ArrayD<f32>),
    /// Double precision, type 0x0E.
    F64(ArrayD<f64>),
}

/// How to read an IDX file.
#[derive(Clone, Debug)]
pub struct Options {
    /// The most bytes that the array may have; 4 GiB unless told otherwise. Memory stays within three times as much, and
    /// for labels in a data set, which are few, within nine times: a class is a `usize` there.
    pub max_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { max_bytes: 4 << 30 }
    }
}

/// Reads a file of features and a file of labels into a data set; empty `class_names` stand for "0", "1", and so on.
///
/// # Errors
///
/// Those of [`read`] and [`dataset`], with the path of the file in question.
pub fn load(
    features: impl AsRef<Path>,
    labels: impl AsRef<Path>,
    class_names: Vec<String>,
    options: &Options,
) -> Result<Dataset, Error> {
    let images = read(&features, options)?;
    let numbers = read(&labels, options)?;
    let features = images.into_features().map_err(|error| error.at(features.as_ref()))?;
    numbers
        .into_targets(features.len(), class_names.len())
        .and_then(|targets| Dataset::new(features, targets, class_names))
        .map_err(|error| error.at(labels.as_ref()))
}

/// A data set of an array of features and an array of labels.
///
/// Bytes stay bytes; integers become the smallest float that holds them all. One axis of integer labels are classes;
/// labels of floats, with one axis or two, are values.
///
/// # Errors
///
/// [`Error::WrongRank`], [`Error::CountMismatch`], [`Error::LabelOutOfRange`], [`Error::TooManyClasses`],
/// [`Error::NotFinite`], [`Error::OutOfMemory`].
pub fn dataset(features: Data, labels: Data, class_names: Vec<String>) -> Result<Dataset, Error> {
    let features = features.into_features()?;
    let targets = labels.into_targets(features.len(), class_names.len())?;
    Dataset::new(features, targets, class_names)
}

/// Applies the same expression to whichever array a [`Data`] holds.
macro_rules! each {
    ($data:expr, $array:ident => $body:expr) => {
        match $data {
            Data::U8($array) => $body,
            Data::I8($array) => $body,
            Data::I16($array) => $body,
            Data::I32($array) => $body,
            Data::F32($array) => $body,
            Data::F64($array) => $body,
        }
    };
}
use each;

impl Data {
    /// The lengths of the axes.
    pub fn shape(&self) -> &[usize] {
        each!(self, x => x.shape())
    }

    fn into_features(self) -> Result<Features, Error> {
        if self.shape().is_empty() {
            return Err(Error::WrongRank { what: "features", expected: "at least 1", got: 0 });
        }
        Ok(match self {
            Self::U8(x) => Features::U8(x),
            Self::I8(x) => Features::F32(converted(&x, f32::from)?),
            Self::I16(x) => Features::F32(converted(&x, f32::from)?),
            Self::I32(x) => Features::F64(converted(&x, f64::from)?),
            Self::F32(x) => Features::F32(finite(x)?),
            Self::F64(x) => Features::F64(finite(x)?),
        })
    }

    /// The targets of so many examples; `classes` is 0 if their number is not known.
    fn into_targets(self, examples: usize, classes: usize) -> Result<Targets, Error> {
        let (rank, targets) = (self.shape().len(), self.shape().first().copied().unwrap_or(0));
        let are_values = matches!(self, Self::F32(_) | Self::F64(_));
        match self {
            _ if rank == 0 => Err(Error::WrongRank { what: "labels", expected: "1 or 2", got: 0 }),
            _ if rank != 1 && !are_values => {
                Err(Error::WrongRank { what: "labels", expected: "1", got: rank })
            }
            // Before they become eight times as large.
            _ if targets != examples => Err(Error::CountMismatch { examples, targets }),
            Self::F32(x) => values(finite(converted(&x, f64::from)?)?),
            Self::F64(x) => values(finite(x)?),
            Self::U8(x) => Ok(Targets::Classes(collected(x.iter().map(|&x| usize::from(x)))?)),
            Self::I8(x) => class_indices(x.iter().map(|&x| i64::from(x)), classes),
            Self::I16(x) => class_indices(x.iter().map(|&x| i64::from(x)), classes),
            Self::I32(x) => class_indices(x.iter().map(|&x| i64::from(x)), classes),
        }
    }
}

/// The same array, if there is neither an infinity nor a NaN in it, as in CSV.
fn finite<A: Copy + Into<f64>>(x: ArrayD<A>) -> Result<ArrayD<A>, Error> {
    match x.iter().position(|&x| !x.into().is_finite()) {
        Some(place) => Err(Error::NotFinite { example: place / (x.len() / x.len_of(Axis(0))) }),
        None => Ok(x),
    }
}

fn values(x: ArrayD<f64>) -> Result<Targets, Error> {
    let rank = x.ndim();
    let x = if rank == 1 { x.insert_axis(Axis(1)) } else { x };
    match x.into_dimensionality::<Ix2>() {
        Ok(x) => Ok(Targets::Values(x)),
        Err(_) => Err(Error::WrongRank { what: "labels", expected: "1 or 2", got: rank }),
    }
}

fn class_indices(labels: impl ExactSizeIterator<Item = i64>, classes: usize) -> Result<Targets, Error> {
    let classes = if classes == 0 { MAX_UNNAMED_CLASSES } else { classes };
    let mut indices = Vec::new();
    grow(&mut indices, labels.len())?;
    for (index, label) in labels.enumerate() {
        let class = usize::try_from(label);
        indices.push(class.map_err(|_| Error::LabelOutOfRange {
            index,
            label: label.to_string(),
            classes,
        })?);
    }
    Ok(Targets::Classes(indices))
}
