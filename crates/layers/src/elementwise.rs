//! Layers that apply one function to each element.
//!
//! ```text
//! y = f(x)      dx = dy · f'(x)
//! ```
//!
//! An activation is its function and its derivative, side by side; this module makes it a layer.

use ndarray::{ArrayD, ArrayRefD, Zip};
use tensor_ops::{Scalar, pool};

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
        let (Some(x_all), Some(y_all)) = (x.as_slice(), y.as_slice_mut()) else {
            return Zip::from(y).and(x).for_each(|y, &x| *y = self.f(x));
        };
        let part = part(x_all.len());
        pool::for_each(nanoseconds(x_all.len()), y_all.chunks_mut(part).zip(x_all.chunks(part)), |(y, x)| {
            y.iter_mut().zip(x).for_each(|(y, &x)| *y = self.f(x));
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
        let (Saved { x, y, .. }, slices) = (saved, dx.as_slice_mut().zip(dy.as_slice()));
        let (Some((dx_all, dy_all)), Some(x_all), Some(y_all)) = (slices, x.as_slice(), y.as_slice()) else {
            return Zip::from(dx).and(x).and(y).and(dy).for_each(|dx, &x, &y, &dy| *dx = dy * self.df(x, y));
        };
        let part = part(dx_all.len());
        let inputs = x_all.chunks(part).zip(y_all.chunks(part)).zip(dy_all.chunks(part));
        pool::for_each(
            nanoseconds(dx_all.len()),
            dx_all.chunks_mut(part).zip(inputs),
            |(dx, ((x, y), dy))| {
                for (((dx, &x), &y), &dy) in dx.iter_mut().zip(x).zip(y).zip(dy) {
                    *dx = dy * self.df(x, y);
                }
            },
        );
    }
}

/// Elements of a part. Each element is computed alone, so the cut changes no bit.
fn part(len: usize) -> usize {
    len.div_ceil(16).max(2048)
}

/// A guess of the time for so many elements, between that of a rectifier and that of a hyperbolic tangent.
fn nanoseconds(len: usize) -> usize {
    len / 2
}
