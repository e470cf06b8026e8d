//! A share of a batch, from the gather to the gradient, on one thread.
//!
//! A core that writes what another one has read waits for that, as long as the arithmetic of a small network takes. So
//! a short step is not shared layer by layer, where one core reads the activations that another one wrote; each thread
//! takes a share of the examples through the whole network, and only the gradients of the shares meet, in a sum. How a
//! batch is cut depends on the network and the batch, not on the number of threads.
//!
//! To write what another core has only read takes several times as long as to take over what it has written (on Zen 4
//! 8 ns a cache line against 1.4, or 35 against 4 between cores without a common cache). So the sum of the gradients is
//! written to both shares, and each thread has parameters of its own, which it updates by the gradients of its own share
//! and which no other thread ever reads.

use std::ops::Range;
use std::time::{Duration, Instant};

use layers::views::{batched, head_mut};
use layers::{Backprop, Cache, Layer, Mode, Saved};
use losses::{Loss, Reduction};
use ndarray::{ArrayD, ArrayRefD};
use tensor_ops::{Scalar, aligned_zeros};

use crate::evaluate::{correct, mean_weight, part_of_loss};
use crate::{Error, Model, Source, TargetBuffer};

/// Shares of a batch whose step is short.
pub(super) const SHARES: usize = 2;
/// Multiply-adds of a forward pass below which one thread is done before another one has begun,
const SHORT: u64 = 300_000;
/// and above which the layers share their own work without much loss.
const LONG: u64 = 20_000_000;
/// Rows of a share below which it is not worth a thread.
const FEW: usize = 16;

/// Into how many shares batches of `n` examples are cut.
pub(super) fn shares<T: Scalar, N: Layer>(model: &Model<T, N>, n: usize) -> usize {
    let network = model.network();
    // Statistics are those of one whole batch.
    let whole = network.mixes_examples() || model.specs().iter().any(|spec| !spec.trainable());
    let products =
        network.multiply_adds(model.input_shape()).map(|products| products.saturating_mul(n as u64));
    if whole || n < SHARES * FEW || !products.is_some_and(|n| (SHORT..LONG).contains(&n)) {
        1
    } else {
        SHARES
    }
}

/// The examples of the `i`-th of so many shares of `n`.
fn share(n: usize, i: usize, shares: usize) -> Range<usize> {
    // Rounded up: the first share is that of the calling thread, which begins first.
    let edge = |i: usize| (n * i).div_ceil(shares);
    edge(i)..edge(i + 1)
}

/// The same of these examples.
pub(super) fn share_of(indices: &[usize], i: usize, shares: usize) -> &[usize] {
    &indices[share(indices.len(), i, shares)]
}

/// The examples of the largest share of a batch of at most `n`.
pub(super) fn largest_share(n: usize, shares: usize) -> usize {
    n.div_ceil(shares)
}

/// What all shares of a pass have in common.
#[derive(Debug)]
pub(super) struct Pass<'a, 'd, T: Scalar, N> {
    pub(super) network: &'a N,
    pub(super) loss: &'a dyn Loss<T>,
    pub(super) data: &'a Source<'d, T>,
    /// The number of the step, counted from 1.
    pub(super) step: u64,
    /// What the whole batch weighs in the mean.
    pub(super) weight: f64,
    pub(super) grads: Grads,
}

/// What a pass does with the gradients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grads {
    /// Adds to -0, so that an untouched one can be told from a zero: adding anything but -0 makes it +0.
    Mark,
    /// Sets them.
    Set,
    /// Adds to them.
    Add,
}

/// What a share of a batch gives.
#[derive(Debug)]
pub(super) struct Share<T> {
    /// The gradients of the passes of a step so far.
    pub(super) grads: Vec<ArrayD<T>>,
    /// What the last pass found.
    pub(super) found: Result<Found, Error>,
}

/// What a pass found in a share.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Found {
    /// The share of the loss in that of the batch.
    pub(super) loss: f64,
    /// Examples that were right.
    pub(super) correct: usize,
    /// The time for data, and for the forward pass.
    pub(super) times: [Duration; 2],
}

impl<T: Scalar> Share<T> {
    pub(super) fn new<N>(model: &Model<T, N>) -> Self {
        let grads = model.params().iter().map(|p| aligned_zeros(p.shape())).collect();
        Share { grads, found: Ok(Found::default()) }
    }

    fn fill(&mut self, value: T) {
        self.grads.iter_mut().for_each(|grad| grad.fill(value));
    }
}

/// The memory in which one share after the other passes through the network.
#[derive(Debug)]
pub(super) struct Lane<T> {
    x: ArrayD<T>,
    y: ArrayD<T>,
    dy: ArrayD<T>,
    targets: TargetBuffer<T>,
    pub(super) cache: Cache<T>,
}

impl<T: Scalar> Lane<T> {
    /// Memory for shares of at most `n` examples.
    pub(super) fn new<N: Backprop<T>>(model: &Model<T, N>, targets: TargetBuffer<T>, n: usize) -> Self {
        let (x, y) = (batched(n, model.input_shape()), batched(n, model.output_shape()));
        let cache = model.network().new_cache(&x);
        Lane { x: aligned_zeros(&x), y: aligned_zeros(&y), dy: aligned_zeros(&y), targets, cache }
    }

    /// Forward and backward for the examples with these indices; `next` are those that this thread gathers next.
    pub(super) fn run<N: Backprop<T>>(
        &mut self,
        pass: &Pass<'_, '_, T, N>,
        params: &[ArrayD<T>],
        [indices, next]: [&[usize]; 2],
        seed: u64,
        share: &mut Share<T>,
    ) {
        if pass.grads == Grads::Mark {
            share.fill(-T::zero());
        }
        share.found = self.pass(pass, params, [indices, next], seed, share);
    }

    fn pass<N: Backprop<T>>(
        &mut self,
        pass: &Pass<'_, '_, T, N>,
        params: &[ArrayD<T>],
        [indices, next]: [&[usize]; 2],
        seed: u64,
        out: &mut Share<T>,
    ) -> Result<Found, Error> {
        let &Pass { network, loss, data, step, .. } = pass;
        let Lane { x, y, dy, targets, cache } = self;
        let n = indices.len();
        let mut found = Found::default();
        let start = Instant::now();
        let (mut x, mut y) = (head_mut(x, n), head_mut(y, n));
        data.inputs(indices, &mut x);
        crate::model::check_indices(network, &x).map_err(|error| error.renumbered(indices))?;
        data.prefetch(next);
        let gathered = Instant::now();
        cache.begin(Mode::Train, seed);
        network.forward(params, &x, &mut y, cache);
        found.times = [gathered - start, gathered.elapsed()];

        let outputs = (n, data.outputs());
        let mut dy = head_mut(dy, n);
        let y_rows = y.view().into_shape_with_order(outputs).expect("a contiguous head");
        let mut dy_rows = dy.view_mut().into_shape_with_order(outputs).expect("a contiguous head");
        if let Some(labels) = data.dataset().targets.classes() {
            found.correct = correct(&y_rows, indices.iter().map(|&i| labels[i]));
        }
        let targets = data.targets(indices, targets);
        if n > 0 {
            let part = part_of_loss(loss, &y_rows, targets, pass.weight, Some(&mut dy_rows));
            let part = part.map_err(|source| Error::Loss { step, source }.renumbered(indices))?;
            if !part.is_finite() {
                return Err(not_finite(step, part, network.first_not_finite(&y, cache)));
            }
            found.loss = match loss.reduction() {
                Reduction::Mean => part,
                Reduction::Sum => part * (1.0 / pass.weight), // which is told as a mean
            };
        }
        if n == 0 || mean_weight(loss, targets) == 0.0 && dy.iter().all(T::is_zero) {
            // A gradient of 0 is one: only of what another share or pass will set may the mark stay.
            if pass.grads == Grads::Set || pass.weight == 0.0 {
                out.fill(T::zero());
            }
            return Ok(found);
        }
        let saved = Saved { x: &x, y: &y, cache: &mut *cache };
        match pass.grads {
            Grads::Set => network.backward_anew(params, saved, &dy, None, &mut out.grads),
            Grads::Mark | Grads::Add => network.backward(params, saved, &dy, None, &mut out.grads),
        }
        if pass.grads == Grads::Mark {
            dy.mapv_inplace(|dy| -dy);
            unmark_zeros(network, params, Saved { x: &x, y: &y, cache }, &dy, &mut out.grads);
        }
        Ok(found)
    }
}

/// Whether a gradient is as [`Grads::Mark`] has left it.
pub(super) fn is_marked<T: Scalar>(grad: &ArrayD<T>) -> bool {
    !grad.is_empty() && grad.iter().map(|g| g.value()).all(|g| g == 0.0 && g.is_sign_negative())
}

/// Sets to 0 the gradients that are marked although the pass has added to them: -0 everywhere, as a unit that is dead
/// may give it. The same pass with the opposite `dy` adds 0.
fn unmark_zeros<T: Scalar, N: Backprop<T>>(
    network: &N,
    params: &[ArrayD<T>],
    saved: Saved<'_, T>,
    opposite: &ArrayRefD<T>,
    grads: &mut [ArrayD<T>],
) {
    if !network.params().iter().zip(&*grads).any(|(spec, grad)| spec.trainable() && is_marked(grad)) {
        return;
    }
    let mut again: Vec<_> = grads.iter().map(|grad| ArrayD::from_elem(grad.shape(), -T::zero())).collect();
    network.backward(params, saved, opposite, None, &mut again);
    for (grad, again) in grads.iter_mut().zip(&again) {
        if is_marked(grad) && !is_marked(again) {
            grad.fill(T::zero());
        }
    }
}

/// The elements of a parameter or of its gradient.
pub(super) fn slice<T>(x: &ArrayD<T>) -> &[T] {
    x.as_slice().expect("made in the standard layout")
}

pub(super) fn slice_mut<T>(x: &mut ArrayD<T>) -> &mut [T] {
    x.as_slice_mut().expect("made in the standard layout")
}

/// Why a step is not taken: where the forward pass left the numbers, or, if it did not, the loss.
fn not_finite(step: u64, loss: f64, output: Option<(String, f64)>) -> Error {
    let (what, value) = match output {
        Some((place, value)) if place.is_empty() => ("the output of the network".into(), value),
        Some((place, value)) => (format!("the output of {place}"), value),
        None => ("the loss".into(), loss),
    };
    Error::NotFinite { step, what, value, taken: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_follow_each_other_and_hold_every_example() {
        for (n, count) in (0..300).flat_map(|n| [(n, 1), (n, 2), (n, 3)]) {
            let all: Vec<_> = (0..count).flat_map(|i| share(n, i, count)).collect();
            assert_eq!(all, (0..n).collect::<Vec<_>>());
            for (i, batch) in (0..count).flat_map(|i| (0..=n).map(move |batch| (i, batch))) {
                assert!(share(batch, i, count).len() <= largest_share(n, count), "{batch} of {n} in {count}");
            }
        }
        assert_eq!([share(101, 0, 2), share(101, 1, 2)], [0..51, 51..101]);
    }
}
