//! How long to train, on which batches, at which rate.

use std::fmt;

use crate::{Average, Clip, EarlyStopping, Error, Group, Plateau, RunLength, Schedule};

/// Everything about a training run that is not the model, the loss, the optimiser or the data.
///
/// # Examples
///
/// ```
/// use trainer::{Length, Options};
///
/// let options = Options { length: Length::Epochs(20), learning_rate: 0.001, batch_size: 125, ..Options::default() };
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct Options {
    /// When to stop.
    pub length: Length,
    /// Examples in a batch; the last of an epoch may be smaller, and a shuffled batch has no more than there are.
    pub batch_size: usize,
    /// Examples in one pass through the network; the whole batch unless given.
    ///
    /// A batch that is too large for memory is taken in several passes whose gradients are added up. The step is the
    /// same but for rounding, unless the network mixes examples: batch normalisation then sees the examples of one pass
    /// alone, and its running statistics take in the last pass of each step.
    pub pass_size: Option<usize>,
    /// How batches are put together.
    pub order: Order,
    /// The base of the learning rate.
    pub learning_rate: f64,
    /// How the learning rate changes.
    pub schedule: Schedule,
    /// Lower the rate where training no longer gets better.
    pub plateau: Option<Plateau>,
    /// A bound on the gradient.
    pub clip: Option<Clip>,
    /// Parameters that are trained in another way than the rest.
    pub groups: Vec<Group>,
    /// Keep an average of the parameters; then it is the average that evaluations judge, and what
    /// [`Trainer::into_model`](crate::Trainer::into_model) gives.
    pub average: Option<Average>,
    /// Stop before the end where training no longer gets better, and keep the best.
    pub early_stopping: Option<EarlyStopping>,
    /// When to look how good the model is.
    pub evaluate: Every,
    /// The seed of the order of examples and of everything random in the network.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            length: Length::Epochs(10),
            batch_size: 32,
            pass_size: None,
            order: Order::Shuffled,
            learning_rate: 0.01,
            schedule: Schedule::Constant {},
            plateau: None,
            clip: None,
            groups: Vec::new(),
            average: None,
            early_stopping: None,
            evaluate: Every::Epochs(1),
            seed: 0,
        }
    }
}

/// The length of a training run, or a span of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Length {
    /// So many times through as many examples as there are.
    Epochs(u64),
    /// So many updates.
    Steps(u64),
}

impl Length {
    /// How many steps that is, where an epoch has `epoch` of them.
    pub fn steps(self, epoch: u64) -> u64 {
        match self {
            Length::Epochs(epochs) => epochs.saturating_mul(epoch),
            Length::Steps(steps) => steps,
        }
    }
}

/// A period of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Every {
    /// After each so many epochs, and at the end.
    Epochs(u64),
    /// After each so many steps, and at the end.
    Steps(u64),
}

/// As a recipe writes it.
impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Length::Epochs(n) => write!(f, "{{ epochs = {n} }}"),
            Length::Steps(n) => write!(f, "{{ steps = {n} }}"),
        }
    }
}

/// As a recipe writes it.
impl fmt::Display for Every {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Every::Epochs(n) => Length::Epochs(n).fmt(f),
            Every::Steps(n) => Length::Steps(n).fmt(f),
        }
    }
}

/// How batches are put together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Order {
    /// Each example once an epoch, in an order of its own each epoch.
    #[default]
    Shuffled,
    /// Each batch drawn from all examples, with replacement.
    Drawn,
}

impl Options {
    /// The steps of one epoch over `n` examples. A `batch_size` of 0, which no trainer takes, counts as 1.
    pub fn steps_per_epoch(&self, n: usize) -> u64 {
        (n as u64).div_ceil(self.batch_size.max(1) as u64)
    }

    /// The steps of the whole run over `n` examples.
    pub fn total_steps(&self, n: usize) -> u64 {
        self.length.steps(self.steps_per_epoch(n))
    }

    /// The length of the run over `n` examples, as schedules take it.
    pub fn run_length(&self, n: usize) -> RunLength {
        RunLength { total: self.total_steps(n), epoch: self.steps_per_epoch(n) }
    }

    /// Examples in one pass, at most.
    pub(crate) fn pass_size(&self) -> usize {
        self.pass_size.unwrap_or(self.batch_size).min(self.batch_size)
    }

    /// Examples in a batch out of `n`, at most: no epoch gives more than it has, but any number can be drawn.
    pub(crate) fn largest_batch(&self, n: usize) -> usize {
        match self.order {
            Order::Shuffled => self.batch_size.min(n),
            Order::Drawn => self.batch_size,
        }
    }

    pub(crate) fn evaluates_after(&self, step: u64, n: usize) -> bool {
        let period = match self.evaluate {
            Every::Epochs(epochs) => epochs.saturating_mul(self.steps_per_epoch(n)),
            Every::Steps(steps) => steps,
        };
        step.is_multiple_of(period) || step == self.total_steps(n)
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        if matches!(self.length, Length::Epochs(0) | Length::Steps(0)) {
            return Err(Error::option("length", "at least 1 epoch or step", format_args!("{}", self.length)));
        }
        if self.batch_size == 0 {
            return Err(Error::option("batch_size", "at least 1", self.batch_size));
        }
        if self.pass_size == Some(0) {
            return Err(Error::option("pass_size", "at least 1", 0));
        }
        if !(self.learning_rate.is_finite() && self.learning_rate >= 0.0) {
            return Err(Error::option("learning_rate", "a finite number from 0", self.learning_rate));
        }
        if matches!(self.evaluate, Every::Epochs(0) | Every::Steps(0)) {
            return Err(Error::option(
                "evaluate",
                "a period of at least 1",
                format_args!("{}", self.evaluate),
            ));
        }
        self.schedule.check()?;
        self.plateau.map_or(Ok(()), |plateau| plateau.check())?;
        self.clip.map_or(Ok(()), Clip::check)?;
        self.average.map_or(Ok(()), Average::check)?;
        self.early_stopping.map_or(Ok(()), |stopping| stopping.check())?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_size_of_0_is_refused_and_has_its_steps_all_the_same() {
        let options = Options { batch_size: 0, ..Options::default() };
        assert_eq!(options.check().unwrap_err().to_string(), "batch_size: expected at least 1, got 0");
        assert_eq!(options.steps_per_epoch(10), 10);
        assert_eq!(options.run_length(10), RunLength { total: 100, epoch: 10 });
    }
}
