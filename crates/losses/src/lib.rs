#![doc = include_str!("../README.md")]
//!
//! # What is where
//!
//! - What a loss is: [`Loss`], [`Targets`], [`Reduction`]
//! - Classes: [`SoftmaxCrossEntropy`], [`NegativeLogLikelihood`], [`Hinge`]
//! - Distributions and yes or no: [`KullbackLeibler`], [`BinaryCrossEntropy`]
//! - Values: [`MeanSquaredError`], [`MeanAbsoluteError`], [`Huber`]
#![cfg_attr(feature = "gradcheck", doc = "- Whether it is right: [`gradcheck`]")]
//!
#![doc = include_str!("../docs/losses.md")]

mod binary_cross_entropy;
mod class_weights;
mod elementwise;
mod error;
#[cfg(feature = "gradcheck")]
pub mod gradcheck;
mod hinge;
mod huber;
mod kullback_leibler;
mod loss;
mod mean_absolute_error;
mod mean_squared_error;
mod negative_log_likelihood;
#[cfg(feature = "gradcheck")]
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
