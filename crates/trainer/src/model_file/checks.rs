//! What must hold of a model besides its parameters, when it is written as when it is read: what is written can be read.

use datasets::Scaling;
use layers::Spec;

use crate::model::first_repeated;
use crate::{FileFault, Model, Stored};

/// That scaling and names fit the network.
pub(super) fn check<T: Stored, N>(model: &Model<T, N>) -> Result<(), FileFault> {
    check_scaling(&model.scaling, model.input_shape())?;
    check_names(model)
}

/// The network as JSON, if it is not nested deeper than a reader follows.
pub(super) fn readable(network: String) -> Result<String, FileFault> {
    match serde_json::from_str::<Spec>(&network) {
        Ok(_) => Ok(network),
        Err(error) => Err(FileFault::metadata("network", error)),
    }
}

/// That each input, class and value has a name, if any has, and each class one of its own.
fn check_names<T: Stored, N>(model: &Model<T, N>) -> Result<(), FileFault> {
    let (input, output) = (model.input_shape(), model.output_shape());
    for (key, names, each, shape) in [
        ("class_names", &model.class_names, "an output", output),
        ("feature_names", &model.feature_names, "a number of an input", input),
        ("value_names", &model.value_names, "an output", output),
    ] {
        let (expected, got) = (shape.iter().product::<usize>(), names.len());
        if got != 0 && got != expected {
            let message = format!("expected {expected} names, one {each}, got {got}");
            return Err(FileFault::metadata(key, message));
        }
    }
    match first_repeated(&model.class_names) {
        Some(name) => {
            let message = format!("expected names that all differ, got {name:?} twice");
            Err(FileFault::metadata("class_names", message))
        }
        None => Ok(()),
    }
}

fn check_scaling(scaling: &Scaling, input: &[usize]) -> Result<(), FileFault> {
    let (shifts, factors) = match scaling {
        Scaling::Uniform { shift, factor } => (std::slice::from_ref(shift), std::slice::from_ref(factor)),
        Scaling::PerFeature { shift, factor } => {
            let expected: usize = input.iter().product();
            if let Some(got) = [shift.len(), factor.len()].into_iter().find(|&n| n != expected) {
                return Err(FileFault::metadata(
                    "scaling",
                    format!("expected {expected} features, got {got}"),
                ));
            }
            (&shift[..], &factor[..])
        }
    };
    match shifts.iter().chain(factors).find(|x| !x.is_finite()) {
        Some(x) => Err(FileFault::metadata("scaling", format!("expected finite numbers, got {x}"))),
        None => Ok(()),
    }
}
