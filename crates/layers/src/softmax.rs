//! Softmax as a layer.
//!
//! ```text
//! yᵢ  = exp(xᵢ) / Σⱼ exp(xⱼ)
//! dxᵢ = yᵢ (dyᵢ - Σⱼ dyⱼ yⱼ)
//! ```
//!
//! Bridle, "Probabilistic interpretation of feedforward classification network outputs", 1990.

use ndarray::{ArrayD, ArrayRef2, ArrayRefD};
use tensor_ops::{Scalar, softmax_rows};

use crate::views::{ranked, ranked_mut};
use crate::{Backprop, Cache, Error, Layer, Saved, Spec};

/// Softmax of each example.
///
/// To train a classifier, end the network with logits and let the loss take the softmax: together they are exact where
/// one after the other is not. This layer is for networks that are to output probabilities.
///
/// # Shapes
///
/// `[n, classes]` to the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Softmax;

/// dx ← y (dy - Σ dy y), row by row.
///
/// # Shapes
///
/// All [n, classes].
///
/// # Panics
///
/// If the shapes differ.
#[track_caller]
pub fn softmax_backward<T: Scalar>(y: &ArrayRef2<T>, dy: &ArrayRef2<T>, dx: &mut ArrayRef2<T>) {
    assert!(y.dim() == dy.dim() && y.dim() == dx.dim(), "softmax_backward: shapes of y, dy and dx");
    for ((y, dy), mut dx) in y.rows().into_iter().zip(dy.rows()).zip(dx.rows_mut()) {
        let dot = y.iter().zip(&dy).fold(T::Wide::from_f64(0.0), |sum, (&y, &dy)| sum + (y * dy).widen());
        let dot = T::narrow(dot);
        ndarray::Zip::from(&mut dx).and(&y).and(&dy).for_each(|dx, &y, &dy| *dx = y * (dy - dot));
    }
}

impl Layer for Softmax {
    fn kind(&self) -> &'static str {
        "softmax"
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>, Error> {
        match input {
            [classes] if *classes > 0 => Ok(input.to_vec()),
            _ => Err(Error::input(self.kind(), "[classes]", input)),
        }
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::Softmax {})
    }
}

impl<T: Scalar> Backprop<T> for Softmax {
    fn forward(&self, _: &[ArrayD<T>], x: &ArrayRefD<T>, y: &mut ArrayRefD<T>, _: &mut Cache<T>) {
        softmax_rows(&ranked(x), &mut ranked_mut(y));
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
            softmax_backward(&ranked(saved.y), &ranked(dy), &mut ranked_mut(dx));
        }
    }
}
