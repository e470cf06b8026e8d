//! Checkpoints of a training, and Ctrl-C.

use std::cell::{Cell, OnceCell};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use layers::{Backprop, Sequential};
use trainer::recipe::{Data, Recipe};
use trainer::{Checkpoint, CheckpointStore, Error, Found, Stored, Trainer};

use super::Run;
use crate::output::shown;

/// Set by Ctrl-C.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Writes checkpoints when they are due, and when the training is interrupted.
///
/// A training that needs none makes no folder, and no fingerprint of its data.
pub(super) struct Keeper<'a> {
    recipe: &'a Recipe,
    data: &'a Data,
    dir: PathBuf,
    store: OnceCell<CheckpointStore>,
    run: OnceCell<trainer::Run>,
    every: Option<u64>,
    /// The folder holds what an earlier run left, which this one must not push out.
    occupied: bool,
    /// The step of the last checkpoint that this run wrote or went on from.
    last: Cell<Option<u64>>,
}

type Failure = Box<dyn std::error::Error>;

impl Run<'_> {
    /// The checkpoints of this run, below `out`.
    pub(super) fn keeper<'a>(&'a self, out: &Path, data: &'a Data) -> Result<Keeper<'a>, Failure> {
        let (every, resume) = (self.args.checkpoint_every.map(u64::from), self.args.resume);
        let mut keeper = Keeper {
            recipe: self.recipe,
            data,
            dir: out.join("checkpoints"),
            store: OnceCell::new(),
            run: OnceCell::new(),
            every,
            occupied: false,
            last: Cell::new(None),
        };
        writable(out)?;
        if every.is_some() {
            writable(&keeper.dir)?;
        }
        let dir = shown(&keeper.dir);
        let there = every.is_some() || keeper.dir.is_dir();
        let steps = if there { keeper.store()?.steps()? } else { vec![] };
        match steps.last() {
            None if resume => {
                return Err(format!("there is no checkpoint in {dir}; leave out --resume to begin").into());
            }
            Some(step) if !resume && every.is_some() => {
                return Err(format!(
                    "{dir} has a checkpoint of an earlier run, after step {step}; --resume goes on with it, another \
                     --out keeps it, or remove the folder"
                )
                .into());
            }
            last => keeper.occupied = !resume && last.is_some(),
        }
        ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::Relaxed))?;
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

impl Keeper<'_> {
    fn store(&self) -> Result<&CheckpointStore, Error> {
        if let Some(store) = self.store.get() {
            return Ok(store);
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
        const ANEW: &str = "without --resume, another --out begins anew";
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
    pub(super) fn after_step<T: Stored>(
        &self,
        trainer: &Trainer<T>,
    ) -> Result<ControlFlow<Option<PathBuf>>, Error>
    where
        Sequential: Backprop<T>,
    {
        let step = trainer.step_count();
        if INTERRUPTED.load(Ordering::Relaxed) {
            let path = if self.occupied { None } else { Some(self.save(trainer)?) };
            return Ok(ControlFlow::Break(path));
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

    /// An error of the training, with the last good checkpoint.
    pub(super) fn explain(&self, error: Error) -> Failure {
        let (Error::NotFinite { .. }, Some(step)) = (&error, self.last.get()) else { return error.into() };
        let dir = shown(&self.dir);
        format!("{error}; the last good checkpoint, after step {step}, is in {dir}").into()
    }
}
