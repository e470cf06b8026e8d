//! What a path leads to, for those who write there.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What a path leads to.
#[derive(Debug, PartialEq)]
pub(super) enum Place {
    /// A file, or nothing yet, at the end of the symbolic links: a new one takes its place.
    File(PathBuf),
    /// A pipe, a device, or what a process has open: it can only be written into.
    Stream(Stream),
}

/// What is written into as it stands.
#[derive(Debug, PartialEq)]
pub(super) enum Stream {
    /// What this process has open as its output, at the place where that stands.
    Output,
    /// The same of its errors.
    Errors,
    /// Whatever is at the path.
    At(PathBuf),
}

impl Place {
    pub(super) fn of(path: &Path) -> io::Result<Place> {
        const LINKS: usize = 40; // as many as Linux follows
        let mut target = path.to_owned();
        for _ in 0..LINKS {
            if let Some(stream) = open_file(&target) {
                return Ok(Place::Stream(stream));
            }
            match fs::read_link(&target) {
                Ok(next) => target = target.parent().unwrap_or(Path::new("")).join(next),
                Err(_) => {
                    let is_other = |there: fs::Metadata| !there.is_file() && !there.is_dir();
                    return Ok(match fs::metadata(&target).is_ok_and(is_other) {
                        true => Place::Stream(Stream::At(target)),
                        false => Place::File(target),
                    });
                }
            }
        }
        let circle = "expected an end of the symbolic links, got a circle";
        Err(io::Error::new(io::ErrorKind::InvalidInput, circle))
    }
}

/// What a process has open, if that is what the path names: such as `/dev/stdout`, once its links are followed.
///
/// The link there reads as the path of a file, but is none: to put a new file at that path would take what the process
/// has open away from whoever is to read it, with all that was in it.
fn open_file(path: &Path) -> Option<Stream> {
    let folder = fs::canonicalize(path.parent()?).ok()?;
    if !folder.starts_with("/proc") && !folder.starts_with("/dev/fd") {
        return None;
    }
    fs::symlink_metadata(path).ok()?;
    let own = Path::new("/proc").join(std::process::id().to_string());
    let is_own = folder.starts_with("/dev/fd") || (folder.starts_with(own) && folder.ends_with("fd"));
    Some(match path.file_name()?.to_str() {
        Some("1") if is_own => Stream::Output,
        Some("2") if is_own => Stream::Errors,
        _ => Stream::At(path.to_owned()),
    })
}

impl Stream {
    /// Gives the stream to `write`.
    pub(super) fn write(&self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        match self {
            Stream::Output => buffered(io::stdout().lock(), write),
            Stream::Errors => buffered(io::stderr().lock(), write),
            // What is there stays, should it be a file that a process has open.
            Stream::At(path) => buffered(fs::OpenOptions::new().append(true).open(path)?, write),
        }
    }
}

fn buffered(to: impl Write, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut to = io::BufWriter::with_capacity(1 << 16, to);
    write(&mut to)?;
    to.flush()
}
