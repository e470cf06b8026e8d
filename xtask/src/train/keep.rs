//! Checkpoints of a training, and Ctrl-C.

use std::cell::Cell;
use std::fmt::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use layers::{Backprop, Sequential};
use trainer::recipe::Data;
use trainer::{Checkpoint, CheckpointStore, Error, Found, Stored, Trainer};

use super::Run;
use crate::output::shown;

/// Set by Ctrl-C.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Writes checkpoints when they are due, and when the training is interrupted.
pub(super) struct Keeper {
    store: CheckpointStore,
    run: trainer::Run,
    every: Option<u64>,
    /// The folder holds what an earlier run left, which this one must not push out.
    occupied: bool,
    /// The step of the last checkpoint that this run wrote or went on from.
    last: Cell<Option<u64>>,
}

type Failure = Box<dyn std::error::Error>;

impl Run<'_> {
    /// The checkpoints of this run, below `out`.
    pub(super) fn keeper(&self, out: &Path, data: &Data) -> Result<Keeper, Failure> {
        let dir = out.join("checkpoints");
        let store = CheckpointStore::open(&dir)?;
        let steps = store.steps()?;
        let (every, resume) = (self.args.checkpoint_every, self.args.resume);
        match steps.last() {
            None if resume => {
                let shown = shown(&dir);
                return Err(format!("there is no checkpoint in {shown}; leave out --resume to begin").into());
            }
            Some(step) if !resume && every.is_some() => {
                return Err(format!(
                    "{} has a checkpoint of an earlier run, after step {step}; --resume goes on with it, another \
                     --out keeps it, or remove the folder",
                    shown(&dir)
                )
                .into());
            }
            _ => {}
        }
        ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::Relaxed))?;
        let run = trainer::Run::new(self.recipe, &[("train", &data.train), ("test", &data.test)])?;
        let occupied = !resume && !steps.is_empty();
        Ok(Keeper { store, run, every: every.map(u64::from), occupied, last: Cell::new(None) })
    }
}

impl Keeper {
    /// Puts the trainer where the last checkpoint was.
    pub(super) fn restore<T: Stored>(&self, trainer: &mut Trainer<T>) -> Result<Found<T>, Error>
    where
        Sequential: Backprop<T>,
    {
        let found = self.store.latest::<T>()?;
        let found = found.expect("a run that resumes has looked for checkpoints");
        found.checkpoint.run.check(&self.run)?;
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
        let path = self.store.save(&Checkpoint { run: self.run.clone(), state: trainer.state() })?;
        self.last.set(Some(trainer.step_count()));
        Ok(path)
    }

    /// An error of the training, with the last good checkpoint.
    pub(super) fn explain(&self, error: Error) -> Failure {
        let mut text = error.to_string();
        if let (Error::NotFinite { .. }, Some(step)) = (&error, self.last.get()) {
            let _ = write!(
                text,
                "; the last good checkpoint, after step {step}, is in {}",
                shown(self.store.dir())
            );
        }
        text.into()
    }
}
