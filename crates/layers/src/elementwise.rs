//! Layers that apply one function to each element.
//!
//! ```text
//! y = f(x)      dx = dy · f'(x)
//! ```
//!
//! An activation is its function and its derivative, side by side; this module makes it a layer.

use ndarray::{ArrayD, ArrayRefD, Zip};
use tensor_ops::Scalar;

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
        Zip::from(y).and(x).for_each(|y, &x| *y = self.f(x));
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
        Zip::from(dx).and(saved.x).and(saved.y).and(dy).for_each(|dx, &x, &y, &dy| *dx = dy * self.df(x, y));
    }
}
