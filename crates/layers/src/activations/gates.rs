//! Activations that multiply x by a gate between 0 and 1.

use std::f64::consts::FRAC_1_SQRT_2;

use tensor_ops::Scalar;

use super::sigmoids::logistic;
use crate::{Elementwise, Spec};

/// x · gate, which is 0 where the gate is, even at infinity: a gate that underflowed falls faster than x grows.
fn times<T: Scalar>(x: T, gate: T) -> T {
    if gate.value() == 0.0 { T::zero() } else { x * gate }
}

/// x σ(x), also called swish.
///
/// Elfwing, Uchibe, Doya, "Sigmoid-weighted linear units for neural network function approximation in reinforcement
/// learning", 2018; Ramachandran, Zoph, Le, "Searching for activation functions", 2017.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Silu;

impl Elementwise for Silu {
    fn kind(&self) -> &'static str {
        "silu"
    }
    fn f<T: Scalar>(&self, x: T) -> T {
        times(x, logistic(x))
    }
    fn df<T: Scalar>(&self, x: T, _y: T) -> T {
        let gate = logistic(x);
        gate + times(x, gate * logistic(-x))
    }
    fn spec(&self) -> Option<Spec> {
        Some(Spec::Silu {})
    }
}

/// x Φ(x), where Φ is the distribution function of the standard normal and φ its density.
///
/// ```text
/// none   Φ(x) = (1 + erf(x / √2)) / 2
/// tanh   Φ(x) ≈ (1 + tanh u) / 2 = σ(2u)      u = √(2/π) (x + 0.044715 x³)
/// ```
///
/// Hendrycks, Gimpel, "Gaussian error linear units (GELUs)", 2016.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gelu {
    /// How Φ is computed; exactly by default.
    pub approximate: Approximation,
}

/// How [`Gelu`] computes Φ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Approximation {
    /// By the error function.
    #[default]
    None,
    /// By the hyperbolic tangent, as GPT-2 and BERT do; within 5e-4.
    Tanh,
}

impl Gelu {
    const SQRT_2_OVER_PI: f64 = 0.797_884_560_802_865_4;
    const CUBIC: f64 = 0.044_715;

    /// 2u, and its derivative
    fn twice_u<T: Scalar>(x: T) -> (T, T) {
        let square = T::from_f64(Self::CUBIC) * x * x;
        let scale = T::from_f64(2.0 * Self::SQRT_2_OVER_PI);
        (scale * x * (T::one() + square), scale * (T::one() + T::from_f64(3.0) * square))
    }

    fn normal_distribution<T: Scalar>(x: T) -> T {
        T::from_f64(0.5) * (T::one() + (x * T::from_f64(FRAC_1_SQRT_2)).erf())
    }

    fn normal_density<T: Scalar>(x: T) -> T {
        T::from_f64(0.5 * Self::SQRT_2_OVER_PI) * (T::from_f64(-0.5) * x * x).exp()
    }
}

impl Elementwise for Gelu {
    fn kind(&self) -> &'static str {
        "gelu"
    }
    fn f<T: Scalar>(&self, x: T) -> T {
        match self.approximate {
            Approximation::None => times(x, Self::normal_distribution(x)),
            Approximation::Tanh => times(x, logistic(Self::twice_u(x).0)),
        }
    }
    fn df<T: Scalar>(&self, x: T, _y: T) -> T {
        match self.approximate {
            Approximation::None => Self::normal_distribution(x) + times(x, Self::normal_density(x)),
            Approximation::Tanh => {
                let (u, du) = Self::twice_u(x);
                logistic(u) + times(x * du, logistic(u) * logistic(-u))
            }
        }
    }
    fn spec(&self) -> Option<Spec> {
        Some(Spec::Gelu { approximate: self.approximate })
    }
}

/// x tanh(softplus(x)).
///
/// With e = eˣ and m = e (e + 2), tanh(ln(1 + e)) = m / (m + 2), which needs no tanh, no logarithm and loses no digits.
///
/// Misra, "Mish: a self regularized non-monotonic activation function", 2020, eq. 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mish;

impl Mish {
    /// The gate t = tanh(ln(1 + eˣ)), and its derivative σ(x) (1 - t²)
    fn gate<T: Scalar>(x: T) -> (T, T) {
        let (one, two, four) = (T::one(), T::from_f64(2.0), T::from_f64(4.0));
        // The sides meet smoothly, so the test is on the value: it is no kink.
        if x.value() > 0.0 {
            let e = (-x).exp();
            let d = one + two * e * (one + e);
            ((one + two * e) / d, four * e * e * (one + e) / (d * d))
        } else {
            let e = x.exp();
            let m = e * (e + two);
            (m / (m + two), four * e * (one + e) / ((m + two) * (m + two)))
        }
    }
}

impl Elementwise for Mish {
    fn kind(&self) -> &'static str {
        "mish"
    }
    fn f<T: Scalar>(&self, x: T) -> T {
        times(x, Self::gate(x).0)
    }
    fn df<T: Scalar>(&self, x: T, _y: T) -> T {
        let (gate, slope) = Self::gate(x);
        gate + times(x, slope)
    }
    fn spec(&self) -> Option<Spec> {
        Some(Spec::Mish {})
    }
}

/// x min(max(x + 3, 0), 6) / 6: swish in straight lines.
///
/// At its kinks the derivative is that of the side away from 0, as in PyTorch: 0 at -3 and 1 at 3.
///
/// Howard et al., "Searching for MobileNetV3", 2019, section 5.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HardSwish;

impl Elementwise for HardSwish {
    fn kind(&self) -> &'static str {
        "hard_swish"
    }
    fn f<T: Scalar>(&self, x: T) -> T {
        let three = T::from_f64(3.0);
        if x <= -three {
            T::zero()
        } else if x < three {
            x * (x + three) / T::from_f64(6.0)
        } else {
            x
        }
    }
    fn df<T: Scalar>(&self, x: T, _y: T) -> T {
        let three = T::from_f64(3.0);
        if x <= -three {
            T::zero()
        } else if x < three {
            x / three + T::from_f64(0.5)
        } else {
            T::one()
        }
    }
    fn spec(&self) -> Option<Spec> {
        Some(Spec::HardSwish {})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn survives(gate: impl Elementwise) {
        for far in [200.0, 1e4, 1e30, f64::from(f32::MAX), f64::INFINITY] {
            let (left, right) = (gate.f(-far as f32), gate.f(far as f32));
            assert_eq!((left, right), (0.0, far as f32), "{gate:?} at {far}");
            let slopes = (gate.df(-far as f32, left), gate.df(far as f32, right));
            assert_eq!(slopes, (0.0, 1.0), "{gate:?} at {far}");
        }
        for far in [1e4, 1e300, f64::INFINITY] {
            assert_eq!((gate.f(-far), gate.f(far)), (0.0, far), "{gate:?} at {far}");
            assert_eq!((gate.df(-far, 0.0), gate.df(far, far)), (0.0, 1.0), "{gate:?} at {far}");
        }
        assert!(gate.f(f64::NAN).is_nan(), "{gate:?}");
    }

    #[test]
    fn gates_are_zero_far_left_and_the_identity_far_right() {
        survives(Silu);
        survives(Gelu::default());
        survives(Gelu { approximate: Approximation::Tanh });
        survives(Mish);
        survives(HardSwish);
    }

    #[test]
    fn the_tanh_form_of_gelu_is_near_the_exact_one() {
        for i in -60..60 {
            let x = f64::from(i) * 0.1;
            let (exact, near) = (Gelu::default().f(x), Gelu { approximate: Approximation::Tanh }.f(x));
            assert!((exact - near).abs() < 5e-4, "{x}: {exact} against {near}");
        }
    }

    #[test]
    fn mish_keeps_its_digits_on_the_left() {
        let x = -40.0_f64;
        assert!((Mish.f(x) / (x * x.exp()) - 1.0).abs() < 1e-15);
        assert!((Mish.df(x, 0.0) / ((1.0 + x) * x.exp()) - 1.0).abs() < 1e-15);
    }

    #[test]
    fn gelu_keeps_its_digits_on_the_left_too() {
        // 1 + erf cancels: what is left of it has nine digits.
        assert!((Gelu::default().f(-5.0_f64) / -1.433_257_859_456_375e-6 - 1.0).abs() < 1e-9);
    }
}
