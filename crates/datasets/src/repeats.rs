//! Examples that occur more than once: allowed, but a test set that shares examples with the training set flatters.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{DefaultHasher, Hasher};

use ndarray::{ArrayD, Axis};

use crate::Features;

impl Features {
    /// The examples that occurred before, each with the first that it equals, in order. Targets do not count.
    ///
    /// # Examples
    ///
    /// ```
    /// use datasets::Features;
    /// use ndarray::array;
    ///
    /// let features = Features::U8(array![[1, 2], [3, 4], [1, 2], [1, 2]].into_dyn());
    /// assert_eq!(features.repeats(), [(2, 0), (3, 0)]);
    /// ```
    pub fn repeats(&self) -> Vec<(usize, usize)> {
        let mut rows = Rows::default();
        (0..self.len()).filter_map(|i| rows.first_or_add(self, i).map(|first| (i, first))).collect()
    }

    /// The examples that `others` has too, each with the first there that it equals, in order. Numbers of another type,
    /// or another number of them, never equal these.
    ///
    /// # Examples
    ///
    /// ```
    /// use datasets::Features;
    /// use ndarray::array;
    ///
    /// let train = Features::U8(array![[1, 2], [3, 4], [5, 6]].into_dyn());
    /// let test = Features::U8(array![[7, 8], [3, 4]].into_dyn());
    /// assert_eq!(test.shared_with(&train), [(1, 1)]);
    /// ```
    pub fn shared_with(&self, others: &Features) -> Vec<(usize, usize)> {
        let mut rows = Rows::default();
        for i in 0..others.len() {
            rows.first_or_add(others, i);
        }
        (0..self.len()).filter_map(|i| rows.first(self, i, others).map(|first| (i, first))).collect()
    }

    /// row ← the bytes of example `i`, and which type they are of. Equal numbers have equal bytes: -0 is written as 0.
    fn bytes_of(&self, i: usize, row: &mut Vec<u8>) {
        fn fill<X: Copy, const N: usize>(
            x: &ArrayD<X>,
            i: usize,
            row: &mut Vec<u8>,
            bytes: impl Fn(X) -> [u8; N],
        ) {
            x.index_axis(Axis(0), i).iter().for_each(|&x| row.extend(bytes(x)));
        }
        row.clear();
        match self {
            Self::U8(x) => match x.index_axis(Axis(0), i).as_slice() {
                Some(bytes) => row.extend_from_slice(bytes),
                None => fill(x, i, row, |x| [x]),
            },
            Self::F32(x) => fill(x, i, row, |x| (x + 0.0).to_le_bytes()),
            Self::F64(x) => fill(x, i, row, |x| (x + 0.0).to_le_bytes()),
        }
        row.push(match self {
            Self::U8(_) => 1,
            Self::F32(_) => 4,
            Self::F64(_) => 8,
        });
    }
}

/// The first example with each digest. Should two different examples have one digest of 64 bits, what equals the second
/// goes unnoticed; nothing is called equal that is not.
#[derive(Default)]
struct Rows {
    first: HashMap<u64, usize>,
    row: Vec<u8>,
    other: Vec<u8>,
}

impl Rows {
    fn digest(&mut self, features: &Features, i: usize) -> u64 {
        features.bytes_of(i, &mut self.row);
        let mut hasher = DefaultHasher::new();
        hasher.write(&self.row);
        hasher.finish()
    }

    fn first_or_add(&mut self, features: &Features, i: usize) -> Option<usize> {
        let digest = self.digest(features, i);
        match self.first.entry(digest) {
            Entry::Vacant(entry) => {
                entry.insert(i);
                None
            }
            Entry::Occupied(entry) => {
                let first = *entry.get();
                features.bytes_of(first, &mut self.other);
                (self.row == self.other).then_some(first)
            }
        }
    }

    fn first(&mut self, features: &Features, i: usize, others: &Features) -> Option<usize> {
        let digest = self.digest(features, i);
        let first = *self.first.get(&digest)?;
        others.bytes_of(first, &mut self.other);
        (self.row == self.other).then_some(first)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array, array};

    use super::*;

    #[test]
    fn equal_numbers_are_found_in_every_type_and_layout() {
        let bytes = array![[1_u8, 0], [0, 0], [1, 0]];
        let turned = array![[1_u8, 0, 1], [0, 0, 0]].reversed_axes();
        for features in [
            Features::U8(bytes.clone().into_dyn()),
            Features::U8(turned.into_dyn()),
            Features::F32(array![[1.0, 0.0], [0.0, 0.0], [1.0, -0.0]].into_dyn()),
            Features::F64(array![[1.0, -0.0], [0.0, 0.0], [1.0, 0.0]].into_dyn()),
        ] {
            assert_eq!(features.repeats(), [(2, 0)]);
            assert_eq!(features.shared_with(&features), [(0, 0), (1, 1), (2, 0)]);
        }
    }

    #[test]
    fn other_types_and_widths_and_empty_sets_share_nothing() {
        let bytes = Features::U8(Array::zeros(vec![2, 4]));
        let others = [
            Features::F32(Array::zeros(vec![2, 1])),
            Features::U8(Array::zeros(vec![2, 3])),
            Features::U8(Array::zeros(vec![0, 4])),
        ];
        for other in others {
            assert_eq!(bytes.shared_with(&other), []);
            assert_eq!(other.shared_with(&bytes), []);
        }
    }
}
