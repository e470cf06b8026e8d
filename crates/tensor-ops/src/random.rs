//! Random numbers from a seed that is written down.
//!
//! Every draw in this project comes from [`stream`]: ChaCha with 8 rounds, whose output is fixed by the algorithm:
//! the same in every version and on every machine. A stream is named by what it is for, so that adding a draw in one place
//! does not shift the draws of another, and so that training can resume at any step without saved generator state.

use chacha20::ChaCha8Rng;
use rand::SeedableRng;

/// What a stream of random numbers is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Purpose {
    // The numbers are part of each stream's name: they must never change.
    /// Initial parameters.
    Init = 0,
    /// The split of a data set.
    Split = 1,
    /// The order of examples; index: the epoch or the step.
    Order = 2,
    /// Dropout and other noise inside a network. Each pass through each layer has a seed of its own, index 0.
    Noise = 3,
    /// Sample points of a gradient check.
    Check = 4,
    /// Anything else.
    Other = 5,
}

/// The generator for the `index`-th use of `purpose` under `seed`.
///
/// Streams with different arguments are independent; the same arguments give the same numbers everywhere.
///
/// # Examples
///
/// ```
/// use rand::Rng;
/// use tensor_ops::random::{Purpose, stream};
///
/// let mut a = stream(42, Purpose::Order, 7);
/// let mut b = stream(42, Purpose::Order, 7);
/// assert_eq!(a.next_u64(), b.next_u64());
/// ```
pub fn stream(seed: u64, purpose: Purpose, index: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&(purpose as u64).to_le_bytes());
    key[16..24].copy_from_slice(&index.to_le_bytes());
    ChaCha8Rng::from_seed(key)
}

/// A seed for the `index`-th of several things under `seed`, each of which draws by itself: steps, layers.
///
/// Seeds of seeds do not meet: `derive(derive(s, a), b)` is another one for each `a` and `b`, but by a chance of 2⁻⁶⁴. Two
/// rounds of SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014), the second over the
/// first and the index.
///
/// # Examples
///
/// ```
/// use tensor_ops::random::derive;
///
/// assert_ne!(derive(derive(0, 1), 0), derive(derive(0, 0), 1));
/// ```
pub fn derive(seed: u64, index: u64) -> u64 {
    split_mix(split_mix(seed) ^ index)
}

fn split_mix(seed: u64) -> u64 {
    let z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use rand::{Rng, RngExt};

    use super::*;

    #[test]
    fn the_stream_is_the_same_in_every_version() {
        let first = stream(1, Purpose::Init, 0).next_u64();
        assert_eq!(first, 7_037_237_572_835_827_407, "the numbers of a seed must never change");
        let purposes =
            [Purpose::Init, Purpose::Split, Purpose::Order, Purpose::Noise, Purpose::Check, Purpose::Other];
        assert_eq!(purposes.map(|purpose| purpose as u64), [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn draws_of_any_size_take_the_stream_on_in_every_version() {
        let mut rng = stream(42, Purpose::Order, 7);
        let mut fold = 0_u64;
        for k in 0..3_000_usize {
            let mut bytes = [0; 8];
            match k % 4 {
                0 => bytes[..4].copy_from_slice(&rng.next_u32().to_le_bytes()),
                1 => bytes = rng.next_u64().to_le_bytes(),
                2 => rng.fill_bytes(&mut bytes[..1 + k % 7]),
                _ => bytes = rng.random::<f64>().to_le_bytes(),
            }
            fold = fold.rotate_left(5) ^ u64::from_le_bytes(bytes);
        }
        assert_eq!((fold, rng.next_u64()), (13_518_260_386_315_779_023, 9_507_775_055_897_744_171));
    }

    #[test]
    fn derived_seeds_are_the_same_in_every_version() {
        // The first two outputs of SplitMix64 from 0 and from 1 are in its authors' tests.
        assert_eq!([split_mix(0), split_mix(1)], [0xe220_a839_7b1d_cdaf, 0x910a_2dec_8902_5cc1]);
        assert_eq!(derive(0, 0), split_mix(0xe220_a839_7b1d_cdaf));
    }

    #[test]
    fn seeds_of_steps_shares_and_layers_never_meet() {
        for seed in [0, 1, 42, u64::MAX] {
            let steps = (0..500).flat_map(|step| [0, 1].map(|share| derive(derive(seed, step), share)));
            let all: Vec<u64> = steps.flat_map(|at| (0..8).map(move |layer| derive(at, layer))).collect();
            let different: std::collections::BTreeSet<_> = all.iter().collect();
            assert_eq!(different.len(), all.len(), "seed {seed}");
        }
    }

    #[test]
    fn seed_purpose_and_index_each_matter() {
        let draw = |seed, purpose, index| stream(seed, purpose, index).next_u64();
        let base = draw(1, Purpose::Init, 0);
        assert_ne!(base, draw(2, Purpose::Init, 0));
        assert_ne!(base, draw(1, Purpose::Order, 0));
        assert_ne!(base, draw(1, Purpose::Init, 1));
    }
}
