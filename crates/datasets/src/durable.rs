//! What writing a file durably needs of a file system: for downloads here, and for models and checkpoints in `trainer`.
//!
//! A seam and not more: [`Disk`] is the real one, and tests put one in its place that loses power at any operation
//! (`faults`, behind the feature of that name). It is public for the workspace alone, and may change in any version.

#[cfg(any(test, feature = "faults"))]
pub mod faults;

use std::fmt::Debug;
use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::Path;

/// The operations, each of which may fail or be the last before the machine stops.
pub trait Fs: Debug + Send + Sync {
    /// Creates a file that must not exist, locked for as long as it is open. It is for whom `like` was, if that is given.
    ///
    /// # Errors
    ///
    /// As every operation here: what the operating system says. `AlreadyExists` asks for another name, also where the
    /// file was removed before it was locked.
    fn create_new(&self, path: &Path, like: Option<&Metadata>) -> io::Result<Box<dyn NewFile>>;

    /// What is known of the file at `path`, which is to be replaced; nothing if there is none.
    ///
    /// # Errors
    ///
    /// `PermissionDenied` for a file that may not be written.
    fn replaceable(&self, path: &Path) -> io::Result<Option<Metadata>>;

    /// Puts `from` in the place of `to`, at once.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Makes the names in a folder survive a loss of power.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Removes a file unless a living process holds it open as [`Fs::create_new`] left it.
    fn remove_stale(&self, path: &Path) -> io::Result<()>;

    /// Creates a folder in one that is there; its name survives once that is synced.
    fn create_dir(&self, dir: &Path) -> io::Result<()>;

    /// Whether there is a folder.
    fn is_dir(&self, dir: &Path) -> bool;

    /// The names in a folder, of files and folders, in order.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;

    /// The content of a file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
}

/// A file that is being written.
pub trait NewFile: Write {
    /// Makes what was written survive a loss of power.
    fn sync(&mut self) -> io::Result<()>;
}

/// Creates a folder and those above it, so that they survive a loss of power; no error if it is there.
///
/// # Errors
///
/// What the operating system says.
pub fn create_dirs(fs: &dyn Fs, dir: &Path) -> io::Result<()> {
    let above = |dir: &Path| match dir.parent() {
        Some(above) if above != Path::new("") => above.to_owned(),
        _ => Path::new(".").to_owned(),
    };
    let named = dir.ancestors().take_while(|dir| *dir != Path::new(""));
    let mut missing: Vec<&Path> = named.take_while(|dir| !fs.is_dir(dir)).collect();
    // Whoever made the last one that is there may not have come to sync it. It need not be ours to sync, though.
    let _ = fs.sync_dir(&above(missing.last().map_or(dir, |first| first.parent().unwrap_or(dir))));
    while let Some(dir) = missing.pop() {
        match fs.create_dir(dir) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && fs.is_dir(dir) => {}
            other => other?,
        }
        fs.sync_dir(&above(dir))?;
    }
    Ok(())
}

/// The file system of this machine.
#[derive(Clone, Copy, Debug)]
pub struct Disk;

impl Fs for Disk {
    fn create_new(&self, path: &Path, like: Option<&Metadata>) -> io::Result<Box<dyn NewFile>> {
        let file = created(path, like)?;
        // The lock tells the living from the dead; where there are no locks, nothing is taken for dead.
        let swept = match file.try_lock() {
            Ok(()) => !path.try_exists()?,
            Err(TryLockError::WouldBlock) => true,
            Err(TryLockError::Error(_)) => false,
        };
        if swept {
            // Somebody took it for dead before it was locked.
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "a new file was removed by another writer",
            ));
        }
        Ok(Box::new(file))
    }

    fn replaceable(&self, path: &Path) -> io::Result<Option<Metadata>> {
        let there = match fs::metadata(path) {
            Ok(there) if there.is_file() => there,
            Ok(_) => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        // Who may do everything is not refused by the system, but by what the file says of itself.
        if there.permissions().readonly() {
            let fault = "expected a file that may be written, got one that is read-only";
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, fault));
        }
        OpenOptions::new().write(true).open(path)?;
        Ok(Some(there))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        // Windows has no way to open a folder as a file, and makes renames durable itself.
        if cfg!(unix) { File::open(dir)?.sync_all() } else { Ok(()) }
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_stale(&self, path: &Path) -> io::Result<()> {
        if !fs::symlink_metadata(path)?.is_file() {
            return Ok(()); // no writer leaves anything else, and a pipe would keep us waiting
        }
        let file = OpenOptions::new().write(true).open(path)?;
        match file.try_lock() {
            Ok(()) => fs::remove_file(path),
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => Ok(()),
        }
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        fs::create_dir(dir)
    }

    fn is_dir(&self, dir: &Path) -> bool {
        dir.is_dir()
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let names = fs::read_dir(dir)?.map(|entry| Ok(entry?.file_name().into_string().ok()));
        let mut names: Vec<String> = names.filter_map(io::Result::transpose).collect::<io::Result<_>>()?;
        names.sort_unstable();
        Ok(names)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        open_file(path)?.read_to_end(&mut content)?;
        Ok(content)
    }
}

/// Opens what is a file. To open a pipe would wait for its writer, and a device may have no end.
pub(crate) fn open_file(path: &Path) -> io::Result<File> {
    if fs::metadata(path)?.is_file() {
        return File::open(path);
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "expected a file"))
}

/// A new file, for the owner, the group and the permissions of another from its first byte on.
#[cfg(unix)]
fn created(path: &Path, like: Option<&Metadata>) -> io::Result<File> {
    use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};

    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    let Some(like) = like else { return options.open(path) };
    // Nobody else may open it before it is known who may.
    let file = options.mode(0o600).open(path)?;
    let set = || {
        let own = file.metadata()?;
        let mut mode = like.mode() & 0o777;
        if own.uid() != like.uid() {
            let _ = fchown(&file, Some(like.uid()), None);
        }
        if own.gid() != like.gid() && fchown(&file, None, Some(like.gid())).is_err() {
            mode &= !0o070; // not for another group
        }
        // Where the file system has modes of its own, there may be no setting them.
        if own.mode() & 0o777 == mode {
            return Ok(());
        }
        file.set_permissions(fs::Permissions::from_mode(mode))
    };
    match set() {
        Ok(()) => Ok(file),
        Err(error) => {
            let _ = fs::remove_file(path);
            Err(error)
        }
    }
}

#[cfg(not(unix))]
fn created(path: &Path, _: Option<&Metadata>) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

impl NewFile for File {
    fn sync(&mut self) -> io::Result<()> {
        self.sync_all()
    }
}
