//! What an optimiser and its options must be.

use tensor_ops::Scalar;

use super::{MAX_SLOTS, Optimizer};
use crate::Error;
use crate::model::first_repeated;

/// That an optimiser can train: its options make sense, and its slots, which may be those of a user's own, have room and
/// names by which a checkpoint tells them apart.
pub(crate) fn check<T: Scalar>(optimizer: &dyn Optimizer<T>) -> Result<(), Error> {
    optimizer.check()?;
    let slots = optimizer.slots();
    if slots.len() > MAX_SLOTS {
        return Err(Error::option("slots", &format!("at most {MAX_SLOTS}"), slots.len()));
    }
    if let Some(name) = first_repeated(slots) {
        return Err(Error::option("slots", "names that all differ", format_args!("{name} twice")));
    }
    Ok(())
}

/// That an option is a finite number from 0.
pub(super) fn from_0(option: &'static str, value: f64) -> Result<(), Error> {
    if value.is_finite() && value >= 0.0 {
        return Ok(());
    }
    Err(Error::option(option, "a finite number from 0", value))
}

/// That an option is from 0 and below 1, as what is kept of a mean must be.
pub(super) fn below_1(option: &'static str, value: f64) -> Result<(), Error> {
    if (0.0..1.0).contains(&value) {
        return Ok(());
    }
    Err(Error::option(option, "a number from 0 and below 1", value))
}
