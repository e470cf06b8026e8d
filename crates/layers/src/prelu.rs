//! The rectifier that learns its slope below 0.
//!
//! ```text
//! y  = x if x > 0, else α x
//! dx = dy if x > 0, else α dy
//! dα = Σ of x dy over x ≤ 0, in the whole layer or channel by channel
//! ```
//!
//! He, Zhang, Ren, Sun, "Delving deep into rectifiers", 2015, eqs. 1 and 9 to 11. As its authors advise, α is free of
//! weight decay, which would draw it to the plain rectifier.

use ndarray::{ArrayD, ArrayRef1, ArrayRef3, ArrayRefD};
use tensor_ops::Scalar;

use crate::batch_norm::by_channel;
use crate::sums::{map_channels, shared_channel_sums};
use crate::views::{dims, expect_shape, ranked_mut, standard, with_standard_mut};
use crate::{Backprop, Cache, Error, Layer, ParamSpec, Saved, Spec};

/// y = x if x > 0, else α x, with a trained α.
///
/// # Shapes
///
/// `[n, c, ...]` to the same; one slope takes inputs of any shape.
///
/// # Parameters
///
/// `alpha` `[slopes]`, 0.25.
///
/// # Examples
///
/// ```
/// use layers::{Layer, PRelu};
///
/// assert_eq!(PRelu::default().output_shape(&[20, 8, 8])?, [20, 8, 8]);
/// assert_eq!(PRelu { slopes: 20 }.params()[0].shape, [20]);
/// # Ok::<(), layers::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PRelu {
    /// 1 for one slope, by default, or as many as channels for one each.
    pub slopes: usize,
}

impl Default for PRelu {
    fn default() -> Self {
        PRelu { slopes: 1 }
    }
}

impl PRelu {
    /// [n, c, a, b, ...] as [n, c, a b ...], or all as one channel.
    fn channels<T>(self, x: &ArrayRefD<T>) -> [usize; 3] {
        if self.slopes == 1 { [1, 1, x.len()] } else { by_channel(x) }
    }
}

/// y ← x if x > 0, else α x
///
/// # Shapes
///
/// `x` and `y` [n, c, cells] in row-major order, `alpha` `[c]`.
///
/// # Panics
///
/// If the shapes do not fit or an array is not in row-major order.
#[track_caller]
pub fn prelu_forward<T: Scalar>(x: &ArrayRef3<T>, alpha: &ArrayRef1<T>, y: &mut ArrayRef3<T>) {
    let (n, c, cells) = x.dim();
    let x = x.as_slice().expect("x in row-major order");
    let y = y.as_slice_mut().expect("y in row-major order");
    assert!(x.len() == y.len() && alpha.len() == c, "prelu: shapes of x, alpha and y");
    map_channels([x, x], y, [n, c, cells], |k, x, _| if x <= T::zero() { alpha[k] * x } else { x });
}

/// dx ← dy if x > 0, else α dy
///
/// # Shapes
///
/// As [`prelu_forward`].
///
/// # Panics
///
/// As [`prelu_forward`].
#[track_caller]
pub fn prelu_backward_input<T: Scalar>(
    x: &ArrayRef3<T>,
    alpha: &ArrayRef1<T>,
    dy: &ArrayRef3<T>,
    dx: &mut ArrayRef3<T>,
) {
    let (n, c, cells) = x.dim();
    let (x, dy) =
        (x.as_slice().expect("x in row-major order"), dy.as_slice().expect("dy in row-major order"));
    let dx = dx.as_slice_mut().expect("dx in row-major order");
    assert!(x.len() == dy.len() && x.len() == dx.len() && alpha.len() == c, "prelu: shapes of x, dy and dx");
    map_channels([x, dy], dx, [n, c, cells], |k, x, dy| if x <= T::zero() { alpha[k] * dy } else { dy });
}

/// dα ← dα + Σ of x dy over x ≤ 0, summed wide.
///
/// # Shapes
///
/// As [`prelu_forward`].
///
/// # Panics
///
/// As [`prelu_forward`].
#[track_caller]
pub fn prelu_backward_params<T: Scalar>(x: &ArrayRef3<T>, dy: &ArrayRef3<T>, dalpha: &mut ArrayRef1<T>) {
    let (n, c, cells) = x.dim();
    let (x, dy) =
        (x.as_slice().expect("x in row-major order"), dy.as_slice().expect("dy in row-major order"));
    assert!(x.len() == dy.len() && dalpha.len() == c, "prelu: shapes of x, dy and dalpha");
    let zero = T::Wide::from_f64(0.0);
    let term = |_, x: T, dy: T| if x <= T::zero() { (x * dy).widen() } else { zero };
    let add = |_, dalpha: &mut T, sum| *dalpha += T::narrow(sum);
    shared_channel_sums([x, dy], [n, c, cells], term, dalpha, add);
}

impl Layer for PRelu {
    fn kind(&self) -> &'static str {
        "prelu"
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>, Error> {
        if self.slopes == 0 {
            return Err(Error::option(self.kind(), "slopes", "of at least 1", self.slopes));
        }
        if self.slopes != 1 && input.first() != Some(&self.slopes) {
            return Err(Error::input(self.kind(), format!("[{}, ...]", self.slopes), input));
        }
        Ok(input.to_vec())
    }

    fn params(&self) -> Vec<ParamSpec> {
        vec![ParamSpec::offset("alpha", &[self.slopes], 0.25)]
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::PRelu { slopes: self.slopes })
    }
}

impl<T: Scalar> Backprop<T> for PRelu {
    fn forward(&self, params: &[ArrayD<T>], x: &ArrayRefD<T>, y: &mut ArrayRefD<T>, _: &mut Cache<T>) {
        let [alpha] = params else { panic!("prelu: expected alpha") };
        expect_shape("y", y, x.shape());
        let (x, alpha) = (standard(x, |x| self.channels(x)), standard(alpha, dims::<_, 1>));
        with_standard_mut(y, |y| self.channels(y), |y| prelu_forward(&x, &alpha, y));
    }

    fn backward(
        &self,
        params: &[ArrayD<T>],
        saved: Saved<'_, T>,
        dy: &ArrayRefD<T>,
        dx: Option<&mut ArrayRefD<T>>,
        grads: &mut [ArrayD<T>],
    ) {
        let ([alpha], [dalpha]) = (params, grads) else { panic!("prelu: expected alpha") };
        expect_shape("dy", dy, saved.x.shape());
        let (x, dy) = (standard(saved.x, |x| self.channels(x)), standard(dy, |dy| self.channels(dy)));
        prelu_backward_params(&x, &dy, &mut ranked_mut(dalpha));
        if let Some(dx) = dx {
            expect_shape("dx", dx, saved.x.shape());
            let alpha = standard(alpha, dims::<_, 1>);
            with_standard_mut(dx, |dx| self.channels(dx), |dx| prelu_backward_input(&x, &alpha, &dy, dx));
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn at_zero_the_slope_of_the_left_holds() {
        let (x, dy, mut dx) =
            (array![[[0.0, -2.0, 3.0]]], array![[[1.0, 1.0, 1.0]]], array![[[0.0, 0.0, 0.0]]]);
        prelu_backward_input(&x, &array![0.25], &dy, &mut dx);
        assert_eq!(dx, array![[[0.25, 0.25, 1.0]]]);
        let mut dalpha = array![10.0];
        prelu_backward_params(&x, &dy, &mut dalpha);
        assert_eq!(dalpha, array![8.0]); // added to the 10
    }
}
