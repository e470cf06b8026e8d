//! Matrix products: the one place through which every product goes.
//!
//! ```text
//! c ← alpha · a · b + beta · c
//! ```
//!
//! Operands may have any strides: pass `a.t()` for a transposed operand, nothing is copied.

use ndarray::{Array2, ArrayRef2};

use crate::Scalar;

/// c ← alpha · a · b + beta · c
///
/// With `beta` zero, `c` is overwritten and never read, so it may hold anything.
///
/// # Shapes
///
/// `a` [m, k], `b` [k, n], `c` [m, n], each with any strides.
///
/// # Panics
///
/// If the shapes do not fit.
///
/// # Examples
///
/// ```
/// use ndarray::{Array2, array};
/// use tensor_ops::gemm;
///
/// let a = array![[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]];
/// let mut c = Array2::from_elem((2, 2), f64::NAN);
/// gemm(1.0, &a.t(), &a, 0.0, &mut c); // aᵀ a, without a copy of aᵀ
/// assert_eq!(c, array![[35.0, 44.0], [44.0, 56.0]]);
/// ```
#[track_caller]
pub fn gemm<T: Scalar>(alpha: T, a: &ArrayRef2<T>, b: &ArrayRef2<T>, beta: T, c: &mut ArrayRef2<T>) {
    let ((m, k), (k_b, n)) = (a.dim(), b.dim());
    assert!(k == k_b && c.dim() == (m, n), "gemm: {m}x{k} times {k_b}x{n} into {:?}", c.dim());
    T::gemm_kernel(alpha, a, b, beta, c);
}

/// a · b, in a new array.
///
/// # Shapes
///
/// `a` [m, k], `b` [k, n]; the result is [m, n].
///
/// # Panics
///
/// If the columns of `a` are not as many as the rows of `b`.
///
/// # Examples
///
/// ```
/// use ndarray::array;
///
/// assert_eq!(tensor_ops::matmul(&array![[1.0, 2.0]], &array![[3.0], [4.0]]), array![[11.0]]);
/// ```
#[track_caller]
pub fn matmul<T: Scalar>(a: &ArrayRef2<T>, b: &ArrayRef2<T>) -> Array2<T> {
    let mut c = Array2::zeros((a.nrows(), b.ncols()));
    gemm(T::one(), a, b, T::zero(), &mut c);
    c
}

/// The product as the textbooks write it: for any scalar, and the reference for the fast kernels.
pub(crate) fn plain<T: Scalar>(alpha: T, a: &ArrayRef2<T>, b: &ArrayRef2<T>, beta: T, c: &mut ArrayRef2<T>) {
    for ((i, j), c) in c.indexed_iter_mut() {
        let mut sum = T::zero();
        for (&a, &b) in a.row(i).iter().zip(b.column(j)) {
            sum += a * b;
        }
        // `is_zero`, not `==`: a dual `beta` may have a derivative.
        *c = if beta.is_zero() { alpha * sum } else { alpha * sum + beta * *c };
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{ArrayView2, ShapeBuilder, s};
    use proptest::prelude::*;

    use super::*;

    /// The same numbers under another memory layout.
    fn laid_out(a: &Array2<f64>, layout: u8) -> Array2<f64> {
        let (m, n) = a.dim();
        match layout % 3 {
            0 => a.clone(),
            1 => Array2::from_shape_fn((m, n).f(), |ij| a[ij]),
            _ => {
                let mut wide = Array2::from_elem((m, 2 * n + 1), f64::NAN);
                wide.slice_mut(s![.., 1..;2]).assign(a);
                wide
            }
        }
    }

    fn view(a: &Array2<f64>, layout: u8) -> ArrayView2<'_, f64> {
        if layout % 3 == 2 { a.slice(s![.., 1..;2]) } else { a.view() }
    }

    proptest! {
        #[test]
        fn every_layout_gives_the_textbook_product(
            (m, k, n) in (0..20_usize, 0..40_usize, 0..20_usize),
            layouts in any::<[u8; 2]>(),
            (alpha, beta) in (prop_oneof![Just(1.0), -2.0..2.0], prop_oneof![Just(0.0), Just(1.0), -2.0..2.0]),
        ) {
            let a = Array2::from_shape_fn((m, k), |(i, j)| ((i * 7 + j * 3) % 11) as f64 - 5.0);
            let b = Array2::from_shape_fn((k, n), |(i, j)| ((i * 5 + j) % 13) as f64 - 6.0);
            let c = Array2::from_shape_fn((m, n), |(i, j)| if beta == 0.0 { f64::NAN } else { (i + 2 * j) as f64 });
            let (held_a, held_b) = (laid_out(&a, layouts[0]), laid_out(&b, layouts[1]));
            let mut fast = c.clone();
            gemm(alpha, &view(&held_a, layouts[0]), &view(&held_b, layouts[1]), beta, &mut fast);
            let mut slow = c;
            plain(alpha, &a, &b, beta, &mut slow);
            for (fast, slow) in fast.iter().zip(&slow) {
                prop_assert!((fast - slow).abs() <= 1e-12 * slow.abs().max(1.0), "{fast} for {slow}");
            }
        }
    }

    #[test]
    #[should_panic(expected = "gemm: 2x3 times 2x3 into (2, 3)")]
    fn shapes_that_do_not_fit_are_named() {
        let a = Array2::<f32>::zeros((2, 3));
        gemm(1.0, &a, &a, 0.0, &mut a.clone());
    }
}
