//! A file on its way: written beside its target, and put in its place only when it is whole and right.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use std::{fs, io};

use super::Trouble;
use super::verify::Digests;
use crate::File;
use crate::durable::{Fs, NewFile};

/// A temporary file that has not grown for so long is no longer written to.
const STALE: Duration = Duration::from_secs(60);

/// A temporary file, removed unless it is [`finish`](Part::finish)ed.
pub(super) struct Part<'a> {
    fs: &'a dyn Fs,
    file: &'a File,
    target: &'a Path,
    path: PathBuf,
    out: Box<dyn NewFile>,
    digests: Digests,
    kept: bool,
}

impl<'a> Part<'a> {
    /// An empty temporary file of its own, in the folder of the target, so that renaming stays in one file system.
    pub(super) fn create(fs: &'a dyn Fs, file: &'a File, target: &'a Path) -> Result<Self, Trouble> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        loop {
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let path = target.with_file_name(format!(".{}.{}-{count}.part", file.name, std::process::id()));
            match fs.create_new(&path, None) {
                Ok(out) => {
                    return Ok(Self {
                        fs,
                        file,
                        target,
                        path,
                        out,
                        digests: Digests::default(),
                        kept: false,
                    });
                }
                // Left by a process with the same number, or in use by one on another machine.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && count < 1 << 20 => {}
                Err(error) => return Err(Trouble::writing(&path, error)),
            }
        }
    }

    /// The bytes so far.
    pub(super) fn bytes(&self) -> u64 {
        self.digests.bytes()
    }

    /// Adds bytes, unless they are more than the file has.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        self.digests.write_all(bytes).map_err(|error| Trouble::writing(&self.path, error))?;
        if self.digests.bytes() > self.file.bytes {
            let hint = self.digests.hint();
            return Err(Trouble::Lasting(format!("expected {} bytes, got more{hint}", self.file.bytes)));
        }
        self.out.write_all(bytes).map_err(|error| Trouble::writing(&self.path, error))
    }

    /// Puts the file in its place if it is the published one.
    pub(super) fn finish(mut self) -> Result<(), Trouble> {
        std::mem::take(&mut self.digests).compare(self.file).map_err(Trouble::Lasting)?;
        self.out.sync().map_err(|error| Trouble::writing(&self.path, error))?;
        self.fs.rename(&self.path, self.target).map_err(|error| Trouble::writing(self.target, error))?;
        self.kept = true;
        let folder = self.target.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        self.fs.sync_dir(folder).map_err(|error| Trouble::writing(folder, error))
    }
}

impl Drop for Part<'_> {
    fn drop(&mut self) {
        if !self.kept {
            let _ = self.fs.remove(&self.path); // if that fails, a later fetch sweeps it
        }
    }
}

/// Removes what processes left that were killed: temporary files that nobody holds and that have not grown for a while.
pub(super) fn sweep(dir: &Path, files: &[File]) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let ours = |file: &File| {
            let rest = name.to_str().and_then(|name| name.strip_prefix('.')?.strip_prefix(file.name));
            rest.is_some_and(|rest| rest.starts_with('.') && rest.ends_with(".part"))
        };
        let old = || -> io::Result<bool> {
            let metadata = entry.metadata()?;
            // A date in the future is one of another clock, and never gets old.
            let age = metadata.modified()?.elapsed().unwrap_or(Duration::MAX);
            // What is no file is not ours, and to open a pipe would wait for its writer.
            Ok(metadata.is_file() && age > STALE && fs::File::open(entry.path())?.try_lock().is_ok())
        };
        if files.iter().any(ours) && old().unwrap_or(false) {
            let _ = fs::remove_file(entry.path());
        }
    }
}
