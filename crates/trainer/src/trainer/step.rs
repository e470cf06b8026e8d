//! One step of training.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use datasets::batches;
use layers::views::{batched, head_mut};
use layers::{Backprop, Cache, Mode, Saved};
use losses::Reduction;
use ndarray::ArrayD;
use tensor_ops::{Scalar, pool, vectorised};

use super::Trainer;
use crate::evaluate::{correct, mean_weight};
use crate::optimizer::MAX_SLOTS;
use crate::trace::Phase;
use crate::{Error, Model, Options, Order, Source, TargetBuffer, Update};

/// What a step needs beside the state; made once.
#[derive(Debug)]
pub(super) struct Memory<T> {
    x: ArrayD<T>,
    y: ArrayD<T>,
    dy: ArrayD<T>,
    cache: Cache<T>,
    grads: Vec<ArrayD<T>>,
    order: Vec<usize>,
    /// The epoch that `order` belongs to.
    ordered: Option<u64>,
    targets: Option<TargetBuffer<T>>,
}

impl<T: Scalar> Memory<T> {
    pub(super) fn new<N: Backprop<T>>(model: &Model<T, N>, options: &Options) -> Self {
        let n = options.pass_size();
        let x = ArrayD::zeros(batched(n, model.input_shape()));
        let y = ArrayD::zeros(batched(n, model.output_shape()));
        Memory {
            cache: model.network().new_cache(x.shape()),
            dy: y.clone(),
            x,
            y,
            grads: model.params().iter().map(|p| ArrayD::zeros(p.raw_dim())).collect(),
            order: Vec::new(),
            ordered: None,
            targets: None,
        }
    }
}

/// What a step found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepReport {
    /// The mean loss of the batch before the update; of a loss that is a sum, too.
    pub loss: f64,
    /// What the batch weighs in a mean over several: its examples, or the sum of the weights of their classes.
    pub weight: f64,
    /// Examples in the batch.
    pub examples: usize,
    /// How many of them were right before the update; 0 if the targets are no classes.
    pub correct: usize,
}

impl<T: Scalar, N: Backprop<T>> Trainer<T, N> {
    /// Takes one step: the batch that the seed and the number of the step name, forward, backward, update.
    ///
    /// # Errors
    ///
    /// [`Error::InputShape`], [`Error::Outputs`], [`Error::Index`], [`Error::Loss`] if the data do not fit the model;
    /// [`Error::NotFinite`] if the loss or a gradient is not finite, [`Error::NoGradient`] if a parameter gets none.
    /// The parameters are then those before the step.
    pub fn train_step(&mut self, data: &Source<'_, T>) -> Result<StepReport, Error> {
        if self.progress.step == 0 || self.memory.targets.is_none() {
            self.model.check_fit(data)?;
            self.memory.targets = Some(data.target_buffer(self.options.batch_size));
        }
        let rate = self.learning_rate(data.len());
        if let Some(tracer) = &mut self.tracer {
            tracer.start();
        }
        let report = self.gradient(data)?;
        self.check_gradient()?;
        if let Some(clip) = self.options.clip {
            clip.apply(&mut self.memory.grads, |i| self.settings[i].trained);
        }
        let step = self.progress.step + 1;
        let due = self.options.evaluates_after(step, data.len());
        if let Some(tracer) = &mut self.tracer {
            tracer.before_update(&self.model, due);
        }
        self.update(rate);
        if let Some(tracer) = &mut self.tracer {
            tracer.after_update(&self.model, &self.memory.grads, step);
        }
        self.model.absorb(&self.memory.cache);
        self.progress.step += 1;
        if let (Some(average), Some(model)) = (self.options.average, &mut self.average) {
            average.update(self.progress.step, self.model.specs(), self.model.params(), model.params_mut());
        }
        self.lap(Phase::Update);
        Ok(report)
    }

    pub(super) fn lap(&mut self, phase: Phase) {
        if let Some(tracer) = &mut self.tracer {
            tracer.lap(phase);
        }
    }

    /// Sets `grads` to the gradient of the next batch, in one pass or several.
    fn gradient(&mut self, data: &Source<'_, T>) -> Result<StepReport, Error> {
        let Memory { order, ordered, grads, targets, .. } = &mut self.memory;
        let batch = next_batch(&self.options, self.progress.step, data.len(), order, ordered);
        let buffer = targets.as_mut().expect("made before the first step");
        let weight = mean_weight(&*self.loss, data.targets(&order[batch.clone()], buffer));
        // A gradient begins as -0: adding anything, even 0, makes it +0, so an untouched one can be told from a zero.
        let untouched = if self.progress.step == 0 { -T::zero() } else { T::zero() };
        grads.iter_mut().for_each(|g| g.fill(untouched));

        let mut report = StepReport { loss: 0.0, weight, examples: batch.len(), correct: 0 };
        let size = self.options.pass_size();
        for (i, start) in batch.clone().step_by(size).enumerate() {
            let seed = noise_seed(self.options.seed, self.progress.step, i as u64);
            self.pass(data, start..(start + size).min(batch.end), seed, &mut report)?;
        }
        Ok(report)
    }

    /// Forward and backward for these places in the order. Adds to `grads` and to the report.
    fn pass(
        &mut self,
        data: &Source<'_, T>,
        part: Range<usize>,
        seed: u64,
        report: &mut StepReport,
    ) -> Result<(), Error> {
        let step = self.progress.step + 1;
        let Memory { x, y, dy, cache, grads, order, targets, .. } = &mut self.memory;
        let indices = &order[part];
        let n = indices.len();
        let network = self.model.network();
        let (mut x, mut y) = (head_mut(x, n), head_mut(y, n));
        data.inputs(indices, &mut x);
        crate::model::check_indices(network, &x)?;
        let mut lap = |phase| self.tracer.iter_mut().for_each(|tracer| tracer.lap(phase));
        lap(Phase::Data);
        cache.begin(Mode::Train, seed);
        network.forward(self.model.params(), &x, &mut y, cache);
        lap(Phase::Forward);

        let outputs = (n, y.len() / n);
        let mut dy = head_mut(dy, n);
        let y_rows = y.view().into_shape_with_order(outputs).expect("a contiguous head");
        let mut dy_rows = dy.view_mut().into_shape_with_order(outputs).expect("a contiguous head");
        if let Some(labels) = data.dataset().targets.classes() {
            report.correct += correct(&y_rows, indices.iter().map(|&i| labels[i]));
        }
        let buffer = targets.as_mut().expect("made before the first step");
        let targets = data.targets(indices, buffer);
        // The mean of the batch is that of its parts, each by its weight; a sum is the sum of the parts.
        let weight = mean_weight(&*self.loss, targets);
        let (share, upstream) = match self.loss.reduction() {
            Reduction::Mean => (weight / report.weight, weight / report.weight),
            Reduction::Sum => (1.0 / report.weight, 1.0),
        };
        if share == 0.0 {
            return Ok(()); // all of its classes have the weight 0
        }
        let loss = self.loss.value_and_gradient(&y_rows, targets, T::from_f64(upstream), &mut dy_rows);
        let loss = loss.map_err(|source| Error::Loss { step, source })?.value();
        if !loss.is_finite() {
            return Err(not_finite(step, loss, network.first_not_finite(&y, cache)));
        }
        report.loss += loss * share;
        network.backward(self.model.params(), Saved { x: &x, y: &y, cache }, &dy, None, grads);
        lap(Phase::Backward);
        Ok(())
    }

    fn check_gradient(&self) -> Result<(), Error> {
        let grads = self.memory.grads.iter().zip(self.model.specs()).zip(&self.settings);
        for ((grad, spec), _) in grads.filter(|(_, settings)| settings.trained) {
            let is_untouched = |g: &T| g.value() == 0.0 && g.value().is_sign_negative();
            if self.progress.step == 0 && !grad.is_empty() && grad.iter().all(is_untouched) {
                return Err(Error::NoGradient { name: spec.name.to_string() });
            }
            if !all_finite(grad.as_slice().expect("made in the standard layout")) {
                let value = grad.iter().map(|g| g.value()).find(|g| !g.is_finite()).unwrap_or(f64::NAN);
                let what = format!("the gradient of {}", spec.name);
                return Err(Error::NotFinite { step: self.progress.step + 1, what, value });
            }
        }
        Ok(())
    }

    fn update(&mut self, rate: f64) {
        let params = self.model.params_mut().iter_mut().zip(&self.settings);
        for (((param, settings), grad), slots) in params.zip(&self.memory.grads).zip(&mut self.slots) {
            if !settings.trained {
                continue;
            }
            let at =
                Update { t: self.progress.step + 1, rate: rate * settings.rate, decays: settings.decays };
            let used = slots.len();
            let mut slots = slots.iter_mut();
            let mut slots: [&mut [T]; MAX_SLOTS] = std::array::from_fn(|_| {
                slots.next().map_or(&mut [][..], |s| s.as_slice_mut().expect("standard"))
            });
            let mut param = param.as_slice_mut().expect("a model's parameters are in the standard layout");
            let mut grad = grad.as_slice().expect("made in the standard layout");
            let (time, part) = (param.len() * (1 + used) / 8, part(param.len()));
            // An optimiser treats each element alone, so the cut changes no bit.
            let parts = std::iter::from_fn(|| {
                let n = part.min(param.len());
                let slots = slots.each_mut().map(|s| s.split_off_mut(..n).unwrap_or_default());
                (n > 0).then_some((param.split_off_mut(..n)?, grad.split_off(..n)?, slots))
            });
            pool::for_each(time, parts, |(param, grad, mut slots)| {
                self.optimizer.update(at, param, grad, &mut slots[..used]);
            });
        }
    }
}

/// Elements of a part of a parameter.
fn part(len: usize) -> usize {
    len.div_ceil(16).max(2048)
}

/// The seed of what is random in the `i`-th pass of a step.
fn noise_seed(seed: u64, step: u64, i: u64) -> u64 {
    seed ^ step.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ i.wrapping_mul(0xd1b5_4a32_d192_ed03)
}

/// Where in `order` the examples of step `step` are, counted from 0.
fn next_batch(
    options: &Options,
    step: u64,
    n: usize,
    order: &mut Vec<usize>,
    ordered: &mut Option<u64>,
) -> Range<usize> {
    match options.order {
        Order::Drawn => {
            batches::draw(n, options.batch_size, options.seed, step, order);
            0..options.batch_size
        }
        Order::Shuffled => {
            let per_epoch = options.steps_per_epoch(n);
            let (epoch, at) = (step / per_epoch, (step % per_epoch) as usize);
            if *ordered != Some(epoch) || order.len() != n {
                batches::shuffled_epoch_into(n, options.seed, epoch, order);
                *ordered = Some(epoch);
            }
            let start = at * options.batch_size;
            start..(start + options.batch_size).min(n)
        }
    }
}

/// Whether no element is infinite or not a number: x · 0 is 0 for finite x alone, and a sum is quicker than a search.
fn all_finite<T: Scalar>(x: &[T]) -> bool {
    let finite = AtomicBool::new(true);
    pool::for_each(x.len() / 16, x.chunks(part(x.len())), |x| {
        vectorised(|| {
            let (chunks, rest) = x.as_chunks::<16>();
            let mut lanes = [T::zero(); 16];
            for chunk in chunks {
                for lane in 0..16 {
                    lanes[lane] += chunk[lane] * T::zero();
                }
            }
            let sum = lanes.iter().chain(rest).fold(T::zero(), |sum, &x| sum + x * T::zero());
            if !sum.is_finite() {
                finite.store(false, Ordering::Relaxed);
            }
        });
    });
    finite.into_inner()
}

/// Why a step is not taken: where the forward pass left the numbers, or, if it did not, the loss.
fn not_finite(step: u64, loss: f64, output: Option<(String, f64)>) -> Error {
    let (what, value) = match output {
        Some((place, value)) if place.is_empty() => ("the output of the network".into(), value),
        Some((place, value)) => (format!("the output of {place}"), value),
        None => ("the loss".into(), loss),
    };
    Error::NotFinite { step, what, value }
}
