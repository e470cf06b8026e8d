//! Views that give the dynamic arrays of the [`Backprop`](crate::Backprop) boundary the ranks that kernels want.
//!
//! For authors of layers. None of these copies a contiguous array.

use ndarray::{
    Array2, ArrayRef2, ArrayRefD, ArrayView, ArrayViewD, ArrayViewMut, ArrayViewMutD, Axis, CowArray,
    Dimension, Ix2, Slice,
};
use tensor_ops::Scalar;

/// A view of the rank that the caller wants.
///
/// # Panics
///
/// If the array has another rank.
///
/// # Examples
///
/// ```
/// use layers::views::ranked;
/// use ndarray::{ArrayD, ArrayView2};
///
/// let weight = ArrayD::<f32>::zeros(vec![3, 2]);
/// let weight: ArrayView2<'_, f32> = ranked(&weight);
/// ```
#[track_caller]
pub fn ranked<T, D: Dimension>(x: &ArrayRefD<T>) -> ArrayView<'_, T, D> {
    let rank = x.ndim();
    x.view().into_dimensionality().unwrap_or_else(|_| panic!("expected rank {:?}, got {rank}", D::NDIM))
}

/// A mutable view of the rank that the caller wants.
///
/// # Panics
///
/// If the array has another rank.
#[track_caller]
pub fn ranked_mut<T, D: Dimension>(x: &mut ArrayRefD<T>) -> ArrayViewMut<'_, T, D> {
    let rank = x.ndim();
    x.view_mut().into_dimensionality().unwrap_or_else(|_| panic!("expected rank {:?}, got {rank}", D::NDIM))
}

/// One row an example: `[n, a, b, ...]` as `[n, a b ...]`, copied only if the layout leaves no other way.
///
/// # Panics
///
/// If the array has no axis.
#[track_caller]
pub fn rows<T: Scalar>(x: &ArrayRefD<T>) -> CowArray<'_, T, Ix2> {
    x.to_shape(rows_shape(x)).expect("as many elements as before")
}

/// Runs `f` on `x` as one row an example.
///
/// If the layout of `x` does not allow such a view, `f` gets a copy that is written back afterwards.
///
/// # Panics
///
/// If the array has no axis.
#[track_caller]
pub fn with_rows_mut<T: Scalar>(x: &mut ArrayRefD<T>, f: impl FnOnce(&mut ArrayRef2<T>)) {
    let shape = rows_shape(x);
    if let Ok(mut view) = x.view_mut().into_shape_with_order(shape) {
        return f(&mut view);
    }
    let mut copy: Array2<T> = rows(x).into_owned();
    f(&mut copy);
    x.assign(&copy.to_shape(x.shape()).expect("as many elements as before"));
}

fn rows_shape<T>(x: &ArrayRefD<T>) -> (usize, usize) {
    (x.shape()[0], x.shape()[1..].iter().product())
}

/// The first `n` examples.
///
/// # Panics
///
/// If there are fewer.
#[track_caller]
pub fn head<T>(x: &ArrayRefD<T>, n: usize) -> ArrayViewD<'_, T> {
    x.slice_axis(Axis(0), Slice::from(..n))
}

/// The first `n` examples, to be changed.
///
/// # Panics
///
/// If there are fewer.
#[track_caller]
pub fn head_mut<T>(x: &mut ArrayRefD<T>, n: usize) -> ArrayViewMutD<'_, T> {
    x.slice_axis_mut(Axis(0), Slice::from(..n))
}

/// The shape of a batch: `n` before the shape of one example.
pub fn batched(n: usize, example: &[usize]) -> Vec<usize> {
    [&[n], example].concat()
}
