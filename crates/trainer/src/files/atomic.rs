//! Writing a file so that it is there whole or not at all.
//!
//! ```text
//! 1  create  .model.safetensors.4711-0.tmp    beside the target, never over an existing file
//! 2  write and sync it                        its content survives a loss of power
//! 3  rename it to model.safetensors           at once: a reader sees the old file or the new one
//! 4  sync the folder                          the rename survives a loss of power
//! ```
//!
//! A failure before 3 leaves the old file as it was and removes the temporary one. A process that dies leaves a
//! temporary file behind, which the next write to the same target sweeps.

use std::fs::Metadata;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::fs::{Disk, Fs, NewFile};
use super::place::Place;
use crate::Error;

/// Writes a file durably: whole and synced in the place of the old one, or not at all.
///
/// `write` puts the content into the writer it is given. Of a symbolic link the target is written, and the link stays.
/// What is there and is no file, such as a pipe or a terminal, is never replaced: the content goes straight into it. So
/// it does into what a process has open, such as `/dev/stdout`, be it a file or not.
///
/// The new file has the permissions of the old one, and its owner and group as far as the system lets it; other
/// attributes, and hard links to the old file, do not pass over to it. A file that is read-only is not replaced.
///
/// # Errors
///
/// [`Error::Io`] with the path and the operation that failed; the old file is then as it was. One failure comes after
/// the new file is in place, that of syncing the folder, and the error says so.
///
/// # Examples
///
/// ```
/// let path = std::env::temp_dir().join(format!("trainer-write-atomically-{}.txt", std::process::id()));
/// trainer::write_atomically(&path, |file| file.write_all(b"whole"))?;
/// assert_eq!(std::fs::read(&path).unwrap(), b"whole");
/// # std::fs::remove_file(&path).unwrap();
/// # Ok::<(), trainer::Error>(())
/// ```
pub fn write_atomically(
    path: impl AsRef<Path>,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Error> {
    let path = path.as_ref();
    match Place::of(path).map_err(|e| Error::io("write", path, e))? {
        Place::File(target) => write_with(&Disk, &target, write),
        Place::Stream(stream) => stream.write(write).map_err(|e| Error::io("write", path, e)),
    }
}

pub(crate) fn write_with(
    fs: &dyn Fs,
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Error> {
    let target = Target::new(path)?;
    sweep(fs, &target.dir, |stem| stem == target.stem);
    let old = fs.replaceable(path).map_err(|e| Error::io("write", path, e))?;
    let (temporary, file) = target.create(fs, old.as_ref()).map_err(|e| Error::io("write", path, e))?;
    // Open, and so locked, until it has its name: whoever sweeps meanwhile leaves it.
    let written = fill(file, write).map_err(|e| Error::io("write", path, e)).and_then(|_open| {
        fs.rename(&temporary, path).map_err(|e| Error::io("put the new file in place", path, e))
    });
    if written.is_err() {
        let _ = fs.remove(&temporary);
        return written;
    }
    let unsure = "sync the folder: the new file is in place, but may be lost with the power";
    fs.sync_dir(&target.dir).map_err(|e| Error::io(unsure, path, e))
}

fn fill(
    file: Box<dyn NewFile>,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<Box<dyn NewFile>> {
    let mut file = BufWriter::with_capacity(1 << 16, file);
    write(&mut file)?;
    let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync()?;
    Ok(file)
}

/// Where a file goes.
struct Target {
    dir: PathBuf,
    /// What its temporary files are called after: the name, as far as it is text and leaves room for the rest.
    stem: String,
}

impl Target {
    fn new(path: &Path) -> Result<Self, Error> {
        let name = path.file_name().ok_or_else(|| {
            let fault = io::Error::new(io::ErrorKind::InvalidInput, "expected a path that ends with a name");
            Error::io("write", path, fault)
        })?;
        let dir = match path.parent() {
            Some(dir) if dir != Path::new("") => dir,
            _ => Path::new("."),
        };
        Ok(Target { dir: dir.to_owned(), stem: stem(&name.to_string_lossy()) })
    }

    /// A new file beside the target, for the same people as the old one. Its name holds the number of the process and that
    /// of the write in it; both may come again, after a restart of the machine for one, so a name that is taken is passed
    /// over.
    fn create(&self, fs: &dyn Fs, old: Option<&Metadata>) -> io::Result<(PathBuf, Box<dyn NewFile>)> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let mut attempts = 0;
        loop {
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let path = self.dir.join(format!(".{}.{}-{count}.tmp", self.stem, std::process::id()));
            attempts += 1;
            match fs.create_new(&path, old) {
                Ok(file) => return Ok((path, file)),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists && attempts < 100 => {}
                Err(e) => return Err(e),
            }
        }
    }
}

/// The start of a name, so long that with two dots, two numbers and an ending it is no longer than file systems allow.
fn stem(name: &str) -> String {
    const NAME: usize = 255;
    const REST: usize = ".".len() + ".4294967295-18446744073709551615.tmp".len();
    name[..name.floor_char_boundary(NAME - REST)].to_owned()
}

/// Removes what dead processes left of writes to files in this folder. `is_ours` is asked about the part of a temporary
/// file's name that is that of the file. A failure is no reason not to write.
pub(crate) fn sweep(fs: &dyn Fs, dir: &Path, is_ours: impl Fn(&str) -> bool) {
    for name in fs.list(dir).unwrap_or_default() {
        if stem_of(&name).is_some_and(&is_ours) {
            let _ = fs.remove_stale(&dir.join(&name));
        }
    }
}

/// `model.safetensors` of `.model.safetensors.4711-0.tmp`; nothing of a name that is not exactly so.
fn stem_of(temporary: &str) -> Option<&str> {
    let (stem, writer) = temporary.strip_prefix('.')?.strip_suffix(".tmp")?.rsplit_once('.')?;
    let (process, count) = writer.split_once('-')?;
    let written = format!("{}-{}", process.parse::<u32>().ok()?, count.parse::<u64>().ok()?);
    (written == writer).then_some(stem)
}

#[cfg(all(test, feature = "checkpoint"))]
mod tests {
    use super::*;
    use crate::files::fs::create_dirs;
    use crate::files::fs::faults::{Memory, Plan, every_loss};

    const OLD: &[u8] = b"old";
    const PATH: &str = "folder/file";

    fn new_content() -> Vec<u8> {
        (0..100_000_u32).map(|i| (i % 251) as u8).collect()
    }

    fn write(fs: &Memory, content: &[u8]) -> Result<(), crate::Error> {
        write_with(fs, Path::new(PATH), |file| {
            let (one, two) = content.split_at(content.len() / 2);
            file.write_all(one)?;
            file.write_all(two)
        })
    }

    fn with_old_file() -> Memory {
        let fs = Memory::new();
        create_dirs(&fs, Path::new("folder")).unwrap();
        write(&fs, OLD).unwrap();
        fs
    }

    fn only_file(fs: &Memory) -> Vec<u8> {
        assert_eq!(fs.list(Path::new("folder")).unwrap(), ["file"], "nothing else is left");
        fs.read(Path::new(PATH)).unwrap()
    }

    #[test]
    fn power_lost_at_any_operation_leaves_the_old_file_or_the_new_one() {
        let start = with_old_file();
        let (mut olds, mut news) = (0, 0);
        for at in 0.. {
            let mut finished = false;
            for (torn, loss) in
                [false, true].into_iter().flat_map(|torn| every_loss().map(move |loss| (torn, loss)))
            {
                let fs = start.with_plan(Plan::Stop { at, torn });
                finished = write(&fs, &new_content()).is_ok() && fs.operations() <= at;
                let fs = fs.restarted(loss);
                match fs.read(Path::new(PATH)).unwrap() {
                    content if content == OLD && !finished => olds += 1,
                    content if content == new_content() => news += 1,
                    content => panic!("{} bytes at operation {at}, torn: {torn}, {loss:?}", content.len()),
                }
                write(&fs, b"later").unwrap();
                assert_eq!(only_file(&fs), b"later");
            }
            if finished {
                break;
            }
        }
        assert!(olds > 1000 && news > 20, "{olds} {news}: both outcomes happen");
    }

    #[test]
    fn any_failing_operation_leaves_the_old_file_or_the_new_one_and_the_next_write_succeeds() {
        let start = with_old_file();
        for for_good in [false, true] {
            for at in 0.. {
                let fs = start.with_plan(Plan::Fail { at, for_good });
                let result = write(&fs, &new_content());
                let finished = fs.operations() <= at;
                let fs = fs.with_plan(Plan::Nothing);
                let content = fs.read(Path::new(PATH)).unwrap();
                match &result {
                    Ok(()) => assert_eq!(content, new_content()),
                    Err(e) if e.to_string().contains("the new file is in place") => {
                        assert_eq!(content, new_content())
                    }
                    Err(_) => assert_eq!(content, OLD),
                }
                // A disk that refuses all lets nothing be removed; one that stumbles once is left tidy.
                assert!(for_good || only_file(&fs) == content);
                write(&fs, b"later").unwrap();
                assert_eq!(only_file(&fs), b"later");
                if finished {
                    break;
                }
            }
        }
    }

    #[test]
    fn only_names_of_temporary_files_are_swept() {
        assert_eq!(stem_of(".m.onnx.4711-0.tmp"), Some("m.onnx"));
        for other in [
            ".m.onnx.2024-01-31.tmp",
            ".m.onnx.2024-01.tmp",
            ".m.onnx.20240131.tmp",
            ".m.onnx.-.tmp",
            ".m.onnx.4711-.tmp",
            ".m.onnx.+4711-0.tmp",
            ".m.onnx.99999999999-0.tmp",
            "m.onnx.4711-0.tmp",
            ".m.onnx.4711-0.tmp2",
        ] {
            assert_eq!(stem_of(other), None, "{other}");
        }
    }

    #[test]
    fn writers_of_one_path_do_not_remove_each_others_files() {
        let dir = std::env::temp_dir().join(format!("trainer-writers-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let path = dir.join("file");
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        write_with(&Disk, &path, |file| file.write_all(b"whole")).unwrap();
                    }
                });
            }
        });
        assert_eq!(std::fs::read(&path).unwrap(), b"whole");
        assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 1, "no temporary file is left");
        std::fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn writing_in_place_would_be_caught() {
        let start = with_old_file();
        let stopped = start.with_plan(Plan::Stop { at: 2, torn: true });
        stopped.remove(Path::new(PATH)).unwrap();
        let _ = stopped.create_new(Path::new(PATH), None).unwrap().write_all(&new_content());
        let outcomes: Vec<_> =
            every_loss().map(|loss| stopped.restarted(loss).read(Path::new(PATH)).unwrap()).collect();
        assert!(outcomes.iter().any(|content| content != OLD && *content != new_content()));
    }
}
