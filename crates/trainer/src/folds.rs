//! Validation: examples held out of the training set, once or in folds.
//!
//! A test set says how good a model is only as long as nothing was chosen by it. Choose (when to stop, which rate,
//! which network) by a validation set, and look at the test set once.

use datasets::{Dataset, split};

use crate::Error;

/// Training examples and validation examples: a random share of the data, of each class alike if targets are classes.
///
/// # Errors
///
/// [`Error::Data`] if the share is not between 0 and 1, or a side would be empty.
///
/// # Examples
///
/// ```
/// use datasets::{Dataset, Features, Targets};
/// use ndarray::Array;
///
/// let data = Dataset::new(Features::F32(Array::zeros(vec![10, 2])), Targets::Classes(vec![0; 10]), vec![])?;
/// let (train, validation) = trainer::folds::holdout(&data, 0.2, 42)?;
/// assert_eq!((train.len(), validation.len()), (8, 2));
/// # Ok::<(), trainer::Error>(())
/// ```
pub fn holdout(data: &Dataset, share: f64, seed: u64) -> Result<(Dataset, Dataset), Error> {
    let (train, validation) = match data.targets.classes() {
        Some(labels) => split::stratified(labels, share, seed)?,
        None => split::holdout(data.len(), share, seed)?,
    };
    Ok((data.select(&train), data.select(&validation)))
}

/// What `run` makes of each of `k` folds: it gets the number of the fold, the training and the validation examples.
/// Each example is in the validation set of exactly one fold.
///
/// Take the scaling from the training examples of the fold, not from all: the validation examples are to be unknown.
///
/// # Errors
///
/// [`Error::Data`] unless 2 <= k <= examples; the first error of `run`.
///
/// # Examples
///
/// ```
/// use datasets::{Dataset, Features, Targets};
/// use ndarray::Array;
///
/// let data = Dataset::new(Features::F32(Array::zeros(vec![10, 2])), Targets::Classes(vec![0; 10]), vec![])?;
/// let sizes = trainer::folds::cross_validate(&data, 5, 42, |_, train, validation| {
///     Ok::<_, trainer::Error>((train.len(), validation.len()))
/// })?;
/// assert_eq!(sizes, [(8, 2); 5]);
/// # Ok::<(), trainer::Error>(())
/// ```
pub fn cross_validate<R, E: From<Error>>(
    data: &Dataset,
    k: usize,
    seed: u64,
    mut run: impl FnMut(usize, &Dataset, &Dataset) -> Result<R, E>,
) -> Result<Vec<R>, E> {
    let folds = split::k_fold(data.len(), k, seed).map_err(Error::from)?;
    let folds = folds.into_iter().enumerate();
    folds
        .map(|(fold, (train, validation))| run(fold, &data.select(&train), &data.select(&validation)))
        .collect()
}

#[cfg(test)]
mod tests {
    use datasets::{Features, Targets};
    use ndarray::Array;

    use super::*;

    #[test]
    fn a_rare_class_has_its_share_on_both_sides() {
        let labels = (0..100).map(|i| usize::from(i % 10 == 3)).collect();
        let data = Dataset::new(Features::F64(Array::zeros(vec![100, 1])), Targets::Classes(labels), vec![]);
        for seed in 0..20 {
            let (train, validation) = holdout(data.as_ref().unwrap(), 0.2, seed).unwrap();
            let rare = |data: &Dataset| data.targets.classes().unwrap().iter().sum::<usize>();
            assert_eq!([rare(&train), rare(&validation)], [8, 2], "seed {seed}");
        }
    }
}
