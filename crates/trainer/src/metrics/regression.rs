//! How far numbers are from what they should be.

use ndarray::{ArrayRef2, Zip};
use tensor_ops::Scalar;

/// The mean of |y - t| over all elements; none if there are none.
///
/// # Panics
///
/// If the shapes differ.
#[track_caller]
pub fn mean_absolute_error<T: Scalar, U: Scalar>(y: &ArrayRef2<T>, t: &ArrayRef2<U>) -> Option<f64> {
    mean(y, t, |d| d.abs())
}

/// The root of the mean of (y - t)² over all elements; none if there are none.
///
/// # Panics
///
/// If the shapes differ.
#[track_caller]
pub fn root_mean_squared_error<T: Scalar, U: Scalar>(y: &ArrayRef2<T>, t: &ArrayRef2<U>) -> Option<f64> {
    mean(y, t, |d| d * d).map(f64::sqrt)
}

/// R² = 1 - Σ (y - t)² / Σ (t - t̄)², the share of the variance of the targets that is explained, on average over the
/// columns; none if a column of targets does not vary or there are none.
///
/// 1 for perfect outputs, 0 for the mean of the targets, below 0 for worse.
///
/// # Panics
///
/// If the shapes differ.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use trainer::metrics::r2;
///
/// let targets = array![[1.0], [2.0], [3.0]];
/// assert_eq!(r2(&targets, &targets), Some(1.0));
/// assert_eq!(r2(&array![[2.0], [2.0], [2.0]], &targets), Some(0.0));
/// ```
#[track_caller]
pub fn r2<T: Scalar, U: Scalar>(y: &ArrayRef2<T>, t: &ArrayRef2<U>) -> Option<f64> {
    assert_eq!(y.dim(), t.dim(), "r2: shapes of outputs and targets");
    let mut total = 0.0;
    for (y, t) in y.columns().into_iter().zip(t.columns()) {
        // The mean of equal numbers may be rounded to another one, and squares of tiny numbers to 0.
        let varies = t.iter().any(|v| v.value() != t[0].value());
        let mean = t.iter().map(|t| t.value()).sum::<f64>() / t.len() as f64;
        let spread: f64 = t.iter().map(|t| (t.value() - mean).powi(2)).sum();
        if !varies || spread == 0.0 {
            return None;
        }
        let error: f64 = y.iter().zip(&t).map(|(y, t)| (y.value() - t.value()).powi(2)).sum();
        total += 1.0 - error / spread;
    }
    (t.ncols() > 0).then(|| total / t.ncols() as f64)
}

#[track_caller]
fn mean<T: Scalar, U: Scalar>(y: &ArrayRef2<T>, t: &ArrayRef2<U>, f: impl Fn(f64) -> f64) -> Option<f64> {
    assert_eq!(y.dim(), t.dim(), "shapes of outputs and targets");
    let sum = Zip::from(y).and(t).fold(0.0, |sum, y, t| sum + f(y.value() - t.value()));
    (!t.is_empty()).then(|| sum / t.len() as f64)
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn errors_by_hand() {
        let (y, t) = (array![[1.0_f32, 2.0], [3.0, 0.0]], array![[1.0, 0.0], [0.0, 0.0]]);
        assert_eq!(mean_absolute_error(&y, &t), Some(1.25));
        assert_eq!(root_mean_squared_error(&y, &t), Some((13.0f64 / 4.0).sqrt()));
        assert_eq!(r2(&y, &t), None, "the second column does not vary");
        // Column by column: 1 - 9 / 0.5.
        assert_eq!(r2(&y.slice(ndarray::s![.., ..1]), &t.slice(ndarray::s![.., ..1])), Some(-17.0));
    }

    #[test]
    fn nothing_is_explained_of_targets_that_do_not_vary() {
        // The sum of three 0.1 over 3 is not 0.1.
        let t = array![[0.1_f64], [0.1], [0.1]];
        assert_eq!(r2(&array![[1.0], [2.0], [3.0]], &t), None);
        assert_eq!(r2(&t, &t), None);
        let tiny = array![[0.0], [1e-200]];
        assert_eq!(r2(&tiny, &tiny), None, "a variance that is rounded to 0");
        assert_eq!(r2(&tiny.slice(ndarray::s![..0, ..]), &tiny.slice(ndarray::s![..0, ..])), None);
    }
}
