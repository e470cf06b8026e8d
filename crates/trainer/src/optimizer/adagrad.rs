//! AdaGrad: a rate of its own for each element, by all its gradients so far.
//!
//! ```text
//! g ← g + λ w
//! s ← s + g²                                        s₀ = initial
//! w ← w - η / (1 + (t - 1) δ) · g / (√s + ε)        t = 1, 2, ...
//! ```
//!
//! Duchi, Hazan, Singer, "Adaptive subgradient methods for online learning and stochastic optimization", 2011, with ε
//! outside of the root and the decaying rate δ, as in PyTorch.

use tensor_ops::Scalar;

use super::each::each;
use super::{Optimizer, Update, check};
use crate::Error;

/// AdaGrad: elements that were pushed hard and often move less from then on.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct AdaGrad {
    /// δ, by which the rate falls beside: η / (1 + (t - 1) δ).
    pub rate_decay: f64,
    /// s₀, where the sums of squares begin.
    pub initial: f64,
    /// ε, outside of the root; keeps the first steps finite.
    pub epsilon: f64,
    /// λ, the factor of the parameter that is added to its gradient.
    pub weight_decay: f64,
}

impl Default for AdaGrad {
    fn default() -> Self {
        AdaGrad { rate_decay: 0.0, initial: 0.0, epsilon: 1e-10, weight_decay: 0.0 }
    }
}

impl<T: Scalar> Optimizer<T> for AdaGrad {
    fn kind(&self) -> &'static str {
        "adagrad"
    }

    fn slots(&self) -> &'static [&'static str] {
        &["sum_of_squares"]
    }

    fn check(&self) -> Result<(), Error> {
        check::from_0("rate_decay", self.rate_decay)?;
        check::from_0("initial", self.initial)?;
        check::from_0("epsilon", self.epsilon)?;
        check::from_0("weight_decay", self.weight_decay)
    }

    fn update(&self, at: Update, param: &mut [T], grad: &[T], slots: &mut [&mut [T]]) {
        // Slots begin as zeros, so s₀ stays outside of the sum.
        let initial = T::from_f64(self.initial);
        let epsilon = T::from_f64(self.epsilon);
        let decay = T::from_f64(at.decay(self.weight_decay));
        let rate = T::from_f64(at.rate / (1.0 + at.t.saturating_sub(1) as f64 * self.rate_decay));
        each("adagrad", param, grad, slots, move |w, g, [s]| {
            let g = g + decay * w;
            let s = s + g * g;
            (w - rate * g / ((initial + s).sqrt() + epsilon), [s])
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_shrink_as_squares_add_up() {
        let (mut w, mut sum) = ([0.0_f64], [0.0]);
        for t in 1..=4 {
            let update = Update { t, rate: 0.1, decays: true };
            AdaGrad::default().update(update, &mut w, &[2.0], &mut [&mut sum]);
        }
        // The size of a constant gradient cancels: the t-th step is η / √t.
        let expected = -0.1 * (1.0 + 1.0 / 2f64.sqrt() + 1.0 / 3f64.sqrt() + 0.5);
        assert!((w[0] - expected).abs() < 1e-10);
        assert_eq!(sum, [16.0]);
    }
}
