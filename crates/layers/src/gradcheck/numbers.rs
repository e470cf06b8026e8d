//! Other precisions, extreme inputs, and the sum over examples.

use ndarray::{ArrayD, Axis, Slice};
use tensor_ops::gradcheck::points::{gaussian, spread};
use tensor_ops::gradcheck::{Check, Comparison, Floor, Report, Settings, exact_pullback};
use tensor_ops::random::{Purpose, stream};

use super::contract::Baseline;
use super::passes::{Checked, Passes};
use super::subject::Subject;
use crate::Mode;

/// Variables above this number are not differentiated one by one at extreme inputs.
const EXACT_LIMIT: usize = 2_000;

/// f32 against f64 on the same numbers, all of which f32 can hold.
pub(super) fn check_single(subject: &Subject<'_>, settings: &Settings, report: &mut Report) {
    let round = |x: &ArrayD<f64>| x.mapv(|x| x as f32);
    let widen = |x: &ArrayD<f32>| x.mapv(f64::from);
    let x = round(&subject.x);
    let params: Vec<_> = subject.params.iter().map(round).collect();
    let (y, mut cache) = subject.passes.forward(&params, &x);
    let dy = round(&gaussian(y.shape(), 1.7, &mut stream(settings.seed, Purpose::Check, 8)));
    let single = subject.passes.backward_in(&mut cache, &params, &x, &y, &dy);

    let params: Vec<_> = params.iter().map(widen).collect();
    let (exact_y, mut cache) = subject.passes.forward(&params, &widen(&x));
    let double = subject.passes.backward_in(&mut cache, &params, &widen(&x), &exact_y, &widen(&dy));
    let (place, tolerance) = (subject.place(), settings.tolerances.single);
    let compare = |tensor: &str, got: &ArrayD<f64>, expected: &ArrayD<f64>, floor, report: &mut Report| {
        Comparison { check: Check::SinglePrecision, place: &place, tensor, floor, tolerance }
            .of(got, expected, report)
    };
    let floor = Floor::of([&*exact_y].into_iter())[0];
    compare("y", &widen(&y), &exact_y, floor, report);
    let single: Vec<_> = subject.list(single).iter().map(widen).collect();
    let double = subject.list(double);
    let floors = Floor::of(double.iter().map(|d| &**d));
    for (((name, got), expected), floor) in subject.names().iter().zip(&single).zip(&double).zip(floors) {
        let error = compare(name, got, expected, floor, report);
        let tensor = report.tensor(name);
        tensor.max_single_error = tensor.max_single_error.max(error);
    }
}

/// Large, tiny and zero inputs: everything stays finite, in f32 too, and the derivative stays exact.
pub(super) fn check_extremes(subject: &Subject<'_>, settings: &Settings, report: &mut Report) {
    if !subject.real_input() {
        return;
    }
    let mut rng = stream(settings.seed, Purpose::Check, 9);
    let shape = subject.x.shape();
    let inputs = [
        ("large inputs", spread(shape, &mut rng) * (settings.large / 2.0), true),
        ("tiny inputs", spread(shape, &mut rng) * 1e-310, true),
        ("tiny f32 inputs", spread(shape, &mut rng) * 1e-40, true),
        // At zero the two passes may follow different conventions; the slopes are checked apart.
        ("zero inputs", ArrayD::zeros(shape), false),
    ];
    for (how, x, differentiate) in inputs {
        let place = format!("{}, {how}", subject.place());
        let at = subject.with_input(x);
        let names = std::iter::once("y").chain(at.names());
        let single = at.outputs_and_gradients(settings, |x| x as f32);
        let double = at.outputs_and_gradients(settings, |x| x);
        for ((name, single), double) in names.zip(&single).zip(&double) {
            for (type_name, values) in [("f32", &single.mapv(f64::from)), ("f64", double)] {
                if let Some(bad) = values.iter().find(|v| !v.is_finite()) {
                    report.fail_with(Check::Extremes, &place, name, format!("{bad} in {type_name}"));
                }
            }
        }
        let variables: usize = double[1..].iter().map(ArrayD::len).sum();
        if differentiate && variables <= EXACT_LIMIT {
            let dy = extreme_cotangent(double[0].shape(), settings);
            let exact = exact_pullback(&at, &dy);
            let floors = Floor::of(exact.iter().map(|e| &**e));
            for (((tensor, got), exact), floor) in at.names().iter().zip(&double[1..]).zip(&exact).zip(floors)
            {
                // Where everything saturates, derivatives are 0 but for the rounding of numbers near 1.
                let floor = Floor(floor.0.max(1e-6));
                let tolerance = settings.tolerances.differences;
                Comparison { check: Check::Extremes, place: &place, tensor, floor, tolerance }
                    .of(got, exact, report);
            }
        }
    }
}

pub(super) fn extreme_cotangent(shape: &[usize], settings: &Settings) -> ArrayD<f64> {
    gaussian(shape, 1.7, &mut stream(settings.seed, Purpose::Check, 11))
}

/// The gradient of a batch is the sum over its examples, and each example gets its own dx.
pub(super) fn check_batch_sum<T: Checked>(baseline: &Baseline<'_, '_, T>, report: &mut Report) {
    let s = baseline.subject;
    if s.passes.layer.mixes_examples() {
        return;
    }
    let other_seed = Passes { seed: s.passes.seed.wrapping_add(1), ..s.passes };
    if other_seed.forward(&baseline.params, &baseline.x).0 != baseline.y {
        if s.passes.mode == Mode::Infer {
            let note = "another seed gives other outputs, though nothing is random in inference";
            return report.fail_with(Check::Repeat, &s.place(), "y", note);
        }
        let note = "random in training: the sum over examples is checked in inference alone";
        if !report.reasons.iter().any(|r| r == note) {
            report.reasons.push(note.to_owned());
        }
        return;
    }
    let mut y = ArrayD::from_elem(baseline.y.raw_dim(), T::from_f64(f64::NAN));
    let mut sum = baseline.gradients.clone();
    sum.params.iter_mut().for_each(|g| g.fill(T::zero()));
    for i in 0..baseline.x.shape()[0] {
        let row = Slice::from(i..=i);
        let x = baseline.x.slice_axis(Axis(0), row);
        let (one_y, mut cache) = s.passes.forward(&baseline.params, &x);
        let dy = baseline.dy.slice_axis(Axis(0), row);
        let one = s.passes.backward_in(&mut cache, &baseline.params, &x, &one_y, &dy);
        y.slice_axis_mut(Axis(0), row).assign(&one_y);
        sum.dx.slice_axis_mut(Axis(0), row).assign(&one.dx);
        sum.params.iter_mut().zip(&one.params).for_each(|(sum, one)| *sum += one);
    }
    baseline.expect(Check::BatchSum, "", Some(&y), &sum, baseline.tolerance, report);
}
