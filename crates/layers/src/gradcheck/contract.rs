//! What a backward pass promises beside its derivative: nothing hidden, nothing unwritten, nothing overwritten.

use ndarray::{ArrayD, Zip};
use tensor_ops::gradcheck::points::gaussian;
use tensor_ops::gradcheck::{Check, Comparison, Floor, Report, Settings};
use tensor_ops::pool;
use tensor_ops::random::{Purpose, stream};

use super::passes::{Checked, Gradients, Number};
use super::subject::Subject;
use crate::views::batched;
use crate::{Mode, Role, Saved};

/// A subject in one precision with a Gaussian cotangent and the gradients that fresh arrays give: what every promise is
/// held against.
#[derive(Debug)]
pub(super) struct Baseline<'s, 'a, T> {
    pub(super) subject: &'s Subject<'a>,
    pub(super) place: String,
    pub(super) params: Vec<ArrayD<T>>,
    pub(super) x: ArrayD<T>,
    pub(super) y: ArrayD<T>,
    pub(super) dy: ArrayD<T>,
    pub(super) gradients: Gradients<T>,
    pub(super) tolerance: f64,
}

impl<'s, 'a, T: Checked> Baseline<'s, 'a, T> {
    pub(super) fn new(subject: &'s Subject<'a>, settings: &Settings) -> Self {
        let round = |x: &ArrayD<f64>| x.mapv(T::from_f64);
        let (x, params) = (round(&subject.x), subject.params.iter().map(round).collect::<Vec<_>>());
        let (y, mut cache) = subject.passes.forward(&params, &x);
        let dy = round(&gaussian(y.shape(), 1.7, &mut stream(settings.seed, Purpose::Check, 4)));
        let gradients = subject.passes.backward_in(&mut cache, &params, &x, &y, &dy);
        let place = format!("{}, {}", subject.place(), T::NAME);
        let tolerance = T::tolerance(&settings.tolerances);
        Baseline { subject, place, params, x, y, dy, gradients, tolerance }
    }

    /// Compares gradients, and outputs if given, with those of the baseline.
    pub(super) fn expect(
        &self,
        check: Check,
        how: &str,
        y: Option<&ArrayD<T>>,
        gradients: &Gradients<T>,
        tolerance: f64,
        report: &mut Report,
    ) {
        let place = if how.is_empty() { self.place.clone() } else { format!("{}, {how}", self.place) };
        if let Some(y) = y {
            let (y, expected) = (widened(y), widened(&self.y));
            let floor = Floor::of([&*expected].into_iter())[0];
            Comparison { check, place: &place, tensor: "y", floor, tolerance }.of(&y, &expected, report);
        }
        let all = |g: &Gradients<T>| [&g.dx].into_iter().chain(&g.params).map(widened).collect::<Vec<_>>();
        let (got, expected) = (all(gradients), all(&self.gradients));
        let floors = Floor::of(expected.iter().map(|e| &**e));
        let names = std::iter::once("x").chain(self.subject.specs.iter().map(|spec| &*spec.name));
        for (((tensor, got), expected), floor) in names.zip(&got).zip(&expected).zip(floors) {
            Comparison { check, place: &place, tensor, floor, tolerance }.of(got, expected, report);
        }
    }

    /// All promises of this module.
    pub(super) fn check_contract(&self, report: &mut Report) {
        self.written(report);
        self.repeat(report);
        self.accumulation(report);
        self.anew(report);
        self.without_dx(report);
        self.threads(report);
        self.absorbed(report);
    }

    /// Statistics alone are absorbed, of training passes alone, whatever else the cache is made for or has seen.
    fn absorbed(&self, report: &mut Report) {
        let s = self.subject;
        let absorb = |room: usize, backward: bool| {
            let mut cache = s.passes.new_cache::<T>(&batched(self.x.shape()[0] + room, &self.x.shape()[1..]));
            let y = s.passes.forward_in(&mut cache, &self.params, &self.x);
            if backward {
                s.passes.backward_in(&mut cache, &self.params, &self.x, &y, &self.dy);
            }
            let mut params = self.params.clone();
            T::over(s.passes.layer).absorb(&cache, &mut params);
            params
        };
        let (after, again) = (absorb(0, false), absorb(3, true));
        for (i, spec) in s.specs.iter().enumerate() {
            let kept = same_bits(&after[i], &self.params[i]);
            let note = match spec.role {
                Role::Statistic if s.passes.mode == Mode::Train => {
                    if same_bits(&after[i], &again[i]) {
                        continue;
                    }
                    "a larger cache, or the backward pass, makes a difference"
                }
                _ if kept => continue,
                Role::Statistic => "an inference pass was absorbed",
                _ => "it is trained, and changed all the same",
            };
            report.fail_with(Check::Absorb, &self.place, &spec.name, note);
        }
    }

    /// Several threads give the same bits as one.
    fn threads(&self, report: &mut Report) {
        let s = self.subject;
        let ((y, gradients), regions) = pool::sharing_everything(4, || {
            let (y, mut cache) = s.passes.forward(&self.params, &self.x);
            let gradients = s.passes.backward_in(&mut cache, &self.params, &self.x, &y, &self.dy);
            (y, gradients)
        });
        report.shared_regions += regions;
        self.expect(Check::Threads, "4 threads", Some(&y), &gradients, 0.0, report);
        let gradients = gradients.params.iter().zip(&self.gradients.params);
        let params = s.specs.iter().zip(gradients).map(|(spec, (a, b))| (&*spec.name, a, b));
        for (name, got, expected) in [("y", &y, &self.y)].into_iter().chain(params) {
            if got == expected && !same_bits(got, expected) {
                let note = "4 threads give zeros of another sign";
                report.fail_with(Check::Threads, &self.place, name, note);
            }
        }
    }

    /// Outputs do not depend on what their arrays held; arguments keep their bits.
    fn written(&self, report: &mut Report) {
        let s = self.subject;
        let (x, params, dy) = (self.x.clone(), self.params.clone(), self.dy.clone());
        for before in [f64::NAN, 1234.5] {
            let mut cache = s.passes.new_cache(x.shape());
            cache.begin(s.passes.mode, s.passes.seed);
            let mut y = ArrayD::from_elem(self.y.raw_dim(), T::from_f64(before));
            let mut dx = ArrayD::from_elem(x.raw_dim(), T::from_f64(before));
            let mut grads: Vec<_> = params.iter().map(|p| ArrayD::zeros(p.raw_dim())).collect();
            T::over(s.passes.layer).forward(&params, &x, &mut y, &mut cache);
            let y_before = y.clone();
            let saved = Saved { x: &x, y: &y, cache: &mut cache };
            T::over(s.passes.layer).backward(&params, saved, &dy, Some(&mut dx), &mut grads);
            self.finite(&y, "y", before, report);
            self.finite(&dx, "x", before, report);
            if !s.real_input() && dx.iter().any(|d| !d.is_zero()) {
                report.fail_with(
                    Check::Exact,
                    &self.place,
                    "x",
                    "an index has the derivative 0, got another",
                );
            }
            let gradients = Gradients { dx, params: grads };
            self.expect(Check::Unwritten, "", Some(&y), &gradients, 0.0, report);
            let pairs = [("x", &x, &self.x), ("dy", &dy, &self.dy), ("y", &y, &y_before)];
            let params =
                s.specs.iter().zip(&params).zip(&self.params).map(|((spec, a), b)| (&*spec.name, a, b));
            for (name, after, before) in pairs.into_iter().chain(params) {
                if !same_bits(after, before) {
                    report.fail_with(Check::Unchanged, &self.place, name, "a pass wrote to it");
                }
            }
        }
    }

    fn finite(&self, array: &ArrayD<T>, name: &str, before: f64, report: &mut Report) {
        if let Some((index, value)) = widened(array).indexed_iter().find(|(_, v)| !v.is_finite()) {
            let index = ndarray::Dimension::slice(&index);
            let note = format!("element {index:?} is {value} in an array that held {before}");
            report.fail_with(Check::Unwritten, &self.place, name, note);
        }
    }

    /// The same backward pass again gives the same bits.
    fn repeat(&self, report: &mut Report) {
        let s = self.subject;
        let (y, mut cache) = s.passes.forward(&self.params, &self.x);
        for _ in 0..2 {
            let again = s.passes.backward_in(&mut cache, &self.params, &self.x, &y, &self.dy);
            self.expect(Check::Repeat, "", None, &again, 0.0, report);
        }
    }

    /// Gradients are added to; those of statistics are not touched.
    fn accumulation(&self, report: &mut Report) {
        let s = self.subject;
        let mut rng = stream(s.passes.seed, Purpose::Check, 5);
        let noise = self.params.iter().map(|p| gaussian(p.shape(), 1.0, &mut rng).mapv(T::from_f64));
        let noise: Vec<_> = noise.collect();
        let (y, mut cache) = s.passes.forward(&self.params, &self.x);
        let mut dx = ArrayD::zeros(self.x.raw_dim());
        let mut grads = noise.clone();
        let saved = Saved { x: &self.x, y: &y, cache: &mut cache };
        T::over(s.passes.layer).backward(&self.params, saved, &self.dy, Some(&mut dx), &mut grads);
        let place = &self.place;
        for (((spec, got), noise), gradient) in
            s.specs.iter().zip(&grads).zip(&noise).zip(&self.gradients.params)
        {
            let [got, noise, gradient] = [got, noise, gradient].map(widened);
            let (expected, tolerance) = match spec.role {
                Role::Statistic => (noise.clone(), 0.0),
                _ => (&noise + &gradient, self.tolerance),
            };
            let floor = Floor::of([&*expected, &*gradient, &*noise].into_iter())[0];
            Comparison { check: Check::Accumulation, place, tensor: &spec.name, floor, tolerance }
                .of(&got, &expected, report);
        }
    }

    /// The first pass of a step sets the gradients to what it would have added to zeros.
    fn anew(&self, report: &mut Report) {
        let s = self.subject;
        for dx in [true, false] {
            let (y, mut cache) = s.passes.forward(&self.params, &self.x);
            let mut dx = dx.then(|| ArrayD::from_elem(self.x.raw_dim(), T::from_f64(f64::NAN)));
            let mut grads: Vec<_> =
                self.params.iter().map(|p| ArrayD::from_elem(p.raw_dim(), T::from_f64(f64::NAN))).collect();
            let saved = Saved { x: &self.x, y: &y, cache: &mut cache };
            T::over(s.passes.layer).backward_anew(
                &self.params,
                saved,
                &self.dy,
                dx.as_deref_mut(),
                &mut grads,
            );
            let dx = dx.unwrap_or_else(|| self.gradients.dx.clone());
            let gradients = Gradients { dx, params: grads };
            self.expect(Check::Anew, "", None, &gradients, 0.0, report);
        }
    }

    /// The first layer of a network is not asked for dx.
    fn without_dx(&self, report: &mut Report) {
        let s = self.subject;
        let (y, mut cache) = s.passes.forward(&self.params, &self.x);
        let mut grads: Vec<_> = self.params.iter().map(|p| ArrayD::zeros(p.raw_dim())).collect();
        let saved = Saved { x: &self.x, y: &y, cache: &mut cache };
        T::over(s.passes.layer).backward(&self.params, saved, &self.dy, None, &mut grads);
        for ((spec, got), expected) in s.specs.iter().zip(&grads).zip(&self.gradients.params) {
            if !same_bits(got, expected) {
                let (floor, tolerance) = (Floor(0.0), 0.0);
                let (check, place) = (Check::WithoutDx, &*self.place);
                let [got, expected] = [got, expected].map(widened);
                Comparison { check, place, tensor: &spec.name, floor, tolerance }.of(&got, &expected, report);
            }
        }
    }
}

/// The same numbers in the precision of all comparisons.
pub(super) fn widened<T: Number>(x: &ArrayD<T>) -> ArrayD<f64> {
    x.mapv(T::value)
}

pub(super) fn same_bits<T: Number>(a: &ArrayD<T>, b: &ArrayD<T>) -> bool {
    a.shape() == b.shape() && Zip::from(a).and(b).all(|a, b| a.value().to_bits() == b.value().to_bits())
}
