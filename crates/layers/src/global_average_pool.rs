//! The mean of each channel.
//!
//! ```text
//! y[n, c]       = Σ over all cells of x[n, c, ...] / m       m: cells of a channel
//! dx[n, c, ...] = dy[n, c] / m
//! ```
//!
//! Lin, Chen, Yan, "Network in network", 2014, section 3.2.

use ndarray::{ArrayD, ArrayRef2, ArrayRef3, ArrayRefD, Zip};
use tensor_ops::Scalar;

use crate::batch_norm::by_channel;
use crate::sums::sum;
use crate::views::{ranked, ranked_mut, standard, with_standard_mut};
use crate::{Backprop, Cache, Error, Layer, Saved, Spec};

/// Mean over all cells of a channel.
///
/// # Shapes
///
/// `[n, c, ...]` with at least one axis after the channels to `[n, c]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GlobalAveragePool;

/// y ← the mean over the last axis, summed wide.
///
/// # Shapes
///
/// `x` [n, c, m] in row-major order, `y` [n, c].
///
/// # Panics
///
/// If the shapes do not fit or `x` is not in row-major order.
#[track_caller]
pub fn global_average_pool_forward<T: Scalar>(x: &ArrayRef3<T>, y: &mut ArrayRef2<T>) {
    assert_eq!(y.dim(), (x.dim().0, x.dim().1), "global_average_pool: shape of y");
    let m = T::Wide::from_f64(x.dim().2 as f64);
    Zip::from(y).and(x.lanes(ndarray::Axis(2))).for_each(|y, x| {
        *y = T::narrow(sum(x.as_slice().expect("x in row-major order")) / m);
    });
}

/// dx ← dy / m
///
/// # Shapes
///
/// `dy` [n, c], `dx` [n, c, m].
///
/// # Panics
///
/// If the shapes do not fit.
#[track_caller]
pub fn global_average_pool_backward<T: Scalar>(dy: &ArrayRef2<T>, dx: &mut ArrayRef3<T>) {
    assert_eq!(dy.dim(), (dx.dim().0, dx.dim().1), "global_average_pool: shape of dy");
    let m = T::from_f64(dx.dim().2 as f64);
    Zip::from(dx.lanes_mut(ndarray::Axis(2))).and(dy).for_each(|mut dx, &dy| dx.fill(dy / m));
}

impl Layer for GlobalAveragePool {
    fn kind(&self) -> &'static str {
        "global_average_pool"
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>, Error> {
        match input {
            [c, cells @ ..] if !cells.is_empty() && !cells.contains(&0) => Ok(vec![*c]),
            _ => Err(Error::input(self.kind(), "[channels, cells ...]", input)),
        }
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::GlobalAveragePool {})
    }
}

impl<T: Scalar> Backprop<T> for GlobalAveragePool {
    fn forward(&self, _: &[ArrayD<T>], x: &ArrayRefD<T>, y: &mut ArrayRefD<T>, _: &mut Cache<T>) {
        global_average_pool_forward(&standard(x, by_channel), &mut ranked_mut(y));
    }

    fn backward(
        &self,
        _: &[ArrayD<T>],
        _: Saved<'_, T>,
        dy: &ArrayRefD<T>,
        dx: Option<&mut ArrayRefD<T>>,
        _: &mut [ArrayD<T>],
    ) {
        if let Some(dx) = dx {
            with_standard_mut(dx, by_channel, |dx| global_average_pool_backward(&ranked(dy), dx));
        }
    }
}
