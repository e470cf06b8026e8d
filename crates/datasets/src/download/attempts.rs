//! One file: mirror after mirror, patiently where patience helps.

use std::io::{self, Read};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::part::Part;
use super::{Event, FetchOptions, Mirror, Trouble, check_cancel};
use crate::durable::{Fs, open_file};
use crate::error::Attempt;
use crate::{Error, File};

/// How often a wait looks whether it was cancelled.
const TICK: Duration = Duration::from_millis(50);

pub(super) struct Attempts<'a> {
    pub(super) fs: &'a dyn Fs,
    pub(super) file: &'a File,
    pub(super) folder: &'a str,
    pub(super) target: &'a Path,
    pub(super) options: &'a FetchOptions<'a>,
    pub(super) progress: &'a mut dyn FnMut(Event<'_>),
}

impl Attempts<'_> {
    /// Tries the mirrors in turn; returns where the file came from.
    pub(super) fn run(mut self) -> Result<String, Error> {
        let mut attempts = vec![];
        let options = self.options;
        for mirror in &options.mirrors {
            if options.offline && !mirror.is_local() {
                continue;
            }
            let mut reason = String::new();
            for place in mirror.places(self.folder, self.file.name) {
                let from = place.to_string();
                match self.patiently(&place, &from) {
                    Ok(()) => return Ok(from),
                    Err(Trouble::Ours(error)) => return Err(error),
                    Err(Trouble::NotFound(why)) => reason = why,
                    Err(Trouble::Transient(why, _) | Trouble::Lasting(why)) => {
                        reason = why;
                        break;
                    }
                }
            }
            let from = mirror.to_string();
            (self.progress)(Event::Failed { file: self.file, from: &from, reason: &reason });
            attempts.push(Attempt { from, reason });
        }
        let target = self.target.to_owned();
        Err(Error::NoMirror { target, file: Box::new(*self.file), attempts })
    }

    /// Asks one place, again where the trouble may pass.
    fn patiently(&mut self, place: &Mirror, from: &str) -> Result<(), Trouble> {
        let limits = &self.options.limits;
        let start = Instant::now();
        for retry in 0.. {
            check_cancel(self.options).map_err(Trouble::Ours)?;
            (self.progress)(Event::Started { file: self.file, from });
            let (reason, wanted) = match self.once(place, start + limits.whole) {
                Err(Trouble::Transient(reason, wanted)) => (reason, wanted),
                other => return other,
            };
            let wait = wanted.unwrap_or_else(|| limits.backoff.saturating_mul(1 << retry.min(20)));
            if retry >= limits.retries {
                return Err(Trouble::Lasting(format!("{reason}, {} times", retry + 1)));
            }
            if wait > limits.longest_wait || start.elapsed().saturating_add(wait) > limits.whole {
                return Err(Trouble::Lasting(format!("{reason}, and {} s to wait", wait.as_secs())));
            }
            (self.progress)(Event::Waiting { file: self.file, from, reason: &reason, wait });
            self.wait(wait)?;
        }
        unreachable!("the retries are counted")
    }

    fn wait(&self, wait: Duration) -> Result<(), Trouble> {
        let until = Instant::now() + wait;
        while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            check_cancel(self.options).map_err(Trouble::Ours)?;
            thread::sleep(left.min(TICK));
        }
        Ok(())
    }

    fn once(&mut self, place: &Mirror, deadline: Instant) -> Result<(), Trouble> {
        let mut part = None;
        let (fs, file, target, options) = (self.fs, self.file, self.target, self.options);
        let mut write = |bytes: &[u8]| {
            check_cancel(options).map_err(Trouble::Ours)?;
            let part = match &mut part {
                Some(part) => part,
                none => none.insert(Part::create(fs, file, target)?),
            };
            part.write(bytes)?;
            (self.progress)(Event::Received { file, bytes: part.bytes() });
            Ok(())
        };
        match place {
            Mirror::Folder(path) => copy(path, &mut write)?,
            #[cfg(feature = "download")]
            Mirror::Url(url) => super::http::get(url, options, deadline, &mut write)?,
            #[cfg(not(feature = "download"))]
            Mirror::Url(_) => {
                let _ = deadline;
                let reason = "expected a folder, got an address, which needs the feature `download`";
                return Err(Trouble::Lasting(reason.to_owned()));
            }
        }
        match part {
            Some(part) => part.finish(),
            None => Part::create(fs, file, target)?.finish(), // an empty answer: right if the file is empty
        }
    }
}

type Write<'a> = dyn FnMut(&[u8]) -> Result<(), Trouble> + 'a;

fn copy(path: &Path, write: &mut Write<'_>) -> Result<(), Trouble> {
    let trouble = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Trouble::NotFound(error.to_string()),
        _ => Trouble::Lasting(error.to_string()),
    };
    let mut reader = open_file(path).map_err(trouble)?;
    let mut block = vec![0; 1 << 17];
    loop {
        match reader.read(&mut block) {
            Ok(0) => return Ok(()),
            Ok(n) => write(&block[..n])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(trouble(error)),
        }
    }
}
