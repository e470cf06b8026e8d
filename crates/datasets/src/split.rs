//! Splits into training and test examples, as lists of indices in ascending order.
//!
//! Give them to [`Dataset::select`](crate::Dataset::select). The same arguments give the same split everywhere.

use std::collections::BTreeMap;

use tensor_ops::random::{Purpose, stream};

use crate::Error;
use crate::batches::shuffle;

/// Indices of the training and of the test examples.
pub type Split = (Vec<usize>, Vec<usize>);

/// A random share of all examples for the test.
///
/// The test has round(n · `test_fraction`) examples.
///
/// # Errors
///
/// [`Error::Split`] if the fraction is not between 0 and 1, or a side would be empty.
///
/// # Examples
///
/// ```
/// let (train, test) = datasets::split::holdout(10, 0.3, 42)?;
/// assert_eq!((train.len(), test.len()), (7, 3));
/// # Ok::<(), datasets::Error>(())
/// ```
pub fn holdout(n: usize, test_fraction: f64, seed: u64) -> Result<Split, Error> {
    let test_size = test_size(n, test_fraction)?;
    let mut order: Vec<usize> = (0..n).collect();
    shuffle(&mut order, &mut stream(seed, Purpose::Split, 0));
    let train = order.split_off(test_size);
    Ok((sorted(train), sorted(order)))
}

/// A random share of each class for the test, so that both sides have the classes in the same proportions.
///
/// The test has round(n · `test_fraction`) examples in all; the classes whose exact share was cut most by rounding
/// down get the examples that are left over, the smaller class index first among equals.
///
/// # Errors
///
/// [`Error::Split`] if the fraction is not between 0 and 1, or a side would be empty.
///
/// # Examples
///
/// ```
/// let labels = [0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1];
/// let (_, test) = datasets::split::stratified(&labels, 0.25, 42)?;
/// assert_eq!(test.iter().filter(|&&i| labels[i] == 0).count(), 1);
/// assert_eq!(test.iter().filter(|&&i| labels[i] == 1).count(), 2);
/// # Ok::<(), datasets::Error>(())
/// ```
pub fn stratified(labels: &[usize], test_fraction: f64, seed: u64) -> Result<Split, Error> {
    let test_size = test_size(labels.len(), test_fraction)?;
    let mut classes = BTreeMap::<usize, Vec<usize>>::new();
    for (i, &label) in labels.iter().enumerate() {
        classes.entry(label).or_default().push(i);
    }
    let shares = shares(classes.values().map(Vec::len), labels.len(), test_size);
    let mut rng = stream(seed, Purpose::Split, 0);
    let (mut train, mut test) = (vec![], vec![]);
    for (mut members, share) in classes.into_values().zip(shares) {
        shuffle(&mut members, &mut rng);
        train.extend_from_slice(&members[share..]);
        test.extend_from_slice(&members[..share]);
    }
    Ok((sorted(train), sorted(test)))
}

/// `k` splits; each example is in the test of exactly one of them. The sizes of the tests differ by at most one.
///
/// # Errors
///
/// [`Error::Split`] unless 2 <= k <= n.
///
/// # Examples
///
/// ```
/// let folds = datasets::split::k_fold(10, 3, 42)?;
/// assert_eq!(folds.iter().map(|(_, test)| test.len()).collect::<Vec<_>>(), [4, 3, 3]);
/// # Ok::<(), datasets::Error>(())
/// ```
pub fn k_fold(n: usize, k: usize, seed: u64) -> Result<Vec<Split>, Error> {
    if k < 2 || k > n {
        return Err(Error::Split(format!("expected 2 to {n} folds of {n} examples, got {k}")));
    }
    let mut order: Vec<usize> = (0..n).collect();
    shuffle(&mut order, &mut stream(seed, Purpose::Split, 0));
    let start = |fold: usize| fold * (n / k) + fold.min(n % k);
    let split = |fold| {
        let (before, rest) = order.split_at(start(fold));
        let (test, after) = rest.split_at(start(fold + 1) - start(fold));
        (sorted([before, after].concat()), sorted(test.to_vec()))
    };
    Ok((0..k).map(split).collect())
}

fn test_size(n: usize, test_fraction: f64) -> Result<usize, Error> {
    if !(test_fraction > 0.0 && test_fraction < 1.0) {
        return Err(Error::Split(format!("expected a test fraction between 0 and 1, got {test_fraction}")));
    }
    let size = (n as f64 * test_fraction).round() as usize;
    if size == 0 || size >= n {
        let text = format!("a test fraction of {test_fraction} of {n} examples leaves one side empty");
        return Err(Error::Split(text));
    }
    Ok(size)
}

/// Largest remainder: size · total / n rounded down for each class, then one more where most was cut.
fn shares(sizes: impl Iterator<Item = usize>, n: usize, total: usize) -> Vec<usize> {
    let exact: Vec<u128> = sizes.map(|size| size as u128 * total as u128).collect();
    let n = n as u128;
    let mut shares: Vec<usize> = exact.iter().map(|x| (x / n) as usize).collect();
    let mut by_remainder: Vec<usize> = (0..shares.len()).collect();
    by_remainder.sort_by_key(|&class| std::cmp::Reverse(exact[class] % n)); // stable: equals stay in order
    let left = total - shares.iter().sum::<usize>();
    for &class in &by_remainder[..left] {
        shares[class] += 1;
    }
    shares
}

fn sorted(mut indices: Vec<usize>) -> Vec<usize> {
    indices.sort_unstable();
    indices
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_splits_are_the_same_in_every_version() {
        assert_eq!(holdout(10, 0.3, 1).unwrap().1, [1, 6, 8]);
        assert_eq!(stratified(&[0, 1, 0, 1, 0, 1], 0.34, 1).unwrap().1, [4, 5]);
    }

    #[test]
    fn impossible_splits_are_errors() {
        for fraction in [0.0, 1.0, -0.1, 1.5, f64::NAN] {
            assert!(holdout(10, fraction, 0).is_err(), "{fraction}");
        }
        for n in [0, 1] {
            assert!(holdout(n, 0.5, 0).is_err() && stratified(&vec![0; n], 0.5, 0).is_err());
        }
        for (n, k) in [(0, 0), (5, 1), (5, 6)] {
            assert!(k_fold(n, k, 0).is_err());
        }
        let err = k_fold(5, 6, 0).unwrap_err();
        assert_eq!(err.to_string(), "split: expected 2 to 5 folds of 5 examples, got 6");
    }

    fn is_partition(n: usize, (train, test): &Split) -> bool {
        sorted([&train[..], test].concat()) == (0..n).collect::<Vec<_>>()
    }

    proptest! {
        #[test]
        fn splits_are_partitions(labels in prop::collection::vec(0_usize..5, 4..200), seed: u64) {
            let n = labels.len();
            let split = stratified(&labels, 0.4, seed).unwrap();
            prop_assert!(is_partition(n, &split));
            prop_assert_eq!(split.1.len(), (n as f64 * 0.4).round() as usize);
            for class in 0..5 {
                let of = |side: &[usize]| side.iter().filter(|&&i| labels[i] == class).count() as f64;
                let exact = labels.iter().filter(|&&l| l == class).count() as f64 * split.1.len() as f64 / n as f64;
                prop_assert!((of(&split.1) - exact).abs() < 1.0, "class {}", class);
            }
            prop_assert!(is_partition(n, &holdout(n, 0.4, seed).unwrap()));
            let folds = k_fold(n, 4, seed).unwrap();
            prop_assert!(folds.iter().all(|fold| is_partition(n, fold)));
            let tests: Vec<usize> = folds.into_iter().flat_map(|(_, test)| test).collect();
            prop_assert_eq!(sorted(tests), (0..n).collect::<Vec<_>>());
        }
    }
}
