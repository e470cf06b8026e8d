//! Gradient clipping.
//!
//! ```text
//! by norm    g ← g · min(1, limit / (‖g‖ + 1e-6))      ‖g‖ over all parameters together
//! by value   g ← max(-limit, min(limit, g))            each element alone
//! ```
//!
//! Pascanu, Mikolov, Bengio, "On the difficulty of training recurrent neural networks", 2013, algorithm 1. The 1e-6 is
//! PyTorch's: a gradient of 0 stays 0, and one that is clipped ends a millionth below the limit.

use ndarray::ArrayD;
use tensor_ops::Scalar;

use crate::Error;

/// A bound on the gradient of a step.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Clip {
    /// The largest length of the gradient of all parameters together. Its direction stays.
    Norm(f64),
    /// The largest size of each element.
    Value(f64),
}

impl Clip {
    /// Bounds the gradients of the parameters `which` and returns their norm before.
    ///
    /// If that norm is infinite or not a number, nothing is changed: there is no direction to keep.
    ///
    /// # Examples
    ///
    /// ```
    /// use ndarray::array;
    /// use trainer::Clip;
    ///
    /// let mut grads = [array![3.0, 0.0].into_dyn(), array![4.0].into_dyn()];
    /// assert_eq!(Clip::Norm(10.0).apply(&mut grads, |_| true), 5.0);
    /// assert_eq!(grads[0], array![3.0, 0.0].into_dyn());
    /// Clip::Norm(1.0).apply(&mut grads, |_| true);
    /// assert!((grads[1][0] - 0.8_f64).abs() < 1e-6);
    /// ```
    pub fn apply<T: Scalar>(self, grads: &mut [ArrayD<T>], which: impl Fn(usize) -> bool) -> f64 {
        let norm = global_norm(chosen(grads, &which));
        if !norm.is_finite() {
            return norm;
        }
        let chosen = grads.iter_mut().enumerate().filter(|(i, _)| which(*i)).map(|(_, g)| g);
        match self {
            Clip::Norm(limit) => {
                let factor = limit / (norm + 1e-6);
                if factor < 1.0 {
                    let factor = T::from_f64(factor);
                    chosen.for_each(|grad| grad.map_inplace(|g| *g *= factor));
                }
            }
            Clip::Value(limit) => {
                let limit = T::from_f64(limit);
                chosen.for_each(|grad| grad.map_inplace(|g| *g = g.minimum(limit).maximum(-limit)));
            }
        }
        norm
    }

    pub(crate) fn check(self) -> Result<(), Error> {
        let (Clip::Norm(limit) | Clip::Value(limit)) = self;
        if !(limit.is_finite() && limit > 0.0) {
            return Err(Error::option("clip", "a finite limit above 0", limit));
        }
        Ok(())
    }
}

fn chosen<'a, T>(
    grads: &'a [ArrayD<T>],
    which: &impl Fn(usize) -> bool,
) -> impl Iterator<Item = &'a ArrayD<T>> + Clone {
    grads.iter().enumerate().filter(move |(i, _)| which(*i)).map(|(_, g)| g)
}

/// √Σ g² over all arrays, summed in f64, without overflow or underflow on the way.
pub fn global_norm<'a, T: Scalar>(arrays: impl Iterator<Item = &'a ArrayD<T>> + Clone) -> f64 {
    let root_of_squares = |scale: f64| {
        let squares = |array: &ArrayD<T>| match array.as_slice_memory_order() {
            Some(slice) => sum_of_squares(slice, scale),
            None => array.iter().map(|g| (g.value() * scale).powi(2)).sum(),
        };
        arrays.clone().map(squares).sum::<f64>().sqrt()
    };
    let norm = root_of_squares(1.0);
    // The squares of f32 fit into f64; those of very large or small f64 do not, and are scaled first.
    if (1e-140..1e150).contains(&norm) || norm.is_nan() {
        return norm;
    }
    let largest = arrays.clone().flat_map(|a| a.iter()).fold(0.0, |m: f64, g| m.max(g.value().abs()));
    if largest == 0.0 || largest.is_infinite() {
        return largest;
    }
    root_of_squares(1.0 / largest) * largest
}

/// In eight sums, which the compiler keeps in one or two registers.
fn sum_of_squares<T: Scalar>(x: &[T], scale: f64) -> f64 {
    let mut lanes = [0.0; 8];
    let chunks = x.chunks_exact(lanes.len());
    let rest: f64 = chunks.remainder().iter().map(|x| (x.value() * scale).powi(2)).sum();
    for chunk in chunks {
        for (lane, x) in lanes.iter_mut().zip(chunk) {
            let x = x.value() * scale;
            *lane += x * x;
        }
    }
    lanes.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn the_norm_does_not_overflow_or_vanish() {
        let norm = |x: f64| global_norm([array![3.0 * x, 4.0 * x].into_dyn()].iter());
        for x in [1e300, 1.0, 1e-300, 1e-160] {
            assert!((norm(x) / (5.0 * x) - 1.0).abs() < 1e-15, "{x}: {}", norm(x));
        }
        assert_eq!(norm(0.0), 0.0);
        let single = [array![f32::MAX, f32::MAX].into_dyn()];
        assert!((global_norm(single.iter()) / (f64::from(f32::MAX) * 2f64.sqrt()) - 1.0).abs() < 1e-15);
    }

    #[test]
    fn a_gradient_that_is_not_finite_is_left_alone() {
        let before = [array![1e9, f64::INFINITY].into_dyn()];
        for clip in [Clip::Norm(1.0), Clip::Value(1.0)] {
            let mut grads = before.clone();
            assert_eq!(clip.apply(&mut grads, |_| true), f64::INFINITY);
            assert_eq!(grads, before);
        }
        assert!(Clip::Norm(1.0).apply(&mut [array![f64::NAN].into_dyn()], |_| true).is_nan());
    }

    #[test]
    fn what_is_not_chosen_neither_counts_nor_changes() {
        let mut grads = [array![3.0, 4.0].into_dyn(), array![1e9].into_dyn()];
        assert_eq!(Clip::Norm(5.0).apply(&mut grads, |i| i == 0), 5.0);
        assert_eq!(grads[1], array![1e9].into_dyn());
    }
}
