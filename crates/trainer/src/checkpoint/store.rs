//! A folder of checkpoints.

use std::path::{Path, PathBuf};

use super::Checkpoint;
use crate::files::fs::{Disk, Fs, create_dirs};
use crate::files::{read_with, sweep, write_with};
use crate::{Error, Stored};

/// How many checkpoints are kept.
const KEPT: usize = 2;

/// A folder that holds the last two checkpoints of a run: `checkpoint-000123.ckpt` after 123 steps.
///
/// Each is written whole before the oldest is removed, so at every moment at least one sound checkpoint is there. One
/// run at a time writes to a folder.
///
/// # Examples
///
/// ```
/// use layers::{Affine, Sequential};
/// use losses::SoftmaxCrossEntropy;
/// use trainer::{Checkpoint, CheckpointStore, Model, Options, Run, Sgd, Trainer};
///
/// let folder = std::env::temp_dir().join(format!("trainer-doc-checkpoints-{}", std::process::id()));
/// let model = Model::<f32>::new(Sequential::new(&[4]).push(Affine::new(4, 3))?, 42)?;
/// let mut trainer = Trainer::new(model, SoftmaxCrossEntropy::default(), Sgd::default(), Options::default())?;
/// let run = Run::new(&"whatever configures the training", &[])?;
///
/// let store = CheckpointStore::open(&folder)?;
/// store.save(&Checkpoint { run: run.clone(), state: trainer.state() })?;
///
/// let found = store.latest::<f32>()?.expect("one was saved");
/// found.checkpoint.run.check(&run)?;
/// trainer.restore(found.checkpoint.state)?;
/// # std::fs::remove_dir_all(&folder).unwrap();
/// # Ok::<(), trainer::Error>(())
/// ```
#[derive(Debug)]
pub struct CheckpointStore {
    dir: PathBuf,
    fs: Box<dyn Fs>,
}

/// The checkpoint to go on from.
#[derive(Debug)]
pub struct Found<T> {
    /// The newest that is sound.
    pub checkpoint: Checkpoint<T>,
    /// Its file.
    pub path: PathBuf,
    /// Newer files that are damaged, each with its path in the error. Tell the user.
    pub refused: Vec<Error>,
}

impl CheckpointStore {
    /// The store in a folder, which is created if it is not there.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if it cannot be created.
    pub fn open(dir: impl Into<PathBuf>) -> Result<Self, Error> {
        CheckpointStore::with_fs(dir.into(), Box::new(Disk))
    }

    pub(crate) fn with_fs(dir: PathBuf, fs: Box<dyn Fs>) -> Result<Self, Error> {
        create_dirs(&*fs, &dir).map_err(|e| Error::io("create the folder", &dir, e))?;
        sweep(&*fs, &dir, |name| step_of(name).is_some());
        Ok(CheckpointStore { dir, fs })
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The steps after which there are checkpoints, in order; damaged ones are among them.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the folder cannot be read.
    pub fn steps(&self) -> Result<Vec<u64>, Error> {
        let names = self.fs.list(&self.dir).map_err(|e| Error::io("read the folder", &self.dir, e))?;
        let mut steps: Vec<u64> = names.iter().filter_map(|name| step_of(name)).collect();
        steps.sort_unstable();
        Ok(steps)
    }

    /// Writes a checkpoint durably, then removes all but the last two.
    ///
    /// # Errors
    ///
    /// [`Error::Content`] if the state is not finite, [`Error::Io`] if it cannot be written. The older checkpoints are
    /// then as they were.
    pub fn save<T: Stored>(&self, checkpoint: &Checkpoint<T>) -> Result<PathBuf, Error> {
        let step = checkpoint.state.progress.step;
        let path = self.path(step);
        let bytes = checkpoint.to_bytes().map_err(|e| e.in_file(&path))?;
        write_with(&*self.fs, &path, |file| file.write_all(&bytes))?;
        // What comes after this step in the folder was refused when the run began, and stays for a look at it.
        let older: Vec<u64> = self.steps().unwrap_or_default().into_iter().filter(|&s| s <= step).collect();
        for &old in &older[..older.len().saturating_sub(KEPT)] {
            // One too many is no reason to stop a training; the next checkpoint tries again.
            let _ = self.fs.remove(&self.path(old));
        }
        Ok(path)
    }

    /// The newest sound checkpoint; `None` if there are no checkpoints.
    ///
    /// # Errors
    ///
    /// [`Error::NoCheckpoint`] if there are some and all are damaged; [`Error::Io`] if the folder cannot be read.
    pub fn latest<T: Stored>(&self) -> Result<Option<Found<T>>, Error> {
        let mut refused = Vec::new();
        for step in self.steps()?.into_iter().rev() {
            let path = self.path(step);
            match read_with(&*self.fs, &path, Checkpoint::from_bytes) {
                Ok(checkpoint) => return Ok(Some(Found { checkpoint, path, refused })),
                Err(error) => refused.push(error),
            }
        }
        if refused.is_empty() {
            Ok(None)
        } else {
            Err(Error::NoCheckpoint { dir: self.dir.clone(), refused })
        }
    }

    fn path(&self, step: u64) -> PathBuf {
        self.dir.join(format!("checkpoint-{step:06}.ckpt"))
    }
}

/// The step in a file's name; `None` for files of other names.
fn step_of(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("checkpoint-")?.strip_suffix(".ckpt")?;
    let step = digits.parse().ok()?;
    (format!("{step:06}") == digits).then_some(step)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use ndarray::ArrayD;

    use super::*;
    use crate::files::fs::faults::{Memory, Plan, every_loss};
    use crate::{Progress, Run, State};

    const DIR: &str = "run";

    fn checkpoint(step: u64) -> Checkpoint<f32> {
        let weight = ArrayD::from_shape_fn(vec![20, 10], |i| step as f32 + i[0] as f32 / 7.0 + i[1] as f32);
        let progress = Progress { step, ..Progress::default() };
        let state = State { arrays: BTreeMap::from([("parameters/0.weight".into(), weight)]), progress };
        Checkpoint { run: Run::new(&"test", &[]).unwrap(), state }
    }

    fn open(fs: &Memory) -> Result<CheckpointStore, Error> {
        CheckpointStore::with_fs(DIR.into(), Box::new(fs.clone()))
    }

    fn store(fs: &Memory) -> CheckpointStore {
        open(fs).unwrap()
    }

    /// A folder in which training has saved so many checkpoints, one a step.
    fn after(saves: u64) -> Memory {
        let fs = Memory::new();
        (1..=saves).for_each(|step| drop(store(&fs).save(&checkpoint(step)).unwrap()));
        fs
    }

    fn latest(fs: &Memory) -> Option<u64> {
        let found = store(fs).latest::<f32>().unwrap()?;
        assert!(found.refused.is_empty(), "{:?}", found.refused);
        let step = found.checkpoint.state.progress.step;
        assert_eq!(found.checkpoint, checkpoint(step));
        Some(step)
    }

    #[test]
    fn power_lost_at_any_operation_of_a_save_leaves_a_sound_checkpoint() {
        for saves in 0..4 {
            let start = after(saves);
            let before = latest(&start);
            for at in 0.. {
                let mut finished = false;
                for (torn, loss) in
                    [false, true].into_iter().flat_map(|torn| every_loss().map(move |l| (torn, l)))
                {
                    let fs = start.with_plan(Plan::Stop { at, torn });
                    let saved = open(&fs).and_then(|store| store.save(&checkpoint(saves + 1))).is_ok();
                    finished = fs.operations() <= at;
                    let fs = fs.restarted(loss);
                    let now = latest(&fs);
                    assert!(
                        now == Some(saves + 1) || (now == before && !saved),
                        "{now:?} {at} {torn} {loss:?}"
                    );
                    store(&fs).save(&checkpoint(saves + 2)).unwrap();
                    assert_eq!(latest(&fs), Some(saves + 2));
                }
                if finished {
                    break;
                }
            }
        }
    }

    #[test]
    fn any_failing_operation_of_a_save_leaves_a_sound_checkpoint_and_the_next_save_succeeds() {
        for (saves, for_good) in [(0, false), (1, false), (3, false), (0, true), (1, true), (3, true)] {
            let start = after(saves);
            let before = latest(&start);
            for at in 0.. {
                let fs = start.with_plan(Plan::Fail { at, for_good });
                let saved = open(&fs).and_then(|store| store.save(&checkpoint(saves + 1))).is_ok();
                let finished = fs.operations() <= at;
                let fs = fs.with_plan(Plan::Nothing);
                let now = latest(&fs);
                assert!(now == Some(saves + 1) || (now == before && !saved), "{now:?} {at}");
                store(&fs).save(&checkpoint(saves + 2)).unwrap();
                assert_eq!(latest(&fs), Some(saves + 2));
                if finished {
                    break;
                }
            }
        }
    }

    #[test]
    fn the_last_two_are_kept() {
        let fs = after(5);
        assert_eq!(store(&fs).steps().unwrap(), [4, 5]);
        assert_eq!(latest(&Memory::new()), None);
    }

    #[test]
    fn checkpoints_are_ordered_by_step_and_not_by_name() {
        let fs = Memory::new();
        for step in [999_999, 1_000_000, 10_000_000] {
            store(&fs).save(&checkpoint(step)).unwrap();
        }
        assert_eq!(store(&fs).steps().unwrap(), [1_000_000, 10_000_000]);
        assert_eq!(step_of("checkpoint-000012.ckpt"), Some(12));
        for other in
            ["checkpoint-12.ckpt", "checkpoint-+00012.ckpt", ".checkpoint-000012.ckpt.1-0.tmp", "notes"]
        {
            assert_eq!(step_of(other), None, "{other}");
        }
    }

    #[test]
    fn a_state_that_is_not_finite_replaces_nothing() {
        let fs = after(2);
        let mut bad = checkpoint(3);
        bad.state.arrays.get_mut("parameters/0.weight").unwrap()[[3, 4]] = f32::NAN;
        let error = store(&fs).save(&bad).unwrap_err().to_string();
        let place = Path::new(DIR).join("checkpoint-000003.ckpt");
        let fault = "tensor parameters/0.weight, element 34: expected a finite number, got NaN";
        assert_eq!(error, format!("{}: {fault}", place.display()));
        assert_eq!(store(&fs).steps().unwrap(), [1, 2]);
    }
}
