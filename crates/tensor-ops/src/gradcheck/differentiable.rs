//! A function with a backward pass.

use ndarray::ArrayD;

use crate::Dual;

/// A tensor by which a function is differentiated: its name and the point of the check.
#[derive(Clone, Debug, PartialEq)]
pub struct Variable {
    /// Its name in reports: `x`, `weight`, `0.bias`.
    pub name: String,
    /// Where the function is checked.
    pub at: ArrayD<f64>,
}

impl Variable {
    /// A variable.
    pub fn new(name: impl Into<String>, at: ArrayD<f64>) -> Self {
        Variable { name: name.into(), at }
    }
}

/// A function of several tensors with one tensor of outputs, and the backward pass that is to be checked.
///
/// Each method gets the variables in the order of [`Differentiable::variables`] and must be a pure function of them.
pub trait Differentiable {
    /// What to differentiate by, and where.
    fn variables(&self) -> &[Variable];

    /// y = f(v).
    fn forward(&self, v: &[ArrayD<f64>]) -> ArrayD<f64>;

    /// The same on dual numbers.
    fn forward_dual(&self, v: &[ArrayD<Dual>]) -> ArrayD<Dual>;

    /// Jᵀ dy, one tensor a variable, by the backward pass.
    fn backward(&self, v: &[ArrayD<f64>], dy: &ArrayD<f64>) -> Vec<ArrayD<f64>>;

    /// The same on dual numbers.
    fn backward_dual(&self, v: &[ArrayD<Dual>], dy: &ArrayD<Dual>) -> Vec<ArrayD<Dual>>;

    /// The point of the check.
    fn point(&self) -> Vec<ArrayD<f64>> {
        self.variables().iter().map(|v| v.at.clone()).collect()
    }
}

/// The same numbers as duals without a tangent.
pub(super) fn constants(v: &[ArrayD<f64>]) -> Vec<ArrayD<Dual>> {
    v.iter().map(|v| v.mapv(|x| Dual::new(x, 0.0))).collect()
}
