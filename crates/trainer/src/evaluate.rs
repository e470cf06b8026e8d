//! How good a model is on a data set.

use std::sync::{Mutex, PoisonError};

use layers::views::{batched, head, head_mut};
use layers::{Backprop, Mode};
use losses::{Loss, Reduction};
use ndarray::{Array2, ArrayD, ArrayRef2, ArrayView2, Axis};
use tensor_ops::{Scalar, aligned_zeros, is_argmax, pool};

use crate::{Error, Model, Source, TargetBuffer};

/// Examples in a block, which one thread takes through the whole network: at most so many, fewer if those take much memory,
const BLOCK: usize = 64;
/// and at most the share of one in so many blocks, so that a small set has work for several threads.
const BLOCKS: usize = 8;

/// Loss and accuracy over a whole data set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evaluation {
    /// The mean loss of an example, weighted where the loss weighs classes; of a loss that is a sum, too. 0 if no example
    /// is of a class that weighs anything.
    pub loss: f64,
    /// The share of examples whose largest output is at their class; none if the targets are no classes.
    pub accuracy: Option<f64>,
}

/// Runs the model over all of `data` in inference mode.
///
/// # Errors
///
/// [`Error::InputShape`], [`Error::Outputs`], [`Error::Index`] if the data are not for this model, [`Error::Loss`] if the
/// loss refuses the targets.
pub fn evaluate<T: Scalar, N: Backprop<T>>(
    model: &Model<T, N>,
    data: &Source<'_, T>,
    loss: &dyn Loss<T>,
) -> Result<Evaluation, Error> {
    model.check_fit(data)?;
    Evaluator::new(model, data).run(model, None, data, loss)
}

impl<T: Scalar, N> Model<T, N> {
    /// That the model takes such inputs.
    pub(crate) fn check_inputs(&self, data: &Source<'_, T>) -> Result<(), Error> {
        let (expected, got) = (self.input_shape(), data.dataset().feature_shape());
        if expected != got {
            return Err(Error::InputShape { expected: expected.to_vec(), got: got.to_vec() });
        }
        Ok(())
    }

    /// That the model takes such inputs and gives as many outputs as the targets need. Looks at shapes alone, so that
    /// every step can ask.
    pub(crate) fn check_fit(&self, data: &Source<'_, T>) -> Result<(), Error> {
        self.check_inputs(data)?;
        let outputs = self.output_shape().iter().product();
        if outputs != data.outputs() {
            return Err(Error::Outputs { expected: data.outputs(), got: outputs });
        }
        Ok(())
    }
}

/// The memory for repeated evaluations on one data set, which has to fit the model.
#[derive(Debug)]
pub(crate) struct Evaluator<T> {
    indices: Vec<usize>,
    /// Examples in a block.
    block: usize,
    /// One for each block if there are few, else one for each thread.
    lanes: Vec<Mutex<Lane<T>>>,
    /// What the last run found in each block.
    found: Vec<Found>,
}

/// The memory for one block.
#[derive(Debug)]
struct Lane<T> {
    x: ArrayD<T>,
    y: ArrayD<T>,
    cache: layers::Cache<T>,
    targets: TargetBuffer<T>,
    /// Whether `x` holds the only block of this lane already.
    filled: bool,
}

/// What an evaluation finds in a block.
#[derive(Clone, Copy, Debug, Default)]
struct Found {
    loss: f64,
    weight: f64,
    correct: usize,
}

impl<T: Scalar> Lane<T> {
    fn new<N: Backprop<T>>(model: &Model<T, N>, targets: TargetBuffer<T>, n: usize) -> Self {
        let x = aligned_zeros(&batched(n, model.input_shape()));
        let y = aligned_zeros(&batched(n, model.output_shape()));
        let mut cache = model.network().new_cache(x.shape());
        cache.begin(Mode::Infer, 0);
        Lane { x, y, cache, targets, filled: false }
    }

    /// The outputs for the examples with these indices, and their targets.
    fn forward<N: Backprop<T>>(
        &mut self,
        network: &N,
        params: &[ArrayD<T>],
        data: &Source<'_, T>,
        indices: &[usize],
    ) -> Result<(ArrayView2<'_, T>, losses::Targets<'_, T>), Error> {
        let n = indices.len();
        if !self.filled {
            let mut x = head_mut(&mut self.x, n);
            data.inputs(indices, &mut x);
            crate::model::check_indices(network, &x).map_err(|error| error.renumbered(indices))?;
        }
        let (x, mut y) = (head(&self.x, n), head_mut(&mut self.y, n));
        network.forward(params, &x, &mut y, &mut self.cache);
        let y = head(&self.y, n);
        let outputs = (n, y.len() / n);
        let outputs = y.into_shape_with_order(outputs).expect("a contiguous head");
        Ok((outputs, data.targets(indices, &mut self.targets)))
    }
}

impl<T: Scalar> Evaluator<T> {
    pub(crate) fn new<N: Backprop<T>>(model: &Model<T, N>, data: &Source<'_, T>) -> Self {
        let n = data.len();
        let block = n.div_ceil(BLOCKS).next_multiple_of(8); // whole tiles of a product
        let block = block.min(model.at_once(BLOCK));
        let blocks = n.div_ceil(block);
        let lanes = if blocks <= BLOCKS { blocks } else { pool::threads().min(blocks) };
        let lane = || Mutex::new(Lane::new(model, data.target_buffer(block), block));
        Evaluator {
            indices: (0..n).collect(),
            block,
            lanes: std::iter::repeat_with(lane).take(lanes).collect(),
            found: vec![Found::default(); blocks],
        }
    }

    /// Judges `model`. `twin`: the same parameters in another place, for the second half of the blocks.
    pub(crate) fn run<N: Backprop<T>>(
        &mut self,
        model: &Model<T, N>,
        twin: Option<&[ArrayD<T>]>,
        data: &Source<'_, T>,
        loss: &dyn Loss<T>,
    ) -> Result<Evaluation, Error> {
        let labels = data.dataset().targets.classes();
        let mut found = std::mem::take(&mut self.found);
        let judged = self.for_each(model, twin, data, &mut found, |found, indices, outputs, targets| {
            *found = Found { weight: mean_weight(loss, targets), ..Found::default() };
            let refused = |source| Error::Loss { step: 0, source }.renumbered(indices);
            found.loss = part_of_loss(loss, &outputs, targets, 1.0, None).map_err(refused)?;
            let labels = labels.map(|labels| indices.iter().map(|&i| labels[i]));
            found.correct = labels.map_or(0, |labels| correct(&outputs, labels));
            Ok(())
        });
        self.found = found;
        judged?;
        let (mut loss, mut weight, mut right) = (0.0, 0.0, 0);
        for found in &self.found {
            (loss, weight, right) = (loss + found.loss, weight + found.weight, right + found.correct);
        }
        let loss = if weight == 0.0 { 0.0 } else { loss / weight };
        Ok(Evaluation { loss, accuracy: labels.map(|_| right as f64 / data.len() as f64) })
    }

    /// Calls `f` with the place for the result of each block of the data, its examples, outputs and targets. Threads
    /// share the blocks, which depend on the size of the set alone.
    fn for_each<N: Backprop<T>, R: Send>(
        &self,
        model: &Model<T, N>,
        twin: Option<&[ArrayD<T>]>,
        data: &Source<'_, T>,
        results: impl IntoIterator<Item = R>,
        f: impl Fn(R, &[usize], ArrayView2<'_, T>, losses::Targets<'_, T>) -> Result<(), Error> + Sync,
    ) -> Result<(), Error> {
        let first_wrong = Mutex::new(None);
        let blocks = self.indices.chunks(self.block).zip(results).enumerate();
        let count = self.indices.len().div_ceil(self.block);
        let each_has_its_own = self.lanes.len() == count;
        let products = model.network().multiply_adds(model.input_shape()).unwrap_or(u64::MAX);
        let time = usize::try_from(products).unwrap_or(usize::MAX).saturating_mul(data.len()) / 40;
        pool::for_each(time, blocks, |(at, (indices, result))| {
            let free = || self.lanes.iter().find_map(|lane| lane.try_lock().ok());
            let own = || self.lanes[at % self.lanes.len()].lock().unwrap_or_else(PoisonError::into_inner);
            let mut lane = if each_has_its_own { own() } else { free().unwrap_or_else(own) };
            let params = twin.filter(|_| 2 * at >= count).unwrap_or(model.params());
            let judged = lane.forward(model.network(), params, data, indices);
            let judged = judged.and_then(|(outputs, targets)| f(result, indices, outputs, targets));
            lane.filled = each_has_its_own && judged.is_ok();
            if let Err(error) = judged {
                let mut first = first_wrong.lock().unwrap_or_else(PoisonError::into_inner);
                if first.as_ref().is_none_or(|(before, _)| at < *before) {
                    *first = Some((at, error));
                }
            }
        });
        match first_wrong.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some((_, error)) => Err(error),
            None => Ok(()),
        }
    }
}

/// What a batch weighs in the mean loss over several: the number of its rows, or the sum of the weights of its classes.
pub(crate) fn mean_weight<T: Scalar>(loss: &dyn Loss<T>, targets: losses::Targets<'_, T>) -> f64 {
    match loss.reduction() {
        Reduction::Mean => loss.weight(targets),
        Reduction::Sum => targets.len() as f64,
    }
}

/// What these rows give to the loss of a whole batch that weighs `whole` (see [`mean_weight`]), or to the sum if the loss is
/// one; and with `dy`, dy ← its derivative by their outputs.
pub(crate) fn part_of_loss<T: Scalar>(
    loss: &dyn Loss<T>,
    outputs: &ArrayRef2<T>,
    targets: losses::Targets<'_, T>,
    whole: f64,
    dy: Option<&mut ArrayRef2<T>>,
) -> Result<f64, losses::Error> {
    let share = |share: f64| dy.map(|dy| (T::from_f64(share), dy));
    match (loss.reduction(), loss.weight(targets)) {
        (Reduction::Sum, _) => Ok(loss.evaluate(outputs, targets, share(1.0))?.value()),
        (Reduction::Mean, weight) if weight > 0.0 => {
            let part = weight / whole;
            Ok(loss.evaluate(outputs, targets, share(part))?.value() * part)
        }
        // Of rows that weigh nothing there is no mean, but there may be a sum. A batch of nothing else has no loss.
        (Reduction::Mean, _) => {
            let part = if whole > 0.0 { 1.0 / whole } else { 0.0 };
            Ok(loss.evaluate_sum(outputs, targets, share(part))?.value() * part)
        }
    }
}

/// The outputs of the model for all of `data`, in inference mode, one row an example: what
/// [`metrics`](crate::metrics) look at.
///
/// # Errors
///
/// [`Error::InputShape`] or [`Error::Index`] if the inputs are not what the network takes. Targets do not count.
pub fn outputs<T: Scalar, N: Backprop<T>>(
    model: &Model<T, N>,
    data: &Source<'_, T>,
) -> Result<Array2<T>, Error> {
    model.check_inputs(data)?;
    let evaluator = Evaluator::new(model, data);
    let mut all = Array2::zeros((data.len(), model.output_shape().iter().product()));
    let results = all.axis_chunks_iter_mut(Axis(0), evaluator.block);
    evaluator.for_each(model, None, data, results, |mut result, _, outputs, _| {
        result.assign(&outputs);
        Ok(())
    })?;
    Ok(all)
}

/// How many rows have their largest output at their label.
pub(crate) fn correct<T: Scalar>(outputs: &ArrayView2<'_, T>, labels: impl Iterator<Item = usize>) -> usize {
    outputs.rows().into_iter().zip(labels).filter(|(row, label)| is_argmax(row, *label)).count()
}
