//! Another shape for the same numbers.
//!
//! ```text
//! y = x, dx = dy, each in its own shape
//! ```

use ndarray::{ArrayD, ArrayRefD};
use tensor_ops::Scalar;

use crate::params::elements;
use crate::views::{rows, with_rows_mut};
use crate::{Backprop, Cache, Error, Layer, Saved, Spec};

/// Each example as one row: `[n, a, b, ...]` to `[n, a b ...]`.
///
/// [`Affine`](crate::Affine) flattens its input by itself; use this where another layer wants rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flatten;

/// Each example in another shape with the same number of elements, in row-major order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reshape {
    /// The shape of one example.
    pub shape: Vec<usize>,
}

impl Reshape {
    /// To this shape of one example.
    pub fn new(shape: &[usize]) -> Self {
        Reshape { shape: shape.to_vec() }
    }
}

/// The elements of an input; an error if they are too many to be counted.
fn counted(kind: &str, input: &[usize]) -> Result<usize, Error> {
    elements(input).ok_or_else(|| Error::input(kind, "whose elements can be counted", input))
}

/// y ← x, element for element in row-major order of each example.
fn copy<T: Scalar>(x: &ArrayRefD<T>, y: &mut ArrayRefD<T>) {
    // Because `assign` would repeat a single column.
    assert_eq!(x.len(), y.len(), "reshape: elements of both sides");
    with_rows_mut(y, |y| y.assign(&rows(x)));
}

impl Layer for Flatten {
    fn kind(&self) -> &'static str {
        "flatten"
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>, Error> {
        Ok(vec![counted(self.kind(), input)?])
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::Flatten {})
    }

    fn only_rearranges(&self) -> bool {
        true
    }
}

impl Layer for Reshape {
    fn kind(&self) -> &'static str {
        "reshape"
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>, Error> {
        if elements(&self.shape) != Some(counted(self.kind(), input)?) {
            return Err(Error::input(self.kind(), format!("of as many elements as {:?}", self.shape), input));
        }
        Ok(self.shape.clone())
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::Reshape { shape: self.shape.clone() })
    }

    fn only_rearranges(&self) -> bool {
        true
    }
}

macro_rules! copies {
    ($layer:ty) => {
        impl<T: Scalar> Backprop<T> for $layer {
            fn forward(&self, _: &[ArrayD<T>], x: &ArrayRefD<T>, y: &mut ArrayRefD<T>, _: &mut Cache<T>) {
                copy(x, y);
            }

            fn backward(
                &self,
                _: &[ArrayD<T>],
                _: Saved<'_, T>,
                dy: &ArrayRefD<T>,
                dx: Option<&mut ArrayRefD<T>>,
                _: &mut [ArrayD<T>],
            ) {
                if let Some(dx) = dx {
                    copy(dy, dx);
                }
            }
        }
    };
}

copies!(Flatten);
copies!(Reshape);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_that_cannot_be_counted_are_an_error() {
        let error = |layer: &dyn Layer| layer.output_shape(&[usize::MAX, 4]).unwrap_err().to_string();
        let expected = "expected input whose elements can be counted, got [18446744073709551615, 4]";
        assert_eq!(error(&Flatten), format!("flatten: {expected}"));
        assert_eq!(error(&Reshape::new(&[2])), format!("reshape: {expected}"));
    }
}
