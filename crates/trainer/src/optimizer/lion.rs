//! Lion: the sign of a momentum.
//!
//! ```text
//! u = sign(β₁ m + (1 - β₁) g)           sign(0) = 0
//! m ← β₂ m + (1 - β₂) g
//! w ← w - η (u + λ w)
//! ```
//!
//! Chen et al., "Symbolic discovery of optimization algorithms", 2023, algorithm 2. Each element moves by the whole rate,
//! so the rate should be 3 to 10 times smaller, and the decay as much larger, than for AdamW (section 5 there).

use tensor_ops::Scalar;

use super::each::each;
use super::{Optimizer, Update, check};
use crate::Error;

/// Lion: one array to remember for each parameter, and steps of one size.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct Lion {
    /// β₁, the share of the momentum in the direction of the step.
    pub beta1: f64,
    /// β₂, how much of the momentum is kept.
    pub beta2: f64,
    /// λ: a weight loses the share η λ of itself in each step.
    pub weight_decay: f64,
}

impl Default for Lion {
    fn default() -> Self {
        Lion { beta1: 0.9, beta2: 0.99, weight_decay: 0.0 }
    }
}

impl<T: Scalar> Optimizer<T> for Lion {
    fn kind(&self) -> &'static str {
        "lion"
    }

    fn slots(&self) -> &'static [&'static str] {
        &["momentum"]
    }

    fn check(&self) -> Result<(), Error> {
        check::below_1("beta1", self.beta1)?;
        check::below_1("beta2", self.beta2)?;
        check::from_0("weight_decay", self.weight_decay)
    }

    fn update(&self, at: Update, param: &mut [T], grad: &[T], slots: &mut [&mut [T]]) {
        let [rate, decay, keep1, take1, keep2, take2, plus, minus] = [
            at.rate,
            at.decay(self.weight_decay),
            self.beta1,
            1.0 - self.beta1,
            self.beta2,
            1.0 - self.beta2,
            1.0,
            -1.0,
        ]
        .map(T::from_f64);
        let zero = T::zero();
        each("lion", param, grad, slots, move |w, g, [m]| {
            let c = keep1 * m + take1 * g;
            let sign = if c > zero { plus } else { zero } + if c < zero { minus } else { zero };
            (w - rate * (sign + decay * w), [keep2 * m + take2 * g])
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_moves_by_the_rate_or_not_at_all() {
        let (mut w, mut m) = ([1.0_f64; 3], [0.0; 3]);
        let at = Update { t: 1, rate: 0.25, decays: true };
        Lion::default().update(at, &mut w, &[1e-9, 0.0, -1e9], &mut [&mut m]);
        assert_eq!(w, [0.75, 1.0, 1.25]);
    }
}
