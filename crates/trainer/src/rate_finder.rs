//! The learning-rate finder: which rates a network learns at.
//!
//! A short run whose rate grows by the same factor in each step, from far too small to too large. The loss first stays,
//! then falls, then bursts; a good rate is where it falls steepest, and a good peak for
//! [`OneCycle`](crate::OneCycle) is a little before it bursts. Smith, "Cyclical learning rates for training neural
//! networks", 2017, section 3.3; the smoothing and the end are fastai's.

use layers::Backprop;
use losses::Loss;
use tensor_ops::Scalar;

use crate::{Error, Length, Model, Optimizer, Options, Schedule, Source, Trainer};

/// Which rates to try.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct RateSearch {
    /// The first rate.
    pub from: f64,
    /// The last rate.
    pub to: f64,
    /// How many rates, each for one step.
    pub steps: u64,
    /// How much of the mean loss is kept in each step.
    pub smoothing: f64,
    /// The search ends when the mean loss is so many times the smallest.
    pub burst: f64,
}

impl Default for RateSearch {
    fn default() -> Self {
        RateSearch { from: 1e-7, to: 10.0, steps: 100, smoothing: 0.9, burst: 4.0 }
    }
}

/// What one step of a search found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tried {
    /// The learning rate.
    pub rate: f64,
    /// The moving mean of the loss of the batches up to here.
    pub loss: f64,
}

impl RateSearch {
    /// Tries the rates on a copy of the model. Of the options, the batches, the seed, the groups and the clipping count.
    ///
    /// # Errors
    ///
    /// [`Error::Option`] if the rates make no sense, and as [`Trainer::train_step`]; a loss that is not finite ends the
    /// search instead.
    pub fn run<T: Scalar, N: Backprop<T>>(
        &self,
        model: Model<T, N>,
        loss: Box<dyn Loss<T>>,
        optimizer: Box<dyn Optimizer<T>>,
        options: &Options,
        data: &Source<'_, T>,
    ) -> Result<Vec<Tried>, Error> {
        self.check()?;
        let factor = (self.to / self.from).powf(1.0 / (self.steps - 1) as f64);
        let options = Options {
            length: Length::Steps(self.steps),
            learning_rate: self.from,
            schedule: Schedule::Exponential { every: Length::Steps(1), factor },
            plateau: None,
            average: None,
            early_stopping: None,
            ..options.clone()
        };
        let mut trainer = Trainer::boxed(model, loss, optimizer, options)?;
        let (mut mean, mut tried) = (0.0, Vec::new());
        for t in 1..=self.steps {
            let rate = trainer.learning_rate(data.len());
            let report = match trainer.train_step(data) {
                Err(Error::NotFinite { .. }) => break,
                report => report?,
            };
            mean = self.smoothing * mean + (1.0 - self.smoothing) * report.loss;
            // The mean began as 0; without that, it is one of the losses so far.
            let loss = mean / (1.0 - self.smoothing.powf(t as f64));
            let smallest = tried.iter().fold(loss, |smallest: f64, tried: &Tried| smallest.min(tried.loss));
            if loss > self.burst * smallest {
                break;
            }
            tried.push(Tried { rate, loss });
        }
        Ok(tried)
    }

    /// The rate where the loss falls steepest for each factor of the rate; none if it never falls.
    pub fn steepest(tried: &[Tried]) -> Option<f64> {
        let slope = |pair: &[Tried]| (pair[1].loss - pair[0].loss) / (pair[1].rate / pair[0].rate).ln();
        let falling = tried.windows(2).filter(|pair| slope(pair) < 0.0);
        falling.min_by(|a, b| slope(a).total_cmp(&slope(b))).map(|pair| pair[0].rate)
    }

    fn check(&self) -> Result<(), Error> {
        if !(self.from > 0.0 && self.to > self.from && self.to.is_finite()) {
            return Err(Error::option("rates", "0 < from < to", (self.from, self.to)));
        }
        if self.steps < 2 {
            return Err(Error::option("steps", "at least 2", self.steps));
        }
        if !(0.0..1.0).contains(&self.smoothing) {
            return Err(Error::option("smoothing", "a number from 0 and below 1", self.smoothing));
        }
        Ok(())
    }
}
