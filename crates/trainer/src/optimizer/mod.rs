//! Optimisers: how a gradient changes a parameter.
//!
//! An optimiser holds no numbers, like a layer: it is a formula with options. What it remembers of each parameter (a
//! velocity, mean squares) are arrays that the [`Trainer`](crate::Trainer) owns, so that a checkpoint is a list of
//! arrays and nothing else.

mod adadelta;
mod adagrad;
mod adam;
mod adamw;
mod check;
mod each;
mod lion;
mod rmsprop;
mod sgd;
mod spec;

use std::fmt::Debug;

use tensor_ops::Scalar;

use crate::Error;

pub use adadelta::AdaDelta;
pub use adagrad::AdaGrad;
pub use adam::Adam;
pub use adamw::AdamW;
pub(crate) use check::check;
pub use lion::Lion;
pub use rmsprop::RmsProp;
pub use sgd::Sgd;
pub use spec::Spec;

/// The most arrays that an optimiser may remember of a parameter.
pub const MAX_SLOTS: usize = 4;

/// The circumstances of one update.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Update {
    /// The number of this update, counted from 1.
    pub t: u64,
    /// The learning rate.
    pub rate: f64,
    /// Whether weight decay applies to this parameter: by default to weights, not to biases and normalisations.
    pub decays: bool,
}

impl Update {
    /// The weight decay for this parameter: `lambda`, or 0 if it does not decay.
    pub fn decay(&self, lambda: f64) -> f64 {
        if self.decays { lambda } else { 0.0 }
    }
}

/// A formula that takes each element of a parameter down its gradient.
///
/// Every element is treated alone, and what becomes of it depends on the arguments of [`Optimizer::update`] and on nothing
/// else. So a parameter may be updated in parts, in any order, by any number of threads, and so may a second copy of it that
/// another thread keeps for itself.
///
/// # Examples
///
/// ```
/// use trainer::{Optimizer, Sgd, Update};
///
/// let mut weight = [1.0_f64, -1.0];
/// let update = Update { t: 1, rate: 0.1, decays: true };
/// Sgd::default().update(update, &mut weight, &[2.0, 0.0], &mut []);
/// assert_eq!(weight, [0.8, -1.0]);
/// ```
pub trait Optimizer<T: Scalar>: Debug + Send + Sync {
    /// The name in the field's terms: `sgd`.
    fn kind(&self) -> &'static str;

    /// The names of the arrays to remember for each parameter, at most [`MAX_SLOTS`] that all differ. Each begins as
    /// zeros.
    fn slots(&self) -> &'static [&'static str] {
        &[]
    }

    /// That the options make sense. [`Trainer::new`](crate::Trainer::new) asks, so an update may count on it.
    ///
    /// By default they do: for an optimiser without options, or whose options are checked before.
    ///
    /// # Errors
    ///
    /// [`Error::Option`] if one does not.
    fn check(&self) -> Result<(), Error> {
        Ok(())
    }

    /// param ← the updated parameter; slots ← what to remember.
    ///
    /// # Panics
    ///
    /// If the slices differ in length or there are not as many slots as [`Optimizer::slots`] names.
    fn update(&self, at: Update, param: &mut [T], grad: &[T], slots: &mut [&mut [T]]);
}
