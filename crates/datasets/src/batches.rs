//! The order in which examples are learned, as pure functions of a seed and a position.
//!
//! Because nothing but the seed and the number of the epoch or step goes in, training that stopped anywhere goes on
//! with the very same batches, without any saved state. The orders are the same on every machine and in every version.

use rand::Rng;
use tensor_ops::random::{Purpose, stream};

/// The indices 0 to n - 1, each once, in the random order of one epoch.
///
/// Mini-batches are its [`chunks`](slice::chunks).
///
/// # Examples
///
/// ```
/// let order = datasets::batches::shuffled_epoch(7, 42, 0);
/// let batches: Vec<&[usize]> = order.chunks(3).collect();
/// assert_eq!(batches.iter().map(|b| b.len()).collect::<Vec<_>>(), [3, 3, 1]);
/// assert_ne!(order, datasets::batches::shuffled_epoch(7, 42, 1));
/// ```
pub fn shuffled_epoch(n: usize, seed: u64, epoch: u64) -> Vec<usize> {
    let mut order = Vec::new();
    shuffled_epoch_into(n, seed, epoch, &mut order);
    order
}

/// [`shuffled_epoch`] into a list that is overwritten; allocates only while the list is too small.
pub fn shuffled_epoch_into(n: usize, seed: u64, epoch: u64, order: &mut Vec<usize>) {
    order.clear();
    order.extend(0..n);
    shuffle(order, &mut stream(seed, Purpose::Order, epoch));
}

/// `size` indices below n, drawn with replacement for one step, into a list that is overwritten.
///
/// Allocates only while the list is too small.
///
/// # Panics
///
/// If there is nothing to draw from: `n` is 0 and `size` is not.
///
/// # Examples
///
/// ```
/// let mut batch = Vec::new();
/// datasets::batches::draw(60_000, 100, 42, 17, &mut batch);
/// assert_eq!(batch.len(), 100);
/// assert!(batch.iter().all(|&i| i < 60_000));
/// ```
#[track_caller]
pub fn draw(n: usize, size: usize, seed: u64, step: u64, batch: &mut Vec<usize>) {
    assert!(n > 0 || size == 0, "draw: no examples to draw from");
    let mut rng = stream(seed, Purpose::Order, step);
    batch.clear();
    batch.extend((0..size).map(|_| index_below(n, &mut rng)));
}

/// Fisher and Yates' shuffle, as Durstenfeld stated it (1964): from the last position down, swap with one at or below.
pub(crate) fn shuffle<X>(items: &mut [X], rng: &mut impl Rng) {
    for last in (1..items.len()).rev() {
        items.swap(last, index_below(last + 1, rng));
    }
}

fn index_below(n: usize, rng: &mut impl Rng) -> usize {
    number_below(n as u64, rng) as usize
}

/// A number in 0 to n - 1, each exactly as likely (Lemire 2019, "Fast random integer generation in an interval").
///
/// Our own, because the library's may change its draws between versions.
fn number_below(n: u64, rng: &mut impl Rng) -> u64 {
    let mut product = u128::from(rng.next_u64()) * u128::from(n);
    if (product as u64) < n {
        let rejected_below = n.wrapping_neg() % n;
        while (product as u64) < rejected_below {
            product = u128::from(rng.next_u64()) * u128::from(n);
        }
    }
    (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_orders_are_the_same_in_every_version() {
        let mut batch = vec![];
        draw(1000, 5, 1, 2, &mut batch);
        assert_eq!(shuffled_epoch(8, 1, 0), [4, 5, 3, 0, 6, 7, 1, 2]);
        assert_eq!(batch, [412, 839, 546, 707, 757]);
    }

    #[test]
    fn every_permutation_of_three_is_as_likely() {
        let mut counts = std::collections::BTreeMap::new();
        for epoch in 0..6000 {
            *counts.entry(shuffled_epoch(3, 9, epoch)).or_insert(0) += 1;
        }
        assert_eq!(counts.len(), 6);
        // Six binomial counts of mean 1000 and deviation 29; a swap with any position would give 889 and 1111.
        assert!(counts.values().all(|count| (900..1100).contains(count)), "{counts:?}");
    }

    #[test]
    fn rejection_removes_the_bias_of_a_large_range() {
        // A plain multiplication maps four draws to three numbers and gives every third number twice the weight.
        let mut rng = stream(3, Purpose::Other, 0);
        let thirds = (0..30_000).filter(|_| number_below(3 << 62, &mut rng).is_multiple_of(3)).count();
        assert!((9_700..10_300).contains(&thirds), "{thirds} of 30,000 are multiples of three");
    }

    #[test]
    fn lists_with_room_are_not_reallocated() {
        let mut list = Vec::with_capacity(50);
        let place = list.as_ptr();
        shuffled_epoch_into(50, 1, 1, &mut list);
        draw(9, 50, 1, 1, &mut list);
        assert_eq!(list.as_ptr(), place);
    }

    proptest! {
        #[test]
        fn an_epoch_is_a_permutation(n in 0_usize..300, seed: u64, epoch: u64) {
            let mut order = shuffled_epoch(n, seed, epoch);
            order.sort_unstable();
            prop_assert_eq!(order, (0..n).collect::<Vec<_>>());
        }
    }
}
