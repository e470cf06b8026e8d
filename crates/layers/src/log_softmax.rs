//! The logarithm of softmax as a layer.
//!
//! ```text
//! yᵢ  = xᵢ - ln Σⱼ exp(xⱼ)
//! dxᵢ = dyᵢ - exp(yᵢ) Σⱼ dyⱼ
//! ```
//!
//! Computed without taking the logarithm of softmax, which is -inf where softmax underflows.

use ndarray::{ArrayD, ArrayRef2, ArrayRefD, Zip};
use tensor_ops::{Scalar, log_softmax_rows};

use crate::views::{ranked, ranked_mut};
use crate::{Backprop, Cache, Error, Layer, Saved, Spec};

/// Log-softmax of each example: the log-probabilities that a negative-log-likelihood loss takes.
///
/// # Shapes
///
/// `[n, classes]` to the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogSoftmax;

/// dx ← dy - exp(y) Σ dy, row by row.
///
/// # Shapes
///
/// All [n, classes].
///
/// # Panics
///
/// If the shapes differ.
#[track_caller]
pub fn log_softmax_backward<T: Scalar>(y: &ArrayRef2<T>, dy: &ArrayRef2<T>, dx: &mut ArrayRef2<T>) {
    assert!(y.dim() == dy.dim() && y.dim() == dx.dim(), "log_softmax_backward: shapes of y, dy and dx");
    for ((y, dy), mut dx) in y.rows().into_iter().zip(dy.rows()).zip(dx.rows_mut()) {
        let total = T::narrow(dy.iter().fold(T::Wide::from_f64(0.0), |sum, &dy| sum + dy.widen()));
        Zip::from(&mut dx).and(&y).and(&dy).for_each(|dx, &y, &dy| *dx = dy - y.exp() * total);
    }
}

impl Layer for LogSoftmax {
    fn kind(&self) -> &'static str {
        "log_softmax"
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>, Error> {
        match input {
            [classes] if *classes > 0 => Ok(input.to_vec()),
            _ => Err(Error::input(self.kind(), "[classes]", input)),
        }
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::LogSoftmax {})
    }
}

impl<T: Scalar> Backprop<T> for LogSoftmax {
    fn forward(&self, _: &[ArrayD<T>], x: &ArrayRefD<T>, y: &mut ArrayRefD<T>, _: &mut Cache<T>) {
        log_softmax_rows(&ranked(x), &mut ranked_mut(y));
    }

    fn backward(
        &self,
        _: &[ArrayD<T>],
        saved: Saved<'_, T>,
        dy: &ArrayRefD<T>,
        dx: Option<&mut ArrayRefD<T>>,
        _: &mut [ArrayD<T>],
    ) {
        if let Some(dx) = dx {
            log_softmax_backward(&ranked(saved.y), &ranked(dy), &mut ranked_mut(dx));
        }
    }
}
