//! What the options and the slices of an optimiser must be.

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

/// That there are so many slots, and all slices of a parameter are equally long.
#[track_caller]
pub(super) fn slices<T>(kind: &str, n_slots: usize, param: &[T], grad: &[T], slots: &[&mut [T]]) {
    assert_eq!(slots.len(), n_slots, "{kind}: slots");
    assert_eq!(param.len(), grad.len(), "{kind}: elements of parameter and gradient");
    for slot in slots {
        assert_eq!(param.len(), slot.len(), "{kind}: elements of parameter and slot");
    }
}
