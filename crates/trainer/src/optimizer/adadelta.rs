//! AdaDelta: steps in the units of the parameter, without a rate to choose.
//!
//! ```text
//! g ← g + λ w
//! s ← ρ s + (1 - ρ) g²
//! d = g √(u + ε) / √(s + ε)
//! u ← ρ u + (1 - ρ) d²
//! w ← w - η d                           η = 1 in the paper
//! ```
//!
//! Zeiler, "ADADELTA: an adaptive learning rate method", 2012, algorithm 1. Here ε stands *inside* of the roots, in the
//! paper as in PyTorch and Keras: it is what the first step grows from.

use tensor_ops::Scalar;

use super::each::each;
use super::{Optimizer, Update, check};
use crate::Error;

/// AdaDelta: each step is as large as recent steps were, in proportion to the gradient. Meant for a rate of 1.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct AdaDelta {
    /// ρ, how much of the mean squares is kept.
    pub rho: f64,
    /// ε, inside of the roots.
    pub epsilon: f64,
    /// λ, the factor of the parameter that is added to its gradient.
    pub weight_decay: f64,
}

impl Default for AdaDelta {
    fn default() -> Self {
        AdaDelta { rho: 0.9, epsilon: 1e-6, weight_decay: 0.0 }
    }
}

impl<T: Scalar> Optimizer<T> for AdaDelta {
    fn kind(&self) -> &'static str {
        "adadelta"
    }

    fn slots(&self) -> &'static [&'static str] {
        &["mean_square", "mean_square_step"]
    }

    fn check(&self) -> Result<(), Error> {
        check::below_1("rho", self.rho)?;
        check::from_0("epsilon", self.epsilon)?;
        check::from_0("weight_decay", self.weight_decay)
    }

    fn update(&self, at: Update, param: &mut [T], grad: &[T], slots: &mut [&mut [T]]) {
        let [rate, decay, epsilon, rho, rest] =
            [at.rate, at.decay(self.weight_decay), self.epsilon, self.rho, 1.0 - self.rho].map(T::from_f64);
        each("adadelta", param, grad, slots, move |w, g, [s, u]| {
            let g = g + decay * w;
            let s = rho * s + rest * g * g;
            let d = g * ((u + epsilon).sqrt() / (s + epsilon).sqrt());
            (w - rate * d, [s, rho * u + rest * d * d])
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_of_the_gradients_does_not_matter() {
        let run = |scale: f64| {
            let (mut w, mut s, mut u) = ([0.0], [0.0], [0.0]);
            for t in 1..=5 {
                let at = Update { t, rate: 1.0, decays: true };
                AdaDelta::default().update(at, &mut w, &[scale], &mut [&mut s, &mut u]);
            }
            w[0]
        };
        assert!((run(1e3) / run(1e6) - 1.0).abs() < 1e-9);
    }
}
