//! Activations: functions of one number, each beside its derivative.
//!
//! | layer | f(x) | f'(x) |
//! | --- | --- | --- |
//! | [`Relu`] | max(x, 0) | 1 if x > 0, else 0 |
//! | [`LeakyRelu`] | x if x > 0, else slope · x | 1 if x > 0, else slope |
//! | [`Sigmoid`] | 1 / (1 + e⁻ˣ) | y (1 - y) |
//!
//! At a kink the derivative is that of the left side. A NaN stays a NaN, so that a broken step shows.

use tensor_ops::Scalar;

use crate::{Elementwise, Error, Spec};

/// The rectifier max(x, 0), with derivative 0 at 0.
///
/// Nair, Hinton, "Rectified linear units improve restricted Boltzmann machines", 2010.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relu;

impl Elementwise for Relu {
    fn kind(&self) -> &'static str {
        "relu"
    }
    fn f<T: Scalar>(&self, x: T) -> T {
        // Not maximum(x, 0): that would turn a NaN into a harmless 0.
        if x <= T::zero() { T::zero() } else { x }
    }
    fn df<T: Scalar>(&self, x: T, _y: T) -> T {
        if x <= T::zero() { T::zero() } else { T::one() }
    }
    fn spec(&self) -> Option<Spec> {
        Some(Spec::Relu)
    }
}

/// The rectifier that lets a little through: x above 0, slope · x from 0 down.
///
/// Maas, Hannun, Ng, "Rectifier nonlinearities improve neural network acoustic models", 2013.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LeakyRelu {
    /// The slope below 0.
    pub slope: f64,
}

impl Default for LeakyRelu {
    fn default() -> Self {
        LeakyRelu { slope: 0.01 }
    }
}

impl Elementwise for LeakyRelu {
    fn kind(&self) -> &'static str {
        "leaky_relu"
    }
    fn f<T: Scalar>(&self, x: T) -> T {
        if x <= T::zero() { T::from_f64(self.slope) * x } else { x }
    }
    fn df<T: Scalar>(&self, x: T, _y: T) -> T {
        if x <= T::zero() { T::from_f64(self.slope) } else { T::one() }
    }
    fn spec(&self) -> Option<Spec> {
        Some(Spec::LeakyRelu { slope: self.slope })
    }
    fn check(&self) -> Result<(), Error> {
        let expected = "that is finite";
        if self.slope.is_finite() {
            Ok(())
        } else {
            Err(Error::option("leaky_relu", "slope", expected, self.slope))
        }
    }
}

/// The logistic function 1 / (1 + e⁻ˣ).
///
/// Computed as e^(-|x|) / (1 + e^(-|x|)) on the left, so that no exponent is above 0: nothing overflows, and far left the
/// result keeps its digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sigmoid;

impl Elementwise for Sigmoid {
    fn kind(&self) -> &'static str {
        "sigmoid"
    }
    fn f<T: Scalar>(&self, x: T) -> T {
        // The sides meet smoothly, so the test is on the value: it is no kink.
        if x.value() < 0.0 {
            let e = x.exp();
            e / (T::one() + e)
        } else {
            T::one() / (T::one() + (-x).exp())
        }
    }
    fn df<T: Scalar>(&self, _x: T, y: T) -> T {
        y * (T::one() - y)
    }
    fn spec(&self) -> Option<Spec> {
        Some(Spec::Sigmoid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relu_has_derivative_zero_at_zero_and_passes_nan_on() {
        assert_eq!(Relu.df(0.0, 0.0), 0.0);
        assert_eq!(Relu.df(1e-300, 1e-300), 1.0);
        assert!(Relu.f(f64::NAN).is_nan());
    }

    #[test]
    fn leaky_relu_at_zero_takes_the_slope_of_the_left() {
        assert_eq!(LeakyRelu::default().df(0.0, 0.0), 0.01);
        assert_eq!(LeakyRelu::default().f(-2.0), -0.02);
    }

    #[test]
    fn sigmoid_survives_any_input() {
        assert_eq!(Sigmoid.f(-1000.0_f32), 0.0);
        assert_eq!(Sigmoid.f(1000.0_f32), 1.0);
        assert_eq!(Sigmoid.f(0.0_f64), 0.5);
        assert!((Sigmoid.f(-40.0_f64) / (-40.0_f64).exp() - 1.0).abs() < 1e-15);
    }
}
