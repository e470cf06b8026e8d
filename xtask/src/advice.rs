//! What to do next, for errors of the crates, which know nothing of commands.

use std::error::Error;
use std::io::ErrorKind;

use datasets::Error as DataError;
use trainer::Error as TrainError;

/// A sentence that follows the error's text.
pub fn next_step(error: &(dyn Error + 'static)) -> Option<&'static str> {
    match error.downcast_ref::<TrainError>() {
        Some(TrainError::Data(error)) => of_data(error),
        Some(TrainError::Recipe { .. }) => Some(
            "a recipe is a TOML file: `cargo xtask list` names what it may hold, crates/trainer/recipes has examples",
        ),
        Some(TrainError::Io { action: "read", source, .. }) if source.kind() == ErrorKind::NotFound => {
            Some("look at the path: it begins in the current folder")
        }
        Some(TrainError::Io { action: "read", .. }) => {
            Some("look at the kind of the file and its permissions")
        }
        Some(TrainError::Io { .. }) => Some("choose a place that can be written to"),
        Some(TrainError::File { .. }) => {
            Some("a model is a model.safetensors that `cargo xtask train` or `Model::save` wrote")
        }
        Some(TrainError::OtherRun { .. }) => {
            Some("resume with the recipe, options and data of that run, or begin anew with another --out")
        }
        Some(TrainError::Network(_)) => {
            Some("look at [model] in the recipe; shapes are those of one example")
        }
        Some(TrainError::Outputs { .. }) => Some(
            "the last layer needs as many units as there are classes or values: look at [model] in the recipe",
        ),
        Some(TrainError::Loss { .. }) => {
            Some("look at [loss] in the recipe: `cargo xtask list` names the losses")
        }
        Some(TrainError::Option { .. }) => Some("look at the recipe and the options of the command"),
        Some(TrainError::Input { .. }) => Some(
            "give the inputs in the form of the training data; `cargo xtask summary MODEL` shows what it takes",
        ),
        _ => of_data(error.downcast_ref::<DataError>()?),
    }
}

fn of_data(error: &DataError) -> Option<&'static str> {
    match error.fault() {
        DataError::Io(error) if error.kind() == ErrorKind::NotFound => Some(
            "look at the path: in a recipe of your own it begins in the folder of the recipe, else in the folder that \
             --data names",
        ),
        DataError::HeaderIsData { .. } => Some("in a recipe: csv = { ..., header = false }"),
        DataError::BadNumber { .. } | DataError::FieldCount { .. } | DataError::BadLabel { .. } => {
            Some("mend the line, or say which column is what: header, label, delimiter")
        }
        DataError::BadMagic { .. } => Some("expected an IDX file, plain or gzip; for a table say csv"),
        _ => None,
    }
}
