//! Matrix products: the one place through which every product goes.
//!
//! ```text
//! c ← alpha · a · b + beta · c
//! ```
//!
//! Operands may have any strides: pass `a.t()` for a transposed operand, no copy is needed.
//!
//! # The same bits, however it is cut
//!
//! An element of `c` is computed by one fixed chain of operations, which depends on `k` and on the number type and on
//! nothing else: not on where the element lies, nor on `m`, `n`, the layouts or the threads. So a product of some rows
//! or columns has the bits of those rows or columns of the whole product; the prediction for one example is the one it
//! gets in a batch. For floats, with one block of `k` or several, equal but for the last, at most 500 (f32) or 256 (f64)
//! long:
//!
//! ```text
//! s ← 0;  s ← fma(aᵢₚ, bₚⱼ, s) for each p of the block, in order        one rounding each
//! c ← fma(alpha, s, beta · c)  for the first block,  c ← fma(alpha, s, c)  for the others
//! ```
//!
//! A machine without a fused multiply-add rounds the product and the sum, and so has bits of its own; all machines
//! that have one agree.
//!
//! A product that takes long enough is shared over the threads of the [`pool`](crate::pool).
//!
//! # How it is fast
//!
//! The kernels are written for these shapes: products with some tens to hundreds of rows and columns. They use the
//! vector instructions of the machine at hand (`TENSOR_OPS_ISA=avx2` or `portable` in the environment asks for less),
//! read factors in place where that is as fast as a packed copy, copy a panel while the first tile reads it where that is
//! enough, and keep the memory for copies and for sums of blocks: a product into a `c` whose rows are contiguous allocates
//! only if none before it in its thread needed a copy, or sums of as many elements.

mod drive;
mod pack;
mod share;

use std::borrow::Cow;

use ndarray::{Array2, ArrayRef1, ArrayRef2};

use crate::Scalar;
use crate::machine::{Isa, Start};
use drive::Driven;

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

/// c ← then(a · b + bias), the bias added to each row and `then` applied to each element.
///
/// What a dense layer and its activation compute, without another pass over `c`: `then` is given pieces of `c` while
/// they are in the cache, each element once, in pieces of any length. It must treat each element alike.
///
/// # Shapes
///
/// `a` [m, k], `b` [k, n], `bias` of length n, `c` [m, n], each with any strides.
///
/// # Panics
///
/// If the shapes do not fit.
///
/// # Examples
///
/// ```
/// use ndarray::{Array2, array};
/// use tensor_ops::gemm_bias;
///
/// let (x, weight, bias) = (array![[1.0, 2.0]], array![[1.0, -1.0], [1.0, -1.0]], array![0.5, 0.5]);
/// let mut y = Array2::zeros((1, 2));
/// gemm_bias(&x, &weight, &bias, &mut y, |y| y.iter_mut().for_each(|y: &mut f32| *y = y.max(0.0)));
/// assert_eq!(y, array![[3.5, 0.0]]);
/// ```
#[track_caller]
pub fn gemm_bias<T: Scalar>(
    a: &ArrayRef2<T>,
    b: &ArrayRef2<T>,
    bias: &ArrayRef1<T>,
    c: &mut ArrayRef2<T>,
    then: impl Fn(&mut [T]) + Sync,
) {
    let ((m, k), (k_b, n)) = (a.dim(), b.dim());
    let fits = k == k_b && c.dim() == (m, n) && bias.len() == n;
    assert!(fits, "gemm_bias: {m}x{k} times {k_b}x{n} plus {} into {:?}", bias.len(), c.dim());
    T::gemm_bias_kernel(a, b, bias, c, &then);
}

/// The product as the textbooks write it: for any scalar, and the reference for the fast kernels.
pub(crate) fn plain<T: Scalar>(alpha: T, a: &ArrayRef2<T>, b: &ArrayRef2<T>, beta: T, c: &mut ArrayRef2<T>) {
    // Row by row of `b`, which is how it lies in memory; each sum still runs over k in order.
    let mut sums = vec![T::zero(); c.ncols()];
    for (a, mut c) in a.rows().into_iter().zip(c.rows_mut()) {
        sums.fill(T::zero());
        for (&a, b) in a.iter().zip(b.rows()) {
            sums.iter_mut().zip(b).for_each(|(sum, &b)| *sum += a * b);
        }
        for (c, &sum) in c.iter_mut().zip(&sums) {
            // `is_zero`, not `==`: a dual `beta` may have a derivative.
            *c = if beta.is_zero() { alpha * sum } else { alpha * sum + beta * *c };
        }
    }
}

/// The same with a bias and a function of each element.
pub(crate) fn plain_bias<T: Scalar>(
    a: &ArrayRef2<T>,
    b: &ArrayRef2<T>,
    bias: &ArrayRef1<T>,
    c: &mut ArrayRef2<T>,
    then: &(dyn Fn(&mut [T]) + Sync),
) {
    plain(T::one(), a, b, T::zero(), c);
    for mut row in c.rows_mut() {
        for (c, &bias) in row.iter_mut().zip(bias) {
            *c += bias;
            then(std::slice::from_mut(c));
        }
    }
}

/// The product of floats, by the kernels of this machine.
pub(crate) fn fast<T: Driven>(alpha: T, a: &ArrayRef2<T>, b: &ArrayRef2<T>, beta: T, c: &mut ArrayRef2<T>) {
    let start = if beta == T::zero() { Start::Zero } else { Start::Scaled(beta) };
    share::shared_product(Isa::best(), (alpha, a.view(), b.view()), start, c.view_mut(), None);
}

/// The same with a bias and a function of each element.
pub(crate) fn fast_bias<T: Driven>(
    a: &ArrayRef2<T>,
    b: &ArrayRef2<T>,
    bias: &ArrayRef1<T>,
    c: &mut ArrayRef2<T>,
    then: &(dyn Fn(&mut [T]) + Sync),
) {
    let bias = bias.as_slice().map_or_else(|| Cow::Owned(bias.to_vec()), Cow::Borrowed);
    share::shared_product(
        Isa::best(),
        (T::one(), a.view(), b.view()),
        Start::Row(&bias),
        c.view_mut(),
        Some(then),
    );
}

#[cfg(test)]
mod tests;
