//! All elements at once: Gaussian projections.

use ndarray::ArrayD;

use super::exact::{dot, push_forward};
use super::points::gaussian;
use super::{Check, Comparison, Differentiable, Floor, Report, Settings};
use crate::random::{Purpose, stream};

/// Compares ⟨v, Ju⟩ by dual numbers with ⟨Jᵀv, u⟩ by the backward pass, for a Gaussian v and, of each variable apart,
/// [`Settings::projections`] Gaussian u.
///
/// The quick check of large functions: a pass for each projection, whatever the number of elements. Tangents are of
/// both signs, because with positive ones two swapped elements among thousands do not show. It says that something is
/// wrong with a variable and not which element.
pub fn check_projections(f: &dyn Differentiable, place: &str, settings: &Settings, report: &mut Report) {
    let point = f.point();
    let y = f.forward(&point);
    let v = gaussian(y.shape(), 1.7, &mut stream(settings.seed, Purpose::Check, 1));
    let pulled = f.backward(&point, &v);
    projections(f, place, settings, (&v, &pulled), report);
    for (variable, pulled) in f.variables().iter().zip(&pulled) {
        let tensor = report.tensor(&variable.name);
        tensor.checked += pulled.len();
        tensor.zero += pulled.iter().filter(|g| **g == 0.0).count();
    }
}

/// The same for a cotangent and what the backward pass made of it.
pub(super) fn projections(
    f: &dyn Differentiable,
    place: &str,
    settings: &Settings,
    (v, pulled): (&ArrayD<f64>, &[ArrayD<f64>]),
    report: &mut Report,
) {
    let mut rng = stream(settings.seed, Purpose::Check, 3);
    let scalar = |x: f64| ArrayD::from_elem(vec![], x);
    for (k, variable) in f.variables().iter().enumerate() {
        let (check, tensor, tolerance) = (Check::Projection, &*variable.name, settings.tolerances.dual);
        // A Gaussian projection of a vector is about as large as the vector.
        let floor = Floor(1e-3 * dot(&pulled[k], &pulled[k]).sqrt());
        let comparison = Comparison { check, place, tensor, floor, tolerance };
        for _ in 0..settings.projections {
            let mut tangents: Vec<_> = pulled.iter().map(|g| ArrayD::zeros(g.raw_dim())).collect();
            tangents[k] = gaussian(pulled[k].shape(), 1.0, &mut rng);
            let forward = dot(v, &push_forward(f, &tangents));
            let backward = dot(&pulled[k], &tangents[k]);
            let error = comparison.of(&scalar(backward), &scalar(forward), report);
            let tensor = report.tensor(tensor);
            tensor.max_dual_error = tensor.max_dual_error.max(error);
        }
    }
}
