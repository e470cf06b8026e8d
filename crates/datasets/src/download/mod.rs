//! Verified downloads: all of a file or nothing of it, and never the wrong one.
//!
//! A file that is already there is checked first, by length, MD5 and SHA-256: if it is right, nothing is asked of any
//! network. Otherwise the mirrors are tried in turn. What arrives goes to a temporary file beside the target, is
//! hashed on the way, synced and only then renamed; a failure leaves whatever was there untouched. Two processes may
//! do so at once: each has its own temporary file, and the last to finish replaces the file by the same bytes.
//!
//! Folders can always be mirrors. Addresses need the feature `download`; they are `https://`, redirects
//! included, or `http://` on this machine. The proxy of `HTTPS_PROXY` or `ALL_PROXY` is used, except as `NO_PROXY` says
//! and for this machine.
//!
//! # Examples
//!
//! ```no_run
//! use datasets::download::{Event, FetchOptions, fetch};
//!
//! let mut report = |event: Event<'_>| {
//!     if let Event::Stored { file, from } = event {
//!         eprintln!("{} from {from}", file.name);
//!     }
//! };
//! fetch(datasets::Set::Mnist, "datasets/mnist", &FetchOptions::default(), &mut report)?;
//! # Ok::<(), datasets::Error>(())
//! ```

mod attempts;
#[cfg(test)]
mod crashes;
#[cfg(feature = "download")]
mod http;
mod mirror;
mod part;
mod verify;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::durable::{Disk, create_dirs};
use crate::{Error, File, Set};
use attempts::Attempts;
use verify::State;

pub use mirror::Mirror;

/// How to fetch.
#[derive(Clone, Debug, Default)]
pub struct FetchOptions<'a> {
    /// Where the files may be found, tried in this order; if empty, the public mirrors of the set.
    ///
    /// A mirror has the files either beside each other or in a folder with the name of the set.
    pub mirrors: Vec<Mirror>,
    /// Use no network: only files that are there, and mirrors that are folders.
    pub offline: bool,
    /// Fetch files anew even if they are right.
    pub force: bool,
    /// How long to wait for what.
    pub limits: Limits,
    /// Set to true, from a signal handler or another thread, this ends the fetch with [`Error::Cancelled`].
    pub cancel: Option<&'a AtomicBool>,
}

/// How long to wait for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For a connection, TLS included; 10 s by default.
    pub connect: Duration,
    /// Without a byte; 20 s by default.
    pub stall: Duration,
    /// For a file from one mirror; 15 min by default.
    pub whole: Duration,
    /// How often a mirror is asked again after what may pass: a time limit, a broken connection, or a status of 408,
    /// 429 or 5xx. 3 by default; never after another status or wrong bytes.
    pub retries: u32,
    /// Before the first retry, and then twice as long each time, unless the mirror says how long; 1 s by default.
    pub backoff: Duration,
    /// If a mirror wants more patience than this, the next one is tried; 30 s by default.
    pub longest_wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            stall: Duration::from_secs(20),
            whole: Duration::from_secs(15 * 60),
            retries: 3,
            backoff: Duration::from_secs(1),
            longest_wait: Duration::from_secs(30),
        }
    }
}

impl Limits {
    /// The same with nothing above a year, so that times can be added.
    fn bounded(&self) -> Self {
        let year = Duration::from_secs(365 * 86_400);
        Self {
            connect: self.connect.min(year),
            stall: self.stall.min(year),
            whole: self.whole.min(year),
            backoff: self.backoff.min(year),
            longest_wait: self.longest_wait.min(year),
            ..*self
        }
    }
}

/// What happens during a fetch.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The file is there and right.
    Present {
        /// Which file.
        file: &'a File,
    },
    /// A mirror is asked for the file.
    Started {
        /// Which file.
        file: &'a File,
        /// The address or path.
        from: &'a str,
    },
    /// More of the file arrived.
    Received {
        /// Which file.
        file: &'a File,
        /// So many bytes of it so far.
        bytes: u64,
    },
    /// A mirror is asked again after a while.
    Waiting {
        /// Which file.
        file: &'a File,
        /// The address.
        from: &'a str,
        /// Why.
        reason: &'a str,
        /// How long.
        wait: Duration,
    },
    /// A mirror failed; the next is tried.
    Failed {
        /// Which file.
        file: &'a File,
        /// The address or path.
        from: &'a str,
        /// Why.
        reason: &'a str,
    },
    /// The file is in its place and right.
    Stored {
        /// Which file.
        file: &'a File,
        /// The address or path it came from.
        from: &'a str,
    },
}

/// A file that is in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Where it is.
    pub path: PathBuf,
    /// Its length.
    pub bytes: u64,
    /// Where it came from; `None` if it was there.
    pub from: Option<String>,
}

/// Sees to it that the files of a set are in `dir`, which is made if need be.
///
/// # Errors
///
/// [`Error::NoMirror`] if no mirror had a file, with what each of them answered and how to place the file by hand;
/// [`Error::Offline`] if a file would have to be downloaded but may not; [`Error::NotAFile`] if something else is in
/// its place; [`Error::Cancelled`]; and [`Error::In`] with [`Error::Io`] if the folder cannot be written, such as for a
/// full disk. None of them touches a file that is there.
pub fn fetch(
    set: Set,
    dir: impl AsRef<Path>,
    options: &FetchOptions<'_>,
    progress: &mut dyn FnMut(Event<'_>),
) -> Result<Vec<Fetched>, Error> {
    let own = || set.mirrors().iter().map(|&url| Mirror::Url(url.to_owned())).collect();
    let mirrors = if options.mirrors.is_empty() { own() } else { options.mirrors.clone() };
    let options = FetchOptions { mirrors, ..options.clone() };
    fetch_files(set.files(), set.name(), dir, &options, progress)
}

/// The same for a table of files of your own, whose mirrors are those of the options.
///
/// `folder` is the name of the folder that a mirror may have for these files.
///
/// # Errors
///
/// Those of [`fetch`], and [`Error::FileName`] if a name in the table is more than a name.
pub fn fetch_files(
    files: &[File],
    folder: &str,
    dir: impl AsRef<Path>,
    options: &FetchOptions<'_>,
    progress: &mut dyn FnMut(Event<'_>),
) -> Result<Vec<Fetched>, Error> {
    let dir = dir.as_ref();
    for name in files.iter().map(|file| file.name).chain([folder]) {
        check_name(name)?;
    }
    create_dirs(&Disk, dir).map_err(|error| Error::Io(error).at(dir))?;
    part::sweep(dir, files);
    let options = &FetchOptions { limits: options.limits.bounded(), ..options.clone() };
    files.iter().map(|file| fetch_file(file, folder, dir, options, progress)).collect()
}

fn fetch_file(
    file: &File,
    folder: &str,
    dir: &Path,
    options: &FetchOptions<'_>,
    progress: &mut dyn FnMut(Event<'_>),
) -> Result<Fetched, Error> {
    check_cancel(options)?;
    let path = dir.join(file.name);
    let state = verify::state(&path, file)?;
    if state == State::Right && !options.force {
        progress(Event::Present { file });
        return Ok(Fetched { path, bytes: file.bytes, from: None });
    }
    if options.offline && !options.mirrors.iter().any(Mirror::is_local) {
        let reason = match state {
            State::Right => "it is to be fetched anew".to_owned(),
            State::Missing => "it is missing".to_owned(),
            State::Wrong(reason) => reason,
        };
        return Err(Error::Offline { path, reason });
    }
    let from = Attempts { fs: &Disk, file, folder, target: &path, options, progress }.run()?;
    progress(Event::Stored { file, from: &from });
    Ok(Fetched { path, bytes: file.bytes, from: Some(from) })
}

/// A name and nothing that leads elsewhere.
fn check_name(name: &str) -> Result<(), Error> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if name.is_empty() || name.starts_with('.') || !name.bytes().all(plain) {
        return Err(Error::FileName { name: name.to_owned() });
    }
    Ok(())
}

fn check_cancel(options: &FetchOptions<'_>) -> Result<(), Error> {
    match options.cancel {
        Some(cancel) if cancel.load(Ordering::Relaxed) => Err(Error::Cancelled),
        _ => Ok(()),
    }
}

/// Why a mirror did not give the file.
#[derive(Debug)]
enum Trouble {
    /// It does not have it, or not for us.
    NotFound(String),
    /// What may pass, and how long the mirror says that it will take.
    #[cfg_attr(not(feature = "download"), expect(dead_code, reason = "folders have no passing troubles"))]
    Transient(String, Option<Duration>),
    /// Asking again would not help.
    Lasting(String),
    /// Our own trouble: no other mirror would help.
    Ours(Error),
}

impl Trouble {
    /// This machine cannot write.
    fn writing(path: &Path, error: io::Error) -> Self {
        Self::Ours(Error::Io(error).at(path))
    }
}
