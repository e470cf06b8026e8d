//! Stochastic gradient descent.
//!
//! ```text
//! g ← g + λ w                      weight decay
//! v ← μ v + g                      momentum; v₁ = g
//! w ← w - η v                      or, after Nesterov, w - η (g + μ v)
//! ```
//!
//! Robbins, Monro, "A stochastic approximation method", 1951; Polyak, "Some methods of speeding up the convergence of
//! iteration methods", 1964; Nesterov, 1983, in the form of Sutskever, Martens, Dahl, Hinton, "On the importance of
//! initialization and momentum in deep learning", 2013, as PyTorch writes it: the learning rate stays outside of v.

use tensor_ops::Scalar;

use super::each::each;
use super::{Optimizer, Update, check};
use crate::Error;

/// Stochastic gradient descent, with momentum if it is not 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct Sgd {
    /// μ, how much of the last step is kept; 0 for none.
    pub momentum: f64,
    /// Look ahead along the velocity, for which there has to be one: momentum above 0.
    pub nesterov: bool,
    /// λ, the factor of the parameter that is added to its gradient.
    pub weight_decay: f64,
}

impl<T: Scalar> Optimizer<T> for Sgd {
    fn kind(&self) -> &'static str {
        "sgd"
    }

    fn slots(&self) -> &'static [&'static str] {
        if self.momentum == 0.0 { &[] } else { &["velocity"] }
    }

    fn check(&self) -> Result<(), Error> {
        check::below_1("momentum", self.momentum)?;
        check::from_0("weight_decay", self.weight_decay)?;
        if self.nesterov && self.momentum == 0.0 {
            return Err(Error::option("momentum", "above 0 for nesterov", self.momentum));
        }
        Ok(())
    }

    fn update(&self, at: Update, param: &mut [T], grad: &[T], slots: &mut [&mut [T]]) {
        let [rate, decay, momentum] = [at.rate, at.decay(self.weight_decay), self.momentum].map(T::from_f64);
        if self.momentum == 0.0 {
            return each("sgd", param, grad, slots, move |w, g, []| (w - rate * (g + decay * w), []));
        }
        let nesterov = self.nesterov;
        each("sgd", param, grad, slots, move |w, g, [v]| {
            let g = g + decay * w;
            let v = momentum * v + g;
            (w - rate * if nesterov { g + momentum * v } else { v }, [v])
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_descent_on_a_quadratic_bowl_has_its_closed_form() {
        // f = a w²/2, so w_t = (1 - η a)^t w_0.
        let (a, rate) = (3.0, 0.1);
        let mut w = [2.0_f64];
        for t in 1..=10 {
            let grad = [a * w[0]];
            Sgd::default().update(Update { t, rate, decays: true }, &mut w, &grad, &mut []);
        }
        assert!((w[0] - 2.0 * (1.0 - rate * a).powi(10)).abs() < 1e-15);
    }

    #[test]
    fn decay_spares_what_does_not_decay() {
        let sgd = Sgd { weight_decay: 0.5, ..Sgd::default() };
        let (mut weight, mut bias) = ([1.0], [1.0]);
        sgd.update(Update { t: 1, rate: 0.1, decays: true }, &mut weight, &[0.0], &mut []);
        sgd.update(Update { t: 1, rate: 0.1, decays: false }, &mut bias, &[0.0], &mut []);
        assert_eq!((weight, bias), ([0.95], [1.0]));
    }
}
