//! Several arrays in one file: a zip archive of `.npy` files.

use std::fmt;
use std::io::{Cursor, Read, Write};
use std::path::Path;

use ndarray::{ArrayD, ArrayRefD};
use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::header::{Header, MAX_START};
use super::{Number, array, to_bytes};
use crate::files::fs::Disk;
use crate::files::{read_with, write_atomically};
use crate::{Error, FileFault};

/// The most bytes of one array that are unpacked; a small file may say that it holds any number.
pub const MAX_UNPACKED: u64 = 1 << 32;

/// The arrays of a `.npz` file, as `numpy.savez` and `numpy.savez_compressed` write them.
///
/// # Examples
///
/// ```
/// use ndarray::{Array1, array};
/// use trainer::npy::{Npz, NpzWriter};
///
/// let path = std::env::temp_dir().join(format!("trainer-doc-{}.npz", std::process::id()));
/// let mut file = NpzWriter::new();
/// file.add("x", &array![[1.0_f32, 2.0]].into_dyn())?;
/// file.add("labels", &array![7_i64].into_dyn())?;
/// file.save(&path)?; // numpy.load reads it
///
/// let mut file = Npz::open(&path)?;
/// assert_eq!(file.names(), ["x", "labels"]);
/// assert_eq!(file.array::<i64>("labels")?, array![7].into_dyn());
/// # std::fs::remove_file(&path).unwrap();
/// # Ok::<(), trainer::Error>(())
/// ```
pub struct Npz {
    archive: ZipArchive<Cursor<Vec<u8>>>,
}

impl fmt::Debug for Npz {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Npz").field("names", &self.names()).finish_non_exhaustive()
    }
}

impl Npz {
    /// Reads a file; its arrays are unpacked when they are asked for.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if it cannot be read, [`Error::File`] if it is no zip archive.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        read_with(&Disk, path.as_ref(), |bytes| Npz::from_bytes(bytes.to_vec()))
    }

    /// Reads the content of a file.
    ///
    /// # Errors
    ///
    /// [`Error::Content`] if it is no zip archive.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, Error> {
        Ok(Npz { archive: ZipArchive::new(Cursor::new(bytes)).map_err(|e| fault("archive", &e))? })
    }

    /// The names of the arrays, in the order of the file.
    pub fn names(&self) -> Vec<String> {
        let names = self.archive.file_names().filter_map(Result::ok);
        names.filter_map(|name| Some(name.strip_suffix(".npy")?.to_owned())).collect()
    }

    /// The array of this name.
    ///
    /// # Errors
    ///
    /// [`Error::Content`] if there is none, it holds other numbers than `A`, it is damaged (each is under a checksum),
    /// or it unpacks to more than [`MAX_UNPACKED`] bytes.
    pub fn array<A: Number>(&mut self, name: &str) -> Result<ArrayD<A>, Error> {
        let mut packed = self.archive.by_name(&format!("{name}.npy")).map_err(|e| fault(name, &e))?;
        let mut unpack = |most: u64, bytes: &mut Vec<u8>| {
            let read = packed.by_ref().take(most).read_to_end(bytes);
            read.map_err(|e| FileFault::tensor(name, "an entry that can be unpacked", e.to_string()))
        };
        // The header first: it says how much there is to come, and a small file may hold any number of zeros.
        let mut bytes = Vec::new();
        unpack(MAX_START as u64, &mut bytes)?;
        let (header, data) = Header::parse(&bytes)?;
        header.check_type(A::KIND)?;
        let (size, start) = (header.data_bytes(size_of::<A>())?, bytes.len() - data.len());
        if (start + size) as u64 > MAX_UNPACKED {
            let got = format!("a shape of {:?}", header.shape);
            return Err(FileFault::tensor(name, format!("at most {MAX_UNPACKED} bytes"), got).into());
        }
        // One more than there should be: the reader checks the checksum when it finds the end.
        unpack((start + size + 1).saturating_sub(bytes.len()) as u64, &mut bytes)?;
        array(&header, &bytes[start..])
    }
}

/// Puts a `.npz` file together.
pub struct NpzWriter {
    archive: ZipWriter<Cursor<Vec<u8>>>,
}

impl fmt::Debug for NpzWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NpzWriter").finish_non_exhaustive()
    }
}

impl Default for NpzWriter {
    fn default() -> Self {
        NpzWriter { archive: ZipWriter::new(Cursor::new(Vec::new())) }
    }
}

impl NpzWriter {
    /// A file without arrays.
    pub fn new() -> Self {
        NpzWriter::default()
    }

    /// Adds an array, packed as `numpy.savez_compressed` packs.
    ///
    /// # Errors
    ///
    /// [`Error::Content`] if there is one of this name.
    pub fn add<A: Number>(&mut self, name: &str, array: &ArrayRefD<A>) -> Result<(), Error> {
        let bytes = to_bytes(array);
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .large_file(bytes.len() as u64 >= u64::from(u32::MAX));
        let add = |archive: &mut ZipWriter<_>| {
            archive.start_file(format!("{name}.npy"), options)?;
            Ok(archive.write_all(&bytes)?)
        };
        Ok(add(&mut self.archive).map_err(|e| fault(name, &e))?)
    }

    /// Writes the file, durably and in one go.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if it cannot be written.
    pub fn save(self, path: impl AsRef<Path>) -> Result<(), Error> {
        let bytes = self.into_bytes()?;
        write_atomically(path, |file| file.write_all(&bytes))
    }

    /// The content of the file.
    ///
    /// # Errors
    ///
    /// [`Error::Content`] if it would be longer than an archive may be.
    pub fn into_bytes(self) -> Result<Vec<u8>, Error> {
        Ok(self.archive.finish().map_err(|e| fault("archive", &e))?.into_inner())
    }
}

fn fault(name: &str, error: &ZipError) -> FileFault {
    FileFault::tensor(name, "an entry of a sound zip archive", error.to_string())
}
