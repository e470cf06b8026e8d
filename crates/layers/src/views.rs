//! Views that give the dynamic arrays of the [`Backprop`](crate::Backprop) boundary the ranks that kernels want.
//!
//! For authors of layers. None of these copies a contiguous array.

use ndarray::{
    Array2, ArrayRef, ArrayRef2, ArrayRefD, ArrayView, ArrayViewD, ArrayViewMut, ArrayViewMutD, Axis,
    CowArray, Dimension, IntoDimension, Ix2, Slice,
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
    match x.view().into_dimensionality() {
        Ok(rows) => rows.into(), // without the search for a layout
        Err(_) => x.to_shape(rows_shape(x)).expect("as many elements as before"),
    }
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

/// The lengths of the axes.
///
/// # Panics
///
/// If the array has another rank.
///
/// # Examples
///
/// ```
/// use layers::views::dims;
/// use ndarray::ArrayD;
///
/// let [n, c, h, w] = dims(&ArrayD::<f32>::zeros(vec![2, 3, 8, 8]));
/// assert_eq!((n, c, h, w), (2, 3, 8, 8));
/// ```
#[track_caller]
pub fn dims<T, const RANK: usize>(x: &ArrayRefD<T>) -> [usize; RANK] {
    let shape = x.shape();
    shape.try_into().unwrap_or_else(|_| panic!("expected rank {RANK}, got {}", shape.len()))
}

/// Checks the shape of an array that a pass was given.
///
/// # Panics
///
/// If it is not the expected one.
#[track_caller]
pub fn expect_shape<T>(name: &str, x: &ArrayRefD<T>, expected: &[usize]) {
    assert!(x.shape() == expected, "expected {name} of shape {expected:?}, got {:?}", x.shape());
}

/// The elements in row-major order under the shape that `shape` gives, copied only if they do not lie in memory in
/// that order.
///
/// Kernels that walk over slices take their inputs through here.
///
/// # Panics
///
/// If the shape has another number of elements.
///
/// # Examples
///
/// ```
/// use layers::views::{dims, standard};
/// use ndarray::ArrayD;
///
/// let x = ArrayD::<f32>::zeros(vec![2, 3, 8, 8]);
/// assert_eq!(standard(&x, dims::<_, 4>).dim(), (2, 3, 8, 8));
/// assert_eq!(standard(&x, |x| [x.len() / 8, 8]).dim(), (48, 8));
/// ```
#[track_caller]
pub fn standard<T: Scalar, S: IntoDimension>(
    x: &ArrayRefD<T>,
    shape: impl FnOnce(&ArrayRefD<T>) -> S,
) -> CowArray<'_, T, S::Dim> {
    let shape = shape(x).into_dimension();
    x.as_standard_layout().into_shape_with_order(shape).expect("as many elements as before")
}

/// Runs `f` on `x` in row-major order under the shape that `shape` gives.
///
/// If the elements do not lie in memory in that order, `f` gets a copy that is written back afterwards.
///
/// # Panics
///
/// If the shape has another number of elements.
#[track_caller]
pub fn with_standard_mut<T: Scalar, S: IntoDimension>(
    x: &mut ArrayRefD<T>,
    shape: impl FnOnce(&ArrayRefD<T>) -> S,
    f: impl FnOnce(&mut ArrayRef<T, S::Dim>),
) {
    let shape = shape(x).into_dimension();
    assert_eq!(shape.size(), x.len(), "as many elements as before");
    with_slice_mut(x, |x| f(&mut ArrayViewMut::from_shape(shape, x).expect("a slice of as many elements")));
}

/// Runs `f` on the elements of `x` in row-major order.
///
/// If they do not lie in memory in that order, `f` gets a copy that is written back afterwards.
#[expect(clippy::missing_panics_doc, reason = "what is in the standard layout is a slice")]
pub fn with_slice_mut<T: Scalar>(x: &mut ArrayRefD<T>, f: impl FnOnce(&mut [T])) {
    if let Some(x) = x.as_slice_mut() {
        return f(x);
    }
    let mut copy = x.as_standard_layout().into_owned();
    f(copy.as_slice_mut().expect("in the standard layout"));
    x.assign(&copy);
}

/// The first `n` examples.
///
/// # Panics
///
/// If there are fewer.
#[track_caller]
pub fn head<T>(x: &ArrayRefD<T>, n: usize) -> ArrayViewD<'_, T> {
    check_room(x.shape()[0], n);
    if x.shape()[0] == n { x.view() } else { x.slice_axis(Axis(0), Slice::from(..n)) }
}

/// The first `n` examples, to be changed.
///
/// # Panics
///
/// If there are fewer.
#[track_caller]
pub fn head_mut<T>(x: &mut ArrayRefD<T>, n: usize) -> ArrayViewMutD<'_, T> {
    check_room(x.shape()[0], n);
    if x.shape()[0] == n { x.view_mut() } else { x.slice_axis_mut(Axis(0), Slice::from(..n)) }
}

#[track_caller]
fn check_room(room: usize, n: usize) {
    assert!(
        n <= room,
        "a batch of {n} in memory for {room}; `new_cache` makes a cache for as many as its argument has"
    );
}

/// The shape of a batch: `n` before the shape of one example.
pub fn batched(n: usize, example: &[usize]) -> Vec<usize> {
    [&[n], example].concat()
}
