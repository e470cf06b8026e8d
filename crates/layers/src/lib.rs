#![doc = include_str!("../README.md")]
//!
//! # What is where
//!
//! - What a layer is: [`Layer`], [`Backprop`], [`Cache`], [`ParamSpec`]
//! - Where the idea starts: [`Add`], [`Multiply`]
//! - Layers: [`Affine`], [`Conv2d`], [`Conv1d`], [`ConvTranspose2d`], [`MaxPool2d`], [`AvgPool2d`],
//!   [`GlobalAveragePool`], [`BatchNorm`], [`LayerNorm`], [`GroupNorm`], [`Dropout`], [`Embedding`], [`Softmax`],
//!   [`LogSoftmax`], [`PRelu`], [`Flatten`], [`Reshape`], and the activations, such as [`Relu`]
//! - Containers: [`Sequential`], [`Residual`], [`Concat`]
#![cfg_attr(feature = "gradcheck", doc = "- Whether it is right: [`gradcheck`]")]
//!
#![doc = include_str!("../docs/layers.md")]

mod activations;
mod affine;
mod avg_pool2d;
mod batch_norm;
#[cfg(feature = "from-spec")]
mod build;
mod cache;
mod catalogue;
mod concat;
mod conv1d;
mod conv2d;
mod conv_transpose2d;
mod convolution;
mod dropout;
mod elementwise;
mod embedding;
mod error;
mod flatten;
mod global_average_pool;
#[cfg(feature = "gradcheck")]
pub mod gradcheck;
mod group_norm;
mod init;
mod layer;
mod layer_norm;
mod log_softmax;
mod max_pool2d;
mod nodes;
mod params;
mod prelu;
#[cfg(feature = "gradcheck")]
pub mod registry;
mod residual;
mod row_norm;
mod sequential;
mod softmax;
mod spec;
mod sums;
pub mod views;
pub mod window;

pub use activations::{
    Approximation, Elu, Gelu, HardSigmoid, HardSwish, LeakyRelu, Mish, Relu, Selu, Sigmoid, Silu, Softplus,
    Tanh,
};
pub use affine::{Affine, affine_backward_input, affine_backward_params, affine_forward};
pub use avg_pool2d::{AvgPool2d, avg_pool2d_backward, avg_pool2d_forward};
pub use batch_norm::{
    BatchNorm, batch_norm_backward_input, batch_norm_backward_params, batch_norm_forward,
    batch_norm_statistics,
};
#[cfg(feature = "from-spec")]
pub use build::sequential;
pub use cache::{Cache, Mode};
pub use concat::Concat;
pub use conv_transpose2d::{ConvTranspose2d, conv_transpose2d_forward};
pub use conv1d::Conv1d;
pub use conv2d::Conv2d;
pub use convolution::{
    ConvScratch, add_channel_sums, conv2d_backward_input, conv2d_backward_params, conv2d_forward,
};
pub use dropout::{Dropout, dropout_mask};
pub use elementwise::Elementwise;
pub use embedding::{Embedding, embedding_backward_params, embedding_forward};
pub use error::Error;
pub use flatten::{Flatten, Reshape};
pub use global_average_pool::{GlobalAveragePool, global_average_pool_backward, global_average_pool_forward};
pub use group_norm::GroupNorm;
pub use init::{Bell, Fan, Init, Side};
pub use layer::{AnyLayer, Backprop, InputKind, Layer, Saved};
pub use layer_norm::LayerNorm;
pub use log_softmax::{LogSoftmax, log_softmax_backward};
pub use max_pool2d::{MaxPool2d, max_pool2d_backward, max_pool2d_forward};
pub use nodes::{Add, Factors, Multiply};
pub use params::{MAX_ELEMENTS, ParamSpec, Role};
pub use prelu::{PRelu, prelu_backward_input, prelu_backward_params, prelu_forward};
pub use residual::Residual;
pub use row_norm::{row_norm_backward_input, row_norm_backward_params, row_norm_forward};
pub use sequential::Sequential;
pub use softmax::{Softmax, softmax_backward};
pub use spec::Spec;
