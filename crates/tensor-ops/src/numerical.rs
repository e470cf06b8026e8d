//! Derivatives by differences: slow, approximate, and independent of every backward pass.
//!
//! ```text
//! central   f'(x) ≈ (f(x + h) - f(x - h)) / 2h                                   error h²/6 · f'''
//! 5-point   f'(x) ≈ (f(x - 2h) - 8 f(x - h) + 8 f(x + h) - f(x + 2h)) / 12h      error h⁴/30 · f'''''
//! ```
//!
//! A smaller step trades truncation for cancellation: in f64 the best step is near 1e-5 for central differences, which are
//! then right to about 1e-10, and near 1e-3 for 5-point ones, right to about 1e-12. Never take differences in f32: at the
//! best step three digits are left.

use ndarray::{Array, ArrayRef, Dimension};

/// The rule that turns function values into a derivative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Stencil {
    /// Two values, error of order h²: what the textbooks show.
    Central,
    /// Four values, error of order h⁴.
    #[default]
    FivePoint,
}

impl Stencil {
    /// The derivative of `f` at `x` with step `h`.
    ///
    /// # Examples
    ///
    /// ```
    /// use tensor_ops::numerical::Stencil;
    ///
    /// let slope = Stencil::Central.derivative(|x| x * x * x, 2.0, 1e-4);
    /// assert!((slope - 12.0).abs() < 1e-7);
    /// ```
    pub fn derivative(self, mut f: impl FnMut(f64) -> f64, x: f64, h: f64) -> f64 {
        match self {
            Stencil::Central => (f(x + h) - f(x - h)) / (2.0 * h),
            Stencil::FivePoint => {
                (f(x - 2.0 * h) - 8.0 * f(x - h) + 8.0 * f(x + h) - f(x + 2.0 * h)) / (12.0 * h)
            }
        }
    }
}

/// The derivative of `f` at `x` by the 5-point rule with step `h`.
pub fn derivative(f: impl FnMut(f64) -> f64, x: f64, h: f64) -> f64 {
    Stencil::FivePoint.derivative(f, x, h)
}

/// The gradient of a scalar function of an array, one element at a time.
///
/// Each element is stepped by `h · max(1, |x|)` and set back to its exact bits.
///
/// # Shapes
///
/// The result has the shape of `x`; `f` is called 2 (central) or 4 (5-point) times for each element.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use tensor_ops::numerical::{Stencil, numerical_gradient};
///
/// let x = array![3.0, 4.0];
/// let gradient = numerical_gradient(|x| x.mapv(|v| v * v).sum(), &x, 1e-3, Stencil::FivePoint);
/// assert!((gradient - array![6.0, 8.0]).iter().all(|d| d.abs() < 1e-10));
/// ```
pub fn numerical_gradient<D: Dimension>(
    f: impl FnMut(&Array<f64, D>) -> f64,
    x: &ArrayRef<f64, D>,
    h: f64,
    stencil: Stencil,
) -> Array<f64, D> {
    // In the standard layout, position k is the k-th element in logical order, whatever the layout of `x`.
    numerical_gradient_within(f, &mut x.as_standard_layout().into_owned(), |x| x, h, stencil)
}

/// The same for a function of a whole of which `x` is a part, such as one of the parameters of a network: no copy is
/// made, and the whole is in the end what it was.
///
/// # Panics
///
/// If the part is not in the standard layout.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use tensor_ops::numerical::{Stencil, numerical_gradient_within};
///
/// let mut pair = (array![3.0, 4.0], 2.0);
/// let f = |(x, factor): &(ndarray::Array1<f64>, f64)| *factor * x.sum();
/// let gradient = numerical_gradient_within(f, &mut pair, |pair| &mut pair.0, 1e-3, Stencil::Central);
/// assert!((gradient - 2.0).iter().all(|d| d.abs() < 1e-10));
/// ```
pub fn numerical_gradient_within<W, D: Dimension>(
    mut f: impl FnMut(&W) -> f64,
    whole: &mut W,
    part: impl Fn(&mut W) -> &mut Array<f64, D>,
    h: f64,
    stencil: Stencil,
) -> Array<f64, D> {
    let mut gradient = Array::zeros(part(whole).raw_dim());
    for (k, slope) in gradient.iter_mut().enumerate() {
        let original = *element(part(whole), k);
        let h = h * original.abs().max(1.0);
        *slope = stencil.derivative(
            |v| {
                *element(part(whole), k) = v;
                f(whole)
            },
            original,
            h,
        );
        *element(part(whole), k) = original;
    }
    gradient
}

fn element<D: Dimension>(array: &mut Array<f64, D>, k: usize) -> &mut f64 {
    &mut array.as_slice_mut().expect("an array in the standard layout")[k]
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array, s};

    use super::*;

    #[test]
    fn five_points_are_exact_on_cubics_and_far_better_than_two_elsewhere() {
        let cubic = |x: f64| x * x * x - 2.0 * x;
        assert!((derivative(cubic, 1.5, 1e-2) - 4.75).abs() < 1e-12);
        let error = |stencil: Stencil| (stencil.derivative(f64::exp, 1.0, 1e-3) - 1f64.exp()).abs();
        assert!(error(Stencil::FivePoint) < 1e-11);
        assert!(error(Stencil::Central) > 1e-8);
    }

    #[test]
    fn the_gradient_of_any_layout_is_in_logical_order() {
        let x = Array2::from_shape_fn((3, 4), |(i, j)| (i * 4 + j) as f64 * 0.1);
        let weights = Array2::from_shape_fn((3, 4), |(i, j)| 1.0 + (i as f64) - 2.0 * (j as f64));
        let transposed = weights.t().to_owned();
        let loss = |x: &Array2<f64>| (x * x * &transposed).sum() / 2.0;
        let gradient = numerical_gradient(loss, &x.t(), 1e-3, Stencil::Central);
        let exact = &x.t() * &transposed;
        assert!((gradient - exact).iter().all(|d| d.abs() < 1e-9));
        let reversed = numerical_gradient(
            |x| (x * &array![1., 2.]).sum(),
            &array![5., 6.].slice(s![..;-1]),
            1e-3,
            Stencil::Central,
        );
        assert!((reversed - array![1., 2.]).iter().all(|d| d.abs() < 1e-9));
    }

    #[test]
    fn an_empty_array_has_an_empty_gradient() {
        let empty = Array2::<f64>::zeros((0, 3));
        assert_eq!(numerical_gradient(|_| 1.0, &empty, 1e-3, Stencil::Central).dim(), (0, 3));
    }

    #[test]
    fn the_step_grows_with_the_element() {
        let slow = |x: &ndarray::Array1<f64>| x.mapv(|v| (v * 1e-6).sin()).sum();
        let gradient = numerical_gradient(slow, &array![1e6], 1e-3, Stencil::FivePoint);
        assert!((gradient[0] / (1e-6 * 1f64.cos()) - 1.0).abs() < 1e-11, "{gradient}");
    }
}
