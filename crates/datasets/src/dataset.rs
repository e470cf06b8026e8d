//! Examples in memory: features, targets, and the names of the classes.

use ndarray::{Array2, ArrayD, Axis, IxDyn};

use crate::Error;

/// Examples: what a network sees, and what it should answer.
///
/// The fields are public because each is useful alone; [`Dataset::new`] checks that they fit each other.
///
/// # Examples
///
/// ```
/// use datasets::{Dataset, Features, Targets};
/// use ndarray::array;
///
/// let features = Features::F32(array![[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]].into_dyn());
/// let data = Dataset::new(features, Targets::Classes(vec![1, 0, 1]), vec![])?;
/// assert_eq!((data.len(), data.n_classes(), data.feature_shape()), (3, 2, &[2][..]));
/// assert_eq!(data.class_names, ["0", "1"]);
/// # Ok::<(), datasets::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// One example along the first axis.
    pub features: Features,
    /// One class or one row of values an example.
    pub targets: Targets,
    /// The name of each class; empty if the targets are values.
    pub class_names: Vec<String>,
}

/// The inputs of all examples; the first axis counts examples.
///
/// Images stay bytes: they become numbers of the network's type when a batch is gathered.
#[derive(Clone, Debug, PartialEq)]
pub enum Features {
    /// Bytes, such as grey values.
    U8(ArrayD<u8>),
    /// Single precision.
    F32(ArrayD<f32>),
    /// Double precision.
    F64(ArrayD<f64>),
}

/// The wanted outputs of all examples.
#[derive(Clone, Debug, PartialEq)]
pub enum Targets {
    /// A class index an example.
    Classes(Vec<usize>),
    /// A row of numbers an example: regression, or several labels at once.
    Values(Array2<f64>),
}

/// Applies the same expression to whichever array a [`Features`] holds.
macro_rules! each {
    ($features:expr, $array:ident => $body:expr) => {
        match $features {
            $crate::Features::U8($array) => $body,
            $crate::Features::F32($array) => $body,
            $crate::Features::F64($array) => $body,
        }
    };
}
pub(crate) use each;

impl Dataset {
    /// Examples from their parts. Empty `class_names` for class targets stand for "0", "1", and so on.
    ///
    /// # Errors
    ///
    /// [`Error::CountMismatch`] if there is not one target an example, [`Error::LabelOutOfRange`] if a label has no
    /// name, [`Error::TooManyClasses`] if names are to be made for a label above [`MAX_UNNAMED_CLASSES`].
    pub fn new(features: Features, targets: Targets, class_names: Vec<String>) -> Result<Self, Error> {
        if features.len() != targets.len() {
            return Err(Error::CountMismatch { examples: features.len(), targets: targets.len() });
        }
        let class_names = match &targets {
            Targets::Classes(labels) => named_classes(labels, class_names)?,
            Targets::Values(_) => vec![],
        };
        Ok(Self { features, targets, class_names })
    }

    /// The number of examples.
    pub fn len(&self) -> usize {
        self.features.len()
    }

    /// Whether there are no examples.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The shape of one example.
    pub fn feature_shape(&self) -> &[usize] {
        self.features.example_shape()
    }

    /// The number of classes; 0 if the targets are values.
    pub fn n_classes(&self) -> usize {
        self.class_names.len()
    }

    /// The examples with the given indices, in that order; an index may be repeated.
    ///
    /// # Panics
    ///
    /// If an index is not below [`len`](Self::len).
    #[must_use]
    pub fn select(&self, indices: &[usize]) -> Self {
        Self {
            features: self.features.select(indices),
            targets: self.targets.select(indices),
            class_names: self.class_names.clone(),
        }
    }

    /// The same examples, each in another shape; no number moves.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if `shape` has another number of elements than an example.
    ///
    /// # Examples
    ///
    /// ```
    /// use datasets::{Dataset, Features, Targets};
    /// use ndarray::Array;
    ///
    /// let images = Features::U8(Array::zeros(vec![5, 28, 28]));
    /// let data = Dataset::new(images, Targets::Classes(vec![0; 5]), vec![])?;
    /// assert_eq!(data.reshape_features(&[1, 28, 28])?.feature_shape(), [1, 28, 28]);
    /// # Ok::<(), datasets::Error>(())
    /// ```
    pub fn reshape_features(self, shape: &[usize]) -> Result<Self, Error> {
        Ok(Self { features: self.features.reshape(shape)?, ..self })
    }
}

impl Features {
    /// The number of examples.
    pub fn len(&self) -> usize {
        self.shape().first().copied().unwrap_or(0)
    }

    /// Whether there are no examples.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The shape of the whole array; the first axis counts examples.
    pub fn shape(&self) -> &[usize] {
        each!(self, x => x.shape())
    }

    /// The shape of one example.
    pub fn example_shape(&self) -> &[usize] {
        self.shape().get(1..).unwrap_or_default()
    }

    /// The number of numbers in one example.
    pub fn width(&self) -> usize {
        self.example_shape().iter().product()
    }

    /// The examples with the given indices, in that order.
    ///
    /// # Panics
    ///
    /// If an index is not below [`len`](Self::len).
    #[must_use]
    pub fn select(&self, indices: &[usize]) -> Self {
        match self {
            Self::U8(x) => Self::U8(x.select(Axis(0), indices)),
            Self::F32(x) => Self::F32(x.select(Axis(0), indices)),
            Self::F64(x) => Self::F64(x.select(Axis(0), indices)),
        }
    }

    /// The same numbers with each example in another shape.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if `shape` has another number of elements than an example.
    pub fn reshape(self, shape: &[usize]) -> Result<Self, Error> {
        let expected = self.example_shape().to_vec();
        let elements = shape.iter().try_fold(1_usize, |product, &axis| product.checked_mul(axis));
        if elements != Some(self.width()) {
            return Err(Error::Shape { expected, got: shape.to_vec() });
        }
        let whole = IxDyn(&[&[self.len()], shape].concat());
        // Without elements, axes may still be too large for an array.
        let refused = |_| Error::Shape { expected, got: shape.to_vec() };
        match self {
            Self::U8(x) => x.into_shape_clone(whole).map(Self::U8).map_err(refused),
            Self::F32(x) => x.into_shape_clone(whole).map(Self::F32).map_err(refused),
            Self::F64(x) => x.into_shape_clone(whole).map(Self::F64).map_err(refused),
        }
    }
}

impl Targets {
    /// The number of examples.
    pub fn len(&self) -> usize {
        match self {
            Self::Classes(labels) => labels.len(),
            Self::Values(values) => values.nrows(),
        }
    }

    /// Whether there are no examples.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The class of each example; `None` if the targets are values.
    pub fn classes(&self) -> Option<&[usize]> {
        match self {
            Self::Classes(labels) => Some(labels),
            Self::Values(_) => None,
        }
    }

    /// The values of each example; `None` if the targets are classes.
    pub fn values(&self) -> Option<&Array2<f64>> {
        match self {
            Self::Classes(_) => None,
            Self::Values(values) => Some(values),
        }
    }

    /// The targets with the given indices, in that order.
    ///
    /// # Panics
    ///
    /// If an index is not below [`len`](Self::len).
    #[must_use]
    pub fn select(&self, indices: &[usize]) -> Self {
        match self {
            Self::Classes(labels) => Self::Classes(indices.iter().map(|&i| labels[i]).collect()),
            Self::Values(values) => Self::Values(values.select(Axis(0), indices)),
        }
    }
}

/// The most classes that are made up for labels without names: a stray label of 4,000,000,000 shall not become as
/// many class names.
pub const MAX_UNNAMED_CLASSES: usize = 10_000;

fn named_classes(labels: &[usize], names: Vec<String>) -> Result<Vec<String>, Error> {
    if !names.is_empty() {
        return match labels.iter().position(|&label| label >= names.len()) {
            Some(index) => {
                Err(Error::LabelOutOfRange { index, label: labels[index].to_string(), classes: names.len() })
            }
            None => Ok(names),
        };
    }
    let classes = labels.iter().max().map_or(0, |largest| largest.saturating_add(1));
    if classes > MAX_UNNAMED_CLASSES {
        return Err(Error::TooManyClasses { label: classes - 1, limit: MAX_UNNAMED_CLASSES });
    }
    Ok((0..classes).map(|class| class.to_string()).collect())
}

#[cfg(test)]
mod tests {
    use ndarray::{Array, array};

    use super::*;

    fn three() -> Dataset {
        let features = Features::U8(Array::from_shape_vec(vec![3, 2, 2], (0..12).collect()).unwrap());
        Dataset::new(features, Targets::Classes(vec![2, 0, 1]), vec![]).unwrap()
    }

    #[test]
    fn select_keeps_examples_and_targets_together() {
        let picked = three().select(&[2, 2, 0]);
        assert_eq!(picked.targets, Targets::Classes(vec![1, 1, 2]));
        let Features::U8(x) = &picked.features else { panic!("bytes stay bytes") };
        assert_eq!(x.index_axis(Axis(0), 1), array![[8, 9], [10, 11]].into_dyn());
        assert_eq!(picked.n_classes(), 3, "classes that are absent from a selection still count");
    }

    #[test]
    fn reshape_keeps_the_order_of_the_numbers_and_refuses_another_size() {
        let flat = three().reshape_features(&[4]).unwrap();
        assert_eq!(flat.feature_shape(), [4]);
        assert_eq!(flat.reshape_features(&[2, 2]).unwrap(), three());
        let err = three().reshape_features(&[5]).unwrap_err();
        assert_eq!(err.to_string(), "features: expected as many numbers as in [2, 2], got [5]");
        let overflow = three().reshape_features(&[usize::MAX, 2]).unwrap_err();
        assert!(matches!(overflow, Error::Shape { .. }));
        let empty = Features::U8(Array::from_shape_vec(vec![3, 0], vec![]).unwrap());
        assert!(matches!(empty.reshape(&[0, usize::MAX]), Err(Error::Shape { .. })));
    }

    #[test]
    fn parts_that_do_not_fit_are_refused() {
        let x = || Features::F64(Array::zeros(vec![2, 3]));
        let count = Dataset::new(x(), Targets::Classes(vec![0]), vec![]).unwrap_err();
        assert_eq!(count.to_string(), "targets: expected 2, one an example, got 1");
        let names = vec!["a".to_owned()];
        let range = Dataset::new(x(), Targets::Classes(vec![0, 1]), names).unwrap_err();
        assert_eq!(range.to_string(), "label 1: expected a class below 1, got 1");
        let many = Dataset::new(x(), Targets::Classes(vec![0, usize::MAX]), vec![]).unwrap_err();
        assert!(matches!(many, Error::TooManyClasses { .. }));
        let values = Dataset::new(x(), Targets::Values(Array2::zeros((2, 4))), vec![]).unwrap();
        assert_eq!(values.n_classes(), 0);
    }
}
