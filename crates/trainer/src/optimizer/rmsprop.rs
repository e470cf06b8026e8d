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
//! inside.

use tensor_ops::{Scalar, vectorised};

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

impl RmsProp {
    pub(crate) fn check(&self) -> Result<(), Error> {
        check::below_1("alpha", self.alpha)?;
        check::from_0("epsilon", self.epsilon)?;
        check::below_1("momentum", self.momentum)?;
        check::from_0("weight_decay", self.weight_decay)
    }
}

/// Elements that are treated together: each line of the formula is one loop over them, without a branch inside.
const BLOCK: usize = 64;

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

    fn update(&self, at: Update, param: &mut [T], grad: &[T], slots: &mut [&mut [T]]) {
        check::slices("rmsprop", Optimizer::<T>::slots(self).len(), param, grad, slots);
        let [rate, decay, epsilon, alpha, rest, momentum] =
            [at.rate, at.decay(self.weight_decay), self.epsilon, self.alpha, 1.0 - self.alpha, self.momentum]
                .map(T::from_f64);
        let mut d = [T::zero(); BLOCK];
        let mut g = [T::zero(); BLOCK];
        vectorised(|| {
            for start in (0..param.len()).step_by(BLOCK) {
                let range = start..(start + BLOCK).min(param.len());
                let (g, d) = (&mut g[..range.len()], &mut d[..range.len()]);
                let w = &mut param[range.clone()];
                let mut slots = slots.iter_mut().map(|slot| &mut slot[range.clone()]);
                let mut next = || slots.next().expect("counted above");

                for ((g, &grad), &w) in g.iter_mut().zip(&grad[range.clone()]).zip(&*w) {
                    *g = grad + decay * w;
                }
                for ((d, s), &g) in d.iter_mut().zip(next()).zip(&*g) {
                    *s = alpha * *s + rest * g * g;
                    *d = *s;
                }
                if self.centered {
                    for ((d, m), &g) in d.iter_mut().zip(next()).zip(&*g) {
                        *m = alpha * *m + rest * g;
                        *d -= *m * *m;
                    }
                }
                d.iter_mut().zip(&*g).for_each(|(d, &g)| *d = g / (d.sqrt() + epsilon));
                if self.momentum != 0.0 {
                    for (d, v) in d.iter_mut().zip(next()) {
                        *v = momentum * *v + *d;
                        *d = *v;
                    }
                }
                w.iter_mut().zip(&*d).for_each(|(w, &d)| *w -= rate * d);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_do_not_show() {
        let options = RmsProp { centered: true, momentum: 0.5, weight_decay: 0.1, ..RmsProp::default() };
        let n = 2 * BLOCK + 3;
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
