#![doc = include_str!("../README.md")]
//!
//! # What is where
//!
//! - Numbers: [`Scalar`], [`Dual`]; [`branches`] tells which comparisons a computation made
//! - Products: [`matmul`], [`gemm`], [`gemm_bias`]
//! - Rows: [`softmax_rows`], [`log_softmax_rows`], [`log_sum_exp`], [`argmax`], [`is_argmax`], [`one_hot`],
//!   [`gather_rows`], [`add_row_sums`], [`sum`], [`mean`]
//! - Derivatives: [`numerical`]; with the feature of that name `gradcheck`, what gradient checks share
//! - Circumstances: [`random`], [`pool`], [`vectorised()`], [`prefetch()`],
//!   [`prefetch_amid_products`], [`aligned_zeros`]

mod aligned;
mod dual;
mod elementary;
mod gemm;
#[cfg(feature = "gradcheck")]
pub mod gradcheck;
mod machine;
pub mod numerical;
pub mod pool;
pub mod random;
mod rows;
mod scalar;
mod softmax;
mod sums;

pub use aligned::{aligned_copy, aligned_zeros};
pub use dual::{Dual, branches};
pub use gemm::{gemm, gemm_bias, matmul};
pub use machine::{Block, Vectorise, prefetch, prefetch_amid_products, vectorised};
pub use rows::{argmax, argmax_rows, gather_rows, is_argmax, one_hot};
pub use scalar::Scalar;
pub use softmax::{log_softmax_rows, log_sum_exp, softmax_rows};
pub use sums::{add_row_sums, mean, sum};
