//! What the losses of one number against one number share.

use ndarray::{ArrayRef2, ArrayView2, Zip};
use tensor_ops::Scalar;

use crate::Reduction;

/// The mean or sum over all elements of `element(x, t)`, which gives a loss and its derivative by x; and dx.
///
/// All of it is computed in the accumulator's type: two f32 can be further apart than f32 reaches.
pub(crate) fn over_elements<T: Scalar>(
    reduction: Reduction,
    x: &ArrayRef2<T>,
    targets: &ArrayView2<'_, T>,
    gradient: Option<(T, &mut ArrayRef2<T>)>,
    element: impl Fn(T::Wide, T::Wide) -> (T::Wide, T::Wide),
) -> T::Wide {
    let share = T::Wide::from_f64(reduction.share(x.len() as f64));
    let mut total = T::Wide::from_f64(0.0);
    match gradient {
        None => Zip::from(x).and(targets).for_each(|x, t| total += element(x.widen(), t.widen()).0),
        Some((upstream, dx)) => {
            let scale = upstream.widen() * share;
            Zip::from(dx).and(x).and(targets).for_each(|dx, x, t| {
                let (value, slope) = element(x.widen(), t.widen());
                total += value;
                *dx = T::narrow(scale * slope);
            });
        }
    }
    total * share
}
