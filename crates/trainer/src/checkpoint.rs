//! Checkpoints: training that is stopped by anything goes on as if nothing had happened.
//!
//! A checkpoint is a safetensors file like a model, with a checksum over every byte. It holds the
//! [`State`](crate::State) of a trainer, and the [`Run`] that the state belongs to: the configuration and the
//! fingerprints of the data. There is no state of a random generator in it, because every draw is a function of the
//! seed and the number of the step.

mod run;
mod store;

use std::collections::BTreeMap;

use serde_json::Value;

pub use run::Run;
pub use store::{CheckpointStore, Found};

use crate::files::json;
use crate::files::tensors::{Encoder, Tensors};
use crate::{Error, FileFault, Progress, State, Stored};

const FORMAT: &str = "trainer-checkpoint";
const VERSION: u32 = 1;

/// A state of training, and what it is a state of.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint<T> {
    /// What the training was asked to do, and on which data.
    pub run: Run,
    /// How far it is.
    pub state: State<T>,
}

impl<T: Stored> Checkpoint<T> {
    /// The content of a checkpoint file.
    ///
    /// # Errors
    ///
    /// [`Error::Content`] if a number of the state is infinite or not a number: such a state is no place to go on from,
    /// and shall not take the place of one that is.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        let mut file = Encoder::default();
        file.metadata("format", FORMAT);
        file.metadata("version", VERSION.to_string());
        file.metadata("written_by", concat!("trainer ", env!("CARGO_PKG_VERSION")));
        file.metadata("config", json("config", &self.run.config)?);
        file.metadata("data", json("data", &self.run.data)?);
        file.metadata("progress", json("progress", &self.state.progress)?);
        for (name, array) in &self.state.arrays {
            file.tensor(name, array)?;
        }
        Ok(file.finish())
    }

    /// Reads the content of a checkpoint file.
    ///
    /// # Errors
    ///
    /// [`Error::Content`]: what is wrong with it. A checkpoint in another precision is refused, because training would
    /// not go on with the same bits.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let tensors = Tensors::parse(bytes)?;
        tensors.expect_format(FORMAT, VERSION)?;
        let run = Run { config: tensors.json("config")?, data: tensors.json("data")? };
        check_counts("", &tensors.json("progress")?)?;
        let progress: Progress = tensors.json("progress")?;
        let mut arrays = BTreeMap::new();
        for (name, dtype, shape) in tensors.iter() {
            if dtype != T::DTYPE {
                let expected = format!("type {}, in which this training computes", T::DTYPE);
                return Err(FileFault::tensor(name, expected, format!("type {dtype}")).into());
            }
            arrays.insert(name.to_owned(), tensors.read(name, shape)?);
        }
        Ok(Checkpoint { run, state: State { arrays, progress } })
    }
}

/// That no count is larger than any training comes to, so that the training can go on counting.
fn check_counts(path: &str, value: &Value) -> Result<(), FileFault> {
    const MOST: u64 = 1 << 48; // at a step each microsecond, nine years
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match value {
        Value::Object(fields) => fields.iter().try_for_each(|(key, value)| check_counts(&below(key), value)),
        Value::Array(items) => items.iter().try_for_each(|item| check_counts(path, item)),
        Value::Number(n) if n.as_u64().is_some_and(|n| n > MOST) => Err(FileFault::metadata(
            "progress",
            format!("{path}: expected a count of at most {MOST}, got {n}"),
        )),
        _ => Ok(()),
    }
}
