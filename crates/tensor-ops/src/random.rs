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
    fn seed_purpose_and_index_each_matter() {
        let draw = |seed, purpose, index| stream(seed, purpose, index).next_u64();
        let base = draw(1, Purpose::Init, 0);
        assert_ne!(base, draw(2, Purpose::Init, 0));
        assert_ne!(base, draw(1, Purpose::Order, 0));
        assert_ne!(base, draw(1, Purpose::Init, 1));
    }
}
