//! Long sums over slices, accumulated wide.
//!
//! Eight partial sums instead of one: the additions of one sum wait for each other, eight do not, and their order is
//! fixed, so the result depends on the numbers alone.

use std::ops::Range;

use ndarray::{ArrayRef1, Axis};
use tensor_ops::{Scalar, Vectorise, pool, vectorised};

const LANES: usize = 8;

/// Σᵢ xᵢ
pub(crate) fn sum<T: Scalar>(x: &[T]) -> T::Wide {
    sum_of(x, x, |x, _| x.widen())
}

/// Σᵢ (xᵢ - m)²
pub(crate) fn squares_around<T: Scalar>(x: &[T], m: T) -> T::Wide {
    sum_of(x, x, |x, _| {
        let d = (x - m).widen();
        d * d
    })
}

/// Σᵢ f(xᵢ, yᵢ), for slices of equal length
#[inline(always)]
fn sum_of<T: Scalar>(x: &[T], y: &[T], f: impl Fn(T, T) -> T::Wide) -> T::Wide {
    let mut lanes = [T::Wide::from_f64(0.0); LANES];
    let ((x, x_rest), (y, y_rest)) = (x.as_chunks::<LANES>(), y.as_chunks::<LANES>());
    for (x, y) in x.iter().zip(y) {
        for lane in 0..LANES {
            lanes[lane] += f(x[lane], y[lane]);
        }
    }
    let rest = x_rest.iter().zip(y_rest).fold(T::Wide::from_f64(0.0), |sum, (&x, &y)| sum + f(x, y));
    lanes.into_iter().fold(rest, |sum, lane| sum + lane)
}

/// Hands `out`, for each channel k in a range, the sum of f(k, x, y) over all examples and cells.
///
/// `x` and `y` are [n, c, cells] in row-major order.
#[inline(always)]
pub(crate) fn channel_sums<T: Scalar>(
    [x, y]: [&[T]; 2],
    [_, c, cells]: [usize; 3],
    range: Range<usize>,
    f: impl Fn(usize, T, T) -> T::Wide,
    mut out: impl FnMut(usize, T::Wide),
) {
    if cells == 1 {
        return column_sums([x, y], c, range, f, out);
    }
    for k in range {
        let planes = |x| <[T]>::chunks_exact(x, cells.max(1)).skip(k).step_by(c);
        let sums = planes(x).zip(planes(y)).map(|(x, y)| sum_of(x, y, |x, y| f(k, x, y)));
        out(k, sums.fold(T::Wide::from_f64(0.0), |total, plane| total + plane));
    }
}

/// Columns that are summed at once: their sums stay in registers, and rows are read in order.
const BLOCK: usize = 16;

/// The same for one cell a channel.
#[inline(always)]
fn column_sums<T: Scalar>(
    [x, y]: [&[T]; 2],
    c: usize,
    range: Range<usize>,
    f: impl Fn(usize, T, T) -> T::Wide,
    mut out: impl FnMut(usize, T::Wide),
) {
    for start in range.clone().step_by(BLOCK) {
        let block = start..range.end.min(start + BLOCK);
        let mut sums = [T::Wide::from_f64(0.0); BLOCK];
        for (x, y) in x.chunks_exact(c).zip(y.chunks_exact(c)) {
            let terms = x[block.clone()].iter().zip(&y[block.clone()]);
            for ((k, sum), (&x, &y)) in block.clone().zip(&mut sums).zip(terms) {
                *sum += f(k, x, y);
            }
        }
        block.zip(sums).for_each(|(k, sum)| out(k, sum));
    }
}

/// [`channel_sums`] of all channels, shared over threads: calls `put` with each channel's place in `out` and its sum.
///
/// A channel is summed by one thread, so the cut changes no bit.
pub(crate) fn shared_channel_sums<T: Scalar>(
    xy: [&[T]; 2],
    shape: [usize; 3],
    f: impl Fn(usize, T, T) -> T::Wide + Sync,
    out: &mut ArrayRef1<T>,
    put: impl Fn(usize, &mut T, T::Wide) + Sync,
) {
    let part = out.len().div_ceil(16).next_multiple_of(if shape[2] == 1 { BLOCK } else { 1 }).max(1);
    let parts = out.axis_chunks_iter_mut(Axis(0), part).enumerate();
    pool::for_each(xy[0].len() / 2, parts, |(i, mut out)| {
        let range = i * part..i * part + out.len();
        let put = |k: usize, sum| put(k, &mut out[k - range.start], sum);
        vectorised(Sums { xy, shape, range: range.clone(), f: &f, put });
    });
}

/// [`channel_sums`] of a range of channels.
struct Sums<'a, T, F, P> {
    xy: [&'a [T]; 2],
    shape: [usize; 3],
    range: Range<usize>,
    f: F,
    put: P,
}

impl<T: Scalar, F: Fn(usize, T, T) -> T::Wide, P: FnMut(usize, T::Wide)> Vectorise for Sums<'_, T, F, P> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        channel_sums(self.xy, self.shape, self.range, self.f, self.put);
    }
}

/// out ← f(k, x, y) in each channel k.
///
/// `x`, `y` and `out` are [n, c, cells] in row-major order.
pub(crate) fn map_channels<T: Scalar>(
    [x, y]: [&[T]; 2],
    out: &mut [T],
    [n, c, cells]: [usize; 3],
    f: impl Fn(usize, T, T) -> T + Sync,
) {
    let part = (n.div_ceil(16) * c * cells).max(1);
    let parts = x.chunks(part).zip(y.chunks(part)).zip(out.chunks_mut(part));
    pool::for_each(x.len() / 2, parts, |((x, y), out)| {
        vectorised(Map { xy: [x, y], out, shape: [n, c, cells], f: &f });
    });
}

/// [`map_channels`] of some examples.
struct Map<'a, T, F> {
    xy: [&'a [T]; 2],
    out: &'a mut [T],
    shape: [usize; 3],
    f: F,
}

impl<T: Scalar, F: Fn(usize, T, T) -> T> Vectorise for Map<'_, T, F> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Map { xy: [x, y], out, shape: [_, c, cells], f } = self;
        if cells == 1 {
            for ((x, y), out) in x.chunks_exact(c).zip(y.chunks_exact(c)).zip(out.chunks_exact_mut(c)) {
                for (k, ((&x, &y), out)) in x.iter().zip(y).zip(out).enumerate() {
                    *out = f(k, x, y);
                }
            }
            return;
        }
        let planes = x.chunks_exact(cells).zip(y.chunks_exact(cells)).zip(out.chunks_exact_mut(cells));
        for (((x, y), out), k) in planes.zip((0..c).cycle()) {
            x.iter().zip(y).zip(out).for_each(|((&x, &y), out)| *out = f(k, x, y));
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array1;

    use super::*;

    #[test]
    fn lanes_and_the_rest_are_all_counted() {
        for n in [0, 1, 7, 8, 9, 31] {
            let x: Vec<f64> = (1..=n).map(f64::from).collect();
            let n = f64::from(n);
            assert_eq!(sum(&x), n * (n + 1.0) / 2.0);
            assert_eq!(squares_around(&x, 0.0), n * (n + 1.0) * (2.0 * n + 1.0) / 6.0);
        }
    }

    #[test]
    fn channels_are_told_apart_with_one_cell_and_with_many() {
        for (c, cells) in [(1, 1), (3, 1), (35, 1), (3, 5), (1, 9)] {
            let n = 4;
            let x: Vec<f64> = (0..n * c * cells).map(|i| (i as f64).sin()).collect();
            let mut y = vec![f64::NAN; x.len()];
            map_channels([&x, &x], &mut y, [n, c, cells], |k, x, _| x + k as f64);
            for (i, (x, y)) in x.iter().zip(&y).enumerate() {
                assert_eq!(*y, x + (i / cells % c) as f64);
            }
            let mut sums = Array1::from_elem(c, f64::NAN);
            let term = |k, x: f64, y: f64| (y - x) * (k + 1) as f64;
            shared_channel_sums([&x, &y], [n, c, cells], term, &mut sums, |k, out, sum| {
                *out = sum + k as f64
            });
            for (k, sum) in sums.into_iter().enumerate() {
                let sum = sum - k as f64;
                let expected = (k * (k + 1) * n * cells) as f64;
                assert!((sum - expected).abs() < 1e-9, "channel {k}: {sum} for {expected}");
            }
        }
    }

    #[test]
    fn small_terms_are_not_lost_beside_a_large_sum() {
        let mut x = vec![0.25_f32; 1 << 16];
        x[0] = 16_777_216.0; // 2²⁴, where f32 counts in steps of 2
        assert_eq!(sum(&x), 16_777_216.0 + 0.25 * 65_535.0);
    }
}
