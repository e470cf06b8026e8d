//! A training from inside: how long its phases take, how large gradients and updates are.

use std::time::{Duration, Instant};

use ndarray::ArrayD;
use tensor_ops::Scalar;

use crate::Model;

/// What [`Trainer::trace`](crate::Trainer::trace) gives.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trace {
    /// The names of the trainable parameters.
    pub names: Vec<String>,
    /// Norms at evaluations; in a long run, of every second, fourth, and so on.
    pub norms: Vec<Norms>,
    /// The time since the trace began, by phase, in the order of [`Phase::ALL`].
    pub times: [Duration; Phase::ALL.len()],
}

/// Euclidean norms of each parameter's gradient and update in one step.
#[derive(Clone, Debug, PartialEq)]
pub struct Norms {
    /// The number of the step, counted from 1.
    pub step: u64,
    /// ‖gradient‖ as the optimiser gets it.
    pub gradients: Vec<f64>,
    /// ‖parameter after - parameter before‖
    pub updates: Vec<f64>,
}

/// A part of the work of training.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Choosing a batch, gathering and scaling it.
    Data,
    /// The forward pass.
    Forward,
    /// The loss and the backward pass.
    Backward,
    /// Checking the gradient and changing the parameters.
    Update,
    /// Evaluation on the test set.
    Evaluation,
}

impl Phase {
    /// All phases, in the order in which they happen.
    pub const ALL: [Phase; 5] =
        [Phase::Data, Phase::Forward, Phase::Backward, Phase::Update, Phase::Evaluation];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Data => "data",
            Phase::Forward => "forward",
            Phase::Backward => "backward",
            Phase::Update => "update",
            Phase::Evaluation => "evaluation",
        }
    }
}

/// Norms kept before every second is dropped.
const CAPACITY: usize = 200;

/// Writes a [`Trace`].
#[derive(Debug)]
pub(crate) struct Tracer<T> {
    pub(crate) trace: Trace,
    last: Instant,
    /// Parameters before the update, where it is watched.
    before: Vec<ArrayD<T>>,
    watching: bool,
    /// One of so many evaluations is kept.
    every: u64,
    seen: u64,
}

impl<T: Scalar> Tracer<T> {
    pub(crate) fn new<N>(model: &Model<T, N>) -> Self {
        let names = model.specs().iter().filter(|s| s.trainable()).map(|s| s.name.to_string());
        Tracer {
            trace: Trace { names: names.collect(), ..Trace::default() },
            last: Instant::now(),
            before: model.params().to_vec(),
            watching: false,
            every: 1,
            seen: 0,
        }
    }

    /// Forgets the time since the last phase ended.
    pub(crate) fn start(&mut self) {
        self.last = Instant::now();
    }

    /// The time since the last phase ended is that of `phase`.
    pub(crate) fn lap(&mut self, phase: Phase) {
        let now = Instant::now();
        self.trace.times[phase as usize] += now - self.last;
        self.last = now;
    }

    /// Of the time since the last phase ended, these are for data and for the forward pass, the rest for the backward pass.
    pub(crate) fn laps(&mut self, [data, forward]: [Duration; 2]) {
        self.trace.times[Phase::Data as usize] += data;
        self.trace.times[Phase::Forward as usize] += forward;
        self.last += data + forward;
        self.lap(Phase::Backward);
    }

    /// Before an update; `due` if an evaluation follows.
    pub(crate) fn before_update<N>(&mut self, model: &Model<T, N>, due: bool) {
        self.watching = due && self.seen.is_multiple_of(self.every);
        self.seen += u64::from(due);
        if self.watching {
            for (before, param) in self.before.iter_mut().zip(model.params()) {
                before.assign(param);
            }
        }
    }

    /// After the update that `before_update` announced.
    pub(crate) fn after_update<N>(&mut self, model: &Model<T, N>, grads: &[ArrayD<T>], step: u64) {
        if !self.watching {
            return;
        }
        let trainable = |i: &usize| model.specs()[*i].trainable();
        let each = || (0..grads.len()).filter(trainable);
        // Slices, because walking an array of any rank takes several times as long.
        let change = |i: usize| {
            let pairs = slice(&model.params()[i]).iter().zip(slice(&self.before[i]));
            norm(pairs.map(|(after, before)| after.value() - before.value()))
        };
        self.trace.norms.push(Norms {
            step,
            gradients: each().map(|i| norm(slice(&grads[i]).iter().map(|g| g.value()))).collect(),
            updates: each().map(change).collect(),
        });
        if self.trace.norms.len() == CAPACITY {
            let mut keep = [true, false].into_iter().cycle();
            self.trace.norms.retain(|_| keep.next() == Some(true));
            self.every *= 2;
        }
    }
}

fn slice<T>(x: &ArrayD<T>) -> &[T] {
    x.as_slice().expect("parameters and gradients are in the standard layout")
}

fn norm(x: impl Iterator<Item = f64>) -> f64 {
    x.map(|x| x * x).sum::<f64>().sqrt()
}
