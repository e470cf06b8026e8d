//! Losses: how far a network's outputs are from what they should have been, and the derivative of that.
//!
//! A [`Loss`] takes the outputs of a batch and its [`Targets`], returns one number accumulated in f64, and writes the
//! gradient by the outputs. Each is exact at extremes: logarithms of probabilities are never taken of a rounded
//! probability.
//!
//! Losses know nothing of layers. Use this crate alone to add a correct loss to a program that computes its outputs
//! elsewhere.

mod error;
mod loss;
mod mean_squared_error;
mod softmax_cross_entropy;
mod spec;

pub use error::Error;
pub use loss::{AnyLoss, Loss, Reduction, Targets};
pub use mean_squared_error::MeanSquaredError;
pub use softmax_cross_entropy::SoftmaxCrossEntropy;
pub use spec::Spec;
