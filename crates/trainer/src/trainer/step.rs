//! One step of training.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use datasets::batches;
use layers::Backprop;
use ndarray::ArrayD;
use tensor_ops::{Scalar, claim, pool, vectorised};

use super::Trainer;
use super::lane::{Found, Grads, Lane, Pass, SHARES, Share, largest_share, share, shares, slice, slice_mut};
use crate::evaluate::mean_weight;
use crate::optimizer::MAX_SLOTS;
use crate::trace::Phase;
use crate::{Error, Model, Options, Order, Source, TargetBuffer, Update};

/// What a step needs beside the state; made in the first one.
#[derive(Debug)]
pub(super) struct Memory<T> {
    /// What each share of a batch gives; empty before the first step.
    shares: Vec<Share<T>>,
    /// A lane for each, so that all may run at once.
    lanes: Vec<Lane<T>>,
    /// The parameters for the second lane; empty until two run at once, and then always those of the model.
    copy: Vec<ArrayD<T>>,
    order: Vec<usize>,
    /// The epoch that `order` belongs to.
    ordered: Option<u64>,
    /// The targets of a whole batch, for its weight.
    targets: Option<TargetBuffer<T>>,
}

impl<T: Scalar> Memory<T> {
    pub(super) fn new() -> Self {
        let (shares, lanes, copy) = (Vec::new(), Vec::new(), Vec::new());
        Memory { shares, lanes, copy, order: Vec::new(), ordered: None, targets: None }
    }

    /// Takes note that the parameters were changed by something else than a step.
    pub(super) fn params_have_changed(&mut self) {
        self.copy.clear();
    }

    fn prepare<N: Backprop<T>>(&mut self, model: &Model<T, N>, options: &Options, data: &Source<'_, T>) {
        let n = options.pass_size();
        let shares = shares(model, n);
        let largest = largest_share(n, shares);
        let lane = || Lane::new(model, data.target_buffer(largest), largest);
        self.lanes = std::iter::repeat_with(lane).take(shares).collect();
        self.shares = std::iter::repeat_with(|| Share::new(model)).take(shares).collect();
        self.targets = Some(data.target_buffer(options.batch_size));
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
        if self.progress.step == 0 || self.memory.lanes.is_empty() {
            self.model.check_fit(data)?;
            self.memory.prepare(&self.model, &self.options, data);
        }
        let rate = self.learning_rate(data.len());
        if let Some(tracer) = &mut self.tracer {
            tracer.start();
        }
        let report = self.gradient(data)?;
        self.sum_gradients()?;
        if let Some(clip) = self.options.clip {
            clip.apply(&mut self.memory.shares[0].grads, |i| self.settings[i].trained);
        }
        let step = self.progress.step + 1;
        let due = self.options.evaluates_after(step, data.len());
        if let Some(tracer) = &mut self.tracer {
            tracer.before_update(&self.model, due);
        }
        self.update(rate);
        if let Some(tracer) = &mut self.tracer {
            tracer.after_update(&self.model, &self.memory.shares[0].grads, step);
        }
        self.model.absorb(&self.memory.lanes[0].cache);
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

    /// Sets the gradients of the shares of the next batch, in one pass or several.
    fn gradient(&mut self, data: &Source<'_, T>) -> Result<StepReport, Error> {
        let step = self.progress.step;
        let Memory { shares, lanes, copy, order, ordered, targets } = &mut self.memory;
        let batch = next_batch(&self.options, step, data.len(), order, ordered);
        let indices = &order[batch];
        let buffer = targets.as_mut().expect("made before the first step");
        let weight = mean_weight(&*self.loss, data.targets(indices, buffer));
        let mut report = StepReport { loss: 0.0, weight, examples: indices.len(), correct: 0 };
        let loss = &*self.loss;
        let (network, params) = self.model.parts_mut();
        let grads = if step == 0 { Grads::Mark } else { Grads::Set };
        let mut pass = Pass { network, loss, data, step: step + 1, weight, grads };
        let count = shares.len();
        for (i, indices) in indices.chunks(self.options.pass_size()).enumerate() {
            let run = |at: usize, out: &mut Share<T>, lane: &mut Lane<T>, params: &[ArrayD<T>]| {
                let seed = noise_seed(self.options.seed, step, (i * count + at) as u64);
                lane.run(&pass, params, &indices[share(indices.len(), at, count)], seed, out);
            };
            if count == 1 || pool::threads() == 1 {
                // One lane, whose memory stays in the cache; a share alone leaves the threads to its layers.
                shares.iter_mut().enumerate().for_each(|(at, out)| run(at, out, &mut lanes[0], params));
            } else {
                if copy.is_empty() {
                    *copy = params.to_vec();
                }
                let params: [_; SHARES] = [&mut *params, copy];
                let parts = shares.iter_mut().zip(lanes.iter_mut()).zip(params).enumerate();
                pool::for_each(usize::MAX, parts, |(at, ((out, lane), params))| {
                    params.iter_mut().for_each(|param| claim(slice_mut(param)));
                    run(at, out, lane, params);
                });
            }
            pass.grads = Grads::Add;
            let mut times = None;
            for share in shares.iter_mut() {
                let found = std::mem::replace(&mut share.found, Ok(Found::default()))?;
                report.loss += found.loss;
                report.correct += found.correct;
                times.get_or_insert(found.times); // the first share stands for all
            }
            if let (Some(tracer), Some(times)) = (&mut self.tracer, times) {
                tracer.laps(times);
            }
        }
        Ok(report)
    }

    /// Adds the gradients of all shares up, in the first one, and sees that they are numbers.
    fn sum_gradients(&mut self) -> Result<(), Error> {
        let (first, other) = match &mut self.memory.shares[..] {
            [first] => (first, &mut [][..]),
            [first, second] => (first, &mut second.grads[..]),
            shares => unreachable!("{} shares", shares.len()),
        };
        let finite = AtomicBool::new(true);
        let elements: usize = first.grads.iter().map(|g| g.len()).sum();
        let nanoseconds = elements * (1 + 4 * usize::from(!other.is_empty())) / 8;
        let mut others = other.iter_mut();
        let parts = first.grads.iter_mut().enumerate().flat_map(|(param, grad)| {
            let n = part(grad.len());
            let other = others.next().map_or(&mut [][..], slice_mut);
            let other = other.chunks_mut(n).chain(std::iter::repeat_with(Default::default));
            slice_mut(grad).chunks_mut(n).zip(other).map(move |(sum, other)| (param, sum, other))
        });
        pool::for_each(nanoseconds, parts, |(param, sum, other)| {
            vectorised(|| {
                for (sum, other) in sum.iter_mut().zip(other) {
                    *sum += *other;
                    // So that its own core can take it over again.
                    *other = *sum;
                }
            });
            if self.settings[param].trained && !all_finite(sum) {
                finite.store(false, Ordering::Relaxed);
            }
        });
        let trained = |param: &usize| self.settings[*param].trained;
        for param in (0..first.grads.len()).filter(trained) {
            let (grad, name) = (slice(&first.grads[param]), &self.model.specs()[param].name);
            let is_untouched = |g: &T| g.value() == 0.0 && g.value().is_sign_negative();
            if self.progress.step == 0 && !grad.is_empty() && grad.iter().all(is_untouched) {
                return Err(Error::NoGradient { name: name.to_string() });
            }
            if !finite.load(Ordering::Relaxed)
                && let Some(value) = grad.iter().map(|g| g.value()).find(|g| !g.is_finite())
            {
                let what = format!("the gradient of {name}");
                return Err(Error::NotFinite { step: self.progress.step + 1, what, value });
            }
        }
        Ok(())
    }

    fn update(&mut self, rate: f64) {
        let t = self.progress.step + 1;
        let elements: usize = self.memory.shares[0].grads.iter().map(|g| g.len()).sum();
        let used = self.slots.iter().map(Vec::len).max().unwrap_or(0);
        let mut copies = self.memory.copy.iter_mut();
        let copies = std::iter::repeat_with(|| copies.next().map_or(&mut [][..], slice_mut));
        let params = self.model.params_mut().iter_mut().zip(copies).zip(&self.memory.shares[0].grads);
        let params = params.zip(&mut self.slots).zip(&self.settings);
        let trained = params.filter(|(_, settings)| settings.trained);
        // An optimiser treats each element alone, so the cut changes no bit.
        let parts = trained.flat_map(|((((param, mut copy), grad), slots), settings)| {
            let at = Update { t, rate: rate * settings.rate, decays: settings.decays };
            let mut slots = slots.iter_mut();
            let mut slots: [&mut [T]; MAX_SLOTS] =
                std::array::from_fn(|_| slots.next().map_or(&mut [][..], slice_mut));
            let (mut param, mut grad) = (slice_mut(param), slice(grad));
            let n = part(param.len());
            std::iter::from_fn(move || {
                let n = n.min(param.len());
                let slots = slots.each_mut().map(|s| s.split_off_mut(..n).unwrap_or_default());
                let copy = copy.split_off_mut(..n).unwrap_or_default();
                (n > 0).then_some((at, param.split_off_mut(..n)?, copy, grad.split_off(..n)?, slots))
            })
        });
        pool::for_each(elements * (1 + used) / 2, parts, |(at, param, copy, grad, mut slots)| {
            self.optimizer.update(at, param, grad, &mut slots[..used]);
            if !copy.is_empty() {
                copy.copy_from_slice(param);
            }
        });
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
    vectorised(|| {
        let (chunks, rest) = x.as_chunks::<16>();
        let mut lanes = [T::zero(); 16];
        for chunk in chunks {
            for lane in 0..16 {
                lanes[lane] += chunk[lane] * T::zero();
            }
        }
        lanes.iter().chain(rest).fold(T::zero(), |sum, &x| sum + x * T::zero()).is_finite()
    })
}
