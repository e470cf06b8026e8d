//! Activations that level off on both sides.

use tensor_ops::Scalar;

use crate::{Elementwise, Error, Spec};

/// σ(x) = 1 / (1 + e⁻ˣ), with all its digits on the left.
pub(super) fn logistic<T: Scalar>(x: T) -> T {
    // The sides meet smoothly, so the test is on the value: it is no kink.
    if x.value() < 0.0 {
        let e = x.exp();
        e / (T::one() + e)
    } else {
        T::one() / (T::one() + (-x).exp())
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
        logistic(x)
    }
    fn df<T: Scalar>(&self, _x: T, y: T) -> T {
        y * (T::one() - y)
    }
    fn spec(&self) -> Option<Spec> {
        Some(Spec::Sigmoid {})
    }
}

/// The hyperbolic tangent.
///
/// Its derivative is (1 - y) (1 + y), whose last digits go where y is near ±1: there it is 0 within rounding.
///
/// LeCun, Bottou, Orr, Müller, "Efficient BackProp", 1998, section 4.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tanh;

impl Elementwise for Tanh {
    fn kind(&self) -> &'static str {
        "tanh"
    }
    fn f<T: Scalar>(&self, x: T) -> T {
        x.tanh()
    }
    fn df<T: Scalar>(&self, _x: T, y: T) -> T {
        (T::one() - y) * (T::one() + y)
    }
    fn spec(&self) -> Option<Spec> {
        Some(Spec::Tanh {})
    }
}

/// min(max(slope · x + offset, 0), 1): the logistic function in straight lines.
///
/// PyTorch's and Keras' slope is 1/6, the default here; ONNX' and Keras 2's is 1/5. The derivative at both kinks is 0, as
/// in PyTorch.
///
/// Courbariaux, Bengio, David, "BinaryConnect: training deep neural networks with binary weights during propagations",
/// 2015, eq. 3 (there with slope 1/2).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HardSigmoid {
    /// The slope between the kinks.
    pub slope: f64,
    /// The value at 0.
    pub offset: f64,
}

impl Default for HardSigmoid {
    fn default() -> Self {
        HardSigmoid { slope: 1.0 / 6.0, offset: 0.5 }
    }
}

impl Elementwise for HardSigmoid {
    fn kind(&self) -> &'static str {
        "hard_sigmoid"
    }
    fn f<T: Scalar>(&self, x: T) -> T {
        let line = T::from_f64(self.slope) * x + T::from_f64(self.offset);
        if line <= T::zero() {
            T::zero()
        } else if line >= T::one() {
            T::one()
        } else {
            line
        }
    }
    fn df<T: Scalar>(&self, _x: T, y: T) -> T {
        if y <= T::zero() || y >= T::one() { T::zero() } else { T::from_f64(self.slope) }
    }
    fn spec(&self) -> Option<Spec> {
        Some(Spec::HardSigmoid { slope: self.slope, offset: self.offset })
    }
    fn check(&self) -> Result<(), Error> {
        for (option, value) in [("slope", self.slope), ("offset", self.offset)] {
            if !value.is_finite() {
                return Err(Error::option("hard_sigmoid", option, "that is finite", value));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sigmoid_survives_any_input() {
        assert_eq!(Sigmoid.f(-1000.0_f32), 0.0);
        assert_eq!(Sigmoid.f(1000.0_f32), 1.0);
        assert_eq!(Sigmoid.f(0.0_f64), 0.5);
        assert!((Sigmoid.f(-40.0_f64) / (-40.0_f64).exp() - 1.0).abs() < 1e-15);
    }

    #[test]
    fn hard_sigmoid_is_flat_from_its_kinks_on() {
        let layer = HardSigmoid::default();
        assert_eq!((layer.f(-3.0), layer.f(3.0), layer.f(0.0)), (0.0, 1.0, 0.5));
        assert_eq!((layer.df(-3.0, 0.0), layer.df(3.0, 1.0), layer.df(0.0, 0.5)), (0.0, 0.0, 1.0 / 6.0));
        assert_eq!((layer.f(f32::NEG_INFINITY), layer.f(f32::INFINITY)), (0.0, 1.0));
        assert!(layer.f(f64::NAN).is_nan());
        let error = HardSigmoid { slope: f64::NAN, ..layer }.check().unwrap_err();
        assert_eq!(error.to_string(), "hard_sigmoid: expected slope that is finite, got NaN");
    }

    #[test]
    fn tanh_levels_off() {
        assert_eq!((Tanh.f(1000.0_f32), Tanh.f(-1000.0_f32)), (1.0, -1.0));
        assert_eq!(Tanh.df(1000.0, Tanh.f(1000.0)), 0.0);
        assert!(Tanh.f(f64::NAN).is_nan() && Sigmoid.f(f64::NAN).is_nan());
    }
}
