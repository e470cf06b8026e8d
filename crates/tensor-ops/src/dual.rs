//! Dual numbers: exact derivatives by forward-mode differentiation.
//!
//! ```text
//! (a + b ε)(c + d ε) = ac + (ad + bc) ε        ε² = 0
//! f(a + b ε)         = f(a) + b f'(a) ε
//! ```
//!
//! A program that runs on `a + u ε` computes its value at `a` and, beside it, its directional derivative along `u`,
//! with the rounding of the program itself and no step size (Clifford 1873; Wengert 1964, "A simple automatic
//! derivative evaluation program").

use std::cell::Cell;
use std::cmp::Ordering;
use std::fmt;
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use ndarray::ScalarOperand;
use num_traits::{One, Zero};

use crate::Scalar;

/// A number `re + eps ε` with `ε² = 0`: a value and its derivative along one direction.
///
/// Comparisons look at the real part alone, so that a program takes the same branches as with `f64`.
///
/// # Examples
///
/// ```
/// use tensor_ops::{Dual, Scalar};
///
/// let x = Dual::variable(3.0);
/// let y = x * x + Dual::from_f64(2.0) * x; // y = x² + 2x, y' = 2x + 2
/// assert_eq!((y.re, y.eps), (15.0, 8.0));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Dual {
    /// The value.
    pub re: f64,
    /// The derivative.
    pub eps: f64,
}

impl Dual {
    /// A value and its derivative.
    pub fn new(re: f64, eps: f64) -> Self {
        Dual { re, eps }
    }

    /// The variable to differentiate by: derivative 1.
    pub fn variable(re: f64) -> Self {
        Dual { re, eps: 1.0 }
    }

    /// f(self), given f and f' at the real part.
    fn chain(self, f: f64, df: f64) -> Self {
        Dual { re: f, eps: self.eps * df }
    }
}

thread_local! {
    static BRANCHES: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Runs `f` and returns, with its result, a fingerprint of every comparison of dual numbers that it made.
///
/// Two runs with the same fingerprint took the same branches: no kink lies between their inputs. Only comparisons on
/// the calling thread are seen.
///
/// # Examples
///
/// ```
/// use tensor_ops::{Dual, Scalar, branches};
///
/// let relu = |x: f64| branches(|| Dual::variable(x).maximum(Dual::from_f64(0.0))).1;
/// assert_eq!(relu(0.1), relu(0.2));
/// assert_ne!(relu(0.1), relu(-0.1));
/// ```
pub fn branches<R>(f: impl FnOnce() -> R) -> (R, u64) {
    let outer = BRANCHES.replace(Some(0xcbf2_9ce4_8422_2325)); // FNV-1a
    let result = f();
    let seen = BRANCHES.replace(outer).unwrap_or_default();
    (result, seen)
}

fn note(ordering: Option<Ordering>) {
    if let Some(hash) = BRANCHES.get() {
        let byte = ordering.map_or(3, |o| (o as i8 + 1) as u64);
        BRANCHES.set(Some((hash ^ byte).wrapping_mul(0x0000_0100_0000_01b3)));
    }
}

impl PartialEq for Dual {
    fn eq(&self, other: &Self) -> bool {
        let equal = self.re == other.re;
        note(equal.then_some(Ordering::Equal)); // on either side of the other it makes no difference
        equal
    }
}

impl PartialOrd for Dual {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        let ordering = self.re.partial_cmp(&other.re);
        note(ordering);
        ordering
    }
}

impl fmt::Display for Dual {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:+}ε", self.re, self.eps)
    }
}

impl Add for Dual {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Dual { re: self.re + other.re, eps: self.eps + other.eps }
    }
}

impl Sub for Dual {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Dual { re: self.re - other.re, eps: self.eps - other.eps }
    }
}

impl Mul for Dual {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        Dual { re: self.re * other.re, eps: self.eps * other.re + self.re * other.eps }
    }
}

impl Div for Dual {
    type Output = Self;
    fn div(self, other: Self) -> Self {
        let re = self.re / other.re;
        Dual { re, eps: (self.eps - re * other.eps) / other.re }
    }
}

impl Neg for Dual {
    type Output = Self;
    fn neg(self) -> Self {
        Dual { re: -self.re, eps: -self.eps }
    }
}

impl AddAssign for Dual {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Dual {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl MulAssign for Dual {
    fn mul_assign(&mut self, other: Self) {
        *self = *self * other;
    }
}

impl DivAssign for Dual {
    fn div_assign(&mut self, other: Self) {
        *self = *self / other;
    }
}

impl Zero for Dual {
    fn zero() -> Self {
        Dual { re: 0.0, eps: 0.0 }
    }
    fn is_zero(&self) -> bool {
        self.re == 0.0 && self.eps == 0.0
    }
}

impl One for Dual {
    fn one() -> Self {
        Dual { re: 1.0, eps: 0.0 }
    }
}

impl ScalarOperand for Dual {}

impl Scalar for Dual {
    type Wide = Dual;
    fn from_f64(x: f64) -> Self {
        Dual { re: x, eps: 0.0 }
    }
    fn value(self) -> f64 {
        self.re
    }
    fn widen(self) -> Dual {
        self
    }
    fn narrow(x: Dual) -> Self {
        x
    }
    fn exp(self) -> Self {
        let y = self.re.exp();
        self.chain(y, y)
    }
    fn exp_m1(self) -> Self {
        self.chain(self.re.exp_m1(), self.re.exp())
    }
    fn ln(self) -> Self {
        self.chain(self.re.ln(), 1.0 / self.re)
    }
    fn ln_1p(self) -> Self {
        self.chain(self.re.ln_1p(), 1.0 / (1.0 + self.re))
    }
    fn sqrt(self) -> Self {
        let y = self.re.sqrt();
        self.chain(y, 0.5 / y)
    }
    fn tanh(self) -> Self {
        // 1 - y² cancels where y is near 1; 1 / cosh² does not.
        let cosh = self.re.cosh();
        self.chain(self.re.tanh(), 1.0 / (cosh * cosh))
    }
    fn erf(self) -> Self {
        self.chain(libm::erf(self.re), std::f64::consts::FRAC_2_SQRT_PI * (-self.re * self.re).exp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerical::derivative;

    type Pair = (fn(f64) -> f64, fn(Dual) -> Dual);

    #[test]
    fn every_function_has_the_derivative_that_differences_show() {
        let functions: [Pair; 9] = [
            (f64::exp, Scalar::exp),
            (f64::exp_m1, Scalar::exp_m1),
            (f64::ln, Scalar::ln),
            (f64::ln_1p, Scalar::ln_1p),
            (f64::sqrt, Scalar::sqrt),
            (f64::tanh, Scalar::tanh),
            (libm::erf, Scalar::erf),
            (|x| 1.0 / (x * x - 3.0), |x| Dual::one() / (x * x - Dual::from_f64(3.0))),
            (|x| (x - 2.0).abs(), |x| (x - Dual::from_f64(2.0)).abs()),
        ];
        for (i, (real, dual)) in functions.into_iter().enumerate() {
            for x in [0.7, 0.9, 1.3, 2.9] {
                let y = dual(Dual::variable(x));
                assert_eq!(y.re, real(x), "function {i} at {x}");
                let expected = derivative(real, x, 1e-3);
                assert!((y.eps - expected).abs() <= 1e-9 * expected.abs().max(1.0), "function {i} at {x}");
            }
        }
    }

    #[test]
    fn derivatives_stay_finite_far_out() {
        for x in [-1000.0, 1000.0] {
            assert_eq!(Dual::variable(x).tanh().eps, 0.0);
            assert_eq!(Dual::variable(x).erf().eps, 0.0);
        }
    }

    #[test]
    fn numbers_are_equal_by_their_values_and_that_is_a_branch() {
        let (one, constant) = (Dual::variable(1.0), Dual::from_f64(1.0));
        assert!(one == constant && one.partial_cmp(&constant) == Some(Ordering::Equal));
        assert!(Dual::new(f64::NAN, 0.0) != Dual::new(f64::NAN, 0.0));
        let taken = |x: f64| branches(|| Dual::variable(x) == constant);
        assert_ne!(taken(1.0).1, taken(2.0).1);
        assert_eq!(taken(0.0), taken(2.0), "no kink lies between");
    }

    #[test]
    fn nested_recordings_do_not_disturb_each_other() {
        let compare = || Dual::variable(1.0) < Dual::variable(2.0);
        let (_, alone) = branches(compare);
        let (inner, _) = branches(|| branches(compare).1);
        assert_eq!(alone, inner);
    }
}
