//! What a run is judged by while it goes on.

use crate::{Error, Record};

/// A number of a [`Record`]: of the test set, or of the training batches if there is no test set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Metric {
    /// The loss, the lower the better.
    #[default]
    Loss,
    /// The accuracy, the higher the better.
    Accuracy,
}

/// By how much a value must beat the best to be better.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Margin {
    /// By this share of the best.
    Relative(f64),
    /// By this much.
    Absolute(f64),
}

impl Metric {
    pub(crate) fn of(self, record: &Record, option: &'static str) -> Result<f64, Error> {
        let value = match self {
            Metric::Loss => Some(record.test_loss.unwrap_or(record.train_loss)),
            Metric::Accuracy => record.test_accuracy.or(record.train_accuracy),
        };
        value
            .ok_or_else(|| Error::option(option, "the loss to be watched where targets are no classes", self))
    }

    /// Whether a value is better than the best by more than the margin. What is not a number never is.
    pub(crate) fn improves(self, value: f64, best: Option<f64>, margin: Margin) -> bool {
        let Some(best) = best else { return !value.is_nan() };
        match (self, margin) {
            (Metric::Loss, Margin::Relative(share)) => value < best - share * best.abs(),
            (Metric::Loss, Margin::Absolute(by)) => value < best - by,
            (Metric::Accuracy, Margin::Relative(share)) => value > best + share * best.abs(),
            (Metric::Accuracy, Margin::Absolute(by)) => value > best + by,
        }
    }
}

impl Margin {
    pub(crate) fn check(self, option: &'static str) -> Result<(), Error> {
        let (Margin::Relative(by) | Margin::Absolute(by)) = self;
        if !(by.is_finite() && by >= 0.0) {
            return Err(Error::option(option, "a finite margin from 0", by));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_margin_is_a_share_of_the_size_of_the_best_whatever_its_sign() {
        let improves = |value, best| Metric::Loss.improves(value, Some(best), Margin::Relative(0.1));
        assert!(improves(0.89, 1.0) && !improves(0.91, 1.0));
        assert!(improves(-1.11, -1.0) && !improves(-1.09, -1.0) && !improves(-0.95, -1.0));
        assert!(!improves(f64::NAN, 1.0) && !Metric::Loss.improves(f64::NAN, None, Margin::Absolute(0.0)));
    }
}
