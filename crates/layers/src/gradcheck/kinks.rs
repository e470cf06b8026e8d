//! At a kink a derivative lies between the slopes on both sides.

use ndarray::ArrayD;
use rand::RngExt;
use tensor_ops::gradcheck::{Check, Differentiable, Report, Settings};
use tensor_ops::random::{Purpose, stream};
use tensor_ops::{Dual, branches};

use super::subject::Subject;

/// The step to both sides; the functions checked here are straight on each, or nearly.
const STEP: f64 = 1e-6;

/// How far outside the slopes a derivative may be, of their size: the curvature over a step.
const SLACK: f64 = 1e-4;

/// Puts the layer on kinks (zeros, ties, whole numbers, where rectifiers bend and maxima tie) and holds each derivative,
/// and their sum along the direction in which all inputs grow, against the slopes on both sides.
///
/// The sum finds a maximum that passes its derivative to all that tie: each share is between the slopes 0 and 1, but
/// when all grow by h so does the maximum, once.
pub(super) fn check_kinks(subject: &Subject<'_>, settings: &Settings, report: &mut Report) {
    let elements = subject.x.len();
    let outputs: usize = subject.passes.output_shape(subject.x.shape()).iter().product();
    if !subject.real_input() || elements * outputs > settings.exhaustive_limit {
        return;
    }
    let mut rng = stream(settings.seed, Purpose::Check, 12);
    let shape = subject.x.raw_dim();
    let whole = ArrayD::from_shape_simple_fn(shape.clone(), || {
        [-3.0, -1.0, 0.0, 1.0, 3.0, 6.0][rng.random_range(0..6)]
    });
    let points = [
        ("at zero", ArrayD::zeros(shape.clone())),
        ("at ties", ArrayD::from_elem(shape, 0.7)),
        ("at whole numbers", whole),
    ];
    for (how, x) in points {
        let at = subject.with_input(x);
        Kinks::new(&at, format!("{}, {how}", subject.place())).check(report);
    }
}

struct Kinks<'s, 'a> {
    subject: &'s Subject<'a>,
    place: String,
    point: Vec<ArrayD<f64>>,
    duals: Vec<ArrayD<Dual>>,
    branches: u64,
    y: ArrayD<f64>,
    /// One gradient by x for each output.
    jacobian: Vec<ArrayD<f64>>,
}

impl<'s, 'a> Kinks<'s, 'a> {
    fn new(subject: &'s Subject<'a>, place: String) -> Self {
        let point = subject.point();
        let duals: Vec<_> = point.iter().map(|v| v.mapv(|v| Dual::new(v, 0.0))).collect();
        let branches = branches(|| subject.forward_dual(&duals)).1;
        let y = subject.forward(&point);
        Kinks { subject, place, point, duals, branches, y, jacobian: Vec::new() }
    }

    fn check(mut self, report: &mut Report) {
        let n = self.point[0].len();
        // Each element alone, then all at once.
        let directions = (0..n).map(|e| vec![e]).chain([(0..n).collect()]);
        for direction in directions {
            // Numbers that tie still tie when all grow: no comparison tells of that kink.
            if direction.len() < n && !self.bends(&direction) {
                continue;
            }
            if self.jacobian.is_empty() {
                self.jacobian = self.backward();
            }
            let sides = [-STEP, STEP].map(|h| self.slopes(&direction, h));
            for (output, gradient) in self.jacobian.iter().enumerate() {
                let gradient = gradient.as_slice().expect("gradients are contiguous");
                let got: f64 = direction.iter().map(|&e| gradient[e]).sum();
                let (left, right) = (sides[0][output], sides[1][output]);
                let slack = SLACK * left.abs().max(right.abs()).max(1e-3);
                if !(left.min(right) - slack..=left.max(right) + slack).contains(&got) {
                    let what = match &direction[..] {
                        [e] => format!("element {e}"),
                        _ => "all elements together".to_owned(),
                    };
                    let note = format!("{what}, output {output}: got {got}, expected from {left} to {right}");
                    report.fail_with(Check::Kink, &self.place, "x", note);
                    return;
                }
            }
        }
    }

    /// Whether a step along the direction changes the outcome of a comparison.
    fn bends(&mut self, direction: &[usize]) -> bool {
        let mut changed = false;
        for h in [-STEP, STEP] {
            self.shift(direction, h);
            changed |= branches(|| self.subject.forward_dual(&self.duals)).1 != self.branches;
        }
        self.shift(direction, 0.0);
        changed
    }

    /// Moves the duals to h beside the point.
    fn shift(&mut self, direction: &[usize], h: f64) {
        let original = self.point[0].as_slice().expect("points are contiguous");
        let x = self.duals[0].as_slice_mut().expect("points are contiguous");
        direction.iter().for_each(|&e| x[e].re = original[e] + h);
    }

    /// The slope of each output along the direction, to the side of `h`.
    fn slopes(&self, direction: &[usize], h: f64) -> Vec<f64> {
        let mut v = self.point.clone();
        let x = v[0].as_slice_mut().expect("points are contiguous");
        direction.iter().for_each(|&e| x[e] += h);
        let y = self.subject.forward(&v);
        y.iter().zip(&self.y).map(|(y, here)| (y - here) / h).collect()
    }

    fn backward(&self) -> Vec<ArrayD<f64>> {
        let unit = |output: usize| {
            let mut dy = ArrayD::zeros(self.y.raw_dim());
            dy.as_slice_mut().expect("new arrays are contiguous")[output] = 1.0;
            self.subject.backward(&self.point, &dy).swap_remove(0)
        };
        (0..self.y.len()).map(unit).collect()
    }
}
