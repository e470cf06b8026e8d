//! The affine (fully connected, dense, linear) layer.
//!
//! ```text
//! y  = x W + b                x [n, d_in]   W [d_in, d_out]   b [d_out]   y [n, d_out]
//! dx = dy Wᵀ
//! dW = xᵀ dy
//! db = Σₙ dy
//! ```
//!
//! Rumelhart, Hinton, Williams, "Learning representations by back-propagating errors", Nature 323, 1986.

use ndarray::{ArrayD, ArrayRef1, ArrayRef2, ArrayRefD};
use tensor_ops::{Scalar, add_row_sums, gemm, gemm_bias};

use crate::params::elements;
use crate::views::{ranked, ranked_mut, rows, with_rows_mut};
use crate::{Backprop, Cache, Error, Fan, Layer, ParamSpec, Saved, Spec};

/// y = x W + b, for each example flattened to a row.
///
/// # Shapes
///
/// An input of any rank with `d_in` elements an example; its gradient comes back in the input's shape. The output is
/// `[n, d_out]`.
///
/// # Parameters
///
/// `weight` [d_in, d_out], drawn as [`Init::he`](crate::Init::he); `bias` `[d_out]`, zero.
///
/// # Examples
///
/// ```
/// use layers::{Affine, Layer};
///
/// let layer = Affine::new(784, 50);
/// assert_eq!(layer.output_shape(&[1, 28, 28])?, [50]);
/// # Ok::<(), layers::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Affine {
    /// Elements of an input.
    pub d_in: usize,
    /// Elements of an output.
    pub d_out: usize,
}

impl Affine {
    /// From `d_in` inputs to `d_out` outputs.
    pub fn new(d_in: usize, d_out: usize) -> Self {
        Affine { d_in, d_out }
    }
}

/// y ← x W + b
///
/// # Shapes
///
/// `x` [n, d_in], `weight` [d_in, d_out], `bias` `[d_out]`, `y` [n, d_out].
///
/// # Panics
///
/// If the shapes do not fit.
#[track_caller]
pub fn affine_forward<T: Scalar>(
    x: &ArrayRef2<T>,
    weight: &ArrayRef2<T>,
    bias: &ArrayRef1<T>,
    y: &mut ArrayRef2<T>,
) {
    gemm_bias(x, weight, bias, y, |_| ());
}

/// dx ← dy Wᵀ
///
/// # Shapes
///
/// `weight` [d_in, d_out], `dy` [n, d_out], `dx` [n, d_in].
///
/// # Panics
///
/// If the shapes do not fit.
#[track_caller]
pub fn affine_backward_input<T: Scalar>(weight: &ArrayRef2<T>, dy: &ArrayRef2<T>, dx: &mut ArrayRef2<T>) {
    gemm(T::one(), dy, &weight.t(), T::zero(), dx);
}

/// dW ← dW + xᵀ dy and db ← db + Σₙ dy
///
/// # Shapes
///
/// `x` [n, d_in], `dy` [n, d_out], `dweight` [d_in, d_out], `dbias` `[d_out]`.
///
/// # Panics
///
/// If the shapes do not fit.
#[track_caller]
pub fn affine_backward_params<T: Scalar>(
    x: &ArrayRef2<T>,
    dy: &ArrayRef2<T>,
    dweight: &mut ArrayRef2<T>,
    dbias: &mut ArrayRef1<T>,
) {
    params_gradient(T::one(), x, dy, dweight, dbias);
}

/// dW ← beta dW + xᵀ dy and db ← beta db + Σₙ dy, for a beta of 0 or 1.
fn params_gradient<T: Scalar>(
    beta: T,
    x: &ArrayRef2<T>,
    dy: &ArrayRef2<T>,
    dweight: &mut ArrayRef2<T>,
    dbias: &mut ArrayRef1<T>,
) {
    gemm(T::one(), &x.t(), dy, beta, dweight);
    if beta.is_zero() {
        dbias.fill(beta);
    }
    add_row_sums(dy, dbias);
}

impl Layer for Affine {
    fn kind(&self) -> &'static str {
        "affine"
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>, Error> {
        if self.d_out == 0 {
            return Err(Error::option(self.kind(), "units", "of at least 1", self.d_out));
        }
        if input.is_empty() || elements(input) != Some(self.d_in) {
            return Err(Error::input(self.kind(), format!("[{}]", self.d_in), input));
        }
        Ok(vec![self.d_out])
    }

    fn params(&self) -> Vec<ParamSpec> {
        let fan = Fan { r#in: self.d_in, out: self.d_out };
        vec![
            ParamSpec::weight("weight", &[self.d_in, self.d_out], fan),
            ParamSpec::offset("bias", &[self.d_out], 0.0),
        ]
    }

    fn multiply_adds(&self, _: &[usize]) -> Option<u64> {
        Some(self.d_in as u64 * self.d_out as u64)
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::Affine { units: self.d_out })
    }
}

impl Affine {
    /// The backward pass that adds to beta times the gradients.
    fn backward_onto<T: Scalar>(
        beta: T,
        params: &[ArrayD<T>],
        x: &ArrayRefD<T>,
        dy: &ArrayRefD<T>,
        dx: Option<&mut ArrayRefD<T>>,
        grads: &mut [ArrayD<T>],
    ) {
        let [weight, _] = params else { panic!("affine: expected weight and bias") };
        let [dweight, dbias] = grads else { panic!("affine: expected their gradients") };
        let dy = ranked(dy);
        params_gradient(beta, &rows(x), &dy, &mut ranked_mut(dweight), &mut ranked_mut(dbias));
        if let Some(dx) = dx {
            with_rows_mut(dx, |dx| affine_backward_input(&ranked(weight), &dy, dx));
        }
    }
}

impl<T: Scalar> Backprop<T> for Affine {
    fn forward(&self, params: &[ArrayD<T>], x: &ArrayRefD<T>, y: &mut ArrayRefD<T>, _: &mut Cache<T>) {
        let [weight, bias] = params else { panic!("affine: expected weight and bias") };
        affine_forward(&rows(x), &ranked(weight), &ranked(bias), &mut ranked_mut(y));
    }

    fn backward(
        &self,
        params: &[ArrayD<T>],
        saved: Saved<'_, T>,
        dy: &ArrayRefD<T>,
        dx: Option<&mut ArrayRefD<T>>,
        grads: &mut [ArrayD<T>],
    ) {
        Self::backward_onto(T::one(), params, saved.x, dy, dx, grads);
    }

    fn backward_anew(
        &self,
        params: &[ArrayD<T>],
        saved: Saved<'_, T>,
        dy: &ArrayRefD<T>,
        dx: Option<&mut ArrayRefD<T>>,
        grads: &mut [ArrayD<T>],
    ) {
        Self::backward_onto(T::zero(), params, saved.x, dy, dx, grads);
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, Array2, array};

    use super::*;

    #[test]
    fn forward_and_backward_are_the_textbook_products() {
        let x = array![[1.0, 2.0, 3.0]];
        let weight = array![[1.0, 0.5], [0.0, -1.0], [2.0, 1.0]];
        let dy = array![[10.0, 1.0]];
        let mut y = Array2::from_elem((1, 2), f64::NAN);
        affine_forward(&x, &weight, &array![0.5, 0.0], &mut y);
        assert_eq!(y, array![[7.5, 1.5]]);

        let mut dx = Array2::from_elem((1, 3), f64::NAN);
        affine_backward_input(&weight, &dy, &mut dx);
        assert_eq!(dx, array![[10.5, -1.0, 21.0]]);

        let (mut dweight, mut dbias) = (Array2::ones((3, 2)), Array1::zeros(2));
        affine_backward_params(&x, &dy, &mut dweight, &mut dbias);
        assert_eq!(dweight, array![[11.0, 2.0], [21.0, 3.0], [31.0, 4.0]]); // added to the ones
        assert_eq!(dbias, array![10.0, 1.0]);
    }

    #[test]
    fn an_image_gets_its_gradient_back_in_its_own_shape() {
        let layer = Affine::new(12, 2);
        let x = ArrayD::<f64>::ones(vec![3, 1, 4, 3]);
        let params = [ArrayD::ones(vec![12, 2]), ArrayD::zeros(vec![2])];
        let mut grads = [ArrayD::zeros(vec![12, 2]), ArrayD::zeros(vec![2])];
        let (mut y, mut dx) = (ArrayD::zeros(vec![3, 2]), ArrayD::zeros(vec![3, 1, 4, 3]));
        let mut cache = Cache::new();
        layer.forward(&params, &x, &mut y, &mut cache);
        let saved = Saved { x: &x, y: &y, cache: &mut cache };
        layer.backward(&params, saved, &ArrayD::ones(vec![3, 2]), Some(&mut dx), &mut grads);
        assert!(dx.iter().all(|d| *d == 2.0));
    }

    #[test]
    fn a_wrong_width_is_an_error() {
        let error = Affine::new(784, 50).output_shape(&[768]).unwrap_err();
        assert_eq!(error.to_string(), "affine: expected input [784], got [768]");
    }
}
