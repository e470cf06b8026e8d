//! Scaling of features: by a constant, or to mean 0 and deviation 1.

use ndarray::{ArrayD, ArrayRefD};
use tensor_ops::Scalar;

use crate::dataset::each;
use crate::{Dataset, Error, Features};

/// x' = (x - shift) · factor, for all features alike or for each its own.
///
/// Taken from the training set and applied to every set: a test set is scaled by what was known before it was seen.
///
/// # Examples
///
/// ```
/// use datasets::{Dataset, Features, Scaling, Targets};
/// use ndarray::array;
///
/// let features = Features::F64(array![[1.0, 7.0], [3.0, 7.0]].into_dyn());
/// let train = Dataset::new(features, Targets::Classes(vec![0, 1]), vec![])?;
/// let scaling = Scaling::standardise_per_feature(&train)?;
/// let mut x = ndarray::Array::<f64, _>::zeros(vec![2, 2]);
/// train.features.gather(&[0, 1], &scaling, &mut x);
/// assert_eq!(x, array![[-1.0, 0.0], [1.0, 0.0]].into_dyn());
/// # Ok::<(), datasets::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum Scaling {
    /// One shift and one factor for all features.
    Uniform {
        /// Subtracted first.
        shift: f64,
        /// Multiplied then.
        factor: f64,
    },
    /// A shift and a factor for each number of an example, in the order of its array.
    PerFeature {
        /// Subtracted first.
        shift: Vec<f64>,
        /// Multiplied then.
        factor: Vec<f64>,
    },
}

impl Scaling {
    /// x' = x
    pub fn none() -> Self {
        Self::by_constant(1.0)
    }

    /// x' = x · factor, for example with 1 / 255 for grey values.
    pub fn by_constant(factor: f64) -> Self {
        Self::Uniform { shift: 0.0, factor }
    }

    /// One mean and one standard deviation (of the population) over all numbers of the training set.
    ///
    /// Two passes, accumulated in f64. If all numbers are equal, every number becomes 0.
    ///
    /// # Errors
    ///
    /// [`Error::NoExamples`] for an empty set, [`Error::NotFinite`] if a number is infinite or not a number,
    /// [`Error::Spread`] if f64 cannot hold the variance.
    pub fn standardise(train: &Dataset) -> Result<Self, Error> {
        let all = each!(&train.features, x => moments_of_all(x))?;
        Ok(Self::Uniform { shift: all.mean, factor: all.factor() })
    }

    /// A mean and a standard deviation (of the population) for each feature of the training set.
    ///
    /// Two passes, accumulated in f64. A feature that is constant in the training set becomes 0 everywhere, also
    /// where another set has another value: nothing can be learned from it.
    ///
    /// # Errors
    ///
    /// [`Error::NoExamples`] for an empty set, [`Error::NotFinite`] if a number is infinite or not a number,
    /// [`Error::Spread`] if f64 cannot hold the variance.
    pub fn standardise_per_feature(train: &Dataset) -> Result<Self, Error> {
        let columns = each!(&train.features, x => moments_of_columns(x, train.features.width()))?;
        Ok(Self::PerFeature {
            shift: columns.iter().map(|m| m.mean).collect(),
            factor: columns.iter().map(Moments::factor).collect(),
        })
    }

    /// x ← the scaled `x`: what [`Gather`](crate::Gather) does to stored features, for numbers that come otherwise.
    ///
    /// Numbers are scaled in f64, as stored floats are; stored bytes may be scaled in `T`, whose last bits differ.
    ///
    /// # Shapes
    ///
    /// `x` \[n, ...\]; n may be 0.
    ///
    /// # Errors
    ///
    /// [`Error::ScalingWidth`] if a scaling per feature is for another number of features.
    pub fn apply<T: Scalar>(&self, x: &mut ArrayRefD<T>) -> Result<(), Error> {
        let scale = |x: &mut T, shift: f64, factor: f64| *x = T::from_f64((x.value() - shift) * factor);
        match self {
            &Self::Uniform { shift, factor } => x.iter_mut().for_each(|x| scale(x, shift, factor)),
            Self::PerFeature { shift, factor } => {
                let width = x.shape().iter().skip(1).product();
                if let Some(got) = [shift.len(), factor.len()].into_iter().find(|&len| len != width) {
                    return Err(Error::ScalingWidth { expected: width, got });
                }
                for mut row in x.outer_iter_mut() {
                    row.iter_mut().zip(shift).zip(factor).for_each(|((x, &s), &f)| scale(x, s, f));
                }
            }
        }
        Ok(())
    }

    /// Checks that the scaling fits examples of so many `features`.
    ///
    /// # Errors
    ///
    /// [`Error::ScalingWidth`] if a scaling per feature is for another number of features.
    pub fn check(&self, features: &Features) -> Result<(), Error> {
        let Self::PerFeature { shift, factor } = self else { return Ok(()) };
        let width = features.width();
        match [shift.len(), factor.len()].into_iter().find(|&len| len != width) {
            Some(got) => Err(Error::ScalingWidth { expected: width, got }),
            None => Ok(()),
        }
    }
}

#[derive(Clone)]
struct Moments {
    low: f64,
    high: f64,
    mean: f64,
    squares: f64,
    count: f64,
}

impl Moments {
    const NONE: Self =
        Self { low: f64::INFINITY, high: f64::NEG_INFINITY, mean: 0.0, squares: 0.0, count: 0.0 };

    /// First pass; `mean` is the sum until [`close`](Self::close).
    fn add(&mut self, x: f64) {
        self.low = self.low.min(x);
        self.high = self.high.max(x);
        self.mean += x;
        self.count += 1.0;
    }

    fn close(&mut self) {
        // The rounded mean of equal numbers may differ from them; their difference would then be scaled up.
        // A NaN is neither low nor high, but it is in the sum.
        let constant = self.low == self.high && self.mean.is_finite();
        self.mean = if constant { self.low } else { self.mean / self.count };
    }

    /// Second pass.
    fn add_square(&mut self, x: f64) {
        self.squares += (x - self.mean) * (x - self.mean);
    }

    fn factor(&self) -> f64 {
        if self.low == self.high { 0.0 } else { (self.count / self.squares).sqrt() }
    }

    fn check(&self) -> Result<(), Error> {
        let usable = self.low == self.high || (self.squares.is_normal() && self.factor().is_normal());
        if usable { Ok(()) } else { Err(Error::Spread { low: self.low, high: self.high }) }
    }
}

fn moments_of_all<A: Copy + Into<f64>>(x: &ArrayD<A>) -> Result<Moments, Error> {
    let numbers = || x.iter().map(|&x| x.into());
    let mut all = Moments::NONE;
    numbers().for_each(|x| all.add(x));
    all.close();
    check_means(x, std::slice::from_ref(&all))?;
    numbers().for_each(|x| all.add_square(x));
    all.check()?;
    Ok(all)
}

fn moments_of_columns<A: Copy + Into<f64>>(x: &ArrayD<A>, width: usize) -> Result<Vec<Moments>, Error> {
    let mut columns = vec![Moments::NONE; width];
    for row in x.outer_iter() {
        columns.iter_mut().zip(&row).for_each(|(column, &x)| column.add(x.into()));
    }
    columns.iter_mut().for_each(Moments::close);
    check_means(x, &columns)?;
    for row in x.outer_iter() {
        columns.iter_mut().zip(&row).for_each(|(column, &x)| column.add_square(x.into()));
    }
    columns.iter().try_for_each(Moments::check)?;
    Ok(columns)
}

/// The means are finite unless a number is not, or the sum overflows; only then is the array searched for the place.
fn check_means<A: Copy + Into<f64>>(x: &ArrayD<A>, moments: &[Moments]) -> Result<(), Error> {
    if x.is_empty() {
        return Err(Error::NoExamples);
    }
    let Some(bad) = moments.iter().find(|m| !m.mean.is_finite()) else { return Ok(()) };
    match x.outer_iter().position(|row| row.iter().any(|&x| !x.into().is_finite())) {
        Some(example) => Err(Error::NotFinite { example }),
        None => Err(Error::Spread { low: bad.low, high: bad.high }),
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array, array};

    use super::*;
    use crate::Targets;

    fn set(features: Features) -> Dataset {
        let n = features.len();
        Dataset::new(features, Targets::Classes(vec![0; n]), vec![]).unwrap()
    }

    fn scaled(data: &Dataset, scaling: &Scaling) -> ArrayD<f64> {
        let rows: Vec<_> = (0..data.len()).collect();
        let mut x = ArrayD::zeros(data.features.shape());
        data.features.gather(&rows, scaling, &mut x);
        x
    }

    #[test]
    fn standardised_numbers_have_mean_zero_and_deviation_one() {
        let data = set(Features::F64(array![[1.0, 2.0], [3.0, 10.0]].into_dyn()));
        let x = scaled(&data, &Scaling::standardise(&data).unwrap());
        assert!(x.sum().abs() < 1e-15);
        assert!((x.mapv(|x| x * x).sum() / 4.0 - 1.0).abs() < 1e-15);
        let deviation = 12.5_f64.sqrt(); // of 1, 2, 3, 10 about their mean, 4
        assert!((x[[0, 0]] + 3.0 / deviation).abs() < 1e-15);
    }

    #[test]
    fn a_large_offset_does_not_cancel_the_deviation() {
        let data = set(Features::F64(array![[1e9], [1e9 + 1.0], [1e9 + 2.0]].into_dyn()));
        let Scaling::Uniform { shift, factor } = Scaling::standardise(&data).unwrap() else { unreachable!() };
        assert_eq!(shift, 1e9 + 1.0);
        assert!((factor - 1.5_f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn a_constant_feature_becomes_zero_and_not_nan() {
        let data = set(Features::F32(array![[0.1, 1.0], [0.1, 2.0], [0.1, 6.0]].into_dyn()));
        let scaling = Scaling::standardise_per_feature(&data).unwrap();
        let x = scaled(&data, &scaling);
        assert!(x.index_axis(ndarray::Axis(1), 0).iter().all(|&x| x == 0.0));
        assert!(x.iter().all(|x| x.is_finite()));
        let other = set(Features::F32(array![[9.0, 1.0]].into_dyn()));
        assert_eq!(scaled(&other, &scaling)[[0, 0]], 0.0);
        let constant = set(Features::U8(Array::from_elem(vec![3, 2], 7)));
        assert!(scaled(&constant, &Scaling::standardise(&constant).unwrap()).iter().all(|&x| x == 0.0));
    }

    #[test]
    fn a_variance_beyond_f64_is_an_error_and_not_a_silent_zero_or_nan() {
        for (a, b) in [(1e300, -1e300), (1e308, 1.1e308), (1e-300, 2e-300)] {
            let data = set(Features::F64(array![[a], [b]].into_dyn()));
            assert!(matches!(Scaling::standardise(&data), Err(Error::Spread { .. })), "{a} {b}");
            assert!(matches!(Scaling::standardise_per_feature(&data), Err(Error::Spread { .. })));
        }
    }

    #[test]
    fn empty_sets_and_numbers_that_are_not_finite_are_errors() {
        let empty = set(Features::F64(Array::zeros(vec![0, 3])));
        assert!(matches!(Scaling::standardise(&empty), Err(Error::NoExamples)));
        assert!(matches!(Scaling::standardise_per_feature(&empty), Err(Error::NoExamples)));
        for bad in [f32::NAN, f32::INFINITY] {
            let data = set(Features::F32(array![[1.0], [bad]].into_dyn()));
            for result in [Scaling::standardise(&data), Scaling::standardise_per_feature(&data)] {
                assert!(matches!(result, Err(Error::NotFinite { example: 1 })));
            }
        }
    }
}

#[cfg(all(test, feature = "serde"))]
mod serde_tests {
    use super::*;

    #[test]
    fn a_scaling_survives_json() {
        for scaling in
            [Scaling::by_constant(1.0 / 255.0), Scaling::PerFeature { shift: vec![0.1], factor: vec![3.0] }]
        {
            let json = serde_json::to_string(&scaling).unwrap();
            assert_eq!(serde_json::from_str::<Scaling>(&json).unwrap(), scaling);
        }
    }
}
