//! RMSprop: a rate of its own for each element, by the recent size of its gradients.
//!
//! ```text
//! g ← g + λ w
//! s ← α s + (1 - α) g²
//! m ← α m + (1 - α) g                   if centred
//! d = g / (√(s - m²) + ε)               m = 0 unless centred
//! w ← w - η d                           or, with momentum μ:   v ← μ v + d,   w ← w - η v
//! ```
//!
//! Tieleman, Hinton, "Neural networks for machine learning", lecture 6.5, 2012; centred: Graves, "Generating sequences
//! with recurrent neural networks", 2013, eq. 38 to 41. ε stands outside of the root, as in PyTorch; Keras has it
//! inside. Where gradients hardly change, rounding can make s - m² negative, which a variance is not: that counts as 0.

use tensor_ops::Scalar;

use super::each::each;
use super::{Optimizer, Update, check};
use crate::Error;

/// RMSprop: each element moves by about the rate, whatever the size of its gradients.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct RmsProp {
    /// α, how much of the mean square is kept.
    pub alpha: f64,
    /// ε, outside of the root.
    pub epsilon: f64,
    /// Divide by the deviation of the gradients instead of their size.
    pub centered: bool,
    /// μ, how much of the last step is kept; 0 for none.
    pub momentum: f64,
    /// λ, the factor of the parameter that is added to its gradient.
    pub weight_decay: f64,
}

impl Default for RmsProp {
    fn default() -> Self {
        RmsProp { alpha: 0.99, epsilon: 1e-8, centered: false, momentum: 0.0, weight_decay: 0.0 }
    }
}

impl<T: Scalar> Optimizer<T> for RmsProp {
    fn kind(&self) -> &'static str {
        "rmsprop"
    }

    fn slots(&self) -> &'static [&'static str] {
        match (self.centered, self.momentum != 0.0) {
            (false, false) => &["mean_square"],
            (true, false) => &["mean_square", "mean"],
            (false, true) => &["mean_square", "velocity"],
            (true, true) => &["mean_square", "mean", "velocity"],
        }
    }

    fn check(&self) -> Result<(), Error> {
        check::below_1("alpha", self.alpha)?;
        check::from_0("epsilon", self.epsilon)?;
        check::below_1("momentum", self.momentum)?;
        check::from_0("weight_decay", self.weight_decay)
    }

    fn update(&self, at: Update, param: &mut [T], grad: &[T], slots: &mut [&mut [T]]) {
        let [rate, decay, epsilon, alpha, rest, momentum] =
            [at.rate, at.decay(self.weight_decay), self.epsilon, self.alpha, 1.0 - self.alpha, self.momentum]
                .map(T::from_f64);
        let zero = T::zero();
        let square = move |s: T, g: T| alpha * s + rest * g * g;
        let mean = move |m: T, g: T| alpha * m + rest * g;
        // This way round, what is not a number stays so.
        let deviation = move |s: T, m: T| (s - m * m).maximum(zero).sqrt();
        let kind = "rmsprop";
        match (self.centered, self.momentum != 0.0) {
            (false, false) => each(kind, param, grad, slots, move |w, g, [s]| {
                let g = g + decay * w;
                let s = square(s, g);
                (w - rate * (g / (s.sqrt() + epsilon)), [s])
            }),
            (true, false) => each(kind, param, grad, slots, move |w, g, [s, m]| {
                let g = g + decay * w;
                let (s, m) = (square(s, g), mean(m, g));
                (w - rate * (g / (deviation(s, m) + epsilon)), [s, m])
            }),
            (false, true) => each(kind, param, grad, slots, move |w, g, [s, v]| {
                let g = g + decay * w;
                let s = square(s, g);
                let v = momentum * v + g / (s.sqrt() + epsilon);
                (w - rate * v, [s, v])
            }),
            (true, true) => each(kind, param, grad, slots, move |w, g, [s, m, v]| {
                let g = g + decay * w;
                let (s, m) = (square(s, g), mean(m, g));
                let v = momentum * v + g / (deviation(s, m) + epsilon);
                (w - rate * v, [s, m, v])
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Many centred steps by one gradient, over whole vectors and what is left of them.
    fn constant_gradient<T: Scalar>(momentum: f64) {
        let options = RmsProp { centered: true, momentum, ..RmsProp::default() };
        let n = 67;
        let grad = vec![T::from_f64(0.1); n];
        let mut arrays = [(); 4].map(|()| vec![T::zero(); n]);
        for t in 1..=5000 {
            let [w, s, m, v] = &mut arrays;
            let slots: &mut [&mut [T]] = &mut [s, m, v];
            let used = Optimizer::<T>::slots(&options).len();
            options.update(Update { t, rate: 0.01, decays: true }, w, &grad, &mut slots[..used]);
            assert!(arrays.iter().flatten().all(|x| x.is_finite()), "step {t}, momentum {momentum}");
        }
    }

    #[test]
    fn a_variance_that_rounding_makes_negative_is_0() {
        for momentum in [0.0, 0.9] {
            constant_gradient::<f32>(momentum);
            constant_gradient::<f64>(momentum);
        }
    }

    #[test]
    fn a_gradient_that_is_no_number_is_not_hidden() {
        let (mut w, mut s, mut m) = ([1.0_f64], [0.0], [0.0]);
        let centred = RmsProp { centered: true, ..RmsProp::default() };
        let at = Update { t: 1, rate: 0.1, decays: true };
        centred.update(at, &mut w, &[f64::NAN], &mut [&mut s, &mut m]);
        assert!(w[0].is_nan());
    }

    #[test]
    fn an_element_does_not_depend_on_where_it_lies() {
        let options = RmsProp { centered: true, momentum: 0.5, weight_decay: 0.1, ..RmsProp::default() };
        let n = 67;
        let grad: Vec<f64> = (0..n).map(|i| (i as f64).sin()).collect();
        let mut whole = (vec![1.0; n], vec![0.0; n], vec![0.0; n], vec![0.0; n]);
        let mut parts = whole.clone();
        for t in 1..=3 {
            let at = Update { t, rate: 0.1, decays: true };
            let (w, s, m, v) = &mut whole;
            options.update(at, w, &grad, &mut [s, m, v]);
            let (w, s, m, v) = &mut parts;
            for i in 0..n {
                let one = i..=i;
                let slots = &mut [&mut s[one.clone()], &mut m[one.clone()], &mut v[one.clone()]];
                options.update(at, &mut w[one.clone()], &grad[one], slots);
            }
        }
        assert_eq!(whole, parts);
    }
}
