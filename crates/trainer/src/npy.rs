//! Arrays in the formats of numpy: `.npy`, and `.npz` behind a feature.
//!
//! ```text
//! 6 bytes      \x93NUMPY
//! 2 bytes      version: 1.0, 2.0 or 3.0
//! 2 or 4 bytes the length of the header, little-endian; 2 in version 1.0
//! header       {'descr': '<f8', 'fortran_order': False, 'shape': (3, 2), }
//! data         the numbers, in the order of memory
//! ```
//!
//! Numbers of 8 to 64 bits in either byte order, C and Fortran order. Not: strings, records, complex numbers, half
//! precision, and objects, which are Python's pickles and would be code.

mod header;
#[cfg(feature = "npz")]
mod npz;

use std::path::Path;

use ndarray::{ArrayD, ArrayRefD, IxDyn, ShapeBuilder};

use crate::files::fs::Disk;
use crate::files::{read_with, write_atomically};
use crate::{Error, FileFault};
use header::Header;

#[cfg(feature = "npz")]
pub use npz::{MAX_UNPACKED, Npz, NpzWriter};

/// A number that numpy's files hold.
pub trait Number: Copy + sealed::Sealed {
    /// Its type without the byte order: `f8`.
    #[doc(hidden)]
    const KIND: &'static str;

    #[doc(hidden)]
    fn put(self, bytes: &mut Vec<u8>);

    /// Puts the numbers in `bytes`, whose length is a multiple of theirs, behind those in `numbers`.
    #[doc(hidden)]
    fn take(bytes: &[u8], big_endian: bool, numbers: &mut Vec<Self>);
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! number {
    ($($type:ty, $kind:literal;)*) => {$(
        impl sealed::Sealed for $type {}
        impl Number for $type {
            const KIND: &'static str = $kind;

            fn put(self, bytes: &mut Vec<u8>) {
                bytes.extend(self.to_le_bytes());
            }

            fn take(bytes: &[u8], big_endian: bool, numbers: &mut Vec<Self>) {
                let read = if big_endian { <$type>::from_be_bytes } else { <$type>::from_le_bytes };
                numbers.extend(bytes.as_chunks().0.iter().map(|&bytes| read(bytes)));
            }
        }
    )*};
}

number! {
    f32, "f4";
    f64, "f8";
    u8, "u1";
    u16, "u2";
    u32, "u4";
    u64, "u8";
    i8, "i1";
    i16, "i2";
    i32, "i4";
    i64, "i8";
}

/// Reads an array of a `.npy` file.
///
/// # Errors
///
/// [`Error::Io`] if the file cannot be read; [`Error::File`] with what is wrong with it: another type of numbers than
/// `A` among them, for nothing is converted.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use trainer::npy;
///
/// let path = std::env::temp_dir().join(format!("trainer-doc-{}.npy", std::process::id()));
/// let x = array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]].into_dyn();
/// npy::write(&path, &x)?; // numpy.load reads it
/// assert_eq!(npy::read::<f64>(&path)?, x);
/// # std::fs::remove_file(&path).unwrap();
/// # Ok::<(), trainer::Error>(())
/// ```
pub fn read<A: Number>(path: impl AsRef<Path>) -> Result<ArrayD<A>, Error> {
    read_with(&Disk, path.as_ref(), parse)
}

/// Reads an array from the content of a `.npy` file.
///
/// # Errors
///
/// What is wrong with the content.
pub fn parse<A: Number>(bytes: &[u8]) -> Result<ArrayD<A>, Error> {
    let (header, data) = Header::parse(bytes)?;
    array(&header, data)
}

/// The array whose header this is.
fn array<A: Number>(header: &Header, data: &[u8]) -> Result<ArrayD<A>, Error> {
    let big_endian = header.check_type(A::KIND)?;
    let size = header.data_bytes(size_of::<A>())?;
    if size != data.len() {
        let (expected, got) = (size as u64, data.len() as u64);
        return Err(FileFault::Length { what: "data", expected, got }.into());
    }
    let mut numbers = Vec::new();
    let reserved = numbers.try_reserve_exact(size / size_of::<A>());
    reserved.map_err(|_| FileFault::OutOfMemory { bytes: size as u64 })?;
    A::take(data, big_endian, &mut numbers);
    let shape = IxDyn(&header.shape).set_f(header.fortran);
    // An empty array may have axes whose product without the empty one is impossible.
    Ok(ArrayD::from_shape_vec(shape, numbers).map_err(|_| header.impossible())?)
}

/// Writes an array as a `.npy` file, durably and in one go.
///
/// # Errors
///
/// [`Error::Io`] if it cannot be written.
pub fn write<A: Number>(path: impl AsRef<Path>, array: &ArrayRefD<A>) -> Result<(), Error> {
    let bytes = to_bytes(array);
    write_atomically(path, |file| file.write_all(&bytes))
}

/// The content of a `.npy` file: version 1.0, little-endian, in C order.
pub fn to_bytes<A: Number>(array: &ArrayRefD<A>) -> Vec<u8> {
    let mut bytes = header::bytes(A::KIND, array.shape());
    bytes.reserve(array.len() * size_of::<A>());
    array.iter().for_each(|x| x.put(&mut bytes));
    bytes
}
