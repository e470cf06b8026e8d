//! Reduce on plateau: a lower learning rate once training no longer gets better.
//!
//! The one thing about rates that has a state. It watches the records of a run, so its patience is counted in
//! *evaluations*, and it multiplies the rate of whatever schedule there is. The rules are those of PyTorch's
//! `ReduceLROnPlateau`, but for its `eps`, which ignores changes of the rate below 1e-8.

use crate::watch::{Margin, Metric};
use crate::{Error, Record};

/// When to lower the learning rate, and by how much.
///
/// # Examples
///
/// ```
/// use trainer::{Plateau, PlateauState};
///
/// let plateau = Plateau { patience: 1, ..Plateau::default() };
/// let mut state = PlateauState::default();
/// for loss in [1.0, 0.5, 0.6, 0.7] {
///     plateau.observe(loss, &mut state);
/// }
/// assert_eq!(plateau.rate(0.2, &state), 0.2 * 0.1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct Plateau {
    /// What should get better.
    pub metric: Metric,
    /// What the rate is multiplied by.
    pub factor: f64,
    /// How many evaluations in a row may be no better than the best; the next one lowers the rate.
    pub patience: u64,
    /// By how much a value must beat the best.
    pub margin: Margin,
    /// How many evaluations after a change do not count.
    pub cooldown: u64,
    /// The rate that is not gone below.
    pub minimum: f64,
}

/// What [`Plateau`] remembers.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PlateauState {
    #[cfg_attr(feature = "serde", serde(with = "crate::exact::option"))]
    best: Option<f64>,
    bad: u64,
    cooldown: u64,
    scale: f64,
}

impl Default for PlateauState {
    fn default() -> Self {
        PlateauState { best: None, bad: 0, cooldown: 0, scale: 1.0 }
    }
}

impl Default for Plateau {
    fn default() -> Self {
        Plateau {
            metric: Metric::Loss,
            factor: 0.1,
            patience: 10,
            margin: Margin::Relative(1e-4),
            cooldown: 0,
            minimum: 0.0,
        }
    }
}

impl Plateau {
    /// Takes one value of the metric into account.
    pub fn observe(&self, value: f64, state: &mut PlateauState) {
        if self.metric.improves(value, state.best, self.margin) {
            state.best = Some(value);
            state.bad = 0;
        } else {
            state.bad += 1;
        }
        if state.cooldown > 0 {
            state.cooldown -= 1;
            state.bad = 0;
        }
        if state.bad > self.patience {
            state.scale *= self.factor;
            state.cooldown = self.cooldown;
            state.bad = 0;
        }
    }

    pub(crate) fn observe_record(&self, record: &Record, state: &mut PlateauState) -> Result<(), Error> {
        self.observe(self.metric.of(record, "plateau")?, state);
        Ok(())
    }

    /// The rate for a step whose schedule says `scheduled`.
    pub fn rate(&self, scheduled: f64, state: &PlateauState) -> f64 {
        (scheduled * state.scale).max(self.minimum.min(scheduled))
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        if !(0.0..1.0).contains(&self.factor) {
            return Err(Error::option("plateau", "a factor from 0 and below 1", self.factor));
        }
        if !(self.minimum.is_finite() && self.minimum >= 0.0) {
            return Err(Error::option("plateau", "a finite minimum from 0", self.minimum));
        }
        self.margin.check("plateau")
    }
}
