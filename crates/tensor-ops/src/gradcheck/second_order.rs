//! Second derivatives: the backward pass on dual numbers.

use ndarray::{ArrayD, Zip};

use super::differentiable::constants;
use super::exact::{dot, with_tangents};
use super::points::gaussian;
use super::{Check, Comparison, Differentiable, Floor, Report, Settings};
use crate::Dual;
use crate::random::{Purpose, stream};

/// Checks that the second derivatives of ⟨v, f⟩, for a Gaussian v, are symmetric.
///
/// The backward pass on `x + u ε` yields, beside the gradient, the product of the Hessian with u. For two Gaussian
/// tangents of each pair of variables ⟨w, Hu⟩ must be ⟨u, Hw⟩: a backward pass that is not the derivative of
/// *anything* fails here even where no reference is at hand.
pub fn check_second_order(f: &dyn Differentiable, place: &str, settings: &Settings, report: &mut Report) {
    let point = f.point();
    let mut rng = stream(settings.seed, Purpose::Check, 2);
    let y = f.forward(&point);
    if y.is_empty() || point.is_empty() {
        return;
    }
    let dy = gaussian(y.shape(), 1.7, &mut rng);
    let dual_dy = constants(std::slice::from_ref(&dy)).remove(0);
    let mut draw =
        || -> Vec<ArrayD<f64>> { point.iter().map(|v| gaussian(v.shape(), 1.0, &mut rng)).collect() };
    let (u, w) = (draw(), draw());
    let first = f.backward(&point, &dy);
    let mut hessian_times = |tangent: &[ArrayD<f64>], k: usize| {
        let only: Vec<_> = (0..point.len())
            .map(|i| if i == k { tangent[i].clone() } else { ArrayD::zeros(point[i].raw_dim()) })
            .collect();
        let gradients = f.backward_dual(&with_tangents(&point, &only), &dual_dy);
        agrees_with_f64(f, place, &first, &gradients, settings, report);
        gradients.iter().map(|g| g.mapv(|g| g.eps)).collect::<Vec<_>>()
    };
    let hu: Vec<_> = (0..point.len()).map(|k| hessian_times(&u, k)).collect();
    let hw: Vec<_> = (0..point.len()).map(|k| hessian_times(&w, k)).collect();

    let norm = |h: &ArrayD<f64>| dot(h, h).sqrt();
    let largest = hu.iter().chain(&hw).flatten().map(norm).fold(0.0, f64::max);
    for (a, hu) in hu.iter().enumerate() {
        for (b, hw) in hw.iter().enumerate() {
            let name = format!("{} by {}", f.variables()[a].name, f.variables()[b].name);
            let floor = Floor::new(0.0, 10.0 * largest);
            let tolerance = settings.tolerances.hessian;
            let comparison = Comparison { check: Check::SecondOrder, place, tensor: &name, floor, tolerance };
            let scalar = |x: f64| ArrayD::from_elem(vec![], x);
            comparison.of(&scalar(dot(&w[b], &hu[b])), &scalar(dot(&u[a], &hw[a])), report);
        }
    }
}

/// The backward pass on duals is the same backward pass.
fn agrees_with_f64(
    f: &dyn Differentiable,
    place: &str,
    real: &[ArrayD<f64>],
    dual: &[ArrayD<Dual>],
    settings: &Settings,
    report: &mut Report,
) {
    let floors = Floor::of(real.iter().map(|r| &**r));
    for (((variable, real), dual), floor) in f.variables().iter().zip(real).zip(dual).zip(floors) {
        let values = Zip::from(dual).map_collect(|d| d.re);
        let tolerance = settings.tolerances.dual;
        Comparison { check: Check::SecondOrder, place, tensor: &variable.name, floor, tolerance }
            .of(&values, real, report);
    }
}
