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

mod examples;
mod lane;
mod state;
mod step;
mod update;

use std::ops::ControlFlow;

use datasets::Scaling;
use layers::Backprop;
use losses::Loss;
use ndarray::ArrayD;
use tensor_ops::{Scalar, aligned_zeros};

use crate::evaluate::Evaluator;
use crate::groups::{self, Settings};
use crate::optimizer;
use crate::trace::{Phase, Trace, Tracer};
use crate::warning::last_kind;
use crate::{Error, Evaluation, History, Length, Meaning, Model, Optimizer, Options, Record, Source};
use step::Memory;

pub use state::{Progress, Since, State};
pub use step::StepReport;

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
    /// For each parameter, what is special about it.
    settings: Vec<Settings>,
    /// For each parameter, what the optimiser remembers of it.
    slots: Vec<Vec<ArrayD<T>>>,
    /// The average of the parameters, if the options ask for one.
    average: Option<Model<T, N>>,
    /// The best model so far, if the options ask for early stopping and there is a record.
    best: Option<Model<T, N>>,
    progress: Progress,
    memory: Memory<T>,
    tracer: Option<Box<Tracer<T>>>,
}

impl<T: Scalar, N: Backprop<T>> Trainer<T, N> {
    /// A trainer at step 0.
    ///
    /// # Errors
    ///
    /// [`Error::Option`] if an option makes no sense, of the options or of the optimiser, or if the optimiser has more
    /// slots than [`MAX_SLOTS`](crate::MAX_SLOTS) or two of one name.
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
        optimizer::check(&*optimizer)?;
        let model = model.clone(); // in the standard layout, whatever its parameters have been exchanged for
        let settings = groups::resolve(&options.groups, model.specs())?;
        let slots = model.params().iter().zip(&settings).map(|(p, settings)| {
            let n = if settings.trained { optimizer.slots().len() } else { 0 };
            (0..n).map(|_| aligned_zeros(p.shape())).collect()
        });
        Ok(Trainer {
            slots: slots.collect(),
            settings,
            memory: Memory::new(),
            average: options.average.map(|_| model.clone()),
            best: None,
            model,
            loss,
            optimizer,
            options,
            progress: Progress::default(),
            tracer: None,
        })
    }

    /// The model that the run has to show: the best so far if the options ask for early stopping and there is a
    /// record, else the average if they ask for one, else the model as the last step left it.
    pub fn model(&self) -> &Model<T, N> {
        self.best.as_ref().or(self.average.as_ref()).unwrap_or(&self.model)
    }

    /// [`Trainer::model`], for keeps.
    pub fn into_model(self) -> Model<T, N> {
        self.best.or(self.average).unwrap_or(self.model)
    }

    /// The model as the last step left it, on which the next one goes on.
    pub fn latest(&self) -> &Model<T, N> {
        &self.model
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

    /// Gives the run another length. One that has come to its end goes on from there in the next [`fit`](Trainer::fit);
    /// a schedule that looks at the length follows the new one from the next step on.
    ///
    /// # Errors
    ///
    /// [`Error::Option`] for a length of 0.
    pub fn set_length(&mut self, length: Length) -> Result<(), Error> {
        let options = Options { length, ..self.options.clone() };
        options.check()?;
        self.options = options;
        Ok(())
    }

    /// What belongs to the model and the data tell, unless it says otherwise: how inputs are scaled, what classes are
    /// called, and what outputs mean that this loss trains. So the model takes raw inputs when it is trained.
    fn take_from(&mut self, data: &Source<'_, T>) {
        let others = [&mut self.average, &mut self.best].into_iter().flatten();
        for model in others.chain([&mut self.model]) {
            if model.scaling == Scaling::none() {
                model.scaling = data.scaling().clone();
            }
            let names = &data.dataset().class_names;
            if model.class_names.is_empty() && names.len() == data.outputs() {
                model.class_names = names.clone();
            }
            if model.meaning == Meaning::Unknown {
                let last = model.network().spec().map_or("", |spec| last_kind(&spec));
                model.meaning = Meaning::of(self.loss.kind(), last);
            }
        }
    }

    /// Trains to the end of [`Options::length`], or until [`Options::early_stopping`] has seen enough, evaluating on
    /// `test` as [`Options::evaluate`] asks, and tells `observe` of each record. The history is that of the whole run,
    /// also of what came before a [`restore`](Trainer::restore).
    ///
    /// A run that has come to its end takes no further step; [`set_length`](Trainer::set_length) gives it more. A model that
    /// says nothing of its scaling, the names of classes or the meaning of its outputs takes them over from `train` and the
    /// loss in the first step, so that it then predicts from raw inputs.
    ///
    /// # Errors
    ///
    /// As [`Trainer::train_step`], for `test` as for `train`; and [`Error::NotFinite`] if the last step left a parameter
    /// that is not finite.
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
    /// As [`Trainer::fit`], and what `after` returns.
    pub fn fit_until<B, E: From<Error>>(
        &mut self,
        train: &Source<'_, T>,
        test: Option<&Source<'_, T>>,
        mut after: impl FnMut(&Self, StepReport, Option<&Record>) -> Result<ControlFlow<B>, E>,
    ) -> Result<ControlFlow<B>, E> {
        let n = train.len();
        for data in test.into_iter().chain([train]) {
            self.model.check_fit(data)?;
        }
        let mut tester = test.map(|test| (Evaluator::new(&self.model, test), test));
        while self.progress.step < self.options.total_steps(n) && !self.progress.stopping.stopped() {
            let rate = self.learning_rate(n);
            let report = self.train_step(train)?;
            if self.progress.step == self.options.total_steps(n) {
                self.check_parameters()?;
            }
            self.progress.since.add(report);
            let due = self.options.evaluates_after(self.progress.step, n);
            if due {
                let (judged, twin) = match &self.average {
                    Some(average) => (average, None),
                    None => (&self.model, self.memory.twin.as_ref().map(|twin| &*twin.params)),
                };
                let evaluation = match &mut tester {
                    Some((evaluator, test)) => Some(evaluator.run(judged, twin, test, &*self.loss)?),
                    None => None,
                };
                self.lap(Phase::Evaluation);
                self.record(train, rate, evaluation)?;
            }
            let record = self.progress.history.last().filter(|_| due);
            if let ControlFlow::Break(why) = after(self, report, record)? {
                return Ok(ControlFlow::Break(why));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// That the last update left numbers. The step that follows would find out; who writes the parameters before it asks
    /// here.
    ///
    /// # Errors
    ///
    /// [`Error::NotFinite`] with the first parameter that holds something else.
    pub fn check_parameters(&self) -> Result<(), Error> {
        for (spec, param) in self.model.specs().iter().zip(self.model.params()) {
            if let Some(value) = param.iter().map(|p| p.value()).find(|p| !p.is_finite()) {
                let what = format!("{} after the step", spec.name);
                return Err(Error::NotFinite { step: self.progress.step, what, value, taken: true });
            }
        }
        Ok(())
    }

    /// Writes down how the run is doing, for those who watch it.
    fn record(
        &mut self,
        train: &Source<'_, T>,
        rate: f64,
        evaluation: Option<Evaluation>,
    ) -> Result<(), Error> {
        let progress = &mut self.progress;
        let since = std::mem::take(&mut progress.since);
        let record = Record {
            step: progress.step,
            epoch: progress.step as f64 / self.options.steps_per_epoch(train.len()) as f64,
            learning_rate: rate,
            train_loss: since.loss(),
            train_accuracy: train.dataset().targets.classes().map(|_| since.accuracy()),
            test_loss: evaluation.map(|e| e.loss),
            test_accuracy: evaluation.and_then(|e| e.accuracy),
        };
        if let Some(plateau) = &self.options.plateau {
            plateau.observe_record(&record, &mut progress.plateau)?;
        }
        if let Some(stopping) = &self.options.early_stopping
            && stopping.observe(&record, &mut progress.stopping)?
        {
            self.best = Some(self.average.as_ref().unwrap_or(&self.model).clone());
        }
        progress.history.records.push(record);
        Ok(())
    }

    /// The learning rate of the next step, with `n` examples to train on.
    pub fn learning_rate(&self, n: usize) -> f64 {
        let options = &self.options;
        let rate = options.schedule.rate(options.learning_rate, self.progress.step, options.run_length(n));
        options.plateau.map_or(rate, |plateau| plateau.rate(rate, &self.progress.plateau))
    }
}
