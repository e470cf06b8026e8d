//! The number type that everything computes over.

use std::fmt::{Debug, Display};
use std::ops::{AddAssign, DivAssign, MulAssign, Neg, SubAssign};

use ndarray::{ArrayRef1, ArrayRef2, LinalgScalar, ScalarOperand};

use crate::elementary::Elementary;
use crate::gemm;
use crate::machine::Isa;

/// A real number that layers compute over: `f32`, `f64`, and [`Dual`](crate::Dual) for exact derivative checks.
///
/// The bounds are what kernels need and what a dual number can satisfy. In particular there is no `Float`: most of its
/// methods have no meaning for a dual number.
///
/// Code that is generic over `Scalar` must not ask which scalar it has. The methods with a default body are the
/// exception in one place: a type may bring a faster implementation of the same result.
///
/// # Branches
///
/// Compare two scalars (`a < b`, [`Scalar::maximum`], [`Scalar::abs`]) where the *derivative* depends on the outcome,
/// as in a ReLU. Compare their [`value`](Scalar::value)s where it does not, as when softmax subtracts the largest
/// logit. The gradient checker listens to the first kind in order to know a kink from a wrong derivative.
///
/// # Examples
///
/// One function, three scalars:
///
/// ```
/// use tensor_ops::{Dual, Scalar};
///
/// fn logistic<T: Scalar>(x: T) -> T {
///     T::one() / (T::one() + (-x).exp())
/// }
///
/// assert_eq!(logistic(0.0_f32), 0.5);
/// assert_eq!(logistic(0.0_f64), 0.5);
/// let y = logistic(Dual::variable(0.0));
/// assert_eq!((y.re, y.eps), (0.5, 0.25)); // the value and the derivative
/// ```
pub trait Scalar:
    LinalgScalar
    + ScalarOperand
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + DivAssign
    + PartialOrd
    + Debug
    + Display
    + Default
    + Send
    + Sync
{
    /// The type in which long sums of `Self` are accumulated: `f64` for the floats, `Dual` for itself.
    type Wide: Scalar<Wide = Self::Wide>;

    /// The scalar nearest to `x`; a constant, whose derivative is zero.
    fn from_f64(x: f64) -> Self;

    /// The real part.
    fn value(self) -> f64;

    /// The same number in the accumulator's type.
    fn widen(self) -> Self::Wide;

    /// The number nearest to `x` in this type.
    fn narrow(x: Self::Wide) -> Self;

    /// eˣ
    fn exp(self) -> Self;

    /// eˣ - 1, precise near 0.
    fn exp_m1(self) -> Self;

    /// The natural logarithm.
    fn ln(self) -> Self;

    /// ln(1 + x), precise near 0.
    fn ln_1p(self) -> Self;

    /// The square root.
    fn sqrt(self) -> Self;

    /// The hyperbolic tangent.
    fn tanh(self) -> Self;

    /// The error function, 2/√π ∫₀ˣ exp(-t²) dt.
    fn erf(self) -> Self;

    /// x ← eˣ for each element.
    ///
    /// For floats faster than a loop over [`exp`](Self::exp), and within 1 unit in the last place of the exact value;
    /// not always the bits of `exp`. An element's result does not depend on its neighbours.
    fn exp_slice(x: &mut [Self]) {
        x.iter_mut().for_each(|x| *x = x.exp());
    }

    /// x ← tanh x for each element; for floats as fast as [`exp_slice`](Self::exp_slice), within 2 units in the last
    /// place.
    fn tanh_slice(x: &mut [Self]) {
        x.iter_mut().for_each(|x| *x = x.tanh());
    }

    /// The larger of two scalars; `self` if they are equal or one is not a number.
    fn maximum(self, other: Self) -> Self {
        if other > self { other } else { self }
    }

    /// The smaller of two scalars; `self` if they are equal or one is not a number.
    fn minimum(self, other: Self) -> Self {
        if other < self { other } else { self }
    }

    /// The absolute value; its derivative at 0 is taken as 1.
    fn abs(self) -> Self {
        if self < Self::zero() { -self } else { self }
    }

    /// Not a number.
    fn is_nan(self) -> bool {
        self.value().is_nan()
    }

    /// Neither infinite nor not-a-number.
    fn is_finite(self) -> bool {
        self.value().is_finite()
    }

    /// c ← alpha · a · b + beta · c: the product kernel of this type.
    ///
    /// Call [`gemm()`](crate::gemm()), which checks the shapes.
    #[doc(hidden)]
    fn gemm_kernel(
        alpha: Self,
        a: &ArrayRef2<Self>,
        b: &ArrayRef2<Self>,
        beta: Self,
        c: &mut ArrayRef2<Self>,
    ) {
        gemm::plain(alpha, a, b, beta, c);
    }

    /// c ← then(a · b + bias): the same with a bias and a function of each element.
    ///
    /// Call [`gemm_bias`](crate::gemm_bias), which checks the shapes.
    #[doc(hidden)]
    fn gemm_bias_kernel(
        a: &ArrayRef2<Self>,
        b: &ArrayRef2<Self>,
        bias: &ArrayRef1<Self>,
        c: &mut ArrayRef2<Self>,
        then: &(dyn Fn(&mut [Self]) + Sync),
    ) {
        gemm::plain_bias(a, b, bias, c, then);
    }
}

macro_rules! float {
    ($float:ident, $erf:path) => {
        impl Scalar for $float {
            type Wide = f64;
            fn from_f64(x: f64) -> Self {
                x as $float
            }
            fn value(self) -> f64 {
                f64::from(self)
            }
            fn widen(self) -> f64 {
                f64::from(self)
            }
            fn narrow(x: f64) -> Self {
                x as $float
            }
            fn exp(self) -> Self {
                $float::exp(self)
            }
            fn exp_m1(self) -> Self {
                $float::exp_m1(self)
            }
            fn ln(self) -> Self {
                $float::ln(self)
            }
            fn ln_1p(self) -> Self {
                $float::ln_1p(self)
            }
            fn sqrt(self) -> Self {
                $float::sqrt(self)
            }
            fn tanh(self) -> Self {
                $float::tanh(self)
            }
            fn erf(self) -> Self {
                $erf(self)
            }
            fn exp_slice(x: &mut [Self]) {
                Self::exp_slice_on(Isa::best(), x);
            }
            fn tanh_slice(x: &mut [Self]) {
                Self::tanh_slice_on(Isa::best(), x);
            }
            fn is_nan(self) -> bool {
                $float::is_nan(self)
            }
            fn abs(self) -> Self {
                $float::abs(self)
            }
            fn gemm_kernel(
                alpha: Self,
                a: &ArrayRef2<Self>,
                b: &ArrayRef2<Self>,
                beta: Self,
                c: &mut ArrayRef2<Self>,
            ) {
                gemm::fast(alpha, a, b, beta, c);
            }
            fn gemm_bias_kernel(
                a: &ArrayRef2<Self>,
                b: &ArrayRef2<Self>,
                bias: &ArrayRef1<Self>,
                c: &mut ArrayRef2<Self>,
                then: &(dyn Fn(&mut [Self]) + Sync),
            ) {
                gemm::fast_bias(a, b, bias, c, then);
            }
        }
    };
}

float!(f32, libm::erff);
float!(f64, libm::erf);
