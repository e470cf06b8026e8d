//! Writing IDX.

use std::io::{self, Write};

use super::read::array_bytes;
use super::{Data, each};
use crate::Error;

/// Writes an array as IDX. Wrap the writer in a gzip encoder for a packed file.
///
/// # Errors
///
/// [`Error::Io`] if the writer fails. Before anything is written: [`Error::Io`] if there are more or longer axes than the
/// format can say; [`Error::ZeroAxis`] or [`Error::TooLarge`] for a shape that [`read`](super::read) refuses whatever its
/// options.
///
/// # Examples
///
/// ```
/// use datasets::idx;
///
/// let data = idx::Data::I16(ndarray::array![[1, -2], [3, 400]].into_dyn());
/// let mut file = vec![];
/// idx::write(&mut file, &data)?;
/// assert_eq!(idx::parse(&file, &idx::Options::default())?, data);
/// # Ok::<(), datasets::Error>(())
/// ```
pub fn write(mut out: impl Write, data: &Data) -> Result<(), Error> {
    let (code, size) = match data {
        Data::U8(_) => (0x08, 1),
        Data::I8(_) => (0x09, 1),
        Data::I16(_) => (0x0B, 2),
        Data::I32(_) => (0x0C, 4),
        Data::F32(_) => (0x0D, 4),
        Data::F64(_) => (0x0E, 8),
    };
    array_bytes(data.shape(), size, u64::MAX)?;
    let too_long =
        |_| io::Error::new(io::ErrorKind::InvalidInput, "idx: expected axes below 2^32, and 255 at most");
    let mut header = vec![0, 0, code, u8::try_from(data.shape().len()).map_err(too_long)?];
    for &axis in data.shape() {
        header.extend_from_slice(&u32::try_from(axis).map_err(too_long)?.to_be_bytes());
    }
    out.write_all(&header)?;
    let mut block = Vec::with_capacity(1 << 16);
    each!(data, array => for number in array {
        block.extend_from_slice(&number.to_be_bytes());
        if block.len() + 8 > block.capacity() {
            out.write_all(&block)?;
            block.clear();
        }
    });
    out.write_all(&block)?;
    Ok(out.flush()?)
}
