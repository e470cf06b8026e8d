//! Dropout, whose randomness comes from the seed in the cache.

use std::sync::atomic::{AtomicU64, Ordering};

use ndarray::{ArrayD, ArrayRefD};
use rand::RngExt;
use tensor_ops::Scalar;
use tensor_ops::random::{Purpose, stream};

use super::{Plant, plant};
use crate::{Backprop, Cache, Error, Layer, Mode, Saved};

const KEEP: f64 = 0.6;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Bug {
    None,
    OtherMask,
    NoScale,
    DropsInInference,
    RandomInInference,
    IgnoresSeed,
    PassesEverything,
}

#[derive(Clone, Copy, Debug)]
struct PlantedDropout {
    bug: Bug,
}

pub(super) fn plants() -> Vec<Plant> {
    let dropout = |name, bug| plant(name, PlantedDropout { bug }, PlantedDropout { bug: Bug::None }, &[8]);
    vec![
        dropout("dropout: another mask in backward", Bug::OtherMask),
        dropout("dropout: scale forgotten in backward", Bug::NoScale),
        dropout("dropout: drops gradients in inference", Bug::DropsInInference),
        dropout("dropout: random in inference", Bug::RandomInInference),
        dropout("dropout: another mask each call, whatever the seed", Bug::IgnoresSeed),
        dropout("dropout: passes every gradient", Bug::PassesEverything),
    ]
}

static CALLS: AtomicU64 = AtomicU64::new(0);

/// b ← scale · a where the mask of the seed keeps an element, in row-major order whatever the layout.
fn mask<T: Scalar>(seed: u64, scale: f64, a: &ArrayRefD<T>, b: &mut ArrayRefD<T>) {
    let mut rng = stream(seed, Purpose::Noise, 0);
    for (b, &a) in b.iter_mut().zip(a) {
        let factor = if rng.random::<f64>() < KEEP { scale } else { 0.0 };
        *b = a * T::from_f64(factor);
    }
}

impl Layer for PlantedDropout {
    fn kind(&self) -> &'static str {
        "planted dropout"
    }
    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>, Error> {
        Ok(input.to_vec())
    }
}

impl<T: Scalar> Backprop<T> for PlantedDropout {
    fn forward(&self, _: &[ArrayD<T>], x: &ArrayRefD<T>, y: &mut ArrayRefD<T>, cache: &mut Cache<T>) {
        assert_eq!(x.shape(), y.shape(), "planted dropout: output");
        if self.bug == Bug::IgnoresSeed {
            cache.seed = CALLS.fetch_add(1, Ordering::Relaxed);
        }
        match cache.mode {
            Mode::Infer if self.bug == Bug::RandomInInference => mask(cache.seed, 1.0 / KEEP, x, y),
            Mode::Train => mask(cache.seed, 1.0 / KEEP, x, y),
            Mode::Infer => y.assign(x),
        }
    }

    fn backward(
        &self,
        _: &[ArrayD<T>],
        saved: Saved<'_, T>,
        dy: &ArrayRefD<T>,
        dx: Option<&mut ArrayRefD<T>>,
        _: &mut [ArrayD<T>],
    ) {
        let Some(dx) = dx else { return };
        assert_eq!(saved.x.shape(), dy.shape(), "planted dropout: cotangent");
        let (mode, seed) = (saved.cache.mode, saved.cache.seed);
        match (self.bug, mode) {
            (Bug::OtherMask, Mode::Train) => mask(seed + 1, 1.0 / KEEP, dy, dx),
            (Bug::NoScale, Mode::Train) => mask(seed, 1.0, dy, dx),
            (Bug::PassesEverything, _) => dx.assign(dy),
            (_, Mode::Train) | (Bug::DropsInInference | Bug::RandomInInference, _) => {
                mask(seed, 1.0 / KEEP, dy, dx)
            }
            (_, Mode::Infer) => dx.assign(dy),
        }
    }
}
