//! Reading IDX.

use std::io::Read;
use std::path::Path;

use ndarray::{ArrayD, IxDyn};

use super::{Data, Options};
use crate::Error;
use crate::memory::collected;
use crate::source::Source;

/// Reads an IDX file, plain or gzip; which of them is known from its first bytes, not its name.
///
/// An array of no elements along its first axis is fine: a data set may be empty.
///
/// # Errors
///
/// [`Error::In`] with the path and one of: [`Error::Io`], [`Error::Truncated`], [`Error::BadMagic`],
/// [`Error::UnknownType`], [`Error::ZeroAxis`], [`Error::TooLarge`], [`Error::TrailingData`],
/// [`Error::GzipTruncated`], [`Error::GzipCorrupt`], [`Error::GzipTrailing`], [`Error::OutOfMemory`].
pub fn read(path: impl AsRef<Path>, options: &Options) -> Result<Data, Error> {
    let path = path.as_ref();
    let source = Source::open(path)?;
    read_source(source, options).map_err(|error| error.at(path))
}

/// Reads IDX from memory, plain or gzip.
///
/// # Errors
///
/// Those of [`read`] without the path.
pub fn parse(bytes: &[u8], options: &Options) -> Result<Data, Error> {
    read_source(Source::bytes(bytes)?, options)
}

fn read_source(mut source: Source<'_>, options: &Options) -> Result<Data, Error> {
    let start = header_bytes(&mut source, 4, 0)?;
    let &[zero, also_zero, code, rank] = &start[..] else { unreachable!("four bytes were read") };
    if (zero, also_zero) != (0, 0) {
        return Err(Error::BadMagic { found: start.clone(), hint: crate::error::hint(&start) });
    }
    let size: u64 = match code {
        0x08 | 0x09 => 1,
        0x0B => 2,
        0x0C | 0x0D => 4,
        0x0E => 8,
        _ => return Err(Error::UnknownType { code }),
    };
    let axes = header_bytes(&mut source, 4 * usize::from(rank), 4)?;
    let axes = axes.chunks_exact(4).map(|axis| u32::from_be_bytes([axis[0], axis[1], axis[2], axis[3]]));
    let shape: Vec<usize> = axes.map(|axis| axis as usize).collect();
    let bytes = payload_bytes(&shape, size, &source, options)?;
    let payload = payload(&mut source, bytes, 4 + 4 * u64::from(rank))?;
    decode(code, &shape, payload)
}

/// The next `count` bytes of the header, of which `before` bytes were read already.
fn header_bytes(source: &mut Source<'_>, count: usize, before: u64) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    source.take(count as u64).read_to_end(&mut bytes)?;
    if bytes.len() < count {
        let (need, have) = (before + count as u64, before + bytes.len() as u64);
        return Err(Error::Truncated { part: "header", need, have });
    }
    Ok(bytes)
}

/// The bytes of an array that a file may hold, `limit` at most; what is written is held to it as well.
pub(super) fn array_bytes(shape: &[usize], size: u64, limit: u64) -> Result<u64, Error> {
    if let Some(axis) = shape.iter().skip(1).position(|&axis| axis == 0) {
        return Err(Error::ZeroAxis { axis: axis + 1 });
    }
    let too_large = |limit| Error::TooLarge { shape: shape.to_vec(), size, limit };
    // The axes behind the first alone must also be in range: an array of no examples still has their strides.
    let example = shape.iter().skip(1).try_fold(size, |product, &axis| product.checked_mul(axis as u64));
    let whole = example.and_then(|x| x.checked_mul(shape.first().map_or(1, |&axis| axis as u64)));
    let most = limit.min(isize::MAX as u64);
    let (Some(example), Some(whole)) = (example, whole) else { return Err(too_large(most)) };
    if whole > most || example > isize::MAX as u64 {
        return Err(too_large(most));
    }
    Ok(whole)
}

/// The size of the array, checked against every bound there is before anything is allocated for it.
fn payload_bytes(shape: &[usize], size: u64, source: &Source<'_>, options: &Options) -> Result<u64, Error> {
    let whole = array_bytes(shape, size, options.max_bytes)?;
    let header = 4 + 4 * shape.len() as u64;
    if source.packed && whole > source.bound {
        // No gzip file of this length unpacks to as much.
        return Err(Error::TooLarge { shape: shape.to_vec(), size, limit: source.bound });
    }
    if !source.packed && whole > source.bound - header.min(source.bound) {
        return Err(Error::Truncated { part: "array", need: header + whole, have: source.bound });
    }
    Ok(whole)
}

/// The array's bytes, and the proof that nothing follows them and that the checksum of a gzip file is right.
fn payload(source: &mut Source<'_>, bytes: u64, header: u64) -> Result<Vec<u8>, Error> {
    // The header is not yet proven: start with what the size of the file makes likely, and grow with what comes.
    let likely = bytes.min(source.stored.saturating_mul(4).max(1 << 16));
    let mut payload = Vec::new();
    payload.try_reserve_exact(likely as usize).map_err(|_| Error::OutOfMemory { bytes: likely })?;
    source.take(bytes).read_to_end(&mut payload)?;
    if (payload.len() as u64) < bytes {
        let (need, have) = (header + bytes, header + payload.len() as u64);
        return Err(Error::Truncated { part: "array", need, have });
    }
    let extra = std::io::copy(&mut source.take(1 << 20), &mut std::io::sink())?;
    if extra > 0 {
        return Err(Error::TrailingData { expected: header + bytes, extra });
    }
    Ok(payload)
}

fn decode(code: u8, shape: &[usize], payload: Vec<u8>) -> Result<Data, Error> {
    fn array<A>(shape: &[usize], numbers: Vec<A>) -> ArrayD<A> {
        ArrayD::from_shape_vec(IxDyn(shape), numbers).expect("the size was checked against the shape")
    }
    macro_rules! big_endian {
        ($number:ty) => {{
            let numbers = payload.chunks_exact(size_of::<$number>());
            array(shape, collected(numbers.map(|x| <$number>::from_be_bytes(x.try_into().expect("exact"))))?)
        }};
    }
    Ok(match code {
        0x09 => Data::I8(big_endian!(i8)),
        0x0B => Data::I16(big_endian!(i16)),
        0x0C => Data::I32(big_endian!(i32)),
        0x0D => Data::F32(big_endian!(f32)),
        0x0E => Data::F64(big_endian!(f64)),
        _ => Data::U8(array(shape, payload)),
    })
}
