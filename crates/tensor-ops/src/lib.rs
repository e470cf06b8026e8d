//! The numbers under a neural network: scalars, matrix products, softmax, reductions and derivatives over `ndarray`.
//!
//! Everything here is a free function on array references. Nothing knows what a layer is.
//!
//! The functions are generic over [`Scalar`], which `f32`, `f64` and [`Dual`] satisfy. Run a computation on dual
//! numbers and it yields its exact directional derivative; that is how the rest of the project proves its backward
//! passes.
//!
//! Use this crate alone for a stable softmax, strided products or a numerical gradient. Do not use it as a general
//! linear-algebra library: it has what small networks need and no more.

mod dual;
mod elementary;
mod gemm;
pub mod gradcheck;
mod machine;
pub mod numerical;
pub mod pool;
pub mod random;
mod rows;
mod scalar;
mod softmax;
mod sums;

pub use dual::{Dual, branches};
pub use gemm::{gemm, gemm_bias, matmul};
pub use rows::{argmax, argmax_rows, gather_rows, one_hot};
pub use scalar::Scalar;
pub use softmax::{log_softmax_rows, log_sum_exp, softmax_rows};
pub use sums::{add_row_sums, mean, sum};
