//! Weights of classes, which make a rare class count more.
//!
//! As in PyTorch: a row counts with the weight of its class, and a mean divides by the sum of the weights of the rows. Where
//! all of them weigh nothing, PyTorch's mean is NaN or infinite; here it is an error, which a trainer takes for a loss and a
//! gradient of 0, so that a batch of nothing but such rows ends no training.

use crate::{Error, Reduction};

/// The largest weight: sums over any batch stay finite, in f32 too.
const MAX: f64 = 1e30;

/// That each weight makes sense.
pub(crate) fn check(loss: &'static str, weights: &[f64]) -> Result<(), Error> {
    let wrong = |expected: &str, w| Err(Error::option(loss, "class_weights", expected, w));
    match weights.iter().find(|w| !(0.0..=MAX).contains(*w)) {
        Some(w) if w.is_finite() && *w > MAX => wrong("numbers up to 1e30", w),
        Some(w) => wrong("finite numbers from 0", w),
        None => Ok(()),
    }
}

/// That there are no weights, or one for each class.
pub(crate) fn check_count(loss: &'static str, weights: &[f64], classes: usize) -> Result<(), Error> {
    if !weights.is_empty() && weights.len() != classes {
        let expected = format!("one for each of {classes} classes");
        return Err(Error::option(loss, "class_weights", expected, weights.len()));
    }
    Ok(())
}

/// The sum of the weights of the rows; their number if classes have no weights.
///
/// A label without a weight counts nothing here; the loss refuses it.
pub(crate) fn total(weights: &[f64], labels: &[usize]) -> f64 {
    if weights.is_empty() {
        return labels.len() as f64;
    }
    labels.iter().filter_map(|&label| weights.get(label)).sum()
}

/// The factor on the sum of the weighted losses of the rows.
pub(crate) fn share(
    loss: &'static str,
    reduction: Reduction,
    weights: &[f64],
    labels: &[usize],
) -> Result<f64, Error> {
    let total = total(weights, labels);
    match reduction {
        Reduction::Mean if total == 0.0 => Err(Error::NoWeight { loss }),
        _ => Ok(reduction.share(total)),
    }
}
