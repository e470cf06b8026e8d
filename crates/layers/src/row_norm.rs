//! Kernels that normalise each row by itself, which layer and group normalisation share.
//!
//! ```text
//! μ, σ² over the m values of a row        x̂ = (x - μ) / √(σ² + ε)        y = γ x̂ + β
//!
//! dγ = Σ dy x̂,  dβ = Σ dy                 over the rows, and the cells of a channel
//! dx = (dx̂ - Σ dx̂ / m - x̂ Σ dx̂ x̂ / m) / √(σ² + ε)        dx̂ = γ dy, sums over the row
//! ```
//!
//! A row is one group of channels of one example: [channels of the group, cells]. In layer normalisation each value is
//! a channel of one cell, and there is one group.

use ndarray::{ArrayRef1, ArrayRef2, ArrayRef4, Axis};
use tensor_ops::{Scalar, pool, vectorised};

use crate::sums::{channel_sums, map_channels, squares_around, sum};

/// y ← γ x̂ + β, x_hat ← x̂ and inv_std ← 1 / √(σ² + ε), by the biased variance in two passes, summed wide, the
/// mean rounded to the type of `x` in between.
///
/// # Shapes
///
/// `x` and `y` [n, groups, c, cells] in row-major order, `x_hat` as many elements, `gamma` and `beta` [groups, c],
/// `inv_std` [n groups].
///
/// # Panics
///
/// If the shapes do not fit or an array is not in row-major order.
#[track_caller]
pub fn row_norm_forward<T: Scalar>(
    x: &ArrayRef4<T>,
    eps: f64,
    [gamma, beta]: [&ArrayRef2<T>; 2],
    y: &mut ArrayRef4<T>,
    x_hat: &mut [T],
    inv_std: &mut ArrayRef1<T>,
) {
    let (n, groups, c, cells) = x.dim();
    assert!(x.dim() == y.dim() && x.len() == x_hat.len(), "row_norm: shapes of x, y and x_hat");
    assert!(gamma.dim() == (groups, c) && beta.dim() == (groups, c), "row_norm: shapes of gamma and beta");
    assert_eq!(inv_std.len(), n * groups, "row_norm: length of inv_std");
    let (row, m) = (c * cells, T::Wide::from_f64((c * cells) as f64));
    let normalise = |x: &[T], y: &mut [T], x_hat: &mut [T], inv_std: &mut T, group: usize| {
        let mean = T::narrow(sum(x) / m);
        let var = squares_around(x, mean) / m;
        let scale = T::narrow(T::Wide::from_f64(1.0) / (var + T::Wide::from_f64(eps)).sqrt());
        *inv_std = scale;
        x.iter().zip(&mut *x_hat).for_each(|(&x, x_hat)| *x_hat = (x - mean) * scale);
        let affine = |k: usize, x_hat: T, _| gamma[[group, k]] * x_hat + beta[[group, k]];
        map_channels([x_hat, x_hat], y, [1, c, cells], affine);
    };
    let (time, part) = (2 * x.len(), part(n) * groups);
    let x = x.as_slice().expect("x in row-major order").chunks(part * row);
    let y = y.as_slice_mut().expect("y in row-major order").chunks_mut(part * row);
    let parts = x.zip(y).zip(x_hat.chunks_mut(part * row)).zip(inv_std.axis_chunks_iter_mut(Axis(0), part));
    pool::for_each(time, parts, |(((x, y), x_hat), inv_std)| {
        let rows = x.chunks_exact(row).zip(y.chunks_exact_mut(row)).zip(x_hat.chunks_exact_mut(row));
        for ((((x, y), x_hat), inv_std), group) in rows.zip(inv_std).zip((0..groups).cycle()) {
            vectorised(|| normalise(x, y, x_hat, inv_std, group));
        }
    });
}

/// dγ ← dγ + Σ dy x̂ and dβ ← dβ + Σ dy, summed wide.
///
/// # Shapes
///
/// As [`row_norm_forward`].
///
/// # Panics
///
/// As [`row_norm_forward`].
#[track_caller]
pub fn row_norm_backward_params<T: Scalar>(
    x_hat: &[T],
    dy: &ArrayRef4<T>,
    dgamma: &mut ArrayRef2<T>,
    dbeta: &mut ArrayRef2<T>,
) {
    let (n, groups, c, cells) = dy.dim();
    assert_eq!(dy.len(), x_hat.len(), "row_norm: elements of dy and x_hat");
    assert!(
        dgamma.dim() == (groups, c) && dbeta.dim() == (groups, c),
        "row_norm: shapes of dgamma and dbeta"
    );
    let (dy, channels) = (dy.as_slice().expect("dy in row-major order"), [n, groups * c, cells]);
    let (dot, dy_alone) = (|_, x_hat: T, dy: T| (x_hat * dy).widen(), |_, dy: T, _| dy.widen());
    let all = 0..groups * c;
    vectorised(|| {
        let add_gamma = |k, sum| dgamma[[k / c, k % c]] += T::narrow(sum);
        channel_sums([x_hat, dy], channels, all.clone(), dot, add_gamma);
        let add_beta = |k, sum| dbeta[[k / c, k % c]] += T::narrow(sum);
        channel_sums([dy, dy], channels, all.clone(), dy_alone, add_beta);
    });
}

/// dx ← (dx̂ - Σ dx̂ / m - x̂ Σ dx̂ x̂ / m) inv_std
///
/// # Shapes
///
/// As [`row_norm_forward`].
///
/// # Panics
///
/// As [`row_norm_forward`].
#[track_caller]
pub fn row_norm_backward_input<T: Scalar>(
    x_hat: &[T],
    inv_std: &ArrayRef1<T>,
    gamma: &ArrayRef2<T>,
    dy: &ArrayRef4<T>,
    dx: &mut ArrayRef4<T>,
) {
    let (n, groups, c, cells) = dy.dim();
    assert!(dy.dim() == dx.dim() && dy.len() == x_hat.len(), "row_norm: shapes of dy, dx and x_hat");
    assert_eq!(gamma.dim(), (groups, c), "row_norm: shape of gamma");
    assert_eq!(inv_std.len(), n * groups, "row_norm: length of inv_std");
    let (row, share) = (c * cells, T::Wide::from_f64(1.0 / (c * cells) as f64));
    let one = |dy: &[T], dx: &mut [T], x_hat: &[T], inv_std: T, group: usize| {
        let (mut total, mut along) = (T::Wide::from_f64(0.0), T::Wide::from_f64(0.0));
        let weigh = |k: usize, sum: T::Wide| gamma[[group, k]].widen() * sum;
        channel_sums([dy, dy], [1, c, cells], 0..c, |_, dy, _| dy.widen(), |k, sum| total += weigh(k, sum));
        let dot = |_, dy: T, x_hat: T| (dy * x_hat).widen();
        channel_sums([dy, x_hat], [1, c, cells], 0..c, dot, |k, sum| along += weigh(k, sum));
        let (total, along) = (T::narrow(total * share), T::narrow(along * share));
        map_channels([dy, x_hat], dx, [1, c, cells], |k, dy, x_hat| {
            inv_std * (gamma[[group, k]] * dy - total - x_hat * along)
        });
    };
    let (time, part) = (2 * dy.len(), part(n) * groups);
    let dy = dy.as_slice().expect("dy in row-major order").chunks(part * row);
    let dx = dx.as_slice_mut().expect("dx in row-major order").chunks_mut(part * row);
    let parts = dy.zip(dx).zip(x_hat.chunks(part * row)).zip(inv_std.axis_chunks_iter(Axis(0), part));
    pool::for_each(time, parts, |(((dy, dx), x_hat), inv_std)| {
        let rows = dy.chunks_exact(row).zip(dx.chunks_exact_mut(row)).zip(x_hat.chunks_exact(row));
        for ((((dy, dx), x_hat), &inv_std), group) in rows.zip(inv_std).zip((0..groups).cycle()) {
            vectorised(|| one(dy, dx, x_hat, inv_std, group));
        }
    });
}

/// Examples of a part. Each example is normalised alone, so the cut changes no bit.
fn part(n: usize) -> usize {
    n.div_ceil(16).max(1)
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, Array2, Array4};

    use super::*;

    #[test]
    fn the_mean_of_a_long_row_is_summed_wide() {
        let x = Array4::from_shape_fn((1, 1, 1, 20_000), |(.., j)| 1000.1_f32 + (j % 2) as f32 * 0.25);
        let (mut y, mut x_hat, mut inv_std) = (x.clone(), vec![0.0; 20_000], Array1::zeros(1));
        let [gamma, beta] = [Array2::ones((1, 1)), Array2::zeros((1, 1))];
        row_norm_forward(&x, 1e-5, [&gamma, &beta], &mut y, &mut x_hat, &mut inv_std);
        let near = |y: f32, exact: f32| (y - exact).abs() < 1e-2;
        assert!(near(y[[0, 0, 0, 0]], -1.0) && near(y[[0, 0, 0, 1]], 1.0), "{y}");
    }
}
