//! The network of a recipe with its loss.

use ndarray::ArrayD;
use tensor_ops::gradcheck::{Report, Settings};

use super::Network;
use crate::recipe::{Data, Recipe};
use crate::{Error, Source};
use layers::views::batched;

/// Steps of training before the check: at the very beginning a network may be right by accident, with biases of zero.
const BURN_IN: u64 = 20;

/// Examples of the check.
const EXAMPLES: usize = 3;

/// Trains the recipe's network for 20 steps in f64, then checks every element of the gradient of its loss on the first
/// three training examples.
///
/// # Errors
///
/// As training: if recipe and data do not fit.
pub fn check_recipe(recipe: &Recipe, data: &Data, settings: &Settings) -> Result<Report, Error> {
    let model = recipe.model::<f64>(data)?;
    let source = Source::new(&data.train, &data.scaling)?.with_one_hot(recipe.data.one_hot);
    let mut trainer = recipe.trainer(model)?;
    for _ in 0..BURN_IN {
        trainer.train_step(&source)?;
    }
    let n = EXAMPLES.min(source.len());
    let indices: Vec<usize> = (0..n).collect();
    let mut x = ArrayD::zeros(batched(n, trainer.model().input_shape()));
    source.inputs(&indices, &mut x);
    let mut buffer = source.target_buffer(n);
    let loss = recipe.loss.build_any().map_err(|source| Error::Loss { step: 0, source })?;
    let network = Network::new(trainer.model(), &x, source.targets(&indices, &mut buffer), &*loss)?;
    Ok(network.check_every_element(settings))
}
