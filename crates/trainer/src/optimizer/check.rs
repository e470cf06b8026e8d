//! What the options of an optimiser must be.

use crate::Error;

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
