//! Layers that apply one function to each element.
//!
//! ```text
//! y = f(x)      dx = dy · f'(x)
//! ```
//!
//! An activation is its function and its derivative, side by side; this module makes it a layer.

use ndarray::{ArrayD, ArrayRefD};
use tensor_ops::{Scalar, pool, vectorised};

use crate::views::with_slice_mut;
use crate::{Backprop, Cache, Error, Layer, Saved, Spec};

/// A function of one number and its derivative.
///
/// Implement this and the type is a [`Layer`] over every scalar, for inputs of any shape.
///
/// # Examples
///
/// ```
/// use layers::{Elementwise, Layer, Spec};
/// use tensor_ops::Scalar;
///
/// /// y = x², y' = 2x
/// #[derive(Debug)]
/// struct Square;
///
/// impl Elementwise for Square {
///     fn kind(&self) -> &'static str {
///         "square"
///     }
///     fn f<T: Scalar>(&self, x: T) -> T {
///         x * x
///     }
///     fn df<T: Scalar>(&self, x: T, _y: T) -> T {
///         T::from_f64(2.0) * x
///     }
/// }
///
/// assert_eq!(Square.output_shape(&[3, 4])?, [3, 4]);
/// # Ok::<(), layers::Error>(())
/// ```
pub trait Elementwise: std::fmt::Debug + Send + Sync {
    /// As [`Layer::kind`].
    fn kind(&self) -> &'static str;

    /// The function.
    fn f<T: Scalar>(&self, x: T) -> T;

    /// Its derivative at `x`, given y = f(x), which often makes it cheap.
    fn df<T: Scalar>(&self, x: T, y: T) -> T;

    /// As [`Layer::spec`].
    fn spec(&self) -> Option<Spec> {
        None
    }

    /// Whether the options make sense.
    ///
    /// # Errors
    ///
    /// [`Error::Option`] if not.
    fn check(&self) -> Result<(), Error> {
        Ok(())
    }
}

impl<A: Elementwise> Layer for A {
    fn kind(&self) -> &'static str {
        Elementwise::kind(self)
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>, Error> {
        self.check()?;
        Ok(input.to_vec())
    }

    fn spec(&self) -> Option<Spec> {
        Elementwise::spec(self)
    }
}

impl<A: Elementwise, T: Scalar> Backprop<T> for A {
    fn forward(&self, _: &[ArrayD<T>], x: &ArrayRefD<T>, y: &mut ArrayRefD<T>, _: &mut Cache<T>) {
        in_parts(y, [x], &|y, [x]| {
            vectorised(move || {
                for i in 0..y.len().min(x.len()) {
                    y[i] = self.f(x[i]);
                }
            });
        });
    }

    fn backward(
        &self,
        _: &[ArrayD<T>],
        saved: Saved<'_, T>,
        dy: &ArrayRefD<T>,
        dx: Option<&mut ArrayRefD<T>>,
        _: &mut [ArrayD<T>],
    ) {
        let Some(dx) = dx else { return };
        in_parts(dx, [saved.x, saved.y, dy], &|dx, [x, y, dy]| {
            vectorised(move || {
                for i in 0..dx.len().min(x.len()).min(y.len()).min(dy.len()) {
                    dx[i] = dy[i] * self.df(x[i], y[i]);
                }
            });
        });
    }
}

/// What is done with a part of the output and the same parts of the inputs.
type Part<'a, T, const N: usize> = &'a (dyn Fn(&mut [T], [&[T]; N]) + Sync);

/// Calls `f` with each part of `out` and the same parts of the inputs, on as many threads as are worth it.
///
/// Not generic over `f`: there are many activations, and this is compiled once for all of them.
fn in_parts<T: Scalar, const N: usize>(
    out: &mut ArrayRefD<T>,
    inputs: [&ArrayRefD<T>; N],
    f: Part<'_, T, N>,
) {
    let len = out.len();
    let part = part(len);
    let inputs = inputs.map(|x| x.as_standard_layout());
    let inputs = inputs.each_ref().map(|x| x.as_slice().expect("in the standard layout"));
    assert!(inputs.iter().all(|x| x.len() == len), "elementwise: arrays of {len} elements");
    with_slice_mut(out, |out| {
        pool::for_each(nanoseconds(len), out.chunks_mut(part).enumerate(), |(i, out)| {
            let range = i * part..i * part + out.len();
            f(out, inputs.map(|x| &x[range.clone()]));
        });
    });
}

/// Elements of a part. Each element is computed alone, so the cut changes no bit.
fn part(len: usize) -> usize {
    len.div_ceil(16).max(2048)
}

/// A guess of the time for so many elements, between that of a rectifier and that of a hyperbolic tangent.
fn nanoseconds(len: usize) -> usize {
    len / 2
}
