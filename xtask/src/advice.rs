//! What to do next, for errors of the crates, which know nothing of commands.

use std::error::Error;
use std::io::ErrorKind;

use datasets::Error as DataError;
use losses::Error as LossError;
use trainer::Error as TrainError;

use crate::suggest;

/// A sentence that follows the error's text.
pub fn next_step(error: &(dyn Error + 'static)) -> Option<String> {
    let data = match error.downcast_ref::<TrainError>() {
        Some(TrainError::Recipe { message, .. }) => return Some(of_recipe(message)),
        Some(TrainError::Data(error)) => Some(error),
        _ => error.downcast_ref::<DataError>(),
    };
    match data {
        Some(error) => of_data(error),
        None => of_training(error.downcast_ref::<TrainError>()?).map(str::to_owned),
    }
}

fn of_recipe(message: &str) -> String {
    let meant = suggest::meant(message).map_or(String::new(), |word| format!("did you mean '{word}'?\n  "));
    format!(
        "{meant}a recipe is a TOML file: `cargo xtask list` names what it may hold, crates/trainer/recipes has examples"
    )
}

fn of_training(error: &TrainError) -> Option<&'static str> {
    match error {
        TrainError::Io { action: "read", source, .. } if source.kind() == ErrorKind::NotFound => {
            Some("look at the path: it begins in the current folder")
        }
        TrainError::Io { action: "read", .. } => Some("look at the kind of the file and its permissions"),
        TrainError::Io { .. } => Some("choose a place that can be written to"),
        TrainError::File { .. } => {
            Some("a model is a model.safetensors that `cargo xtask train` or `Model::save` wrote")
        }
        TrainError::OtherRun { .. } => {
            Some("resume with the recipe, options and data of that run, or begin anew with another --out")
        }
        TrainError::Network(_) => Some("look at [model] in the recipe; shapes are those of one example"),
        TrainError::Outputs { .. } => Some(
            "the last layer needs as many units as there are classes or values: look at [model] in the recipe",
        ),
        TrainError::Loss { source: LossError::TargetKind { expected: "rows of numbers", .. }, .. } => Some(
            "the labels are classes: `one_hot = true` in [data] of the recipe makes a row of each, or take another loss: \
             `cargo xtask list` names them",
        ),
        TrainError::Loss { .. } => Some("look at [loss] in the recipe: `cargo xtask list` names the losses"),
        TrainError::Option { .. } => Some("look at the recipe and the options of the command"),
        TrainError::Input { .. } => Some(
            "give the inputs in the form of the training data; `cargo xtask summary MODEL` shows what it takes",
        ),
        _ => None,
    }
}

fn of_data(error: &DataError) -> Option<String> {
    let known = match error.fault() {
        DataError::Io(error) if error.kind() == ErrorKind::NotFound => {
            "look at the path: in a recipe of your own it begins in the folder of the recipe, else in the folder that \
             --data names"
        }
        DataError::HeaderIsData { .. } => "in a recipe: csv = { ..., header = false }",
        DataError::BadLabel { hint, text, .. } if hint.contains("class_names") => {
            return Some(format!(
                "if the column is the class, list all classes in the recipe: csv = {{ ..., classes = [{text:?}, \"...\"] \
                 }}; else say which is: label = \"last\" or label = {{ column = \"NAME\" }}"
            ));
        }
        DataError::BadLabel { text, .. } if text.parse::<f64>().is_ok() => {
            "say which column is the class, in a recipe: csv = { ..., label = \"last\" } or label = { column = \"NAME\" }; \
             for numbers to predict label = { values = [\"NAME\"] }"
        }
        DataError::BadNumber { .. } | DataError::FieldCount { .. } | DataError::BadLabel { .. } => {
            "mend the line, or say which column is what: header, label, delimiter"
        }
        DataError::BadMagic { .. } => "expected an IDX file, plain or gzip; for a table say csv",
        _ => return None,
    };
    Some(known.to_owned())
}
