//! Sums that do not lose digits.
//!
//! A running f32 sum of a million numbers is right to four digits; the same sum in f64, rounded once at the end, is
//! right to seven. (A sum of f64 is a plain one: of ten million numbers, right to ten digits.) Sums that feed a decision (a
//! loss, a mean, a variance, a bias gradient over a batch) go through here or accumulate in [`Scalar::Wide`] themselves.

use ndarray::{ArrayRef, ArrayRef1, ArrayRef2, Dimension, s};

use crate::Scalar;
use crate::machine::{Isa, Loop, run_on};

/// The sum of all elements, in the accumulator's type.
///
/// # Examples
///
/// ```
/// use ndarray::Array1;
///
/// let many = Array1::from_elem(1_000_000, 0.1_f32);
/// assert!((tensor_ops::sum(&many) - 1_000_000.0 * f64::from(0.1_f32)).abs() < 1e-6);
/// ```
pub fn sum<T: Scalar, D: Dimension>(x: &ArrayRef<T, D>) -> T::Wide {
    x.iter().fold(T::Wide::from_f64(0.0), |sum, v| sum + v.widen())
}

/// The mean of all elements; `None` if there are none.
///
/// # Examples
///
/// ```
/// use ndarray::array;
///
/// assert_eq!(tensor_ops::mean(&array![1.0_f32, 2.0, 6.0]), Some(3.0));
/// ```
pub fn mean<T: Scalar, D: Dimension>(x: &ArrayRef<T, D>) -> Option<T::Wide> {
    (!x.is_empty()).then(|| sum(x) / T::Wide::from_f64(x.len() as f64))
}

/// total ← total + Σᵢ xᵢ, the sum of the rows of `x`, accumulated wide.
///
/// # Shapes
///
/// `x` [n, d], `total` of length d.
///
/// # Panics
///
/// If the columns of `x` are not as many as the elements of `total`.
///
/// # Examples
///
/// ```
/// use ndarray::array;
///
/// let mut total = array![1.0, 0.0];
/// tensor_ops::add_row_sums(&array![[1.0, 2.0], [3.0, 4.0]], &mut total);
/// assert_eq!(total, array![5.0, 6.0]);
/// ```
#[track_caller]
pub fn add_row_sums<T: Scalar>(x: &ArrayRef2<T>, total: &mut ArrayRef1<T>) {
    assert_eq!(x.ncols(), total.len(), "add_row_sums: columns of x and length of total");
    run_on(Isa::best(), RowSums { x, total });
}

struct RowSums<'a, T> {
    x: &'a ArrayRef2<T>,
    total: &'a mut ArrayRef1<T>,
}

impl<T: Scalar> Loop for RowSums<'_, T> {
    #[inline(always)]
    fn run<const FUSED: bool>(self) {
        let RowSums { x, total } = self;
        // Columns in blocks: the sums stay in registers and each row is read once, in order.
        const BLOCK: usize = 16;
        let zero = T::Wide::from_f64(0.0);
        let d = total.len();
        let mut rest = total.iter_mut();
        for start in (0..d).step_by(BLOCK) {
            let width = BLOCK.min(d - start);
            let mut sums = [zero; BLOCK];
            match x.as_slice() {
                Some(x) if width == BLOCK => {
                    let blocks = x.chunks_exact(d).filter_map(|row| row[start..].first_chunk::<BLOCK>());
                    for row in blocks {
                        sums.iter_mut().zip(row).for_each(|(sum, v)| *sum += v.widen());
                    }
                }
                Some(x) => {
                    for row in x.chunks_exact(d) {
                        sums.iter_mut().zip(&row[start..]).for_each(|(sum, v)| *sum += v.widen());
                    }
                }
                None => {
                    for row in x.slice(s![.., start..start + width]).rows() {
                        sums.iter_mut().zip(row).for_each(|(sum, v)| *sum += v.widen());
                    }
                }
            }
            for (sum, total) in sums[..width].iter().zip(rest.by_ref()) {
                *total += T::narrow(*sum);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, Array2};

    use super::*;

    #[test]
    fn a_million_rows_sum_without_drift() {
        let x = Array2::from_elem((1_000_000, 17), 0.1_f32);
        let mut total = Array1::zeros(17);
        add_row_sums(&x, &mut total);
        assert!(total.iter().all(|t: &f32| *t == (1_000_000.0 * f64::from(0.1_f32)) as f32), "{total}");
    }

    #[test]
    fn rows_are_summed_in_every_layout() {
        for (n, d) in [(0, 5), (3, 0), (7, 1), (4, 31), (9, 32), (5, 100)] {
            let x = Array2::from_shape_fn((n, d), |(i, j)| (i * 100 + j) as f32);
            let expected = x.sum_axis(ndarray::Axis(0)) + 1.0;
            let turned = x.t().as_standard_layout().into_owned();
            for x in [x.view(), turned.t()] {
                let mut total = Array1::ones(d);
                add_row_sums(&x, &mut total);
                assert_eq!(total, expected);
            }
        }
    }

    #[test]
    fn the_mean_of_nothing_is_none() {
        assert_eq!(mean(&Array1::<f32>::zeros(0)), None);
    }
}
