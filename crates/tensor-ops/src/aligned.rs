//! Memory that begins with a cache line.
//!
//! An allocator gives memory at a multiple of 16 bytes. A vector of 64 bytes then lies in two cache lines, and passes over
//! memory, such as an optimiser's, take up to twice as long.

use ndarray::{Array1, ArrayD, ArrayRefD, IxDyn, s};

use crate::Scalar;

/// Bytes of a cache line.
pub(crate) const LINE: usize = 64;

/// The elements that a line has room for: with so many to spare, some begin with a line.
const fn spare<T>() -> usize {
    LINE / size_of::<T>()
}

/// How many elements lie before the first that begins with a line.
fn before_line<T>(start: *const T) -> usize {
    start.align_offset(LINE).min(spare::<T>())
}

/// The first `len` elements of a buffer from the start of a line on; if it is too short, of a longer one that takes its
/// place, all zero.
pub(crate) fn aligned_part<T: Copy + Default>(buffer: &mut Vec<T>, len: usize) -> &mut [T] {
    if buffer.len() < len + spare::<T>() {
        *buffer = vec![T::default(); len + spare::<T>()];
    }
    let skip = before_line(buffer.as_ptr());
    &mut buffer[skip..skip + len]
}

/// An array of zeros in the standard layout that begins with a cache line.
///
/// What is cloned from it begins where the allocator says.
///
/// # Panics
///
/// If there cannot be so many elements.
///
/// # Examples
///
/// ```
/// let x = tensor_ops::aligned_zeros::<f32>(&[100, 50]);
/// assert_eq!(x.as_ptr().addr() % 64, 0);
/// assert_eq!((x.shape(), x.sum()), (&[100, 50][..], 0.0));
/// ```
pub fn aligned_zeros<T: Scalar>(shape: &[usize]) -> ArrayD<T> {
    let len: usize = shape.iter().product();
    let memory = Array1::<T>::zeros(len + spare::<T>());
    let skip = before_line(memory.as_ptr());
    let elements = memory.slice_move(s![skip..skip + len]);
    elements.into_shape_with_order(IxDyn(shape)).expect("as many elements")
}

/// A copy of an array, made as by [`aligned_zeros`].
///
/// # Examples
///
/// ```
/// use ndarray::Array;
///
/// let x = Array::from_elem(vec![2, 3], 1.0_f64);
/// let copy = tensor_ops::aligned_copy(&x);
/// assert_eq!(copy, x);
/// assert_eq!(copy.as_ptr().addr() % 64, 0);
/// ```
pub fn aligned_copy<T: Scalar>(x: &ArrayRefD<T>) -> ArrayD<T> {
    let mut copy = aligned_zeros(x.shape());
    copy.assign(x);
    copy
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dual;

    fn begins_with_a_line<T: Scalar>() {
        for shape in [&[][..], &[0, 3], &[1], &[7, 3], &[2, 3, 4, 5, 6]] {
            let x = aligned_zeros::<T>(shape);
            assert!(x.is_empty() || x.as_ptr().addr().is_multiple_of(LINE), "{shape:?}");
            assert_eq!(x.shape(), shape);
            assert!(x.as_slice().is_some_and(|x| x.iter().all(|x| x.value() == 0.0)), "{shape:?}");
        }
    }

    #[test]
    fn arrays_of_every_shape_and_scalar_begin_with_a_line() {
        begins_with_a_line::<f32>();
        begins_with_a_line::<f64>();
        begins_with_a_line::<Dual>();
    }

    #[test]
    fn a_copy_of_any_layout_is_in_the_standard_one() {
        let x = ArrayD::from_shape_fn(vec![3, 4], |i| (i[0] * 4 + i[1]) as f32);
        let turned = aligned_copy(&x.t());
        assert_eq!(turned, x.t());
        assert!(turned.is_standard_layout());
    }
}
