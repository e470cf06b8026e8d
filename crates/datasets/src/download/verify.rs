//! Whether a file is the published one.

use std::io::{self, Read, Write};
use std::path::Path;
use std::{fmt, fs};

use md5::{Digest, Md5};
use sha2::Sha256;

use crate::{Error, File};

/// What is in the place of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum State {
    /// The published file.
    Right,
    /// Nothing.
    Missing,
    /// Another file; how it differs.
    Wrong(String),
}

/// Length and digests of what passes through.
#[derive(Default)]
pub(super) struct Digests {
    bytes: u64,
    md5: Md5,
    sha256: Sha256,
    /// The first bytes, which often tell what came in the place of data.
    start: Vec<u8>,
}

impl Digests {
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What came, in so far as it looks like something known.
    pub(super) fn hint(&self) -> &'static str {
        match self.start.starts_with(&[0x1f, 0x8b]) {
            true => "",
            false => crate::error::hint(&self.start),
        }
    }

    /// How this differs from the published file.
    pub(super) fn compare(self, file: &File) -> Result<(), String> {
        let hint = self.hint();
        if self.bytes != file.bytes {
            return Err(format!("expected {} bytes, got {}{hint}", file.bytes, self.bytes));
        }
        let (md5, sha256) = (Hex(&self.md5.finalize()).to_string(), Hex(&self.sha256.finalize()).to_string());
        for (name, expected, got) in [("md5", file.md5, md5), ("sha256", file.sha256, sha256)] {
            if expected != got {
                return Err(format!("expected {name} {expected}, got {got}{hint}"));
            }
        }
        Ok(())
    }
}

impl Write for Digests {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes += bytes.len() as u64;
        self.md5.update(bytes);
        self.sha256.update(bytes);
        let room = 64 - self.start.len();
        self.start.extend_from_slice(&bytes[..bytes.len().min(room)]);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is at `path`.
pub(super) fn state(path: &Path, file: &File) -> Result<State, Error> {
    let look = || -> io::Result<Option<State>> {
        let metadata = match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Some(State::Missing)),
            other => other?,
        };
        if !metadata.is_file() {
            return Ok(None);
        }
        if metadata.len() != file.bytes {
            let reason = format!("expected {} bytes, got {}", file.bytes, metadata.len());
            return Ok(Some(State::Wrong(reason)));
        }
        let mut digests = Digests::default();
        let mut reader = fs::File::open(path)?.take(file.bytes + 1); // should it grow meanwhile
        let mut block = vec![0; 1 << 17];
        loop {
            match reader.read(&mut block)? {
                0 => break,
                n => digests.write_all(&block[..n])?,
            }
        }
        Ok(Some(digests.compare(file).map_or_else(State::Wrong, |()| State::Right)))
    };
    match look() {
        Ok(Some(state)) => Ok(state),
        Ok(None) => Err(Error::NotAFile { path: path.to_owned() }),
        Err(error) => Err(Error::Io(error).at(path)),
    }
}

pub(super) struct Hex<'a>(pub(super) &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The digests of "abc" in RFC 1321, section A.5, and FIPS 180-2, appendix B.1.
    const ABC: File = File {
        name: "abc",
        bytes: 3,
        md5: "900150983cd24fb0d6963f7d28e17f72",
        sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    };

    fn compare(bytes: &[u8], file: &File) -> Result<(), String> {
        let mut digests = Digests::default();
        digests.write_all(bytes).unwrap();
        digests.compare(file)
    }

    #[test]
    fn length_and_both_digests_count() {
        assert_eq!(compare(b"abc", &ABC), Ok(()));
        assert_eq!(compare(b"ab", &ABC).unwrap_err(), "expected 3 bytes, got 2, which looks like text");
        assert!(compare(b"abd", &ABC).unwrap_err().starts_with("expected md5 90015098"));
        let forged = File { sha256: "0", ..ABC };
        assert!(compare(b"abc", &forged).unwrap_err().starts_with("expected sha256 0, got ba78"));
    }
}
