//! How good a model is on a data set.

use layers::views::{head, rows};
use layers::{Backprop, Mode};
use losses::{Loss, Reduction};
use ndarray::{Array2, ArrayD, ArrayView2, s};
use tensor_ops::{Scalar, argmax};

use crate::{Error, Model, Source};

/// Examples in one forward pass of an evaluation.
const BLOCK: usize = 500;

/// Loss and accuracy over a whole data set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evaluation {
    /// The mean loss of an example, weighted where the loss weighs classes; of a loss that is a sum, too.
    pub loss: f64,
    /// The share of examples whose largest output is at their class; none if the targets are no classes.
    pub accuracy: Option<f64>,
}

/// Runs the model over all of `data` in inference mode.
///
/// # Errors
///
/// [`Error::Loss`] if the loss refuses the targets.
pub fn evaluate<T: Scalar, N: Backprop<T>>(
    model: &Model<T, N>,
    data: &Source<'_, T>,
    loss: &dyn Loss<T>,
) -> Result<Evaluation, Error> {
    Evaluator::new(model, data).run(model, data, loss)
}

impl<T: Scalar, N> Model<T, N> {
    /// That the model takes such inputs and gives as many outputs as the targets need.
    pub(crate) fn check_fit(&self, data: &Source<'_, T>) -> Result<(), Error> {
        let (expected, got) = (self.input_shape(), data.dataset().feature_shape());
        if expected != got {
            return Err(Error::InputShape { expected: expected.to_vec(), got: got.to_vec() });
        }
        let outputs = self.output_shape().iter().product();
        if outputs != data.outputs() {
            return Err(Error::Outputs { expected: data.outputs(), got: outputs });
        }
        Ok(())
    }
}

/// The memory for repeated evaluations on one data set.
#[derive(Debug)]
pub(crate) struct Evaluator<T> {
    indices: Vec<usize>,
    x: ArrayD<T>,
    y: ArrayD<T>,
    cache: layers::Cache<T>,
    targets: crate::TargetBuffer<T>,
    /// Whether `x` holds the whole set already, because it fits into one block.
    filled: bool,
}

impl<T: Scalar> Evaluator<T> {
    pub(crate) fn new<N: Backprop<T>>(model: &Model<T, N>, data: &Source<'_, T>) -> Self {
        let n = BLOCK.min(data.len());
        let x = ArrayD::zeros(layers::views::batched(n, model.input_shape()));
        let y = ArrayD::zeros(layers::views::batched(n, model.output_shape()));
        let mut cache = model.network().new_cache(x.shape());
        cache.begin(Mode::Infer, 0);
        let indices = (0..data.len()).collect();
        Evaluator { indices, x, y, cache, targets: data.target_buffer(n), filled: false }
    }

    pub(crate) fn run<N: Backprop<T>>(
        &mut self,
        model: &Model<T, N>,
        data: &Source<'_, T>,
        loss: &dyn Loss<T>,
    ) -> Result<Evaluation, Error> {
        let (mut total, mut weight, mut right) = (0.0, 0.0, 0);
        let mut blocks = Blocks { evaluator: self, model, data };
        blocks.for_each(|indices, outputs, targets| {
            let of_block = mean_weight(loss, targets);
            if of_block > 0.0 {
                let value =
                    loss.value(&outputs, targets).map_err(|source| Error::Loss { step: 0, source })?;
                total += match loss.reduction() {
                    Reduction::Mean => value.value() * of_block,
                    Reduction::Sum => value.value(),
                };
                weight += of_block;
            }
            if let Some(labels) = data.dataset().targets.classes() {
                right += correct(&outputs, indices.iter().map(|&i| labels[i]));
            }
            Ok(())
        })?;
        let accuracy = data.dataset().targets.classes().map(|_| right as f64 / data.len() as f64);
        Ok(Evaluation { loss: total / weight, accuracy })
    }
}

/// What a batch weighs in the mean loss over several: the number of its rows, or the sum of the weights of its classes.
pub(crate) fn mean_weight<T: Scalar>(loss: &dyn Loss<T>, targets: losses::Targets<'_, T>) -> f64 {
    match loss.reduction() {
        Reduction::Mean => loss.weight(targets),
        Reduction::Sum => targets.len() as f64,
    }
}

/// The outputs of the model for all of `data`, in inference mode, one row an example: what
/// [`metrics`](crate::metrics) look at.
///
/// # Errors
///
/// [`Error::Index`] if the inputs are not what the network takes.
pub fn outputs<T: Scalar, N: Backprop<T>>(
    model: &Model<T, N>,
    data: &Source<'_, T>,
) -> Result<Array2<T>, Error> {
    let mut evaluator = Evaluator::new(model, data);
    let mut all = Array2::zeros((data.len(), model.output_shape().iter().product()));
    let mut blocks = Blocks { evaluator: &mut evaluator, model, data };
    blocks.for_each(|indices, outputs, _| {
        let first = indices[0];
        all.slice_mut(s![first..first + indices.len(), ..]).assign(&outputs);
        Ok(())
    })?;
    Ok(all)
}

/// A pass of a model over a data set, block by block.
struct Blocks<'a, 'd, T: Scalar, N> {
    evaluator: &'a mut Evaluator<T>,
    model: &'a Model<T, N>,
    data: &'a Source<'d, T>,
}

impl<T: Scalar, N: Backprop<T>> Blocks<'_, '_, T, N> {
    fn for_each(
        &mut self,
        mut f: impl FnMut(&[usize], ArrayView2<'_, T>, losses::Targets<'_, T>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let Evaluator { indices, x, y, cache, targets, filled } = &mut *self.evaluator;
        for indices in indices.chunks(BLOCK) {
            let n = indices.len();
            if !*filled {
                let mut x = layers::views::head_mut(x, n);
                self.data.inputs(indices, &mut x);
                crate::model::check_indices(self.model.network(), &x)?;
                *filled = n == self.data.len();
            }
            let network = self.model.network();
            network.forward(self.model.params(), &head(x, n), &mut layers::views::head_mut(y, n), cache);
            f(indices, rows(&head(y, n)).view(), self.data.targets(indices, targets))?;
        }
        Ok(())
    }
}

/// How many rows have their largest output at their label.
pub(crate) fn correct<T: Scalar>(outputs: &ArrayView2<'_, T>, labels: impl Iterator<Item = usize>) -> usize {
    outputs.rows().into_iter().zip(labels).filter(|(row, label)| argmax(row) == Some(*label)).count()
}
