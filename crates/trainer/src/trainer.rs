//! The training loop.
//!
//! ```text
//! for each step t:
//!     x, targets ← the batch that (seed, t) names
//!     y          ← network(x)
//!     loss, dy   ← loss(y, targets)
//!     grads      ← backward(dy)
//!     params     ← optimiser(params, grads)
//! ```
//!
//! Everything that a step depends on is the state (parameters, what the optimiser remembers, the number of the step)
//! and the seed: a run that is stopped and resumed takes the very same steps.

mod state;

use std::ops::ControlFlow;

use datasets::batches;
use layers::views::{batched, head_mut};
use layers::{Backprop, Cache, Mode, Saved};
use losses::Loss;
use ndarray::ArrayD;
use tensor_ops::Scalar;

use crate::evaluate::{Evaluator, correct};
use crate::optimizer::MAX_SLOTS;
use crate::trace::{Phase, Trace, Tracer};
use crate::{Error, History, Model, Optimizer, Options, Order, Record, Source, TargetBuffer, Update};

pub use state::{Progress, Since, State};

/// A model in training: its numbers, what the optimiser remembers, and how far it is.
///
/// # Examples
///
/// ```
/// use datasets::{Dataset, Features, Scaling, Targets};
/// use layers::{Affine, Relu, Sequential};
/// use losses::SoftmaxCrossEntropy;
/// use ndarray::array;
/// use trainer::{Length, Model, Options, Sgd, Source, Trainer};
///
/// // Exclusive or.
/// let features = Features::F64(array![[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]].into_dyn());
/// let data = Dataset::new(features, Targets::Classes(vec![0, 1, 1, 0]), vec![])?;
/// let scaling = Scaling::none();
/// let source = Source::new(&data, &scaling)?;
///
/// let network = Sequential::new(&[2]).push(Affine::new(2, 16))?.push(Relu)?.push(Affine::new(16, 2))?;
/// let options =
///     Options { length: Length::Epochs(500), batch_size: 4, learning_rate: 0.5, ..Options::default() };
/// let model = Model::<f64>::new(network, 1)?;
/// let mut trainer = Trainer::new(model, SoftmaxCrossEntropy::default(), Sgd::default(), options)?;
/// let history = trainer.fit(&source, None, |_| {})?;
/// assert_eq!(history.last().unwrap().train_accuracy, Some(1.0));
/// # Ok::<(), trainer::Error>(())
/// ```
#[derive(Debug)]
pub struct Trainer<T: Scalar, N = layers::Sequential> {
    model: Model<T, N>,
    loss: Box<dyn Loss<T>>,
    optimizer: Box<dyn Optimizer<T>>,
    options: Options,
    /// For each parameter, what the optimiser remembers of it.
    slots: Vec<Vec<ArrayD<T>>>,
    progress: Progress,
    memory: Memory<T>,
    tracer: Option<Box<Tracer<T>>>,
}

/// What a step needs beside the state; made once.
#[derive(Debug)]
struct Memory<T> {
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

/// What a step found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepReport {
    /// The loss of the batch before the update.
    pub loss: f64,
    /// Examples in the batch.
    pub examples: usize,
    /// How many of them were right before the update; 0 if the targets are no classes.
    pub correct: usize,
}

impl<T: Scalar, N: Backprop<T>> Trainer<T, N> {
    /// A trainer at step 0.
    ///
    /// # Errors
    ///
    /// [`Error::Option`] if an option makes no sense.
    pub fn new(
        model: Model<T, N>,
        loss: impl Loss<T> + 'static,
        optimizer: impl Optimizer<T> + 'static,
        options: Options,
    ) -> Result<Self, Error> {
        Trainer::boxed(model, Box::new(loss), Box::new(optimizer), options)
    }

    /// [`Trainer::new`] for a loss and an optimiser that are chosen at run time.
    ///
    /// # Errors
    ///
    /// As [`Trainer::new`].
    pub fn boxed(
        model: Model<T, N>,
        loss: Box<dyn Loss<T>>,
        optimizer: Box<dyn Optimizer<T>>,
        options: Options,
    ) -> Result<Self, Error> {
        options.check()?;
        let zeros_like = |p: &ArrayD<T>| ArrayD::zeros(p.raw_dim());
        let slots = model.params().iter().zip(model.specs()).map(|(p, spec)| {
            let n = if spec.trainable() { optimizer.slots().len() } else { 0 };
            (0..n).map(|_| zeros_like(p)).collect()
        });
        let x = ArrayD::zeros(batched(options.batch_size, model.input_shape()));
        let y = ArrayD::zeros(batched(options.batch_size, model.output_shape()));
        let memory = Memory {
            cache: model.network().new_cache(x.shape()),
            dy: y.clone(),
            x,
            y,
            grads: model.params().iter().map(zeros_like).collect(),
            order: Vec::new(),
            ordered: None,
            targets: None,
        };
        Ok(Trainer {
            slots: slots.collect(),
            model,
            loss,
            optimizer,
            options,
            progress: Progress::default(),
            memory,
            tracer: None,
        })
    }

    /// The model as it is now.
    pub fn model(&self) -> &Model<T, N> {
        &self.model
    }

    /// The model as it is now, for keeps.
    pub fn into_model(self) -> Model<T, N> {
        self.model
    }

    /// The number of steps taken.
    pub fn step_count(&self) -> u64 {
        self.progress.step
    }

    /// What has happened so far.
    pub fn history(&self) -> &History {
        &self.progress.history
    }

    /// From now on, measures the time of each phase and, in the step before each evaluation, the norms of gradients and
    /// updates.
    pub fn start_trace(&mut self) {
        self.tracer = Some(Box::new(Tracer::new(&self.model)));
    }

    /// What was measured since [`start_trace`](Trainer::start_trace).
    pub fn trace(&self) -> Option<&Trace> {
        self.tracer.as_ref().map(|tracer| &tracer.trace)
    }

    /// The options.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The loss.
    pub fn loss(&self) -> &dyn Loss<T> {
        &*self.loss
    }

    /// Trains to the end of [`Options::length`], evaluating on `test` as [`Options::evaluate`] asks, and tells
    /// `observe` of each record. The history is that of the whole run, also of what came before a
    /// [`restore`](Trainer::restore).
    ///
    /// # Errors
    ///
    /// As [`Trainer::train_step`].
    pub fn fit(
        &mut self,
        train: &Source<'_, T>,
        test: Option<&Source<'_, T>>,
        mut observe: impl FnMut(&Record),
    ) -> Result<History, Error> {
        let _: ControlFlow<()> = self.fit_until(train, test, |_, _, record| {
            record.into_iter().for_each(&mut observe);
            Ok::<_, Error>(ControlFlow::Continue(()))
        })?;
        Ok(self.progress.history.clone())
    }

    /// [`Trainer::fit`] that calls `after` after each step, with what the step found and the record if there is one.
    /// `after` may look at the trainer, write a checkpoint of it, fail, or stop the training with `Break`; a later
    /// call goes on where this one stopped.
    ///
    /// # Errors
    ///
    /// As [`Trainer::train_step`], and what `after` returns.
    pub fn fit_until<B, E: From<Error>>(
        &mut self,
        train: &Source<'_, T>,
        test: Option<&Source<'_, T>>,
        mut after: impl FnMut(&Self, StepReport, Option<&Record>) -> Result<ControlFlow<B>, E>,
    ) -> Result<ControlFlow<B>, E> {
        let n = train.len();
        let mut tester = test.map(|test| (Evaluator::new(&self.model, test), test));
        while self.progress.step < self.options.total_steps(n) {
            let rate = self.learning_rate(n);
            let report = self.train_step(train)?;
            self.progress.since.add(report);
            let due = self.options.evaluates_after(self.progress.step, n);
            if due {
                let evaluation = match &mut tester {
                    Some((evaluator, test)) => Some(evaluator.run(&self.model, test, &*self.loss)?),
                    None => None,
                };
                self.lap(Phase::Evaluation);
                let since = std::mem::take(&mut self.progress.since);
                self.progress.history.records.push(Record {
                    step: self.progress.step,
                    epoch: self.progress.step as f64 / self.options.steps_per_epoch(n) as f64,
                    learning_rate: rate,
                    train_loss: since.loss(),
                    train_accuracy: train.dataset().targets.classes().map(|_| since.accuracy()),
                    test_loss: evaluation.map(|e| e.loss),
                    test_accuracy: evaluation.and_then(|e| e.accuracy),
                });
            }
            let record = self.progress.history.last().filter(|_| due);
            if let ControlFlow::Break(why) = after(self, report, record)? {
                return Ok(ControlFlow::Break(why));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The learning rate of the next step, with `n` examples to train on.
    pub fn learning_rate(&self, n: usize) -> f64 {
        let options = &self.options;
        options.schedule.rate(options.learning_rate, self.progress.step, options.total_steps(n))
    }

    /// Takes one step: the batch that the seed and the number of the step name, forward, backward, update.
    ///
    /// # Errors
    ///
    /// [`Error::InputShape`], [`Error::Outputs`], [`Error::Index`], [`Error::Loss`] if the data do not fit the model;
    /// [`Error::NotFinite`] if the loss or a gradient is not finite, [`Error::NoGradient`] if a parameter gets none.
    /// The parameters are then those before the step.
    pub fn train_step(&mut self, data: &Source<'_, T>) -> Result<StepReport, Error> {
        if self.progress.step == 0 || self.memory.targets.is_none() {
            self.check_fit(data)?;
            self.memory.targets = Some(data.target_buffer(self.options.batch_size));
        }
        let rate = self.learning_rate(data.len());
        if let Some(tracer) = &mut self.tracer {
            tracer.start();
        }
        let report = self.gradient(data)?;
        self.check_gradient()?;
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
        self.lap(Phase::Update);
        Ok(report)
    }

    fn lap(&mut self, phase: Phase) {
        if let Some(tracer) = &mut self.tracer {
            tracer.lap(phase);
        }
    }

    fn check_fit(&self, data: &Source<'_, T>) -> Result<(), Error> {
        let (expected, got) = (self.model.input_shape(), data.dataset().feature_shape());
        if expected != got {
            return Err(Error::InputShape { expected: expected.to_vec(), got: got.to_vec() });
        }
        let outputs = self.model.output_shape().iter().product();
        if outputs != data.outputs() {
            return Err(Error::Outputs { expected: data.outputs(), got: outputs });
        }
        Ok(())
    }

    /// Adds the gradient of the next batch to `grads`.
    fn gradient(&mut self, data: &Source<'_, T>) -> Result<StepReport, Error> {
        let memory = &mut self.memory;
        let indices =
            next_batch(&self.options, self.progress.step, data.len(), &mut memory.order, &mut memory.ordered);
        let n = indices.len();
        let network = self.model.network();
        let (mut x, mut y) = (head_mut(&mut memory.x, n), head_mut(&mut memory.y, n));
        data.inputs(indices, &mut x);
        crate::model::check_indices(network, &x)?;
        let mut lap = |phase| self.tracer.iter_mut().for_each(|tracer| tracer.lap(phase));
        lap(Phase::Data);
        memory
            .cache
            .begin(Mode::Train, self.options.seed ^ self.progress.step.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        network.forward(self.model.params(), &x, &mut y, &mut memory.cache);
        lap(Phase::Forward);

        let outputs = (n, y.len() / n);
        let mut dy = head_mut(&mut memory.dy, n);
        let y_rows = y.view().into_shape_with_order(outputs).expect("a contiguous head");
        let mut dy_rows = dy.view_mut().into_shape_with_order(outputs).expect("a contiguous head");
        let buffer = memory.targets.as_mut().expect("made before the first step");
        let targets = data.targets(indices, buffer);
        let step = self.progress.step + 1;
        let loss = self.loss.value_and_gradient(&y_rows, targets, T::one(), &mut dy_rows);
        let loss = loss.map_err(|source| Error::Loss { step, source })?.value();
        if !loss.is_finite() {
            return Err(Error::NotFinite { step, what: "the loss".into(), value: loss });
        }
        let labels = data.dataset().targets.classes();
        let correct = labels.map_or(0, |labels| correct(&y_rows, indices.iter().map(|&i| labels[i])));

        // A gradient begins as -0: adding anything, even 0, makes it +0, so an untouched one can be told from a zero.
        let untouched = if self.progress.step == 0 { -T::zero() } else { T::zero() };
        memory.grads.iter_mut().for_each(|g| g.fill(untouched));
        let saved = Saved { x: &x, y: &y, cache: &mut memory.cache };
        network.backward(self.model.params(), saved, &dy, None, &mut memory.grads);
        lap(Phase::Backward);
        Ok(StepReport { loss, examples: n, correct })
    }

    fn check_gradient(&self) -> Result<(), Error> {
        for (grad, spec) in
            self.memory.grads.iter().zip(self.model.specs()).filter(|(_, spec)| spec.trainable())
        {
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
        let (params, specs) = self.model.params_and_specs();
        for (((param, spec), grad), slots) in
            params.iter_mut().zip(specs).zip(&self.memory.grads).zip(&mut self.slots)
        {
            if !spec.trainable() {
                continue;
            }
            let update = Update { t: self.progress.step + 1, rate, decays: spec.decays() };
            let mut slots = slots.iter_mut();
            let used = slots.len();
            let mut slots: [&mut [T]; MAX_SLOTS] = std::array::from_fn(|_| {
                slots.next().map_or(&mut [][..], |s| s.as_slice_mut().expect("standard"))
            });
            let param = param.as_slice_mut().expect("a model's parameters are in the standard layout");
            let grad = grad.as_slice().expect("made in the standard layout");
            self.optimizer.update(update, param, grad, &mut slots[..used]);
        }
    }
}

/// The examples of step `step`, counted from 0.
fn next_batch<'m>(
    options: &Options,
    step: u64,
    n: usize,
    order: &'m mut Vec<usize>,
    ordered: &mut Option<u64>,
) -> &'m [usize] {
    match options.order {
        Order::Drawn => {
            batches::draw(n, options.batch_size, options.seed, step, order);
            order
        }
        Order::Shuffled => {
            let per_epoch = options.steps_per_epoch(n);
            let (epoch, at) = (step / per_epoch, (step % per_epoch) as usize);
            if *ordered != Some(epoch) || order.len() != n {
                batches::shuffled_epoch_into(n, options.seed, epoch, order);
                *ordered = Some(epoch);
            }
            let start = at * options.batch_size;
            &order[start..(start + options.batch_size).min(n)]
        }
    }
}

/// Whether no element is infinite or not a number: x · 0 is 0 for finite x alone, and a sum is quicker than a search.
fn all_finite<T: Scalar>(x: &[T]) -> bool {
    let mut lanes = [T::zero(); 8];
    let chunks = x.chunks_exact(lanes.len());
    let rest = chunks.remainder().iter().fold(T::zero(), |sum, &x| sum + x * T::zero());
    for chunk in chunks {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane += x * T::zero();
        }
    }
    lanes.iter().fold(rest, |sum, &lane| sum + lane).is_finite()
}
