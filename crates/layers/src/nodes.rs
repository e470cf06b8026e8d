//! The two-input nodes of a computational graph: where backpropagation begins.
//!
//! ```text
//! Add        z = a + b      da = dz        db = dz
//! Multiply   z = a b        da = dz b      db = dz a
//! ```
//!
//! Two apples at 100 with a tax of 1.1 cost 220. How much does the total change with each?
//!
//! ```
//! use layers::Multiply;
//! use ndarray::arr0;
//!
//! let (apples, price, tax) = (arr0(2.0), arr0(100.0), arr0(1.1));
//! let (net, saved_net) = Multiply.forward(&price, &apples);
//! let (total, saved_total) = Multiply.forward(&net, &tax);
//! assert!((total.into_scalar() - 220.0_f64).abs() < 1e-12);
//!
//! let (dnet, dtax) = Multiply.backward(&saved_total, &arr0(1.0));
//! let (dprice, dapples) = Multiply.backward(&saved_net, &dnet);
//! assert_eq!((dprice.into_scalar(), dtax.into_scalar()), (2.2, 200.0));
//! assert!((dapples.into_scalar() - 110.0).abs() < 1e-12);
//! ```

use ndarray::{Array, ArrayRef, Dimension, Zip};
use tensor_ops::Scalar;

/// z = a + b
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Add;

/// z = a b, element by element
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Multiply;

/// What [`Multiply::forward`] keeps for its backward pass: both factors.
#[derive(Clone, Debug, PartialEq)]
pub struct Factors<T, D: Dimension> {
    a: Array<T, D>,
    b: Array<T, D>,
}

impl Add {
    /// a + b.
    ///
    /// # Panics
    ///
    /// If the shapes differ.
    #[track_caller]
    pub fn forward<T: Scalar, D: Dimension>(&self, a: &ArrayRef<T, D>, b: &ArrayRef<T, D>) -> Array<T, D> {
        Zip::from(a).and(b).map_collect(|&a, &b| a + b)
    }

    /// (da, db): the derivative passes on to both.
    pub fn backward<T: Scalar, D: Dimension>(&self, dz: &ArrayRef<T, D>) -> (Array<T, D>, Array<T, D>) {
        (dz.to_owned(), dz.to_owned())
    }
}

impl Multiply {
    /// a b, and what backward needs.
    ///
    /// # Panics
    ///
    /// If the shapes differ.
    #[track_caller]
    pub fn forward<T: Scalar, D: Dimension>(
        &self,
        a: &ArrayRef<T, D>,
        b: &ArrayRef<T, D>,
    ) -> (Array<T, D>, Factors<T, D>) {
        let z = Zip::from(a).and(b).map_collect(|&a, &b| a * b);
        (z, Factors { a: a.to_owned(), b: b.to_owned() })
    }

    /// (da, db): each factor's derivative is the other factor times dz.
    ///
    /// # Panics
    ///
    /// If `dz` has another shape than the factors.
    #[track_caller]
    pub fn backward<T: Scalar, D: Dimension>(
        &self,
        saved: &Factors<T, D>,
        dz: &ArrayRef<T, D>,
    ) -> (Array<T, D>, Array<T, D>) {
        let times = |factor| Zip::from(dz).and(factor).map_collect(|&dz, &factor: &T| dz * factor);
        (times(&saved.b), times(&saved.a))
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn apples_and_oranges() {
        // 2 apples at 100 and 3 oranges at 150, tax 1.1: the second example of the notebook.
        let value = |v: f64| ndarray::arr0(v);
        let (apples, s1) = Multiply.forward(&value(100.0), &value(2.0));
        let (oranges, s2) = Multiply.forward(&value(150.0), &value(3.0));
        let fruit = Add.forward(&apples, &oranges);
        let (total, s3) = Multiply.forward(&fruit, &value(1.1));
        assert!((total.into_scalar() - 715.0).abs() < 1e-12);

        let (dfruit, dtax) = Multiply.backward(&s3, &value(1.0));
        let (dapples, doranges) = Add.backward(&dfruit);
        let (dapple_price, dapple_count) = Multiply.backward(&s1, &dapples);
        let (dorange_price, dorange_count) = Multiply.backward(&s2, &doranges);
        let found = [dapple_count, dapple_price, dorange_price, dorange_count, dtax].map(|d| d.into_scalar());
        for (found, expected) in found.into_iter().zip([110.0, 2.2, 3.3, 165.0, 650.0]) {
            assert!((found - expected).abs() < 1e-12, "{found} for {expected}");
        }
    }

    #[test]
    fn the_upstream_derivative_scales_both() {
        let (_, saved) = Multiply.forward(&array![1.0, 2.0], &array![3.0, 4.0]);
        assert_eq!(Multiply.backward(&saved, &array![2.0, -1.0]), (array![6.0, -4.0], array![2.0, -2.0]));
    }
}
