//! Writing IDX.

use std::io::{self, Write};

use super::{Data, each};
use crate::Error;

/// Writes an array as IDX. Wrap the writer in a gzip encoder for a packed file.
///
/// # Errors
///
/// [`Error::Io`] if the writer fails or an axis is longer than the format can say.
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
    let code = match data {
        Data::U8(_) => 0x08,
        Data::I8(_) => 0x09,
        Data::I16(_) => 0x0B,
        Data::I32(_) => 0x0C,
        Data::F32(_) => 0x0D,
        Data::F64(_) => 0x0E,
    };
    let too_long =
        |_| io::Error::new(io::ErrorKind::InvalidInput, "idx: expected axes below 2^32, and 255 at most");
    let rank = u8::try_from(data.shape().len()).map_err(too_long)?;
    out.write_all(&[0, 0, code, rank])?;
    for &axis in data.shape() {
        out.write_all(&u32::try_from(axis).map_err(too_long)?.to_be_bytes())?;
    }
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
