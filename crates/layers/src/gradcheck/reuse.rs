//! Caches that have seen other passes, larger caches, and batches without examples.

use ndarray::ArrayD;
use tensor_ops::gradcheck::points::gaussian;
use tensor_ops::gradcheck::{Check, Report, Settings};
use tensor_ops::random::{Purpose, stream};

use super::contract::Baseline;
use super::passes::{Checked, Number, Passes};
use super::quiet::quietly;
use super::subject::{Subject, draw_input};
use crate::views::batched;
use crate::{Mode, Saved};

/// By how many examples a cache is larger than the batch.
const ROOM: usize = 3;

/// A batch in the cache of a larger one, fresh and after other passes: larger ones, in both modes, forward only and
/// with backward.
pub(super) fn check_reuse<T: Checked>(baseline: &Baseline<'_, '_, T>, report: &mut Report) {
    let s = baseline.subject;
    let (n, example) = (baseline.x.shape()[0], &baseline.x.shape()[1..]);
    let large = batched(n + ROOM, example);
    let run = |cache: &mut _| {
        let y = s.passes.forward_in(cache, &baseline.params, &baseline.x);
        let gradients = s.passes.backward_in(cache, &baseline.params, &baseline.x, &y, &baseline.dy);
        (y, gradients)
    };
    let mut cache = s.passes.new_cache::<T>(&large);
    let (y, gradients) = run(&mut cache);
    let tolerance = baseline.tolerance;
    baseline.expect(Check::PartialBatch, "", Some(&y), &gradients, tolerance, report);

    // A cache that has not seen this input yet: a layer that keeps its first input must not get away.
    let mut cache = s.passes.new_cache::<T>(&large);
    let mut rng = stream(s.passes.seed, Purpose::Check, 6);
    let mut pass = |mode: Mode, n: usize, backward: bool, cache: &mut _| {
        let passes = Passes { mode, seed: s.passes.seed.wrapping_add(1), ..s.passes };
        let x = draw_input(s.passes.layer.input_kind(), &batched(n, example), &mut rng).mapv(T::from_f64);
        let y = passes.forward_in(cache, &baseline.params, &x);
        if backward {
            let dy = gaussian(y.shape(), 1.0, &mut rng).mapv(T::from_f64);
            passes.backward_in(cache, &baseline.params, &x, &y, &dy);
        }
    };
    let other = match s.passes.mode {
        Mode::Train => Mode::Infer,
        Mode::Infer => Mode::Train,
    };
    for (how, mode, n, backward) in [
        ("after a larger batch", s.passes.mode, n + ROOM, true),
        ("after a forward pass alone", s.passes.mode, n, false),
        ("after a pass in the other mode", other, n + 1, true),
        ("after a forward pass in the other mode", other, n, false),
    ] {
        pass(mode, n, backward, &mut cache);
        let (y, gradients) = run(&mut cache);
        baseline.expect(Check::Reuse, how, Some(&y), &gradients, tolerance, report);
    }
}

/// A batch without examples leaves gradients and statistics as they are.
pub(super) fn check_empty(subject: &Subject<'_>, settings: &Settings, report: &mut Report) {
    let Passes { layer, mode, seed } = subject.passes;
    let shape = batched(0, &subject.x.shape()[1..]);
    let mut rng = stream(settings.seed, Purpose::Check, 7);
    let noise: Vec<_> = subject.params.iter().map(|p| gaussian(p.shape(), 1.0, &mut rng)).collect();
    for room in [0, ROOM] {
        let place = format!("{mode:?}, batch of 0 in a cache for {room}").to_lowercase();
        let run = || {
            let mut cache = subject.passes.new_cache::<f64>(&batched(room, &shape[1..]));
            cache.begin(mode, seed);
            let (x, mut dx) = (ArrayD::zeros(&shape[..]), ArrayD::zeros(&shape[..]));
            let mut y = ArrayD::zeros(subject.passes.output_shape(&shape));
            let mut grads = noise.clone();
            let mut params = subject.params.clone();
            f64::over(layer).forward(&params, &x, &mut y, &mut cache);
            let dy = y.clone();
            let saved = Saved { x: &x, y: &y, cache: &mut cache };
            f64::over(layer).backward(&params, saved, &dy, Some(&mut dx), &mut grads);
            f64::over(layer).absorb(&cache, &mut params);
            (grads, params)
        };
        match quietly(run) {
            Err(message) => report.fail_with(Check::EmptyBatch, &place, "x", format!("panicked: {message}")),
            Ok((grads, params)) => {
                for (i, spec) in subject.specs.iter().enumerate() {
                    if grads[i] != noise[i] {
                        report.fail_with(Check::EmptyBatch, &place, &spec.name, "its gradient changed");
                    }
                    if params[i].iter().any(|p| !p.is_finite()) {
                        report.fail_with(Check::EmptyBatch, &place, &spec.name, "it became not finite");
                    }
                }
            }
        }
    }
}
