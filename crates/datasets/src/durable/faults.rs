//! A file system in memory that fails or loses power at any operation.
//!
//! As on a disk, what was written and not synced may be lost, and so may a rename whose folder was not synced; but
//! either may also survive without the other.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use super::{Fs, NewFile};

/// What goes wrong, at the operation counted from 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Plan {
    /// Nothing goes wrong.
    Nothing,
    /// Power is lost before the operation, or with half of it done.
    Stop {
        /// Which operation.
        at: usize,
        /// Half of it is done.
        torn: bool,
    },
    /// The operation fails; so do all after it if `for_good`.
    Fail {
        /// Which operation.
        at: usize,
        /// The disk does not recover.
        for_good: bool,
    },
}

/// What of the unsynced survives.
#[derive(Clone, Copy, Debug)]
pub struct Survives {
    /// Names: new files, renames, removals.
    pub names: bool,
    /// What is in the files.
    pub content: Content,
}

/// How much of what was written and not synced survives.
#[derive(Clone, Copy, Debug)]
pub enum Content {
    /// All of it.
    All,
    /// The first half.
    Half,
    /// None of it.
    Synced,
}

/// Every way to lose power: from the death of a process alone to the loss of all that was not synced.
pub fn every_loss() -> impl Iterator<Item = Survives> {
    let contents = [Content::All, Content::Half, Content::Synced];
    contents.into_iter().flat_map(|content| [true, false].map(|names| Survives { names, content }))
}

#[derive(Clone, Debug, Default)]
struct File {
    content: Vec<u8>,
    synced: Vec<u8>,
}

/// What a name is of.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Entry {
    Folder,
    /// By its position among the files.
    File(usize),
}

#[derive(Clone, Debug)]
struct State {
    files: Vec<File>,
    names: BTreeMap<PathBuf, Entry>,
    synced_names: BTreeMap<PathBuf, Entry>,
    operations: usize,
    plan: Plan,
    stopped: bool,
}

/// The file system; a clone is another handle to it.
#[derive(Clone, Debug)]
pub struct Memory(Arc<Mutex<State>>);

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

impl Memory {
    /// An empty one, where nothing goes wrong.
    pub fn new() -> Self {
        Memory(Arc::new(Mutex::new(State {
            files: Vec::new(),
            names: BTreeMap::new(),
            synced_names: BTreeMap::new(),
            operations: 0,
            plan: Plan::Nothing,
            stopped: false,
        })))
    }

    /// A copy with all that this one holds, where `plan` goes wrong; operations count from 0 again.
    pub fn with_plan(&self, plan: Plan) -> Self {
        let state = State { plan, operations: 0, ..self.state().clone() };
        Memory(Arc::new(Mutex::new(state)))
    }

    /// What is there after the machine started again.
    pub fn restarted(&self, survives: Survives) -> Self {
        let old = self.state().clone();
        let mut names = if survives.names { old.names } else { old.synced_names };
        let all = names.clone();
        names.retain(|path, _| path.ancestors().skip(1).all(|dir| is_folder(&all, dir))); // lost with its folder
        let files = old.files.into_iter().map(|file| {
            let content = match survives.content {
                Content::All => file.content,
                Content::Half => {
                    let unsynced = file.content.len().saturating_sub(file.synced.len());
                    file.content[..file.content.len() - unsynced.div_ceil(2)].to_vec()
                }
                Content::Synced => file.synced,
            };
            File { synced: content.clone(), content }
        });
        let files = files.collect();
        let synced_names = names.clone();
        let state = State { files, names, synced_names, operations: 0, plan: Plan::Nothing, stopped: false };
        Memory(Arc::new(Mutex::new(state)))
    }

    /// How many operations there were.
    pub fn operations(&self) -> usize {
        self.state().operations
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Counts an operation: how much of it happens, or that it fails.
    fn begin(&self) -> io::Result<(MutexGuard<'_, State>, Extent)> {
        let mut state = self.state();
        if state.stopped {
            return Err(io::Error::other("stopped"));
        }
        let now = state.operations;
        state.operations += 1;
        match state.plan {
            Plan::Stop { at, torn } if at == now => {
                state.stopped = true;
                let extent = if torn { Extent::Half } else { return Err(io::Error::other("stopped")) };
                Ok((state, extent))
            }
            Plan::Fail { at, for_good } if at == now || (for_good && now > at) => {
                Err(io::Error::other("planned failure"))
            }
            _ => Ok((state, Extent::Whole)),
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Extent {
    Whole,
    /// Half of it, and the caller hears of a failure.
    Half,
}

impl Extent {
    fn result(self) -> io::Result<()> {
        if self == Extent::Whole { Ok(()) } else { Err(io::Error::other("stopped")) }
    }

    fn of(self, n: usize) -> usize {
        if self == Extent::Whole { n } else { n / 2 }
    }
}

/// Whether there is a folder; the one in which all are is always there.
fn is_folder(names: &BTreeMap<PathBuf, Entry>, dir: &Path) -> bool {
    dir == Path::new("") || names.get(dir) == Some(&Entry::Folder)
}

fn missing() -> io::Error {
    io::ErrorKind::NotFound.into()
}

impl Fs for Memory {
    fn create_new(&self, path: &Path, _: Option<&Metadata>) -> io::Result<Box<dyn NewFile>> {
        let (mut state, extent) = self.begin()?;
        if state.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if !path.parent().is_some_and(|dir| is_folder(&state.names, dir)) {
            return Err(missing());
        }
        let file = state.files.len();
        state.files.push(File::default());
        state.names.insert(path.to_owned(), Entry::File(file));
        extent.result()?;
        Ok(Box::new(Open { memory: self.clone(), file }))
    }

    fn replaceable(&self, _: &Path) -> io::Result<Option<Metadata>> {
        self.begin().map(|_| None)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let (mut state, extent) = self.begin()?;
        let file = state.names.remove(from).ok_or_else(missing)?;
        state.names.insert(to.to_owned(), file);
        extent.result()
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let (mut state, extent) = self.begin()?;
        let dir = if dir == Path::new(".") { Path::new("") } else { dir };
        if !is_folder(&state.names, dir) {
            return Err(missing());
        }
        // Torn: the half of the names that comes first.
        let names = state.names.clone();
        let inside = |path: &Path| path.parent() == Some(dir);
        let n = extent.of(names.keys().filter(|path| inside(path)).count());
        let kept: Vec<_> = names.iter().filter(|(path, _)| inside(path)).take(n).collect();
        if extent == Extent::Whole {
            state.synced_names.retain(|path, _| !inside(path));
        }
        state.synced_names.extend(kept.into_iter().map(|(path, file)| (path.clone(), *file)));
        extent.result()
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let (mut state, extent) = self.begin()?;
        state.names.remove(path).ok_or_else(missing)?;
        extent.result()
    }

    fn remove_stale(&self, path: &Path) -> io::Result<()> {
        self.remove(path)
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        let (mut state, extent) = self.begin()?;
        if state.names.contains_key(dir) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if !dir.parent().is_some_and(|dir| is_folder(&state.names, dir)) {
            return Err(missing());
        }
        state.names.insert(dir.to_owned(), Entry::Folder);
        extent.result()
    }

    fn is_dir(&self, dir: &Path) -> bool {
        is_folder(&self.state().names, dir)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let (state, _) = self.begin()?;
        let inside = state.names.keys().filter(|path| path.parent() == Some(dir));
        Ok(inside.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect())
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let (state, _) = self.begin()?;
        match state.names.get(path) {
            Some(&Entry::File(file)) => Ok(state.files[file].content.clone()),
            _ => Err(missing()),
        }
    }
}

struct Open {
    memory: Memory,
    file: usize,
}

impl Write for Open {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Short writes are legal, and make more operations to stop at.
        let bytes = &bytes[..bytes.len().min(300)];
        let (mut state, extent) = self.memory.begin()?;
        state.files[self.file].content.extend(&bytes[..extent.of(bytes.len())]);
        extent.result()?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl NewFile for Open {
    fn sync(&mut self) -> io::Result<()> {
        let (mut state, extent) = self.memory.begin()?;
        let file = &mut state.files[self.file];
        let n = extent.of(file.content.len()).max(file.synced.len());
        file.synced = file.content[..n].to_vec();
        extent.result()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::durable::create_dirs;

    /// Without it, the tests with this file system could pass because nothing is ever lost.
    #[test]
    fn this_file_system_loses_what_is_not_synced() {
        let path = Path::new("a/b");
        let fs = Memory::new();
        fs.create_dir(Path::new("a")).unwrap();
        fs.sync_dir(Path::new(".")).unwrap();
        fs.create_new(path, None).unwrap().write_all(b"1234").unwrap();
        let read = |fs: &Memory, survives| fs.restarted(survives).read(path).ok();
        assert_eq!(read(&fs, Survives { names: false, content: Content::All }), None);
        assert_eq!(read(&fs, Survives { names: true, content: Content::Synced }), Some(vec![]));
        assert_eq!(read(&fs, Survives { names: true, content: Content::Half }), Some(b"12".to_vec()));
        fs.sync_dir(Path::new("a")).unwrap();
        assert_eq!(read(&fs, Survives { names: false, content: Content::All }), Some(b"1234".to_vec()));
    }

    #[test]
    fn a_folder_that_is_not_synced_is_lost_with_all_that_is_in_it() {
        let lost = Survives { names: false, content: Content::All };
        let fs = Memory::new();
        assert!(fs.create_new(Path::new("a/b"), None).is_err() && fs.create_dir(Path::new("a/b")).is_err());
        fs.create_dir(Path::new("a")).unwrap();
        drop(fs.create_new(Path::new("a/b"), None).unwrap());
        fs.sync_dir(Path::new("a")).unwrap();
        let after = fs.restarted(lost);
        assert!(!after.is_dir(Path::new("a")) && after.read(Path::new("a/b")).is_err());
    }

    #[test]
    fn new_folders_survive_whatever_operation_fails_or_is_the_last() {
        let dir = Path::new("a/b/c");
        let lost = Survives { names: false, content: Content::All };
        for at in 0.. {
            let fs = Memory::new().with_plan(Plan::Fail { at, for_good: false });
            let made = create_dirs(&fs, dir).is_ok();
            let finished = fs.operations() <= at;
            assert!(!made || fs.restarted(lost).is_dir(dir), "failed at {at}");
            let fs = fs.with_plan(Plan::Nothing);
            create_dirs(&fs, dir).unwrap();
            assert!(fs.restarted(lost).is_dir(dir), "made again after {at}");

            let fs = Memory::new().with_plan(Plan::Stop { at, torn: true });
            assert!(create_dirs(&fs, dir).is_err() || finished);
            for loss in every_loss() {
                let fs = fs.restarted(loss);
                create_dirs(&fs, dir).unwrap();
                assert!(fs.restarted(lost).is_dir(dir), "stopped at {at}, {loss:?}");
            }
            if finished {
                break;
            }
        }
    }
}
