//! Derivatives by differences of the `f64` forward pass, and the kinks that spoil them.

use ndarray::ArrayD;

use super::Differentiable;
use super::exact::dot;
use crate::numerical::Stencil;
use crate::{Dual, branches};

/// Steps of the curve that a failure prints.
const CURVE: [f64; 6] = [1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7];

/// A function near its point, ready to be differenced.
pub(super) struct Neighbourhood<'a> {
    f: &'a dyn Differentiable,
    v: Vec<ArrayD<f64>>,
    duals: Vec<ArrayD<Dual>>,
    /// The branches taken at the point; `None` if the function makes no comparison, so that there can be no kink.
    branches: Option<u64>,
}

impl<'a> Neighbourhood<'a> {
    pub(super) fn new(f: &'a dyn Differentiable) -> Self {
        let v = f.point();
        let duals = super::differentiable::constants(&v);
        let seen = branches(|| f.forward_dual(&duals)).1;
        let none = branches(|| ()).1;
        Neighbourhood { f, v, duals, branches: (seen != none).then_some(seen) }
    }

    /// The step at element `e` of variable `k`, for a step of `h` at 1.
    fn step(&self, k: usize, e: usize, h: f64) -> f64 {
        h * slice(&self.v[k])[e].abs().max(1.0)
    }

    /// Whether a comparison falls out differently within two steps of the point.
    pub(super) fn has_kink(&mut self, k: usize, e: usize, h: f64) -> bool {
        let Some(here) = self.branches else { return false };
        let (x, h) = (slice(&self.v[k])[e], self.step(k, e, h));
        let mut at = |x: f64| {
            slice_mut(&mut self.duals[k])[e].re = x;
            branches(|| self.f.forward_dual(&self.duals)).1
        };
        let kink = [-2.0, -1.0, 1.0, 2.0].into_iter().any(|i| at(x + i * h) != here);
        slice_mut(&mut self.duals[k])[e].re = x;
        kink
    }

    /// The derivatives of all outputs by one element, by 5-point differences.
    pub(super) fn column(&mut self, k: usize, e: usize, h: f64) -> ArrayD<f64> {
        let (x, h) = (slice(&self.v[k])[e], self.step(k, e, h));
        let y: Vec<_> = [-2.0, -1.0, 1.0, 2.0].map(|i| self.at(k, e, x + i * h)).into();
        // The same rule as `Stencil::FivePoint`, on whole tensors.
        (&y[0] - &(&y[1] * 8.0) + &(&y[2] * 8.0) - &y[3]) / (12.0 * h)
    }

    fn at(&mut self, k: usize, e: usize, x: f64) -> ArrayD<f64> {
        let original = std::mem::replace(&mut slice_mut(&mut self.v[k])[e], x);
        let y = self.f.forward(&self.v);
        slice_mut(&mut self.v[k])[e] = original;
        y
    }

    /// The error of a derivative `got` of ⟨cotangent, f⟩ against central differences of smaller and smaller steps.
    pub(super) fn curve(&mut self, k: usize, e: usize, cotangent: &ArrayD<f64>, got: f64) -> Vec<(f64, f64)> {
        let x = slice(&self.v[k])[e];
        let mut error = |h: f64| {
            let value = |x| dot(cotangent, &self.at(k, e, x));
            let slope = Stencil::Central.derivative(value, x, h * x.abs().max(1.0));
            (h, super::relative_error(got, slope, 0.0))
        };
        CURVE.map(&mut error).to_vec()
    }
}

fn slice<T>(x: &ArrayD<T>) -> &[T] {
    x.as_slice().expect("points are in the standard layout")
}

fn slice_mut<T>(x: &mut ArrayD<T>) -> &mut [T] {
    x.as_slice_mut().expect("points are in the standard layout")
}
