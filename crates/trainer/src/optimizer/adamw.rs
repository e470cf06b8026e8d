//! AdamW: Adam with a decay of its own.
//!
//! ```text
//! w ← w - η λ w
//! m ← β₁ m + (1 - β₁) g
//! v ← β₂ v + (1 - β₂) g²
//! w ← w - η m̂ / (√v̂ + ε)              m̂ = m / (1 - β₁ᵗ),  v̂ = v / (1 - β₂ᵗ)
//! ```
//!
//! Loshchilov, Hutter, "Decoupled weight decay regularization", 2019, algorithm 2. As in PyTorch the decay is times the
//! learning rate, so it follows the schedule; ε stands as in [`Adam`](crate::Adam).

use tensor_ops::Scalar;

use super::{Adam, Optimizer, Update, check};
use crate::Error;

/// Adam whose decay shrinks every weight by the same share, however its gradients are scaled.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct AdamW {
    /// β₁, how much of the mean gradient is kept.
    pub beta1: f64,
    /// β₂, how much of the mean square is kept.
    pub beta2: f64,
    /// ε, outside of the root.
    pub epsilon: f64,
    /// Divide by the largest mean square so far.
    pub amsgrad: bool,
    /// λ: a weight loses the share η λ of itself in each step.
    pub weight_decay: f64,
}

impl Default for AdamW {
    fn default() -> Self {
        let Adam { beta1, beta2, epsilon, amsgrad, .. } = Adam::default();
        AdamW { beta1, beta2, epsilon, amsgrad, weight_decay: 0.01 }
    }
}

impl AdamW {
    /// The same without the decay.
    fn adam(&self) -> Adam {
        let AdamW { beta1, beta2, epsilon, amsgrad, .. } = *self;
        Adam { beta1, beta2, epsilon, amsgrad, weight_decay: 0.0 }
    }
}

impl<T: Scalar> Optimizer<T> for AdamW {
    fn kind(&self) -> &'static str {
        "adamw"
    }

    fn slots(&self) -> &'static [&'static str] {
        self.adam().slot_names()
    }

    fn check(&self) -> Result<(), Error> {
        Optimizer::<T>::check(&self.adam())?;
        check::from_0("weight_decay", self.weight_decay)
    }

    fn update(&self, at: Update, param: &mut [T], grad: &[T], slots: &mut [&mut [T]]) {
        self.adam().step("adamw", at, 1.0 - at.rate * at.decay(self.weight_decay), param, grad, slots);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decay_shrinks_by_a_share_and_does_not_touch_the_moments() {
        let (mut w, mut m, mut v) = ([8.0_f64, 2.0], [0.0; 2], [0.0; 2]);
        let at = Update { t: 1, rate: 0.5, decays: true };
        let adamw = AdamW { weight_decay: 0.5, ..AdamW::default() };
        adamw.update(at, &mut w, &[0.0; 2], &mut [&mut m, &mut v]);
        assert_eq!((w, m, v), ([6.0, 1.5], [0.0; 2], [0.0; 2]));
        adamw.update(Update { decays: false, ..at }, &mut w, &[0.0; 2], &mut [&mut m, &mut v]);
        assert_eq!(w, [6.0, 1.5]);
    }
}
