//! Checkpoints of a training, those of earlier ones, and Ctrl-C.

use std::cell::{Cell, OnceCell};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use layers::{Backprop, Sequential};
use trainer::recipe::{Data, Recipe};
use trainer::{Checkpoint, CheckpointStore, Error, Found, Stored, Trainer};

use super::Run;
use crate::output::shown;
use crate::signals;

/// Writes checkpoints when they are due, and when the training is interrupted.
///
/// A training that needs none makes no folder, and no fingerprint of its data. What an earlier run left in the folder goes
/// to another name before the first checkpoint is written, and is never removed.
pub(super) struct Keeper<'a> {
    recipe: &'a Recipe,
    data: &'a Data,
    dir: PathBuf,
    store: OnceCell<CheckpointStore>,
    run: OnceCell<trainer::Run>,
    every: Option<u64>,
    /// Set when the training is to end.
    interrupted: Arc<AtomicBool>,
    /// The folder holds what an earlier run left, which this one must not push out.
    occupied: Cell<bool>,
    /// Where that went, until somebody says so.
    moved: Cell<Option<PathBuf>>,
    /// The step of the last checkpoint that this run wrote or went on from.
    last: Cell<Option<u64>>,
}

type Failure = Box<dyn std::error::Error>;

impl Run<'_> {
    /// The checkpoints of this run, below `out`.
    pub(super) fn keeper<'a>(&'a self, out: &Path, data: &'a Data) -> Result<Keeper<'a>, Failure> {
        let (every, resume) = (self.args.checkpoint_every.map(u64::from), self.args.resume);
        let keeper = Keeper {
            recipe: self.recipe,
            data,
            dir: out.join("checkpoints"),
            store: OnceCell::new(),
            run: OnceCell::new(),
            every,
            interrupted: signals::asked_to_end()?,
            occupied: Cell::new(false),
            moved: Cell::new(None),
            last: Cell::new(None),
        };
        writable(out)?;
        if every.is_some() {
            writable(&keeper.dir)?;
        }
        let dir = shown(&keeper.dir);
        let steps = if keeper.dir.is_dir() { CheckpointStore::open(&keeper.dir)?.steps()? } else { vec![] };
        match steps.last() {
            None if resume => {
                return Err(format!("there is no checkpoint in {dir}; leave out --resume to begin").into());
            }
            // Whatever else stands where checkpoints go must not keep them from being written.
            None => keeper.occupied.set(keeper.dir.exists() && writable(&keeper.dir).is_err()),
            Some(_) if resume => {}
            Some(&step) => {
                keeper.occupied.set(true);
                self.say_earlier(&keeper.dir, step);
            }
        }
        Ok(keeper)
    }
}

/// Makes the folder if need be, and sees that files can be made in it: better now than after the training.
fn writable(folder: &Path) -> Result<(), String> {
    let refused = |what: &str| format!("{}: {what}; --out names another", shown(folder));
    if folder.exists() && !folder.is_dir() {
        return Err(refused("expected a folder, got a file"));
    }
    std::fs::create_dir_all(folder).map_err(|e| refused(&format!("cannot make the folder: {e}")))?;
    let probe = folder.join(format!(".can-write-{}", std::process::id()));
    std::fs::File::create_new(&probe)
        .and_then(|_| std::fs::remove_file(&probe))
        .map_err(|e| refused(&format!("cannot write into the folder: {e}")))
}

/// Gives a file or folder the first free name of `checkpoints-1`, `checkpoints-2` and so on.
fn set_aside(path: &Path) -> Result<PathBuf, Error> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut names = (1..).map(|i: u64| path.with_file_name(format!("{name}-{i}")));
    let free =
        names.find(|name| name.symlink_metadata().is_err()).expect("there are more numbers than files");
    match std::fs::rename(path, &free) {
        Ok(()) => Ok(free),
        Err(source) => Err(Error::Io { path: path.to_owned(), action: "set aside", source }),
    }
}

impl Keeper<'_> {
    fn store(&self) -> Result<&CheckpointStore, Error> {
        if let Some(store) = self.store.get() {
            return Ok(store);
        }
        if self.occupied.replace(false) {
            self.moved.set(Some(set_aside(&self.dir)?));
        }
        let store = CheckpointStore::open(&self.dir)?;
        Ok(self.store.get_or_init(|| store))
    }

    /// What a checkpoint belongs to; the first call reads all of the data.
    fn run(&self) -> Result<&trainer::Run, Error> {
        if let Some(run) = self.run.get() {
            return Ok(run);
        }
        let run = trainer::Run::new(self.recipe, &[("train", &self.data.train), ("test", &self.data.test)])?;
        Ok(self.run.get_or_init(|| run))
    }

    /// Puts the trainer where the last checkpoint was.
    pub(super) fn restore<T: Stored>(&self, trainer: &mut Trainer<T>) -> Result<Found<T>, Failure>
    where
        Sequential: Backprop<T>,
    {
        const ANEW: &str = "without --resume it begins anew and keeps what is there";
        let found = self.store()?.latest::<T>().map_err(|error| format!("{error}; {ANEW}"))?;
        let found = found.expect("a run that resumes has looked for checkpoints");
        match found.checkpoint.run.check(self.run()?) {
            Err(Error::OtherRun { differences }) => {
                let (path, differences) = (shown(&found.path), differences.join("\n  "));
                return Err(format!(
                    "{path}: the checkpoint is of another run:\n  {differences}\n\
                     --resume goes on with the same recipe, options and data; {ANEW}"
                )
                .into());
            }
            other => other?,
        }
        trainer.restore(found.checkpoint.state.clone())?;
        self.last.set(Some(trainer.step_count()));
        Ok(found)
    }

    /// Writes a checkpoint if one is due; with Ctrl-C writes one anyway and ends the training.
    pub(super) fn after_step<T: Stored>(&self, trainer: &Trainer<T>) -> Result<ControlFlow<PathBuf>, Error>
    where
        Sequential: Backprop<T>,
    {
        let step = trainer.step_count();
        if self.interrupted.load(Ordering::Relaxed) {
            return Ok(ControlFlow::Break(self.save(trainer)?));
        }
        if self.every.is_some_and(|every| step.is_multiple_of(every)) {
            self.save(trainer)?;
        }
        Ok(ControlFlow::Continue(()))
    }

    fn save<T: Stored>(&self, trainer: &Trainer<T>) -> Result<PathBuf, Error>
    where
        Sequential: Backprop<T>,
    {
        trainer.check_parameters()?;
        let path = self.store()?.save(&Checkpoint { run: self.run()?.clone(), state: trainer.state() })?;
        self.last.set(Some(trainer.step_count()));
        Ok(path)
    }

    /// Where the checkpoints of an earlier run have gone, the first time that it is asked for.
    pub(super) fn moved(&self) -> Option<PathBuf> {
        self.moved.take()
    }

    /// An error of the training, with the last good checkpoint.
    pub(super) fn explain(&self, error: Error) -> Failure {
        if let (Error::Io { .. }, true) = (&error, self.interrupted.load(Ordering::Relaxed)) {
            return format!("stopped, but the state could not be saved: {error}").into();
        }
        let (Error::NotFinite { .. }, Some(step)) = (&error, self.last.get()) else { return error.into() };
        let dir = shown(&self.dir);
        format!("{error}; the last good checkpoint, after step {step}, is in {dir}").into()
    }
}
