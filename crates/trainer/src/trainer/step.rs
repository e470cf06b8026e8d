//! One step of training.

use layers::Backprop;
use ndarray::ArrayD;
use tensor_ops::random::derive;
use tensor_ops::{Scalar, aligned_copy, pool};

use super::Trainer;
use super::examples::Examples;
use super::lane::{Found, Grads, Lane, Pass, SHARES, Share, largest_share, share_of, shares};
use crate::evaluate::mean_weight;
use crate::trace::Phase;
use crate::{Error, Model, Options, Source, TargetBuffer};

/// What a step needs beside the state; made in the first one.
#[derive(Debug)]
pub(super) struct Memory<T> {
    /// What each share of a batch gives; empty before the first step.
    pub(super) shares: Vec<Share<T>>,
    /// A lane for each, so that all may run at once.
    lanes: Vec<Lane<T>>,
    /// What the second lane uses in place of the model's numbers; none until two lanes run at once.
    pub(super) twin: Option<Twin<T>>,
    examples: Examples,
    /// The targets of a whole batch, for its weight.
    targets: Option<TargetBuffer<T>>,
    /// What all of this was made for.
    room: Option<Room>,
}

/// What the size of the memory for a step follows from, beside the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Room {
    /// Examples in a batch, and in one pass, at most.
    batch: usize,
    pass: usize,
    /// Numbers in the row of a target; 0 for class indices.
    target: usize,
}

impl Room {
    fn of<T: Scalar>(options: &Options, data: &Source<'_, T>) -> Self {
        let batch = options.largest_batch(data.len());
        Room { batch, pass: options.pass_size().min(batch), target: data.target_width() }
    }

    /// That there can be so much memory, as far as that is known before it is made: for inputs, outputs, targets and the
    /// order of the examples. What the layers keep is not known yet.
    fn check<T: Scalar, N>(self, model: &Model<T, N>) -> Result<(), Error> {
        /// Words an example of a batch: its number in this batch and in the next, and its class.
        const WORDS: usize = 3;
        let elements = |shape: &[usize]| shape.iter().product::<usize>();
        let of_pass = elements(model.input_shape()) + 2 * elements(model.output_shape());
        let bytes = |n: usize, numbers: usize, of: usize| n.checked_mul(numbers)?.checked_mul(of);
        let parts = [
            bytes(self.pass, of_pass, size_of::<T>()),
            bytes(self.batch, self.target, size_of::<T>()),
            bytes(self.batch, WORDS, size_of::<usize>()),
        ];
        let all = parts.into_iter().try_fold(0_usize, |sum, part| sum.checked_add(part?));
        // Asked for and given back: the memory itself is made without a way to fail.
        let mut probe = Vec::<u8>::new();
        let had = all.is_some_and(|all| probe.try_reserve_exact(all).is_ok());
        std::hint::black_box(probe); // lest a compiler think that what is never used was had
        match had {
            true => Ok(()),
            false => Err(Error::option("batch_size", "a batch that fits into memory", self.batch)),
        }
    }
}

impl<T: Scalar> Memory<T> {
    pub(super) fn new() -> Self {
        let (shares, lanes, examples) = (Vec::new(), Vec::new(), Examples::default());
        Memory { shares, lanes, twin: None, examples, targets: None, room: None }
    }

    /// Takes note that the model was changed by something else than a step.
    pub(super) fn model_has_changed(&mut self) {
        self.twin = None;
    }

    /// Makes the memory, unless there is one for such batches already; says whether it did.
    fn prepare<N: Backprop<T>>(
        &mut self,
        model: &Model<T, N>,
        options: &Options,
        data: &Source<'_, T>,
    ) -> Result<bool, Error> {
        let room = Room::of(options, data);
        if self.room == Some(room) {
            return Ok(false);
        }
        room.check(model)?;
        let shares = shares(model, room.pass);
        let largest = largest_share(room.pass, shares);
        let lane = || Lane::new(model, data.target_buffer(largest), largest);
        self.lanes = std::iter::repeat_with(lane).take(shares).collect();
        self.shares = std::iter::repeat_with(|| Share::new(model)).take(shares).collect();
        self.targets = Some(data.target_buffer(room.batch));
        self.twin = None; // which is for as many shares as there were
        self.room = Some(room);
        Ok(true)
    }
}

/// Parameters, and what the optimiser remembers of them, that are always equal to those of the trainer. Each core has its
/// own, and so none has to fetch in a step what the other one wrote in the last.
#[derive(Debug)]
pub(super) struct Twin<T> {
    pub(super) params: Vec<ArrayD<T>>,
    pub(super) slots: Vec<Vec<ArrayD<T>>>,
}

impl<T: Scalar> Twin<T> {
    fn of(params: &[ArrayD<T>], slots: &[Vec<ArrayD<T>>]) -> Self {
        let copies = |arrays: &[ArrayD<T>]| arrays.iter().map(|array| aligned_copy(array)).collect();
        Twin { params: copies(params), slots: slots.iter().map(|slots| copies(slots)).collect() }
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
    /// A batch all of whose classes have the weight 0 has the loss 0 and the gradient 0, where a mean over nothing would be
    /// an error of the [`Loss`](losses::Loss) alone.
    ///
    /// # Errors
    ///
    /// [`Error::InputShape`], [`Error::Outputs`], [`Error::Index`], [`Error::Loss`] if the data do not fit the model;
    /// [`Error::Option`] if a batch is larger than memory; [`Error::NotFinite`] if the loss or a gradient is not finite,
    /// [`Error::NoGradient`] if a parameter gets none.
    /// The parameters are then those before the step.
    pub fn train_step(&mut self, data: &Source<'_, T>) -> Result<StepReport, Error> {
        self.model.check_fit(data)?;
        if self.memory.prepare(&self.model, &self.options, data)? {
            self.take_from(data);
        }
        let rate = self.learning_rate(data.len());
        if let Some(tracer) = &mut self.tracer {
            tracer.start();
        }
        let report = self.gradient(data)?;
        self.sum_gradients()?;
        if let Some(clip) = self.options.clip {
            self.clip(clip);
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
        let Memory { shares, lanes, twin, examples, targets, .. } = &mut self.memory;
        let (indices, after) = examples.of_step(&self.options, step, data.len());
        let buffer = targets.as_mut().expect("made before the first step");
        let weight = mean_weight(&*self.loss, data.targets(indices, buffer));
        let mut report = StepReport { loss: 0.0, weight, examples: indices.len(), correct: 0 };
        let loss = &*self.loss;
        let (network, params) = (self.model.network(), self.model.params());
        let grads = if step == 0 { Grads::Mark } else { Grads::Set };
        let mut pass = Pass { network, loss, data, step: step + 1, weight, grads };
        let count = shares.len();
        let alone = count == 1 || pool::threads() == 1;
        let mut passes = indices.chunks(self.options.pass_size()).enumerate().peekable();
        while let Some((i, indices)) = passes.next() {
            let after = passes.peek().map_or(after, |(_, indices)| indices);
            let run = |at: usize, out: &mut Share<T>, lane: &mut Lane<T>, params: &[ArrayD<T>]| {
                let seed = derive(derive(self.options.seed, step), (i * count + at) as u64);
                let next = if !alone {
                    share_of(after, at, count)
                } else if at + 1 < count {
                    share_of(indices, at + 1, count)
                } else if pool::threads() == 1 {
                    share_of(after, 0, count)
                } else {
                    &[] // which several threads will gather
                };
                lane.run(&pass, params, [share_of(indices, at, count), next], seed, out);
            };
            if alone {
                // One lane, whose memory stays in the cache; a share alone leaves the threads to its layers.
                shares.iter_mut().enumerate().for_each(|(at, out)| run(at, out, &mut lanes[0], params));
            } else {
                let twin = twin.get_or_insert_with(|| Twin::of(params, &self.slots));
                let params: [_; SHARES] = [params, &twin.params];
                let parts = shares.iter_mut().zip(lanes.iter_mut()).zip(params).enumerate();
                pool::for_each(usize::MAX, parts, |(at, ((out, lane), params))| {
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
}
