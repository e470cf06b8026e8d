//! Trains small neural networks on the CPU.
//!
//! - [`Model`]: a network and its numbers; predicts
//! - [`Trainer`]: the loop; with an [`Optimizer`], a [`Schedule`] and [`Options`]
//! - [`Source`]: a data set as batches
//! - [`History`]: what happened
//!
//! Everything here is generic over the scalar and over the network, which may be any
//! [`Backprop`](layers::Backprop).

mod data;
mod error;
mod evaluate;
mod history;
mod model;
mod optimizer;
mod options;
mod schedule;
mod trainer;

pub use data::{Source, TargetBuffer};
pub use error::Error;
pub use evaluate::{Evaluation, evaluate};
pub use history::{History, Record};
pub use model::{Model, Predictor};
pub use optimizer::{MAX_SLOTS, Optimizer, Sgd, Spec as OptimizerSpec, Update};
pub use options::{Every, Length, Options, Order};
pub use schedule::Schedule;
pub use trainer::{StepReport, Trainer};
