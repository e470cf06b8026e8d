//! Layers of neural networks with explicit forward and backward passes over `ndarray`.
//!
//! There is no tape and no graph. A layer states its forward pass and, beside it, the backward pass that the chain
//! rule gives; [`Sequential`] runs them in order. Parameters, gradients and activations are plain arrays that the
//! caller owns, so one network may be shared by threads, run in `f32` and `f64`, and be differentiated exactly with
//! dual numbers.
//!
//! - What a layer is: [`Layer`], [`Backprop`], [`Cache`], [`ParamSpec`]
//! - Where the idea starts: [`Add`], [`Multiply`]
//! - Layers: [`Affine`], the activations, [`Softmax`], [`Flatten`], [`Reshape`]
//! - Containers: [`Sequential`]
//!
//! Use the `trainer` crate to train a network; this one has no optimiser, no data and no files. For GPUs, automatic
//! differentiation or large models use a framework such as burn or candle.

mod activations;
mod affine;
mod cache;
mod elementwise;
mod error;
mod flatten;
pub mod gradcheck;
mod init;
mod layer;
mod nodes;
mod params;
pub mod registry;
mod sequential;
mod softmax;
mod spec;
pub mod views;

pub use activations::{LeakyRelu, Relu, Sigmoid};
pub use affine::{Affine, affine_backward_input, affine_backward_params, affine_forward};
pub use cache::{Cache, Mode};
pub use elementwise::Elementwise;
pub use error::Error;
pub use flatten::{Flatten, Reshape};
pub use init::{Bell, Fan, Init, Side};
pub use layer::{AnyLayer, Backprop, InputKind, Layer, Saved};
pub use nodes::{Add, Factors, Multiply};
pub use params::{ParamSpec, Role};
pub use sequential::Sequential;
pub use softmax::{Softmax, softmax_backward};
pub use spec::{Spec, sequential};
