//! Rows: the largest element, one-hot rows, a selection of rows.

use ndarray::{Array2, ArrayRef1, ArrayRef2, ArrayRefD};

use crate::Scalar;

/// The position of the largest element; the first of equals. `None` for an empty array or one with a NaN.
///
/// # Examples
///
/// ```
/// use ndarray::array;
///
/// assert_eq!(tensor_ops::argmax(&array![1.0, 3.0, 3.0]), Some(1));
/// assert_eq!(tensor_ops::argmax(&array![1.0, f32::NAN]), None);
/// ```
pub fn argmax<T: Scalar>(x: &ArrayRef1<T>) -> Option<usize> {
    let mut best = None;
    for (i, v) in x.iter().map(|v| v.value()).enumerate() {
        if v.is_nan() {
            return None;
        }
        if best.is_none_or(|(_, largest)| v > largest) {
            best = Some((i, v));
        }
    }
    best.map(|(i, _)| i)
}

/// Whether [`argmax`] is at `i`; quicker, because nothing depends on what comes first.
///
/// # Examples
///
/// ```
/// use ndarray::array;
///
/// assert!(tensor_ops::is_argmax(&array![1.0, 3.0, 3.0], 1));
/// assert!(!tensor_ops::is_argmax(&array![1.0, 3.0, 3.0], 2)); // the first of equals
/// assert!(!tensor_ops::is_argmax(&array![1.0, f32::NAN], 0));
/// assert!(!tensor_ops::is_argmax(&array![1.0], 1)); // there is no such element
/// ```
pub fn is_argmax<T: Scalar>(x: &ArrayRef1<T>, i: usize) -> bool {
    let Some(largest) = x.get(i).map(|v| v.value()) else { return false };
    // Without branches, which would go either way. No comparison holds for a NaN.
    let holds = |(j, v): (usize, f64)| if j < i { v < largest } else { v <= largest };
    x.iter().map(|v| v.value()).enumerate().fold(true, |all, element| all & holds(element))
}

/// The position of the largest element of each row, as by [`argmax`].
///
/// # Examples
///
/// ```
/// use ndarray::array;
///
/// assert_eq!(tensor_ops::argmax_rows(&array![[0.1, 0.9], [0.7, 0.3]]), [Some(1), Some(0)]);
/// ```
pub fn argmax_rows<T: Scalar>(x: &ArrayRef2<T>) -> Vec<Option<usize>> {
    x.rows().into_iter().map(|row| argmax(&row)).collect()
}

/// One row a class index: 1 at the class, 0 elsewhere. `None` if an index is not below `classes`.
///
/// # Shapes
///
/// The result is [labels, classes].
///
/// # Examples
///
/// ```
/// use ndarray::array;
///
/// assert_eq!(tensor_ops::one_hot::<f32>(&[2, 0], 3), Some(array![[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]));
/// assert_eq!(tensor_ops::one_hot::<f32>(&[3], 3), None);
/// ```
pub fn one_hot<T: Scalar>(labels: &[usize], classes: usize) -> Option<Array2<T>> {
    let mut rows = Array2::zeros((labels.len(), classes));
    for (mut row, &label) in rows.rows_mut().into_iter().zip(labels) {
        *row.get_mut(label)? = T::one();
    }
    Some(rows)
}

/// y ← the rows of `x` with the given indices, along the first axis.
///
/// # Shapes
///
/// `x` [rows, ...], `y` [indices, ...] with the same remaining axes.
///
/// # Panics
///
/// If the shapes do not fit or an index is not a row of `x`.
///
/// # Examples
///
/// ```
/// use ndarray::{Array, array};
///
/// let x = array![[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]].into_dyn();
/// let mut y = Array::zeros(vec![2, 2]);
/// tensor_ops::gather_rows(&x, &[2, 0], &mut y);
/// assert_eq!(y, array![[5.0, 6.0], [1.0, 2.0]].into_dyn());
/// ```
#[track_caller]
pub fn gather_rows<T: Copy>(x: &ArrayRefD<T>, indices: &[usize], y: &mut ArrayRefD<T>) {
    // Without it, a row of length 1 would fill longer ones.
    assert_eq!(x.shape().get(1..), y.shape().get(1..), "gather_rows: rows of x and of y");
    assert_eq!(y.shape()[0], indices.len(), "gather_rows: rows of y and indices");
    for (mut row, &i) in y.outer_iter_mut().zip(indices) {
        row.assign(&x.index_axis(ndarray::Axis(0), i));
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use ndarray::{Array1, ArrayD};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn is_argmax_is_what_argmax_finds(x in prop::collection::vec(0_u8..5, 0..6)) {
            let x: Array1<f32> = x.into_iter().map(|v| if v == 4 { f32::NAN } else { f32::from(v) }).collect();
            for i in 0..=x.len() {
                prop_assert_eq!(is_argmax(&x, i), argmax(&x) == Some(i), "{} at {}", x, i);
            }
        }
    }

    #[test]
    fn argmax_undoes_one_hot() {
        let labels = [3, 0, 2, 2, 1];
        assert_eq!(argmax_rows(&one_hot::<f64>(&labels, 4).unwrap()), labels.map(Some));
    }

    #[test]
    fn rows_of_another_shape_are_not_gathered() {
        let gathers = |x: &[usize], y: &[usize]| {
            let (x, mut y) = (ArrayD::<f32>::zeros(x), ArrayD::zeros(y));
            catch_unwind(AssertUnwindSafe(|| gather_rows(&x, &[1, 0], &mut y))).is_ok()
        };
        assert!(gathers(&[2], &[2]) && gathers(&[3, 4, 5], &[2, 4, 5]) && gathers(&[2, 0], &[2, 0]));
        for (x, y) in [
            (&[2, 1][..], &[2, 3][..]), // would be broadcast
            (&[2], &[2, 3]),
            (&[2, 3], &[2, 2, 3]),
            (&[2, 3], &[2, 1]),
            (&[2, 1], &[2]),
            (&[2, 3], &[3, 3]),
            (&[1, 3], &[2, 3]),
            (&[2], &[]),
            (&[], &[]),
        ] {
            assert!(!gathers(x, y), "{x:?} into {y:?}");
        }
    }
}
