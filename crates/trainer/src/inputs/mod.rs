//! Examples from files, in the form that a model takes: for predictions and for judging a model on other data.

mod csv;
mod png;

use std::path::Path;

use datasets::{Dataset, Features, Scaling, Targets, idx};
use layers::{Backprop, Sequential};
use ndarray::{Array2, Axis};
use tensor_ops::Scalar;

pub use csv::{CsvForm, CsvInputs, read_csv};
pub use png::{PngForm, read_png, white_of};

use crate::{Answer, Error, Model, Source, outputs};

/// The examples in an IDX file, in the shape that the model takes; with `labels`, their classes or values, too.
///
/// # Errors
///
/// [`Error::Data`] if a file is missing or wrong, [`Error::Input`] if its examples have another number of numbers.
pub fn read_idx<T: Scalar>(
    model: &Model<T>,
    examples: &Path,
    labels: Option<&Path>,
) -> Result<Dataset, Error> {
    let options = idx::Options::default();
    let dataset = match labels {
        Some(labels) => idx::load(examples, labels, model.classes(), &options)?,
        None => {
            let data = idx::read(examples, &options)?;
            let targets =
                idx::Data::F64(Array2::zeros((data.shape().first().copied().unwrap_or(0), 0)).into_dyn());
            idx::dataset(data, targets, vec![])?
        }
    };
    shaped(model, dataset, examples)
}

/// The same examples in the shape that the model takes.
fn shaped<T: Scalar>(model: &Model<T>, dataset: Dataset, path: &Path) -> Result<Dataset, Error> {
    let (expected, got) = (model.input_shape(), dataset.feature_shape().to_vec());
    dataset.reshape_features(expected).map_err(|_| Error::Input {
        path: path.to_owned(),
        at: String::new(),
        expected: format!("examples of shape {expected:?}"),
        got: format!("{got:?}"),
    })
}

/// Examples without targets.
fn unlabelled(features: Features) -> Result<Dataset, Error> {
    let targets = Targets::Values(Array2::zeros((features.len(), 0)));
    Ok(Dataset::new(features, targets, vec![])?)
}

/// What the model says of each example; `None` where an output is not a number.
///
/// # Errors
///
/// [`Error::Data`] if there are no examples, [`Error::InputShape`] or [`Error::Index`] if they are not what the network
/// takes.
pub fn answer<T: Scalar>(model: &Model<T>, examples: &Dataset) -> Result<Vec<Option<Answer>>, Error>
where
    Sequential: Backprop<T>,
{
    let (expected, got) = (model.input_shape(), examples.feature_shape());
    if expected != got {
        return Err(Error::InputShape { expected: expected.to_vec(), got: got.to_vec() });
    }
    let scaling: &Scaling = &model.scaling;
    Ok(model.answers(&outputs(model, &Source::new(examples, scaling)?)?))
}

/// Images of one size, one after another.
fn stacked(images: Vec<ndarray::ArrayD<f32>>) -> Option<Features> {
    let views: Vec<_> = images.iter().map(|image| image.view().insert_axis(Axis(0))).collect();
    ndarray::concatenate(Axis(0), &views).ok().map(Features::F32)
}
