//! A run in numbers, for programs: `history.json`.

use std::path::Path;

use crate::{Error, Evaluation, History};

/// The name of the file in the folder of a run.
pub const RUN_FILE: &str = "history.json";

/// The version of the file's form that is written, and the latest that is read.
const FORMAT: u32 = 1;

/// A run in numbers.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct RunFile {
    /// The version of this form.
    pub format: u32,
    /// The name of the recipe.
    pub name: String,
    /// The recipe as TOML, with everything that the command line changed.
    pub recipe: String,
    /// The seed.
    pub seed: u64,
    /// Where the relative paths of the recipe's data began, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_root: Option<std::path::PathBuf>,
    /// The number of trainable numbers.
    pub parameters: usize,
    /// The time that training took, in seconds.
    pub seconds: f64,
    /// The trained model on the training set.
    pub train: Score,
    /// The trained model on the test set.
    pub test: Option<Score>,
    /// All records.
    #[serde(flatten)]
    pub history: History,
}

/// An [`Evaluation`] as it is written.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Score {
    /// The mean loss.
    #[serde(with = "crate::exact")]
    pub loss: f64,
    /// The share that is right, of classes.
    #[serde(with = "crate::exact::option")]
    pub accuracy: Option<f64>,
}

impl From<Evaluation> for Score {
    fn from(evaluation: Evaluation) -> Score {
        Score { loss: evaluation.loss, accuracy: evaluation.accuracy }
    }
}

impl RunFile {
    /// Reads the file in the folder of a run.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if it cannot be read, [`Error::Run`] if it is not of this form.
    pub fn load(run: &Path) -> Result<RunFile, Error> {
        let path = run.join(RUN_FILE);
        let text = std::fs::read_to_string(&path).map_err(|error| Error::io("read", &path, error))?;
        let file: RunFile = serde_json::from_str(&text).map_err(|error| Error::Run {
            path: path.clone(),
            line: error.line(),
            column: error.column(),
            message: without_place(&error.to_string()).to_owned(),
        })?;
        if file.format > FORMAT {
            let message = format!("expected a format up to {FORMAT}, got {}", file.format);
            return Err(Error::Run { path, line: 1, column: 1, message });
        }
        Ok(file)
    }

    pub(super) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("texts and numbers can always be written") + "\n"
    }

    pub(super) fn current_format() -> u32 {
        FORMAT
    }
}

/// The place is said by the error around it.
fn without_place(message: &str) -> &str {
    message.rfind(" at line ").map_or(message, |at| &message[..at])
}
