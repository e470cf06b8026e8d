//! Rectifiers that are dead.

use layers::views::{batched, head, head_mut};
use layers::{Backprop, Mode, Sequential};
use ndarray::{ArrayD, ArrayRefD, ArrayViewD, Axis};
use tensor_ops::Scalar;

use super::{Warning, inputs};
use crate::model::check_indices;
use crate::{Error, Model, Source};

/// What is to be said of a trained model: a warning for each layer of rectifiers of which more than half are dead on
/// `data`.
///
/// # Errors
///
/// [`Error::InputShape`], [`Error::Index`] if the data are not for this model.
pub fn of_model<T: Scalar>(model: &Model<T>, data: &Source<'_, T>) -> Result<Vec<Warning>, Error>
where
    Sequential: Backprop<T>,
{
    let network = model.network();
    let is_relu = |i: &usize| network.layers()[*i].kind() == "relu";
    let relus: Vec<usize> = (0..network.len()).filter(is_relu).collect();
    if relus.is_empty() {
        return Ok(Vec::new());
    }
    model.check_inputs(data)?;
    let x = inputs(data);
    check_indices(network, &x)?;
    let block = model.at_once(x.len_of(Axis(0)));
    let mut y = ArrayD::zeros(batched(block, model.output_shape()));
    let mut cache = network.new_cache(&batched(block, model.input_shape()));
    cache.begin(Mode::Infer, 0);
    let mut alive = vec![Vec::new(); relus.len()];
    for x in x.axis_chunks_iter(Axis(0), block) {
        let n = x.len_of(Axis(0));
        let mut y = head_mut(&mut y, n);
        network.forward(model.params(), &x, &mut y, &mut cache);
        for (alive, &layer) in alive.iter_mut().zip(&relus) {
            // The cache of a chain holds the outputs of all its layers but the last.
            let inner = cache.arrays[..network.len() - 1].get(layer);
            note_alive(&inner.map_or(y.view(), |y| head(y, n)), alive);
        }
    }
    let dead = relus.into_iter().zip(alive).filter_map(|(layer, alive)| {
        let (units, dead) = (alive.len(), alive.iter().filter(|alive| !**alive).count());
        (2 * dead > units).then_some(Warning::DeadRelus { layer, dead, units })
    });
    Ok(dead.collect())
}

/// Notes which of the units (the channels, for images) that give `y` are not 0 for some example.
fn note_alive<T: Scalar>(y: &ArrayRefD<T>, alive: &mut Vec<bool>) {
    if y.ndim() < 2 {
        return;
    }
    alive.resize(y.len_of(Axis(1)), false);
    let is_alive = |unit: ArrayViewD<'_, T>| unit.iter().any(|v| v.value() != 0.0);
    alive.iter_mut().zip(y.axis_iter(Axis(1))).for_each(|(alive, unit)| *alive |= is_alive(unit));
}
