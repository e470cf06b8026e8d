//! Activations that level off on both sides.

use tensor_ops::Scalar;

use crate::{Elementwise, Spec};

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
        Some(Spec::Sigmoid)
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
        Some(Spec::Tanh)
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
    fn tanh_levels_off() {
        assert_eq!((Tanh.f(1000.0_f32), Tanh.f(-1000.0_f32)), (1.0, -1.0));
        assert_eq!(Tanh.df(1000.0, Tanh.f(1000.0)), 0.0);
        assert!(Tanh.f(f64::NAN).is_nan() && Sigmoid.f(f64::NAN).is_nan());
    }
}
