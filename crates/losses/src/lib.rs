//! Losses: how far a network's outputs are from what they should have been, and the derivative of that.
//!
//! A [`Loss`] takes the outputs of a batch and its [`Targets`], returns one number accumulated in f64, and writes the
//! gradient by the outputs. Each is exact at extremes: logarithms of probabilities are never taken of a rounded
//! probability.
//!
//! Losses know nothing of layers. Use this crate alone to add a correct loss to a program that computes its outputs
//! elsewhere.
//!
#![doc = include_str!("../docs/losses.md")]

mod binary_cross_entropy;
mod class_weights;
mod elementwise;
mod error;
pub mod gradcheck;
mod hinge;
mod huber;
mod kullback_leibler;
mod loss;
mod mean_absolute_error;
mod mean_squared_error;
mod negative_log_likelihood;
pub mod registry;
mod softmax_cross_entropy;
mod spec;

pub use binary_cross_entropy::BinaryCrossEntropy;
pub use error::Error;
pub use hinge::Hinge;
pub use huber::Huber;
pub use kullback_leibler::KullbackLeibler;
pub use loss::{AnyLoss, Loss, Reduction, Targets};
pub use mean_absolute_error::MeanAbsoluteError;
pub use mean_squared_error::MeanSquaredError;
pub use negative_log_likelihood::NegativeLogLikelihood;
pub use softmax_cross_entropy::SoftmaxCrossEntropy;
pub use spec::Spec;
