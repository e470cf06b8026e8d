//! Softmax and log-sum-exp of rows, for logits of any size.
//!
//! ```text
//! lse(x)        = m + ln Σⱼ exp(xⱼ - m)      m = maxⱼ xⱼ
//! log softmax   = xᵢ - lse(x)
//! softmax       = exp(xᵢ - m) / Σⱼ exp(xⱼ - m)
//! ```
//!
//! Subtracting the largest logit changes no result and leaves no exponent above 0, so nothing overflows (P. Blanchard,
//! D. J. Higham, N. J. Higham, "Accurately computing the log-sum-exp and softmax functions", 2021).

use ndarray::{ArrayRef, ArrayRef1, ArrayRef2, Dimension, Zip};

use crate::Scalar;

/// The largest value of a row, as a constant: the results do not depend on it, so neither do their derivatives.
///
/// A NaN in the row is passed on; so is +inf, which makes the row NaN, and never an even distribution by accident.
fn shift<T: Scalar>(x: &ArrayRef1<T>) -> T {
    let largest = x
        .iter()
        .fold(f64::NEG_INFINITY, |m, v| if v.value() > m || v.value().is_nan() { v.value() } else { m });
    T::from_f64(largest)
}

/// x ← eˣ for each element, at once where they are contiguous.
fn exp_each<T: Scalar, D: Dimension>(x: &mut ArrayRef<T, D>) {
    match x.as_slice_memory_order_mut() {
        Some(x) => T::exp_slice(x),
        None => x.map_inplace(|x| T::exp_slice(std::slice::from_mut(x))),
    }
}

/// y ← softmax of each row of `x`.
///
/// Exact for any finite logits: rows sum to 1 within rounding. A row with a NaN, a +inf or nothing but -inf gives NaN.
///
/// # Shapes
///
/// `x` and `y` [n, classes].
///
/// # Panics
///
/// If the shapes differ.
///
/// # Examples
///
/// ```
/// use ndarray::{Array2, array};
///
/// let mut y = Array2::zeros((1, 2));
/// tensor_ops::softmax_rows(&array![[1e30, 1e30]], &mut y);
/// assert_eq!(y, array![[0.5, 0.5]]);
/// ```
#[track_caller]
pub fn softmax_rows<T: Scalar>(x: &ArrayRef2<T>, y: &mut ArrayRef2<T>) {
    assert_eq!(x.dim(), y.dim(), "softmax_rows: shapes of x and y");
    for (x, mut y) in x.rows().into_iter().zip(y.rows_mut()) {
        let m = shift(&x);
        Zip::from(&mut y).and(&x).for_each(|y, &x| *y = x - m);
    }
    exp_each(y);
    for mut y in y.rows_mut() {
        let sum = y.fold(T::Wide::from_f64(0.0), |sum, y| sum + y.widen());
        let scale = T::narrow(T::Wide::from_f64(1.0) / sum);
        y.map_inplace(|y| *y *= scale);
    }
}

/// ln Σ exp(xⱼ) of one row.
///
/// # Examples
///
/// ```
/// use ndarray::array;
///
/// let lse = tensor_ops::log_sum_exp(&array![1000.0, 1000.0]);
/// assert_eq!(lse, 1000.0 + 2f64.ln());
/// ```
pub fn log_sum_exp<T: Scalar>(x: &ArrayRef1<T>) -> T {
    let m = shift(x);
    let mut sum = T::Wide::from_f64(0.0);
    let mut block = [T::zero(); 64];
    let mut x = x.iter();
    loop {
        let len = block.iter_mut().zip(&mut x).map(|(e, &x)| *e = x - m).count();
        if len == 0 {
            break;
        }
        T::exp_slice(&mut block[..len]);
        sum = block[..len].iter().fold(sum, |sum, e| sum + e.widen());
    }
    m + T::narrow(sum.ln())
}

/// y ← log softmax of each row of `x`.
///
/// # Shapes
///
/// `x` and `y` [n, classes].
///
/// # Panics
///
/// If the shapes differ.
///
/// # Examples
///
/// ```
/// use ndarray::{Array2, array};
///
/// let mut y = Array2::zeros((1, 2));
/// tensor_ops::log_softmax_rows(&array![[0.0, -1e6]], &mut y);
/// assert_eq!(y, array![[0.0, -1e6]]); // where ln(softmax) would be -inf
/// ```
#[track_caller]
pub fn log_softmax_rows<T: Scalar>(x: &ArrayRef2<T>, y: &mut ArrayRef2<T>) {
    assert_eq!(x.dim(), y.dim(), "log_softmax_rows: shapes of x and y");
    for (x, mut y) in x.rows().into_iter().zip(y.rows_mut()) {
        // Two subtractions, not one of their sum: the sum would lose ln Σ beside a large m.
        let m = shift(&x);
        Zip::from(&mut y).and(&x).for_each(|y, &x| *y = x - m);
        exp_each(&mut y);
        let sum = y.fold(T::Wide::from_f64(0.0), |sum, y| sum + y.widen());
        let log_sum = T::narrow(sum.ln());
        Zip::from(&mut y).and(&x).for_each(|y, &x| *y = (x - m) - log_sum);
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};
    use proptest::prelude::*;

    use super::*;
    use crate::Dual;

    proptest! {
        #[test]
        fn softmax_of_any_finite_logits_is_a_distribution(x in prop::collection::vec(any::<f32>(), 1..20)) {
            prop_assume!(x.iter().all(|v| v.is_finite()));
            let x = Array2::from_shape_vec((1, x.len()), x).unwrap();
            let (mut y, mut log_y) = (x.clone(), x.clone());
            softmax_rows(&x, &mut y);
            log_softmax_rows(&x, &mut log_y);
            prop_assert!((y.sum() - 1.0).abs() < 1e-5);
            prop_assert!(y.iter().all(|p| (0.0..=1.0).contains(p)));
            prop_assert!(log_y.iter().all(|p| *p <= 0.0));
        }
    }

    #[test]
    fn rows_that_have_no_softmax_are_not_a_number() {
        for bad in [f64::NAN, f64::INFINITY] {
            let mut y = Array2::zeros((1, 3));
            softmax_rows(&array![[bad, 0.0, 1.0]], &mut y);
            assert!(y.iter().all(|p| p.is_nan()), "{bad}: {y}");
        }
        let mut y = Array2::zeros((1, 2));
        softmax_rows(&array![[f64::NEG_INFINITY, f64::NEG_INFINITY]], &mut y);
        assert!(y.iter().all(|p| p.is_nan()));
    }

    #[test]
    fn the_derivative_of_log_sum_exp_is_softmax() {
        let x = array![0.3, -1.2, 2.0];
        let mut p = Array2::zeros((1, 3));
        softmax_rows(&x.view().insert_axis(ndarray::Axis(0)), &mut p);
        for j in 0..3 {
            let dual = ndarray::Array1::from_shape_fn(3, |i| Dual::new(x[i], f64::from(u8::from(i == j))));
            assert!((log_sum_exp(&dual).eps - p[[0, j]]).abs() < 1e-15);
        }
    }

    #[test]
    fn no_digit_of_the_sum_is_lost_whatever_the_length_and_the_size_of_the_logits() {
        for (n, first) in [1, 2, 63, 64, 65, 100_001].into_iter().flat_map(|n| [(n, 0.0), (n, 16.0)]) {
            let x = Array2::from_shape_fn((1, n), |(_, j)| if j == 0 { first } else { 0.0_f32 });
            let exact = f64::from(first) + ((n - 1) as f64 * f64::from(-first).exp()).ln_1p();
            assert!((log_sum_exp(&x.row(0).mapv(f64::from)) - exact).abs() < 1e-10, "{n} {first}");
            let near = |log: f32| (f64::from(log) - exact).abs() < 4e-6;
            let (mut y, mut log_y) = (x.clone(), x.clone());
            softmax_rows(&x, &mut y);
            log_softmax_rows(&x, &mut log_y);
            let last = n - 1;
            assert!(near(log_sum_exp(&x.row(0))), "{n} {first}");
            assert!(near(x[[0, last]] - log_y[[0, last]]), "{n} {first}: {}", log_y[[0, last]]);
            assert!(near(x[[0, last]] - y[[0, last]].ln()), "{n} {first}: {}", y[[0, last]]);
        }
        let mut y = Array2::zeros((1, 2));
        log_softmax_rows(&array![[1e8_f32, 1e8]], &mut y);
        assert_eq!(y, Array2::from_elem((1, 2), -std::f32::consts::LN_2));
    }
}
