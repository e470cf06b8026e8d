//! A table of vectors, from which an input picks rows.
//!
//! ```text
//! y[n, ..., :] = W[x[n, ...], :]       x: whole numbers from 0 to rows - 1
//! dW[r, :]     = Σ of dy over the elements of x that are r
//! dx           = 0                     a whole number has no derivative
//! ```
//!
//! It is the product of one-hot rows with W, without the zeros.
//!
//! Bengio, Ducharme, Vincent, Jauvin, "A neural probabilistic language model", 2003.

use ndarray::{ArrayD, ArrayRef1, ArrayRef2, ArrayRefD, CowArray, Ix1};
use tensor_ops::Scalar;

use crate::views::{expect_shape, ranked, ranked_mut, standard, with_standard_mut};
use crate::{Backprop, Cache, Error, Fan, Init, InputKind, Layer, ParamSpec, Saved, Spec};

/// y = rows of W.
///
/// # Shapes
///
/// `[n, ...]` to `[n, ..., d]`.
///
/// # Parameters
///
/// `weight` [rows, d], normal with deviation 1, as in PyTorch.
///
/// # Panics
///
/// The passes panic on an element that is not a whole number from 0 to `rows` - 1. Check data before you train on it:
/// [`Layer::input_kind`] states the bound.
///
/// # Examples
///
/// ```
/// use layers::{Embedding, InputKind, Layer};
///
/// let layer = Embedding::new(1000, 16);
/// assert_eq!(layer.output_shape(&[8])?, [8, 16]);
/// assert_eq!(layer.input_kind(), InputKind::Index(1000));
/// # Ok::<(), layers::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Embedding {
    /// Rows of the table: how many different numbers an input may hold. At most 2²⁴, up to which f32 holds each.
    pub rows: usize,
    /// Elements of a row.
    pub d: usize,
}

impl Embedding {
    /// A table of `rows` vectors of `d` elements.
    pub fn new(rows: usize, d: usize) -> Self {
        Embedding { rows, d }
    }
}

/// Indices beyond this would be rounded in f32, and pick another row.
const MOST_ROWS: usize = 1 << 24;

/// The whole number that `x` is.
#[track_caller]
fn index<T: Scalar>(x: T, rows: usize) -> usize {
    let (x, i) = (x.value(), x.value() as usize);
    assert!(i < rows && i as f64 == x, "embedding: expected a whole number below {rows}, got {x}");
    i
}

/// y ← the rows of `weight` that `x` names.
///
/// # Shapes
///
/// `x` `[m]`, `weight` [rows, d], `y` [m, d].
///
/// # Panics
///
/// If the shapes do not fit or an element of `x` is not the number of a row.
#[track_caller]
pub fn embedding_forward<T: Scalar>(x: &ArrayRef1<T>, weight: &ArrayRef2<T>, y: &mut ArrayRef2<T>) {
    assert_eq!(y.dim(), (x.len(), weight.ncols()), "embedding: shape of y");
    for (&x, mut y) in x.iter().zip(y.rows_mut()) {
        y.assign(&weight.row(index(x, weight.nrows())));
    }
}

/// dW ← dW + each row of `dy`, at the row that `x` names, in the order of `x`.
///
/// # Shapes
///
/// `x` `[m]`, `dy` [m, d], `dweight` [rows, d].
///
/// # Panics
///
/// As [`embedding_forward`].
#[track_caller]
pub fn embedding_backward_params<T: Scalar>(x: &ArrayRef1<T>, dy: &ArrayRef2<T>, dweight: &mut ArrayRef2<T>) {
    assert_eq!(dy.dim(), (x.len(), dweight.ncols()), "embedding: shape of dy");
    for (&x, dy) in x.iter().zip(dy.rows()) {
        let mut row = dweight.row_mut(index(x, dweight.nrows()));
        row += &dy;
    }
}

impl Layer for Embedding {
    fn kind(&self) -> &'static str {
        "embedding"
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>, Error> {
        for (option, value) in [("rows", self.rows), ("d", self.d)] {
            if value == 0 {
                return Err(Error::option(self.kind(), option, "of at least 1", value));
            }
        }
        if self.rows > MOST_ROWS {
            let expected = format!("of at most {MOST_ROWS}, up to which f32 holds each whole number");
            return Err(Error::option(self.kind(), "rows", expected, self.rows));
        }
        Ok([input, &[self.d]].concat())
    }

    fn params(&self) -> Vec<ParamSpec> {
        let fan = Fan { r#in: self.rows, out: self.d };
        let init = Init::Normal { std: 1.0 };
        vec![ParamSpec { init, ..ParamSpec::weight("weight", &[self.rows, self.d], fan) }]
    }

    fn input_kind(&self) -> InputKind {
        InputKind::Index(self.rows)
    }

    fn multiply_adds(&self, _: &[usize]) -> Option<u64> {
        Some(0)
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::Embedding { rows: self.rows, d: self.d })
    }
}

impl<T: Scalar> Backprop<T> for Embedding {
    fn forward(&self, params: &[ArrayD<T>], x: &ArrayRefD<T>, y: &mut ArrayRefD<T>, _: &mut Cache<T>) {
        let [weight] = params else { panic!("embedding: expected weight") };
        assert!(y.shape().starts_with(x.shape()) && y.ndim() == x.ndim() + 1, "embedding: shape of y");
        let x: CowArray<'_, T, Ix1> = standard(x, |x| x.len());
        with_standard_mut(y, |y| [y.len() / self.d, self.d], |y| embedding_forward(&x, &ranked(weight), y));
    }

    fn backward(
        &self,
        _: &[ArrayD<T>],
        saved: Saved<'_, T>,
        dy: &ArrayRefD<T>,
        dx: Option<&mut ArrayRefD<T>>,
        grads: &mut [ArrayD<T>],
    ) {
        let [dweight] = grads else { panic!("embedding: expected the gradient of weight") };
        let like_x = dy.shape().starts_with(saved.x.shape()) && dy.ndim() == saved.x.ndim() + 1;
        assert!(like_x, "embedding: shape of dy");
        let dy = standard(dy, |dy| [dy.len() / self.d, self.d]);
        embedding_backward_params(&standard(saved.x, |x| x.len()), &dy, &mut ranked_mut(dweight));
        if let Some(dx) = dx {
            expect_shape("dx", dx, saved.x.shape());
            dx.fill(T::zero());
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn a_row_that_is_named_twice_gets_both_gradients() {
        let mut dweight = Array2::zeros((3, 2));
        let dy = array![[1.0, 2.0], [10.0, 20.0], [100.0, 200.0]];
        embedding_backward_params(&array![2.0, 0.0, 2.0], &dy, &mut dweight);
        assert_eq!(dweight, array![[10.0, 20.0], [0.0, 0.0], [101.0, 202.0]]);
    }

    #[test]
    fn anything_but_the_number_of_a_row_panics_and_is_named() {
        for (bad, name) in [(3.0, "3"), (-1.0, "-1"), (0.5, "0.5"), (f64::NAN, "NaN")] {
            let pass = || embedding_forward(&array![bad], &Array2::zeros((3, 2)), &mut Array2::zeros((1, 2)));
            let message = *std::panic::catch_unwind(pass).unwrap_err().downcast::<String>().unwrap();
            assert_eq!(message, format!("embedding: expected a whole number below 3, got {name}"));
        }
    }
}
