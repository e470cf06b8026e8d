//! Adam: momentum, with a rate of its own for each element.
//!
//! ```text
//! g ← g + λ w
//! m ← β₁ m + (1 - β₁) g
//! v ← β₂ v + (1 - β₂) g²
//! w ← w - η m̂ / (√v̂ + ε)              m̂ = m / (1 - β₁ᵗ),  v̂ = v / (1 - β₂ᵗ)
//! ```
//!
//! Kingma, Ba, "Adam: a method for stochastic optimization", 2015, algorithm 1. With AMSGrad, v̂ is the largest v so far
//! over 1 - β₂ᵗ: Reddi, Kale, Kumar, "On the convergence of Adam and beyond", 2018, algorithm 2. ε stands outside of
//! the root and after the correction of v, as in the paper's algorithm and PyTorch; Keras and the paper's section 2.1
//! correct the rate instead, for which the same ε is larger by 1 / √(1 - β₂ᵗ).

use tensor_ops::Scalar;

use super::each::each;
use super::{Optimizer, Update, check};
use crate::Error;

/// Adam, with decay by the gradient. To decay the weights themselves take [`AdamW`](crate::AdamW).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct Adam {
    /// β₁, how much of the mean gradient is kept.
    pub beta1: f64,
    /// β₂, how much of the mean square is kept.
    pub beta2: f64,
    /// ε, outside of the root.
    pub epsilon: f64,
    /// Divide by the largest mean square so far.
    pub amsgrad: bool,
    /// λ, the factor of the parameter that is added to its gradient.
    pub weight_decay: f64,
}

impl Default for Adam {
    fn default() -> Self {
        Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, amsgrad: false, weight_decay: 0.0 }
    }
}

impl Adam {
    pub(super) fn slot_names(&self) -> &'static [&'static str] {
        if self.amsgrad { &["mean", "mean_square", "largest_mean_square"] } else { &["mean", "mean_square"] }
    }

    /// The update of Adam; before it, w ← `shrink` · w.
    pub(super) fn step<T: Scalar>(
        &self,
        kind: &str,
        at: Update,
        shrink: f64,
        param: &mut [T],
        grad: &[T],
        slots: &mut [&mut [T]],
    ) {
        let t = at.t as f64;
        let correction = (1.0 - self.beta2.powf(t)).sqrt();
        let [shrink, decay, keep1, take1, keep2, take2, scale, epsilon, rate] = [
            shrink,
            at.decay(self.weight_decay),
            self.beta1,
            1.0 - self.beta1,
            self.beta2,
            1.0 - self.beta2,
            1.0 / correction,
            self.epsilon,
            at.rate / (1.0 - self.beta1.powf(t)),
        ]
        .map(T::from_f64);
        let moments = move |w: T, g: T, m: T, v: T| {
            let w = w * shrink;
            let g = g + decay * w;
            (w, keep1 * m + take1 * g, keep2 * v + take2 * g * g)
        };
        if self.amsgrad {
            each(kind, param, grad, slots, move |w, g, [m, v, largest]| {
                let (w, m, v) = moments(w, g, m, v);
                let largest = largest.maximum(v);
                (w - rate * m / (largest.sqrt() * scale + epsilon), [m, v, largest])
            });
        } else {
            each(kind, param, grad, slots, move |w, g, [m, v]| {
                let (w, m, v) = moments(w, g, m, v);
                (w - rate * m / (v.sqrt() * scale + epsilon), [m, v])
            });
        }
    }
}

impl<T: Scalar> Optimizer<T> for Adam {
    fn kind(&self) -> &'static str {
        "adam"
    }

    fn slots(&self) -> &'static [&'static str] {
        self.slot_names()
    }

    fn check(&self) -> Result<(), Error> {
        check::below_1("beta1", self.beta1)?;
        check::below_1("beta2", self.beta2)?;
        check::from_0("epsilon", self.epsilon)?;
        check::from_0("weight_decay", self.weight_decay)
    }

    fn update(&self, at: Update, param: &mut [T], grad: &[T], slots: &mut [&mut [T]]) {
        self.step("adam", at, 1.0, param, grad, slots);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_step_is_the_rate_times_the_sign() {
        let (mut w, mut m, mut v) = ([0.0_f64; 3], [0.0; 3], [0.0; 3]);
        let at = Update { t: 1, rate: 0.1, decays: true };
        let adam = Adam { epsilon: 0.0, ..Adam::default() };
        adam.update(at, &mut w, &[1e-6, -3.0, 1e6], &mut [&mut m, &mut v]);
        assert!(w.iter().zip([-0.1, 0.1, -0.1]).all(|(w, e)| (w - e).abs() < 1e-14), "{w:?}");
    }

    #[test]
    fn epsilon_stands_outside_of_the_corrected_root() {
        // At t = 1, v̂ = g² whatever β₂: with ε = |g| the step is half a rate. Inside the root it would be 0.71 of it.
        let (mut w, mut m, mut v) = ([0.0_f64], [0.0], [0.0]);
        let at = Update { t: 1, rate: 0.1, decays: true };
        let adam = Adam { epsilon: 1.0, ..Adam::default() };
        adam.update(at, &mut w, &[1.0], &mut [&mut m, &mut v]);
        assert!((w[0] + 0.05).abs() < 1e-15);
    }
}
