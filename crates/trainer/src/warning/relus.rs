//! Rectifiers that are dead.

use layers::views::batched;
use layers::{Backprop, Mode, Sequential};
use ndarray::{ArrayD, ArrayRefD, Axis};
use tensor_ops::Scalar;

use super::{Warning, inputs};
use crate::{Model, Source};

/// What is to be said of a trained model: a warning for each layer of rectifiers of which more than half are dead on
/// `data`.
///
/// # Panics
///
/// If the data are not for this model.
pub fn of_model<T: Scalar>(model: &Model<T>, data: &Source<'_, T>) -> Vec<Warning>
where
    Sequential: Backprop<T>,
{
    let network = model.network();
    let is_relu = |i: &usize| network.layers()[*i].kind() == "relu";
    let relus: Vec<usize> = (0..network.len()).filter(is_relu).collect();
    if relus.is_empty() {
        return Vec::new();
    }
    let x = inputs(data);
    let mut y = ArrayD::zeros(batched(x.len_of(Axis(0)), model.output_shape()));
    let mut cache = network.new_cache(x.shape());
    cache.begin(Mode::Infer, 0);
    network.forward(model.params(), &x, &mut y, &mut cache);
    // The cache of a chain holds the outputs of all its layers but the last.
    let dead = relus.into_iter().filter_map(|layer| {
        let (dead, units) = dead_units(cache.arrays[..network.len() - 1].get(layer).unwrap_or(&y));
        (2 * dead > units).then_some(Warning::DeadRelus { layer, dead, units })
    });
    dead.collect()
}

/// Of the units (the channels, for images) that give `y`, how many are 0 for every example, and how many there are.
fn dead_units<T: Scalar>(y: &ArrayRefD<T>) -> (usize, usize) {
    if y.ndim() < 2 {
        return (0, 0);
    }
    let dead = y.axis_iter(Axis(1)).filter(|unit| unit.iter().all(|v| v.value() == 0.0)).count();
    (dead, y.len_of(Axis(1)))
}
