//! Activations that let the right side through.

use tensor_ops::Scalar;

use super::sigmoids::logistic;
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
        Some(Spec::Relu {})
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

/// The exponential linear unit: x above 0, α (eˣ - 1) from 0 down.
///
/// Clevert, Unterthiner, Hochreiter, "Fast and accurate deep network learning by exponential linear units", 2016.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Elu {
    /// Minus the limit on the left.
    pub alpha: f64,
}

impl Default for Elu {
    fn default() -> Self {
        Elu { alpha: 1.0 }
    }
}

impl Elementwise for Elu {
    fn kind(&self) -> &'static str {
        "elu"
    }
    fn f<T: Scalar>(&self, x: T) -> T {
        if x <= T::zero() { T::from_f64(self.alpha) * x.exp_m1() } else { x }
    }
    fn df<T: Scalar>(&self, x: T, _y: T) -> T {
        // Not y + α, which loses its digits where y is near -α.
        if x <= T::zero() { T::from_f64(self.alpha) * x.exp() } else { T::one() }
    }
    fn spec(&self) -> Option<Spec> {
        Some(Spec::Elu { alpha: self.alpha })
    }
    fn check(&self) -> Result<(), Error> {
        if self.alpha.is_finite() {
            Ok(())
        } else {
            Err(Error::option("elu", "alpha", "that is finite", self.alpha))
        }
    }
}

/// The scaled exponential linear unit, whose constants keep mean 0 and variance 1 from layer to layer.
///
/// Klambauer, Unterthiner, Mayr, Hochreiter, "Self-normalizing neural networks", 2017, eqs. 2 and 14. Initialise with
/// [`Init::lecun`](crate::Init::lecun).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Selu;

impl Selu {
    const ALPHA: f64 = 1.673_263_242_354_377_2;
    const LAMBDA: f64 = 1.050_700_987_355_480_5;
}

impl Elementwise for Selu {
    fn kind(&self) -> &'static str {
        "selu"
    }
    fn f<T: Scalar>(&self, x: T) -> T {
        T::from_f64(Self::LAMBDA) * if x <= T::zero() { T::from_f64(Self::ALPHA) * x.exp_m1() } else { x }
    }
    fn df<T: Scalar>(&self, x: T, _y: T) -> T {
        T::from_f64(Self::LAMBDA) * if x <= T::zero() { T::from_f64(Self::ALPHA) * x.exp() } else { T::one() }
    }
    fn spec(&self) -> Option<Spec> {
        Some(Spec::Selu {})
    }
}

/// The smooth rectifier ln(1 + eˣ).
///
/// Computed as max(x, 0) + ln(1 + e^(-|x|)). PyTorch returns x itself above 20, which is up to 2e-9 less.
///
/// Dugas, Bengio, Bélisle, Nadeau, Garcia, "Incorporating second-order functional knowledge for better option pricing",
/// 2001.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Softplus;

impl Elementwise for Softplus {
    fn kind(&self) -> &'static str {
        "softplus"
    }
    fn f<T: Scalar>(&self, x: T) -> T {
        // The sides meet smoothly, so the test is on the value: it is no kink.
        if x.value() > 0.0 { x + (-x).exp().ln_1p() } else { x.exp().ln_1p() }
    }
    fn df<T: Scalar>(&self, x: T, _y: T) -> T {
        logistic(x)
    }
    fn spec(&self) -> Option<Spec> {
        Some(Spec::Softplus {})
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
    fn exponential_units_have_their_limits() {
        assert_eq!(Elu { alpha: 2.0 }.f(-1000.0_f32), -2.0);
        assert_eq!(Elu { alpha: 2.0 }.df(f64::NEG_INFINITY, -2.0), 0.0);
        assert_eq!(Selu.f(f64::INFINITY), f64::INFINITY);
        assert!((Selu.f(-1000.0_f64) + 1.758_099_340_847_376_6).abs() < 1e-15);
        assert!((Elu::default().df(-40.0_f64, -1.0) / (-40.0_f64).exp() - 1.0).abs() < 1e-15);
    }

    #[test]
    fn softplus_is_x_on_the_right_and_the_exponential_on_the_left() {
        assert_eq!(Softplus.f(1000.0_f32), 1000.0);
        assert_eq!(Softplus.f(f64::NEG_INFINITY), 0.0);
        assert!((Softplus.f(-40.0_f64) / (-40.0_f64).exp() - 1.0).abs() < 1e-15);
        assert!(Softplus.f(f64::NAN).is_nan() && Elu::default().f(f64::NAN).is_nan());
    }
}
