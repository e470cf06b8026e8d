//! Elementary functions of whole slices.
//!
//! ```text
//! x = k ln 2 + r,  |r| ≤ ln 2 / 2          k an integer
//! exp x  = 2ᵏ (1 + e)                      e = exp r - 1, by its Taylor series
//! tanh x = m / (m + 2)                     m = exp 2|x| - 1 = 2ᵏ e + (2ᵏ - 1), with the sign of x
//! ```
//!
//! ln 2 is subtracted in two parts, the first with so few digits that its product with k is exact (W. J. Cody, W. Waite,
//! "Software manual for the elementary functions", 1980). There are no branches and no tables, so the compiler computes
//! as many elements at once as a vector holds. An element's bits depend on nothing but its value: those of a vector
//! and of what is left over are computed by the same operations.
//!
//! Largest errors, in units in the last place: `exp` 1, `tanh` 2. The tests hold f32 to that for values of all exponents
//! (every 7th value there is has been tried) and f64 for samples. Infinities, NaN, zeros with their sign and subnormal
//! results are as they should be.

use crate::machine::{Isa, Loop, run_on};

/// a · b + c, rounded once or twice.
macro_rules! mul_add {
    ($fused:ident, $a:expr, $b:expr, $c:expr) => {
        if $fused { $a.mul_add($b, $c) } else { $a * $b + $c }
    };
}

macro_rules! functions {
    ($float:ident, $exp:ident, $tanh:ident, $bits:ident, $mantissa:literal, $bias:literal,
     ln2: $ln2_high:literal $ln2_low:literal, round: $round:literal,
     exp: $exp_low:literal to $exp_high:literal, tanh: $tanh_high:literal, series: $series:expr) => {
        impl Elementary for $float {
            fn exp_slice_on(isa: Isa, x: &mut [Self]) {
                run_on(isa, $exp(x));
            }
            fn tanh_slice_on(isa: Isa, x: &mut [Self]) {
                run_on(isa, $tanh(x));
            }
        }

        struct $exp<'a>(&'a mut [$float]);
        struct $tanh<'a>(&'a mut [$float]);

        impl $exp<'_> {
            /// k, as the bits that are k above those of zero, and exp r - 1.
            #[inline(always)]
            fn parts<const FUSED: bool>(x: $float) -> ($bits, $float) {
                // Adding a number whose last digit is worth 1 rounds to an integer and leaves it in the low bits.
                const ROUND: $float = $round;
                const SERIES: &[f64] = &$series;
                let shifted = mul_add!(FUSED, x, std::$float::consts::LOG2_E, ROUND);
                let k = shifted - ROUND;
                let r = mul_add!(FUSED, k, -$ln2_low, mul_add!(FUSED, k, -$ln2_high, x));
                let mut sum = SERIES[0] as $float;
                for c in &SERIES[1..] {
                    sum = mul_add!(FUSED, sum, r, *c as $float);
                }
                (shifted.to_bits().wrapping_sub(ROUND.to_bits()), mul_add!(FUSED, sum, r * r, r))
            }

            /// 2ᵏ for a k that is the exponent of a normal number.
            #[inline(always)]
            fn power(k: $bits) -> $float {
                $float::from_bits(k.wrapping_add($bias) << $mantissa)
            }
        }

        impl Loop for $exp<'_> {
            #[inline(always)]
            fn run<const FUSED: bool>(self) {
                for x in self.0 {
                    let inside = if *x < $exp_low { $exp_low } else { *x };
                    let inside = if inside > $exp_high { $exp_high } else { inside };
                    let (k, e) = Self::parts::<FUSED>(inside);
                    // In two steps: 2ᵏ itself may be too small or too large where the result is not.
                    let half = (k.wrapping_add(2 * $bias) >> 1).wrapping_sub($bias);
                    *x = (1.0 + e) * Self::power(half) * Self::power(k.wrapping_sub(half));
                }
            }
        }

        impl Loop for $tanh<'_> {
            #[inline(always)]
            fn run<const FUSED: bool>(self) {
                for x in self.0 {
                    let twice = 2.0 * x.abs();
                    let twice = if twice > $tanh_high { $tanh_high } else { twice };
                    let (k, e) = $exp::parts::<FUSED>(twice);
                    let power = $exp::power(k);
                    let m = mul_add!(FUSED, power, e, power - 1.0);
                    // The sum loses `lost`; to first order it changes t by -t · lost / sum, and 1 / sum is (1 - t) / 2.
                    let sum = m + 2.0;
                    let lost = if m < 2.0 { m - (sum - 2.0) } else { 2.0 - (sum - m) };
                    let t = m / sum;
                    *x = (t - t * lost * (0.5 - 0.5 * t)).copysign(*x);
                }
            }
        }
    };
}

/// A float with fast functions of slices.
pub(crate) trait Elementary: Sized {
    fn exp_slice_on(isa: Isa, x: &mut [Self]);
    fn tanh_slice_on(isa: Isa, x: &mut [Self]);
}

// Series: 1/n! for n from the last down to 2. Limits: where exp is 0 or infinite, and tanh is 1.
functions!(f32, Exp32, Tanh32, u32, 23, 127, ln2: 0.693_359_4 -2.121_944_4e-4, round: 12_582_912.0,
    exp: -104.0 to 89.0, tanh: 20.0, series: reciprocal_factorials::<7>(8));
functions!(f64, Exp64, Tanh64, u64, 52, 1023, ln2: 0.693_147_180_369_123_8 1.908_214_929_270_587_7e-10,
    round: 6_755_399_441_055_744.0, exp: -746.0 to 710.0, tanh: 40.0, series: reciprocal_factorials::<12>(13));

/// 1/last!, 1/(last - 1)!, ...
const fn reciprocal_factorials<const N: usize>(last: usize) -> [f64; N] {
    let mut series = [0.0; N];
    let mut i = 0;
    while i < N {
        let (mut factorial, mut n) = (1.0, 2);
        while n <= last - i {
            factorial *= n as f64;
            n += 1;
        }
        series[i] = 1.0 / factorial;
        i += 1;
    }
    series
}

#[cfg(test)]
mod tests;
