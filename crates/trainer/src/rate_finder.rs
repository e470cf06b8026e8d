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
    /// The search ends when the mean loss is so many times the smallest. Where that is not above 0, its size is how far it
    /// is below 0 or below the first loss, whichever is more, and the end a rise by `burst - 1` times that.
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
            tried.push(Tried { rate, loss });
            if self.has_burst(&tried) {
                tried.pop();
                break;
            }
        }
        Ok(tried)
    }

    /// The rate where the loss falls steepest for each factor of the rate; none if it never falls.
    pub fn steepest(tried: &[Tried]) -> Option<f64> {
        let slope = |pair: &[Tried]| (pair[1].loss - pair[0].loss) / (pair[1].rate / pair[0].rate).ln();
        let falling = tried.windows(2).filter(|pair| slope(pair) < 0.0);
        falling.min_by(|a, b| slope(a).total_cmp(&slope(b))).map(|pair| pair[0].rate)
    }

    /// Whether the last loss is far above the smallest.
    fn has_burst(&self, tried: &[Tried]) -> bool {
        let [first, .., last] = tried else { return false };
        let smallest = tried.iter().fold(last.loss, |smallest, tried| smallest.min(tried.loss));
        if smallest > 0.0 {
            return last.loss > self.burst * smallest;
        }
        // Below 0, so many times the smallest is less still.
        let size = (first.loss - smallest).max(-smallest);
        last.loss - smallest > (self.burst - 1.0) * size
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
        if self.burst.is_nan() || self.burst < 1.0 {
            return Err(Error::option("burst", "a number from 1", self.burst));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of these losses a search with the default options keeps.
    fn kept(losses: &[f64]) -> usize {
        let tried: Vec<_> = losses.iter().map(|&loss| Tried { rate: 1.0, loss }).collect();
        let end = (1..=tried.len()).find(|&n| RateSearch::default().has_burst(&tried[..n]));
        end.map_or(tried.len(), |n| n - 1)
    }

    #[test]
    fn a_loss_has_burst_far_above_the_smallest_whatever_its_sign() {
        assert_eq!(kept(&[2.0, 1.0, 4.0, 4.1]), 3, "four times the smallest");
        assert_eq!(kept(&[-2.0, -1.9, -2.0, 3.9, 4.1]), 4, "by three times what the smallest is below 0");
        assert_eq!(kept(&[3.0, -1.0, 10.9, 11.1]), 3, "by three times what it has fallen by");
        assert_eq!(kept(&[-1.0, -2.0, -3.0, -4.0, -5.0]), 5, "falling all the way");
    }

    #[test]
    fn a_burst_that_ends_every_search_is_refused() {
        for (burst, got) in [(0.5, "0.5"), (f64::NAN, "NaN")] {
            let error = RateSearch { burst, ..RateSearch::default() }.check().unwrap_err().to_string();
            assert_eq!(error, format!("burst: expected a number from 1, got {got}"));
        }
        RateSearch { burst: f64::INFINITY, ..RateSearch::default() }.check().unwrap();
    }
}
