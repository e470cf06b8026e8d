//! Dropout: a random part of the elements is set to zero in training.
//!
//! ```text
//! training    mᵢ = 0 with probability p, else 1 / (1 - p)        y = m x        dx = m dy
//! inference   y = x                                              dx = dy
//! ```
//!
//! This is the inverted form, in which the elements that stay are scaled up in training so that inference needs no
//! scaling, as in PyTorch and Keras.
//!
//! Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, "Dropout: a simple way to prevent neural networks from
//! overfitting", 2014.

use ndarray::{ArrayD, ArrayRefD, Zip};
use rand::Rng;
use tensor_ops::random::{Purpose, stream};
use tensor_ops::{Scalar, aligned_zeros};

use crate::views::{expect_shape, head, head_mut};
use crate::{Backprop, Cache, Error, Layer, Mode, Saved, Spec};

/// y = m x with a random mask m in training, y = x in inference.
///
/// The mask follows from the seed of the cache alone: element i, in row-major order, is decided by the i-th number of
/// the stream of that seed, whatever the memory layout and the number of threads.
///
/// # Shapes
///
/// Any to the same.
///
/// # Examples
///
/// ```
/// use layers::{Dropout, Layer};
///
/// assert_eq!(Dropout { p: 0.5 }.output_shape(&[20])?, [20]);
/// let error = Dropout { p: 1.0 }.output_shape(&[20]).unwrap_err();
/// assert_eq!(error.to_string(), "dropout: expected p from 0 to below 1, got 1.0");
/// # Ok::<(), layers::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropout {
    /// The probability that an element is dropped; 0.5 by default.
    pub p: f64,
}

impl Default for Dropout {
    fn default() -> Self {
        Dropout { p: 0.5 }
    }
}

/// mask ← for each element 0 with probability p, else 1 / (1 - p), in logical order.
///
/// The probability is rounded to a multiple of 2⁻³².
///
/// # Shapes
///
/// `mask` of any shape.
pub fn dropout_mask<T: Scalar>(p: f64, seed: u64, mask: &mut ArrayRefD<T>) {
    let mut rng = stream(seed, Purpose::Noise, 0);
    let threshold = (p * 2f64.powi(32)).round() as u64;
    let scale = T::from_f64(1.0 / (1.0 - p));
    for mask in mask {
        *mask = if u64::from(rng.next_u32()) < threshold { T::zero() } else { scale };
    }
}

impl Layer for Dropout {
    fn kind(&self) -> &'static str {
        "dropout"
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>, Error> {
        if !(0.0..1.0).contains(&self.p) {
            return Err(Error::option(self.kind(), "p", "from 0 to below 1", self.p));
        }
        Ok(input.to_vec())
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::Dropout { p: self.p })
    }
}

/// The cache holds, in `arrays`, the mask.
impl<T: Scalar> Backprop<T> for Dropout {
    fn new_cache(&self, input: &[usize]) -> Cache<T> {
        Cache { arrays: vec![aligned_zeros(input)], ..Cache::new() }
    }

    fn forward(&self, _: &[ArrayD<T>], x: &ArrayRefD<T>, y: &mut ArrayRefD<T>, cache: &mut Cache<T>) {
        expect_shape("y", y, x.shape()); // because `assign` would repeat a single element
        if cache.mode == Mode::Infer {
            return y.assign(x);
        }
        let mut mask = head_mut(&mut cache.arrays[0], x.shape()[0]);
        dropout_mask(self.p, cache.seed, &mut mask);
        Zip::from(y).and(x).and(&mask).for_each(|y, &x, &mask| *y = x * mask);
    }

    fn backward(
        &self,
        _: &[ArrayD<T>],
        saved: Saved<'_, T>,
        dy: &ArrayRefD<T>,
        dx: Option<&mut ArrayRefD<T>>,
        _: &mut [ArrayD<T>],
    ) {
        let Some(dx) = dx else { return };
        expect_shape("dy", dy, saved.x.shape());
        expect_shape("dx", dx, saved.x.shape());
        if saved.cache.mode == Mode::Infer {
            return dx.assign(dy);
        }
        let mask = head(&saved.cache.arrays[0], dy.shape()[0]);
        Zip::from(dx).and(dy).and(&mask).for_each(|dx, &dy, &mask| *dx = dy * mask);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(p: f64, seed: u64, shape: &[usize]) -> ArrayD<f64> {
        let mut mask = ArrayD::from_elem(shape, f64::NAN);
        dropout_mask(p, seed, &mut mask);
        mask
    }

    #[test]
    fn the_share_of_zeros_is_p_and_the_mean_stays() {
        for p in [0.1, 0.5, 0.8] {
            let mask = mask(p, 3, &[100_000]);
            let dropped = mask.iter().filter(|m| **m == 0.0).count() as f64 / mask.len() as f64;
            // Four standard deviations.
            assert!((dropped - p).abs() < 4.0 * (p * (1.0 - p) / 1e5).sqrt(), "{p}: {dropped}");
            assert!(mask.iter().all(|m| *m == 0.0 || *m == 1.0 / (1.0 - p)));
        }
        assert!(mask(0.0, 3, &[1000]).iter().all(|m| *m == 1.0));
    }

    #[test]
    fn the_mask_depends_on_the_seed_and_not_on_the_layout() {
        let straight = mask(0.5, 3, &[6, 7]);
        assert_ne!(straight, mask(0.5, 4, &[6, 7]));
        let mut turned = ArrayD::<f64>::zeros(vec![7, 6]);
        dropout_mask(0.5, 3, &mut turned.view_mut().reversed_axes());
        assert_eq!(straight, turned.reversed_axes());
    }
}
