//! Early stopping: no more training once it no longer helps, and the best parameters kept.
//!
//! Prechelt, "Early stopping - but when?", 1998.

use crate::watch::{Margin, Metric};
use crate::{Error, Record};

/// When to stop before the end. The best parameters so far are kept, and are what
/// [`Trainer::into_model`](crate::Trainer::into_model) gives.
///
/// Where there is a test set, it decides here, and so its own numbers are no longer an honest test: hold out a
/// validation set ([`holdout`](crate::folds::holdout)) and keep the test set for the end.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct EarlyStopping {
    /// What should get better.
    pub metric: Metric,
    /// How many evaluations in a row may be no better than the best; the next one ends the run.
    pub patience: u64,
    /// By how much a value must beat the best.
    pub margin: Margin,
}

/// What [`EarlyStopping`] remembers beside the parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct StoppingState {
    #[cfg_attr(feature = "serde", serde(with = "crate::exact::option"))]
    best: Option<f64>,
    bad: u64,
    stopped: bool,
}

impl Default for EarlyStopping {
    fn default() -> Self {
        EarlyStopping { metric: Metric::Loss, patience: 5, margin: Margin::Absolute(0.0) }
    }
}

impl EarlyStopping {
    /// Takes a record into account; whether it is the best so far.
    pub(crate) fn observe(&self, record: &Record, state: &mut StoppingState) -> Result<bool, Error> {
        let value = self.metric.of(record, "early_stopping")?;
        let improves = self.metric.improves(value, state.best, self.margin);
        if improves {
            state.best = Some(value);
            state.bad = 0;
        } else {
            state.bad += 1;
        }
        state.stopped = state.bad > self.patience;
        Ok(improves)
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        self.margin.check("early_stopping")
    }
}

impl StoppingState {
    /// Whether the run is over.
    pub fn stopped(&self) -> bool {
        self.stopped
    }

    /// The best value so far.
    pub fn best(&self) -> Option<f64> {
        self.best
    }
}
