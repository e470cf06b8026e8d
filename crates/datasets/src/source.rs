//! Opening a file that may be gzip, and knowing how much it can hold before anything is allocated.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use crate::Error;

/// How much larger than itself a deflate stream can become: 258 bytes from 2 bits.
const MOST_UNPACKED: u64 = 1032;

/// Bytes to parse, unpacked if they are gzip.
pub(crate) struct Source<'a> {
    reader: Box<dyn Read + Send + 'a>,
    /// The length of the file as it is stored; 0 if it is not known.
    pub(crate) stored: u64,
    /// No more bytes than this can come.
    pub(crate) bound: u64,
    pub(crate) packed: bool,
}

impl<'a> Source<'a> {
    pub(crate) fn open(path: &Path) -> Result<Source<'static>, Error> {
        let open = || -> io::Result<_> {
            let file = File::open(path)?;
            let metadata = file.metadata()?;
            let stored = metadata.is_file().then_some(metadata.len()); // a pipe has no length
            Source::new(BufReader::with_capacity(1 << 16, file), stored)
        };
        open().map_err(|error| Error::from(error).at(path))
    }

    pub(crate) fn bytes(bytes: &'a [u8]) -> Result<Self, Error> {
        Ok(Self::new(bytes, Some(bytes.len() as u64))?)
    }

    fn new(mut reader: impl BufRead + Send + 'a, stored: Option<u64>) -> io::Result<Self> {
        let packed = reader.fill_buf()?.starts_with(&[0x1f, 0x8b]);
        let most = if packed { MOST_UNPACKED } else { 1 };
        let bound = stored.map_or(u64::MAX, |stored| stored.saturating_mul(most));
        let reader: Box<dyn Read + Send + 'a> = match packed {
            true => Box::new(Unpack { decoder: MultiGzDecoder::new(reader), started: false }),
            false => Box::new(reader),
        };
        Ok(Self { reader, stored: stored.unwrap_or(0), bound, packed })
    }
}

impl Read for Source<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.reader.read(into)
    }
}

/// Gzip members one after another, each with its checksum and length verified, and nothing behind the last.
///
/// They are verified where a member ends: a caller must read until the end to know that all was right.
struct Unpack<R> {
    decoder: MultiGzDecoder<R>,
    started: bool,
}

impl<R: BufRead> Read for Unpack<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let result = self.decoder.read(into);
        match result {
            Ok(n) => {
                self.started = true;
                Ok(n)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted || error.raw_os_error().is_some() => {
                Err(error)
            }
            Err(error) => Err(io::Error::other(self.fault(&error))),
        }
    }
}

impl<R> Unpack<R> {
    fn fault(&self, error: &io::Error) -> Error {
        // Between members the decoder has no header; what it met there is not the start of a further member.
        if self.started && self.decoder.header().is_none() {
            Error::GzipTrailing
        } else if error.kind() == io::ErrorKind::UnexpectedEof {
            Error::GzipTruncated
        } else {
            Error::GzipCorrupt { reason: error.to_string() }
        }
    }
}

/// An error of this crate that had to pass through a reader comes out again as what it was.
impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        error.downcast::<Self>().unwrap_or_else(Self::Io)
    }
}
