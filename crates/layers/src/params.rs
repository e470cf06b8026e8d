//! Parameters: what a layer asks its owner to hold.

use std::borrow::Cow;

use crate::{Error, Fan, Init};

/// One parameter of a layer.
#[derive(Clone, Debug, PartialEq)]
pub struct ParamSpec {
    /// Its name within the layer: `weight`; within a network, with the path: `2.weight`.
    pub name: Cow<'static, str>,
    /// Its shape.
    pub shape: Vec<usize>,
    /// How it begins unless the owner wants it otherwise.
    pub init: Init,
    /// The fans by which it is scaled.
    pub fan: Fan,
    /// What it is for.
    pub role: Role,
}

/// What a parameter is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A weight: trained, drawn at random, subject to weight decay.
    Weight,
    /// A bias, or the scale and shift of a normalisation: trained, free of weight decay.
    Offset,
    /// A running statistic: changed by [`Backprop::absorb`](crate::Backprop::absorb) alone, without a gradient.
    Statistic,
}

impl ParamSpec {
    /// A weight that begins as [`Init::he`].
    ///
    /// # Examples
    ///
    /// ```
    /// use layers::{Fan, ParamSpec};
    ///
    /// let spec = ParamSpec::weight("weight", &[784, 50], Fan { r#in: 784, out: 50 });
    /// assert!(spec.trainable() && spec.decays());
    /// ```
    pub fn weight(name: &'static str, shape: &[usize], fan: Fan) -> Self {
        ParamSpec { name: name.into(), shape: shape.to_vec(), init: Init::he(), fan, role: Role::Weight }
    }

    /// A bias or another offset, that begins as `value` everywhere.
    pub fn offset(name: &'static str, shape: &[usize], value: f64) -> Self {
        ParamSpec { role: Role::Offset, ..ParamSpec::statistic(name, shape, value) }
    }

    /// A running statistic that begins as `value` everywhere.
    pub fn statistic(name: &'static str, shape: &[usize], value: f64) -> Self {
        ParamSpec {
            name: name.into(),
            shape: shape.to_vec(),
            init: Init::Constant { value },
            fan: Fan { r#in: 1, out: 1 },
            role: Role::Statistic,
        }
    }

    /// That it can be held, of [`MAX_ELEMENTS`] at most, and can begin as it proposes.
    ///
    /// # Errors
    ///
    /// [`Error::Option`] with its name if not.
    pub fn check(&self) -> Result<(), Error> {
        if elements(&self.shape).is_none_or(|elements| elements > MAX_ELEMENTS) {
            let expected = format!("of at most {MAX_ELEMENTS} elements");
            return Err(Error::option(&self.name, "shape", expected, &self.shape));
        }
        self.init.check().map_err(|mut error| {
            if let Error::Option { at, .. } = &mut error {
                *at = format!("{}, {at}", self.name);
            }
            error
        })
    }

    /// Whether an optimiser changes it.
    pub fn trainable(&self) -> bool {
        self.role != Role::Statistic
    }

    /// Whether weight decay applies to it by default.
    pub fn decays(&self) -> bool {
        self.role == Role::Weight
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it has no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The same parameter under `index.name`.
    #[must_use]
    pub fn within(mut self, index: usize) -> Self {
        self.name = format!("{index}.{}", self.name).into();
        self
    }
}

/// The largest size of a written network: the elements of an example before and after each layer, those of a weight, the
/// cells of a window, and each option that is a whole number. No parameter of any model is larger.
///
/// A spec may come from a file of a few bytes. Within this bound, products of a size with an option or two stay within 64
/// bits, and nothing is counted or allocated that no machine has. One rule for recipes and for model files, when they are
/// written and when they are read: what is trained can be saved, and what is saved can be loaded.
pub const MAX_ELEMENTS: usize = 1 << 31;

/// The elements of an array of this shape; `None` if they are too many to be counted.
pub(crate) fn elements(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1_usize, |product, &axis| product.checked_mul(axis))
}
