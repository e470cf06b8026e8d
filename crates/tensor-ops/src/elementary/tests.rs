//! The error bounds, over all of f32 and against twice the digits for f64.

use super::*;

/// The distance of `found` from `exact`, in units in the last place of `exact` as an f32.
fn ulps32(found: f32, exact: f64) -> f64 {
    if f64::from(found) == exact || found.is_nan() && exact.is_nan() {
        return 0.0;
    }
    let nearest = exact as f32;
    if nearest.is_infinite() || found.is_infinite() {
        return if nearest == found { 0.0 } else { f64::INFINITY };
    }
    let unit = f64::from(nearest.abs().next_up()) - f64::from(nearest.abs());
    (f64::from(found) - exact).abs() / unit
}

/// The largest error of a function over every `stride`th f32, and where it is.
fn worst32(stride: usize, isa: Isa, function: fn(Isa, &mut [f32]), exact: fn(f64) -> f64) -> (f64, f32) {
    let mut worst = (0.0, 0.0);
    let mut block = Vec::new();
    let mut all = (0..=u32::MAX).step_by(stride).map(f32::from_bits);
    loop {
        block.clear();
        block.extend(all.by_ref().take(4096));
        if block.is_empty() {
            return worst;
        }
        let x = block.clone();
        function(isa, &mut block);
        for (x, y) in x.into_iter().zip(&block) {
            let error = ulps32(*y, exact(f64::from(x)));
            if error > worst.0 || error.is_nan() {
                worst = (error, x);
            }
        }
    }
}

/// Every 97th value (every 1009th without optimisation), so all signs and exponents; `TENSOR_OPS_STRIDE=1` tries all.
#[test]
fn errors_in_f32_stay_below_the_bounds() {
    let default = if cfg!(debug_assertions) { 1009 } else { 97 };
    let stride = std::env::var("TENSOR_OPS_STRIDE").map_or(default, |stride| stride.parse().unwrap());
    for isa in Isa::available() {
        let (error, x) = worst32(stride, isa, f32::exp_slice_on, f64::exp);
        assert!(error <= 1.0, "{isa:?}: exp {x:e} is {error} ulp off");
        let (error, x) = worst32(stride, isa, f32::tanh_slice_on, f64::tanh);
        assert!(error <= 2.0, "{isa:?}: tanh {x:e} is {error} ulp off");
    }
}

/// A number of about 32 digits: the sum of two f64.
#[derive(Clone, Copy)]
struct Double(f64, f64);

impl Double {
    fn sum(a: f64, b: f64) -> Self {
        let s = a + b;
        let t = s - a;
        Double(s, (a - (s - t)) + (b - t))
    }
    fn add(self, b: Self) -> Self {
        let Double(s, e) = Self::sum(self.0, b.0);
        let Double(s, e) = Self::sum(s, e + self.1 + b.1);
        Double(s, e)
    }
    fn mul(self, b: Self) -> Self {
        let p = self.0 * b.0;
        Self::sum(p, self.0.mul_add(b.0, -p) + (self.0 * b.1 + self.1 * b.0))
    }
    fn div(self, b: Self) -> Self {
        let q = self.0 / b.0;
        let rest = self.add(Double(-q, 0.0).mul(b));
        Self::sum(q, rest.0 / b.0)
    }
    /// eˣ = 2ᵏ (eʳ)¹⁶ with r = (x - k ln 2) / 16
    fn exp(x: f64) -> (Self, i32) {
        const LN_2: Double = Double(std::f64::consts::LN_2, 2.319_046_813_846_299_6e-17);
        let k = (x / LN_2.0).round();
        let r = Double(x, 0.0).add(Double(-k, 0.0).mul(LN_2)).mul(Double(0.0625, 0.0));
        let mut sum = Double(1.0, 0.0);
        for n in (1..=20).rev() {
            sum = Double(1.0, 0.0).add(sum.mul(r).div(Double(f64::from(n), 0.0)));
        }
        (0..4).for_each(|_| sum = sum.mul(sum));
        (sum, k as i32)
    }
}

/// The distance in units in the last place of the exact result.
fn ulps64(found: f64, exact: Double) -> f64 {
    ((found - exact.0) - exact.1).abs() / (exact.0.abs().next_up() - exact.0.abs())
}

/// Numbers between `low` and `high`, as if drawn evenly.
fn samples(low: f64, high: f64) -> impl Iterator<Item = f64> {
    (0..20_000).map(move |i| low + (high - low) * (f64::from(i) * 0.618_033_988_749_894_9).fract())
}

#[test]
fn errors_in_f64_stay_below_the_bounds() {
    for isa in Isa::available() {
        for x in samples(-708.0, 709.0).chain(samples(-1.0, 1.0)) {
            let mut y = [x];
            f64::exp_slice_on(isa, &mut y);
            let (exact, k) = Double::exp(x);
            let error = ulps64(y[0] * 2f64.powi(-k / 2) * 2f64.powi(-(k - k / 2)), exact);
            assert!(error <= 1.0, "{isa:?}: exp {x:e} is {error} ulp off");
        }
        for x in
            samples(-22.0, 22.0).chain(samples(-1.0, 1.0)).chain(samples(-1e-3, 1e-3)).filter(|x| *x != 0.0)
        {
            let mut y = [x];
            f64::tanh_slice_on(isa, &mut y);
            let (e, k) = Double::exp(2.0 * x);
            let e = e.mul(Double(2f64.powi(k), 0.0));
            let error = ulps64(y[0], e.add(Double(-1.0, 0.0)).div(e.add(Double(1.0, 0.0))));
            assert!(error <= 2.0, "{isa:?}: tanh {x:e} is {error} ulp off");
        }
    }
}

#[test]
fn the_edges_are_exact() {
    let (tiny, tiny64) = (f32::from_bits(1), f64::from_bits(1));
    for isa in Isa::available() {
        let mut y = [0.0, -0.0, f32::INFINITY, f32::NEG_INFINITY, 88.73, 1e30, -103.97, -104.0, -1e30, tiny];
        f32::exp_slice_on(isa, &mut y);
        assert_eq!(y, [1.0, 1.0, f32::INFINITY, 0.0, f32::INFINITY, f32::INFINITY, tiny, 0.0, 0.0, 1.0]);
        let mut y = [0.0, f64::INFINITY, f64::NEG_INFINITY, 709.79, 1e300, -745.13, -746.0, -1e300, tiny64];
        f64::exp_slice_on(isa, &mut y);
        assert_eq!(y, [1.0, f64::INFINITY, 0.0, f64::INFINITY, f64::INFINITY, tiny64, 0.0, 0.0, 1.0]);
        let mut y = [0.0, -0.0, f32::INFINITY, f32::NEG_INFINITY, 1e30, -20.0, tiny, -f32::MIN_POSITIVE];
        f32::tanh_slice_on(isa, &mut y);
        assert_eq!(y, [0.0, -0.0, 1.0, -1.0, 1.0, -1.0, tiny, -f32::MIN_POSITIVE]);
        assert!(y[1].is_sign_negative());
        let mut y = [-0.0, f64::INFINITY, f64::NEG_INFINITY, 40.0, tiny64, -1e-300];
        f64::tanh_slice_on(isa, &mut y);
        assert_eq!(y, [0.0, 1.0, -1.0, 1.0, tiny64, -1e-300]);
        assert!(y[0].is_sign_negative());
        let mut y = [f32::NAN; 4];
        f32::exp_slice_on(isa, &mut y[..2]);
        f32::tanh_slice_on(isa, &mut y[2..]);
        assert!(y.iter().all(|y| y.is_nan()));
    }
}

#[test]
fn an_element_has_the_same_bits_wherever_it_stands() {
    let x: Vec<f32> = (0..100).map(|i| (i as f32 - 50.0) * 0.377).collect();
    for isa in Isa::available() {
        for function in [f32::exp_slice_on, f32::tanh_slice_on] {
            let mut together = x.clone();
            function(isa, &mut together);
            for start in 0..20 {
                for pieces in 1..40 {
                    let mut apart = x[start..].to_vec();
                    apart.chunks_mut(pieces).for_each(|piece| function(isa, piece));
                    assert_eq!(apart, together[start..]);
                }
            }
        }
    }
}
