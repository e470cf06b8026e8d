//! The end of a step: the gradients of all shares are summed up, the parameters updated.

use std::iter;
use std::sync::atomic::{AtomicBool, Ordering};

use layers::Backprop;
use tensor_ops::{Scalar, pool, vectorised};

use super::Trainer;
use super::lane::{SHARES, is_marked, slice, slice_mut};
use super::step::Twin;
use crate::optimizer::MAX_SLOTS;
use crate::{Clip, Error, Update};

/// A parameter is cut into a power of two of pieces of at least so many elements, up to so many pieces.
const PIECE: usize = 4096;
const PIECES: usize = 16;

/// Elements of a piece of a parameter of `len`: always the same, so that a piece stays with its thread.
fn piece(len: usize) -> usize {
    let pieces = (len / PIECE).checked_ilog2().map_or(1, |n| PIECES.min(1 << n));
    len.div_ceil(pieces).next_multiple_of(16).max(16) // whole cache lines
}

/// Where the `i`-th piece is at home, of [`PIECES`] homes.
fn home(i: usize, len: usize) -> usize {
    match len.div_ceil(piece(len)) {
        1 => PIECES - 1, // the first share is the larger one
        pieces => i * PIECES / pieces,
    }
}

impl<T: Scalar, N: Backprop<T>> Trainer<T, N> {
    /// Sums the gradients of all shares up, in the first one and for a twin in the second, and sees that they are numbers.
    pub(super) fn sum_gradients(&mut self) -> Result<(), Error> {
        let (first, other) = match &mut self.memory.shares[..] {
            [first] => (first, &mut [][..]),
            [first, second] => (first, &mut second.grads[..]),
            shares => unreachable!("{} shares", shares.len()),
        };
        let finite = AtomicBool::new(true);
        let elements: usize = first.grads.iter().map(|g| g.len()).sum();
        let nanoseconds = elements * (1 + 4 * usize::from(!other.is_empty())) / 8;
        let mut others = other.iter_mut();
        let pieces = first.grads.iter_mut().enumerate().flat_map(|(param, grad)| {
            let (len, n) = (grad.len(), piece(grad.len()));
            let other = others.next().map_or(&mut [][..], slice_mut);
            let other = other.chunks_mut(n).chain(iter::repeat_with(Default::default));
            let pieces = slice_mut(grad).chunks_mut(n).zip(other).enumerate();
            pieces.map(move |(i, (grad, other))| (home(i, len), (param, grad, other)))
        });
        let add = if self.memory.twin.is_some() { add_to_both } else { add };
        pool::for_each_at(nanoseconds, PIECES, pieces, |(param, grad, other)| {
            add(grad, other);
            if self.settings[param].trained && !all_finite(grad) {
                finite.store(false, Ordering::Relaxed);
            }
        });
        let trained = |param: &usize| self.settings[*param].trained;
        for param in (0..first.grads.len()).filter(trained) {
            let (grad, name) = (&first.grads[param], &self.model.specs()[param].name);
            if self.progress.step == 0 && is_marked(grad) {
                return Err(Error::NoGradient { name: name.to_string() });
            }
            if !finite.load(Ordering::Relaxed)
                && let Some(value) = grad.iter().map(|g| g.value()).find(|g| !g.is_finite())
            {
                let what = format!("the gradient of {name}");
                return Err(Error::NotFinite { step: self.progress.step + 1, what, value, taken: false });
            }
        }
        Ok(())
    }

    /// Bounds the summed gradients, in each share that an update uses.
    pub(super) fn clip(&mut self, clip: Clip) {
        let used = 1 + usize::from(self.memory.twin.is_some());
        let shares = self.memory.shares.iter_mut().take(used);
        pool::for_each(usize::MAX, shares, |share| {
            clip.apply(&mut share.grads, |param| self.settings[param].trained);
        });
    }

    /// Updates the parameters, and those of the twin, by the summed gradients.
    pub(super) fn update(&mut self, rate: f64) {
        let t = self.progress.step + 1;
        let elements: usize = self.model.params().iter().map(|param| param.len()).sum();
        let used = self.slots.iter().map(Vec::len).max().unwrap_or(0);
        let twin = self.memory.twin.as_mut().map(|Twin { params, slots }| (&mut params[..], slots));
        let (alone, settings) = (twin.is_none(), &self.settings);
        let both = iter::once((self.model.params_mut(), &mut self.slots)).chain(twin);
        let both = both.zip(&self.memory.shares).enumerate();
        // An optimiser treats each element alone, so the cut changes no bit.
        let pieces = both.flat_map(|(lane, ((params, slots), share))| {
            let params = params.iter_mut().zip(&share.grads).zip(slots).zip(settings);
            let trained = params.filter(|(_, settings)| settings.trained);
            trained.flat_map(move |(((param, grad), slots), settings)| {
                let at = Update { t, rate: rate * settings.rate, decays: settings.decays };
                let mut slots = slots.iter_mut();
                let mut slots: [&mut [T]; MAX_SLOTS] =
                    std::array::from_fn(|_| slots.next().map_or(&mut [][..], slice_mut));
                let (len, grad) = (param.len(), slice(grad));
                let n = if alone { piece(len) } else { len.max(1) };
                let pieces = slice_mut(param).chunks_mut(n).zip(grad.chunks(n)).enumerate();
                pieces.map(move |(i, (param, grad))| {
                    let slots = slots.each_mut().map(|s| s.split_off_mut(..param.len()).unwrap_or_default());
                    let home = if alone { home(i, len) } else { lane * PIECES / SHARES };
                    (home, (at, param, grad, slots))
                })
            })
        });
        pool::for_each_at(elements * (1 + used) / 2, PIECES, pieces, |(at, param, grad, mut slots)| {
            self.optimizer.update(at, param, grad, &mut slots[..used]);
        });
    }
}

/// a ← a + b; a ← a if there is no b.
fn add<T: Scalar>(a: &mut [T], b: &mut [T]) {
    vectorised(move || a.iter_mut().zip(b).for_each(|(a, b)| *a += *b));
}

/// a ← b ← a + b; a ← a if there is no b.
fn add_to_both<T: Scalar>(a: &mut [T], b: &mut [T]) {
    vectorised(move || {
        for (a, b) in a.iter_mut().zip(b) {
            *a += *b;
            *b = *a;
        }
    });
}

/// Whether no element is infinite or not a number: x · 0 is 0 for finite x alone, and a sum is quicker than a search.
fn all_finite<T: Scalar>(x: &[T]) -> bool {
    vectorised(|| {
        // Several vectors, because a sum waits for the last one.
        const LANES: usize = 64;
        let (chunks, rest) = x.as_chunks::<LANES>();
        let mut lanes = [T::zero(); LANES];
        for chunk in chunks {
            for lane in 0..LANES {
                lanes[lane] += chunk[lane] * T::zero();
            }
        }
        lanes.iter().chain(rest).fold(T::zero(), |sum, &x| sum + x * T::zero()).is_finite()
    })
}
