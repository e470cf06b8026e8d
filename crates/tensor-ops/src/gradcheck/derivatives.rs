//! The comparison of a backward pass with the exact derivative and with differences.

use ndarray::{ArrayD, Axis};
use rand::RngExt;
use rand::seq::index::sample;

use super::differences::Neighbourhood;
use super::differentiable::constants;
use super::exact::{column, dot};
use super::points::gaussian;
use super::projections::projections;
use super::{Check, Comparison, Differentiable, Disagreement, Floor, Report, Settings};
use crate::random::{Purpose, stream};

/// The standard deviation of cotangents, and the size of unit ones: not 1, so that a pass that ignores dy shows.
const SCALE: f64 = 1.7;

/// Where a difference disagrees, smaller steps are tried: they are nearer to the point and may miss a kink.
const SHRINK: [f64; 3] = [1.0, 1.0 / 8.0, 1.0 / 64.0];

/// Compares the backward pass of `f` with dual numbers and with 5-point differences; also with itself (linearity in
/// the cotangent, zero for zero).
///
/// Where variables times outputs are at most [`Settings::exhaustive_limit`] the whole Jacobian is compared, one output
/// at a time, and for two Gaussian cotangents; otherwise a sample of the elements of each variable for the Gaussian
/// ones, and all elements together by Gaussian projections.
///
/// # Panics
///
/// If a pass returns tensors of other shapes than the variables and outputs have.
pub fn check_derivatives(f: &dyn Differentiable, place: &str, settings: &Settings, report: &mut Report) {
    for variable in f.variables() {
        report.tensor(&variable.name);
    }
    let point = f.point();
    let y = f.forward(&point);
    if y.is_empty() || point.is_empty() {
        return;
    }
    let mut rng = stream(settings.seed, Purpose::Check, 1);
    let variables: usize = point.iter().map(ArrayD::len).sum();
    let exhaustive = variables * y.len() <= settings.exhaustive_limit;
    let mut probes: Vec<ArrayD<f64>> = (0..2).map(|_| gaussian(y.shape(), SCALE, &mut rng)).collect();
    if exhaustive {
        probes.extend((0..y.len()).map(|output| unit(y.shape(), output)));
    }
    let gradients: Vec<_> = probes.iter().map(|dy| f.backward(&point, dy)).collect();

    let run = Run { f, place, settings, probes: &probes, gradients: &gradients };
    let mut duals = constants(&point);
    let tables: Vec<Table> = (0..point.len())
        .map(|k| {
            let n = point[k].len();
            let all = exhaustive || n <= settings.samples;
            let elements =
                if all { (0..n).collect() } else { sample(&mut rng, n, settings.samples).into_vec() };
            run.table(k, elements, |e| column(f, &mut duals, k, e))
        })
        .collect();
    // A sample may hold none of the elements that give a tensor its size.
    let whole = |k: usize| gradients[..if exhaustive { 0 } else { 2 }].iter().map(move |g| &g[k]);
    let sizes: Vec<f64> = tables.iter().map(|t| largest([&t.exact].into_iter().chain(whole(t.k)))).collect();
    let all = sizes.iter().copied().fold(0.0, f64::max);
    let floors = sizes.iter().map(|&own| Floor::new(own, all));
    let mut near = Neighbourhood::new(f);
    for (table, floor) in tables.iter().zip(floors) {
        run.exact(table, floor, report);
        run.differences(table, floor, &mut near, report);
    }
    if !exhaustive {
        projections(f, place, settings, (&probes[0], &gradients[0]), report);
    }
    run.linearity([1.3 + rng.random::<f64>(), -0.6 - rng.random::<f64>()], &point, report);
    run.zero_cotangent(&y, &point, report);
}

/// The largest size of a finite element.
fn largest<'a>(arrays: impl Iterator<Item = &'a ArrayD<f64>>) -> f64 {
    arrays.flatten().map(|x| x.abs()).filter(|x| x.is_finite()).fold(0.0, f64::max)
}

fn unit(shape: &[usize], position: usize) -> ArrayD<f64> {
    let mut dy = ArrayD::zeros(shape);
    *dy.iter_mut().nth(position).expect("a position within") = SCALE;
    dy
}

/// A function, its cotangents, and what its backward pass makes of each.
struct Run<'a> {
    f: &'a dyn Differentiable,
    place: &'a str,
    settings: &'a Settings,
    /// Two Gaussian cotangents, then perhaps one for each output.
    probes: &'a [ArrayD<f64>],
    gradients: &'a [Vec<ArrayD<f64>>],
}

/// Derivatives by some elements of one variable: a row an element, a column a cotangent.
struct Table {
    k: usize,
    elements: Vec<usize>,
    got: ArrayD<f64>,
    exact: ArrayD<f64>,
}

impl Run<'_> {
    fn name(&self, k: usize) -> &str {
        &self.f.variables()[k].name
    }

    fn table(&self, k: usize, elements: Vec<usize>, mut column: impl FnMut(usize) -> ArrayD<f64>) -> Table {
        let shape = [elements.len(), self.probes.len()];
        let (mut got, mut exact) = (ArrayD::zeros(&shape[..]), ArrayD::zeros(&shape[..]));
        let gradients: Vec<Vec<f64>> =
            self.gradients.iter().map(|g| g[k].iter().copied().collect()).collect();
        for (row, &e) in elements.iter().enumerate() {
            let column = column(e);
            for (p, probe) in self.probes.iter().enumerate() {
                exact[[row, p]] = dot(probe, &column);
                got[[row, p]] = gradients[p][e];
            }
        }
        Table { k, elements, got, exact }
    }

    fn exact(&self, table: &Table, floor: Floor, report: &mut Report) {
        let name = self.name(table.k);
        let zero = |x: &ArrayD<f64>| x.axis_iter(Axis(0)).filter(|row| row.iter().all(|r| *r == 0.0)).count();
        let zero_references = zero(&table.exact);
        let tolerance = self.settings.tolerances.dual;
        let worst = floor.compare(&table.got, &table.exact, tolerance);
        let error = worst.as_ref().map_or(0.0, |w| w.error);
        if error > tolerance {
            let nothing = zero(&table.got) == table.elements.len() && zero_references < table.elements.len();
            let check = if nothing { Check::NoGradient } else { Check::Exact };
            let comparison = Comparison { check, place: self.place, tensor: name, floor, tolerance };
            let (worst, note) = self.locate(table, worst);
            report.fail(comparison.failure(worst, note));
        }
        let tensor = report.tensor(name);
        tensor.checked += table.elements.len();
        tensor.zero += zero_references;
        tensor.max_dual_error = tensor.max_dual_error.max(error);
    }

    fn differences(&self, table: &Table, floor: Floor, near: &mut Neighbourhood<'_>, report: &mut Report) {
        let name = self.name(table.k);
        let tolerance = self.settings.tolerances.differences;
        for (row, &e) in table.elements.iter().enumerate() {
            let got = table.got.index_axis(Axis(0), row);
            let mut best: Option<Disagreement> = None;
            for h in SHRINK.map(|s| s * self.settings.step) {
                if near.has_kink(table.k, e, h) {
                    continue;
                }
                let column = near.column(table.k, e, h);
                let slopes = self.probes.iter().map(|probe| dot(probe, &column)).collect();
                let slopes = ArrayD::from_shape_vec(vec![self.probes.len()], slopes).expect("one a probe");
                let worst = floor.compare(&got, &slopes, tolerance).expect("at least the Gaussian probes");
                if best.as_ref().is_none_or(|b| worst.error < b.error) {
                    best = Some(worst);
                }
                if best.as_ref().is_some_and(|b| b.error <= tolerance) {
                    break;
                }
            }
            let Some(best) = best else {
                report.tensor(name).skipped += 1;
                continue;
            };
            let tensor = report.tensor(name);
            tensor.max_difference_error = tensor.max_difference_error.max(best.error);
            if best.error > tolerance {
                let check = Check::Differences;
                let comparison = Comparison { check, place: self.place, tensor: name, floor, tolerance };
                let steps = near.curve(table.k, e, &self.probes[best.index[0]], best.got);
                let best = Disagreement { index: vec![row, best.index[0]], ..best };
                let (worst, note) = self.locate(table, Some(best));
                report.fail(super::Failure { steps, ..comparison.failure(worst, note) });
            }
        }
    }

    /// A disagreement in a table as one in the variable, and for which cotangent.
    fn locate(&self, table: &Table, worst: Option<Disagreement>) -> (Option<Disagreement>, String) {
        let Some(mut worst) = worst else { return (None, String::new()) };
        let (row, probe) = (worst.index[0], worst.index[1]);
        worst.index = unravel(table.elements[row], self.f.variables()[table.k].at.shape());
        let note = match probe.checked_sub(2) {
            None => "for a Gaussian dy".to_owned(),
            Some(output) => {
                format!("for dy = {SCALE} at output {:?}", unravel(output, self.probes[0].shape()))
            }
        };
        (Some(worst), note)
    }

    /// Jᵀ(αv + βw) = α Jᵀv + β Jᵀw.
    fn linearity(&self, [alpha, beta]: [f64; 2], point: &[ArrayD<f64>], report: &mut Report) {
        let mixed = self.f.backward(point, &(&self.probes[0] * alpha + &self.probes[1] * beta));
        let expected: Vec<_> =
            self.gradients[0].iter().zip(&self.gradients[1]).map(|(v, w)| v * alpha + w * beta).collect();
        let floors = Floor::of(expected.iter().map(|g| &**g));
        for (k, floor) in floors.into_iter().enumerate() {
            let (place, tensor) = (self.place, self.name(k));
            let tolerance = self.settings.tolerances.dual;
            Comparison { check: Check::Linearity, place, tensor, floor, tolerance }.of(
                &mixed[k],
                &expected[k],
                report,
            );
        }
    }

    fn zero_cotangent(&self, y: &ArrayD<f64>, point: &[ArrayD<f64>], report: &mut Report) {
        for (k, gradient) in self.f.backward(point, &ArrayD::zeros(y.raw_dim())).iter().enumerate() {
            let (place, tensor) = (self.place, self.name(k));
            let comparison =
                Comparison { check: Check::ZeroCotangent, place, tensor, floor: Floor(0.0), tolerance: 0.0 };
            comparison.of(gradient, &ArrayD::zeros(gradient.raw_dim()), report);
        }
    }
}

/// The index of the element at a position in row-major order.
fn unravel(mut position: usize, shape: &[usize]) -> Vec<usize> {
    let mut index: Vec<usize> = shape
        .iter()
        .rev()
        .map(|&n| {
            let i = position % n;
            position /= n;
            i
        })
        .collect();
    index.reverse();
    index
}
