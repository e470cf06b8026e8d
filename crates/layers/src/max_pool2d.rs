//! The largest value under a window.
//!
//! ```text
//! y[n, c, i, j]  = max over the window of x        window at (i s - p, j s - p), padding never counts
//! dx[n, c, a, b] = Σ of dy over the windows whose maximum is at (a, b)
//! ```
//!
//! The first of equal maxima, row by row, gets the whole gradient, as in PyTorch; to split it, or to give it to all of
//! them, would be a direction that no small step follows. A NaN in a window is its maximum.
//!
//! Ranzato, Huang, Boureau, LeCun, "Unsupervised learning of invariant feature hierarchies", 2007.

use ndarray::{ArrayD, ArrayRef1, ArrayRef4, ArrayRefD, Ix1};
use tensor_ops::{Scalar, Vectorise, pool, vectorised};

use crate::views::{dims, head, head_mut, ranked, ranked_mut, standard, with_standard_mut};
use crate::window::{Geometry, Window};
use crate::{Backprop, Cache, Error, Layer, Saved, Spec};

/// Maximum over windows of images N, C, H, W.
///
/// # Shapes
///
/// `[n, c, h, w]` to `[n, c, oh, ow]` with oh = ⌊(h + 2 padding - (kernel - 1) dilation - 1) / stride⌋ + 1, and ow
/// likewise. Cells that no window reaches are not read.
///
/// # Examples
///
/// ```
/// use layers::{Layer, MaxPool2d};
///
/// assert_eq!(MaxPool2d::new([2, 2]).output_shape(&[20, 25, 25])?, [20, 12, 12]);
/// let ceil = MaxPool2d { ceil: true, ..MaxPool2d::new([2, 2]) };
/// assert_eq!(ceil.output_shape(&[20, 25, 25])?, [20, 13, 13]);
/// # Ok::<(), layers::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxPool2d {
    /// The height and width of the window.
    pub kernel: [usize; 2],
    /// Cells from one position to the next; the kernel by default.
    pub stride: [usize; 2],
    /// Cells added on each side, which are never the maximum; 0 by default.
    pub padding: [usize; 2],
    /// Cells from one cell of the window to the next; 1 by default.
    pub dilation: [usize; 2],
    /// Whether the last window may stand over the edge, rather than be left out; false by default.
    pub ceil: bool,
}

impl MaxPool2d {
    /// Windows side by side, without padding.
    pub fn new(kernel: [usize; 2]) -> Self {
        MaxPool2d { kernel, stride: kernel, padding: [0, 0], dilation: [1, 1], ceil: false }
    }

    /// The window over inputs [c, h, w].
    ///
    /// # Errors
    ///
    /// [`Error::Option`] if an option makes no sense, [`Error::Input`] if the input does not fit.
    pub fn window(&self, input: &[usize]) -> Result<Window, Error> {
        let &MaxPool2d { kernel, stride, padding, dilation, ceil } = self;
        let window = Geometry { kernel, stride, padding, dilation, ceil }.over(self.kind(), input)?;
        check_coverage(self.kind(), &window, padding)?;
        Ok(window)
    }
}

/// Whether each position of the window holds at least one cell of the input.
pub(crate) fn check_coverage(kind: &str, window: &Window, padding: [usize; 2]) -> Result<(), Error> {
    if [window.h, window.w].iter().any(|slide| (0..slide.steps).any(|o| slide.first(o) >= slide.size)) {
        return Err(Error::option(
            kind,
            "padding",
            "that leaves a cell of the input in each window",
            padding,
        ));
    }
    Ok(())
}

/// Panics if the shapes do not fit each other and the window.
#[track_caller]
pub(crate) fn check_planes<T>(x: &ArrayRef4<T>, y: &ArrayRef4<T>, Window { h, w }: &Window) {
    let (n, c, ..) = x.dim();
    assert_eq!(x.dim(), (n, c, h.size, w.size), "pool: shape of x under this window");
    assert_eq!(y.dim(), (n, c, h.steps, w.steps), "pool: shape of y");
}

/// y ← the maximum of each window, place ← its position within the plane, row by row.
///
/// # Shapes
///
/// `x` [n, c, h, w] and `y` [n, c, oh, ow] in row-major order, `place` [n c oh ow].
///
/// # Panics
///
/// If the shapes do not fit, an array is not in row-major order, or a plane has more than 2³² - 1 cells.
#[track_caller]
pub fn max_pool2d_forward<T: Scalar>(
    x: &ArrayRef4<T>,
    window: &Window,
    y: &mut ArrayRef4<T>,
    place: &mut ArrayRef1<u32>,
) {
    let Window { h, w } = window;
    check_planes(x, y, window);
    assert_eq!(place.len(), y.len(), "max_pool2d: a place for each element of y");
    u32::try_from(h.size * w.size).expect("a plane of at most 2³² - 1 cells");
    let (plane, outputs) = (h.size * w.size, window.outputs());
    let (time, part) = (x.len(), planes_of_part(x));
    let x = x.as_slice().expect("x in row-major order").chunks(part * plane);
    let y = y.as_slice_mut().expect("y in row-major order").chunks_mut(part * outputs);
    let place = place.as_slice_mut().expect("place contiguous").chunks_mut(part * outputs);
    pool::for_each(time, x.zip(y).zip(place), |((x, y), place)| vectorised(Maxima { x, window, y, place }));
}

/// The maxima of some planes.
struct Maxima<'a, T> {
    x: &'a [T],
    window: &'a Window,
    y: &'a mut [T],
    place: &'a mut [u32],
}

impl<T: Scalar> Vectorise for Maxima<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Maxima { x, window, y, place } = self;
        let Window { h, w } = window;
        let x = x.chunks_exact(h.size * w.size);
        let planes = x.zip(y.chunks_exact_mut(window.outputs()));
        for ((x, y), place) in planes.zip(place.chunks_exact_mut(window.outputs())) {
            let lines = y.chunks_exact_mut(w.steps).zip(place.chunks_exact_mut(w.steps));
            for (o, (y, place)) in lines.enumerate() {
                match (h.side_by_side(), w.side_by_side()) {
                    (Some(2), Some(2)) => line_side_by_side::<T, 2>(x, w.size, 2 * o, y, place),
                    (Some(3), Some(3)) => line_side_by_side::<T, 3>(x, w.size, 3 * o, y, place),
                    _ => line(x, window, o, y, place),
                }
            }
        }
    }
}

/// Planes of a part. Each plane is pooled alone, so the cut changes no bit.
fn planes_of_part<T>(x: &ArrayRef4<T>) -> usize {
    (x.dim().0 * x.dim().1).div_ceil(16).max(1)
}

/// The larger of two values with their places; the first if they are equal.
///
/// Selections, not a branch: which is the larger cannot be predicted.
#[inline(always)]
fn larger<T: Scalar>((y, place): (T, u32), (v, at): (T, u32)) -> (T, u32) {
    let larger = (v > y) | v.is_nan();
    (if larger { v } else { y }, if larger { at } else { place })
}

/// Windows that are looked at together; lines are short.
const LANES: usize = 4;

/// One line of maxima under windows of K by K cells that stand side by side.
#[inline(always)]
fn line_side_by_side<T: Scalar, const K: usize>(
    x: &[T],
    width: usize,
    first_row: usize,
    y: &mut [T],
    place: &mut [u32],
) {
    let begin = first_row * width;
    let rows: [&[[T; K]]; K] = std::array::from_fn(|i| x[begin + i * width..].as_chunks().0);
    let (y, y_rest) = y.as_chunks_mut::<LANES>();
    let (place, place_rest) = place.as_chunks_mut::<LANES>();
    let whole = y.len() * LANES;
    for (j, (y, place)) in (0..).step_by(LANES).zip(y.iter_mut().zip(place)) {
        let rows = rows.map(|row| row[j..].first_chunk::<LANES>().expect("cells for each window"));
        (*y, *place) = windows_side_by_side(rows, width);
        place.iter_mut().zip((begin + j * K..).step_by(K)).for_each(|(place, at)| *place += at as u32);
    }
    for (j, (y, place)) in (whole..).zip(y_rest.iter_mut().zip(place_rest)) {
        let ([best], [at]) = windows_side_by_side(rows.map(|row| std::array::from_ref(&row[j])), width);
        (*y, *place) = (best, at + (begin + j * K) as u32);
    }
}

/// The maxima of L windows, and their places from the first cell of each. Each step is one on vectors of L numbers.
#[inline(always)]
fn windows_side_by_side<T: Scalar, const K: usize, const L: usize>(
    rows: [&[[T; K]; L]; K],
    width: usize,
) -> ([T; L], [u32; L]) {
    let mut best = rows[0].map(|cells| cells[0]);
    let mut place = [0; L];
    for (i, row) in rows.into_iter().enumerate() {
        for k in 0..K {
            let at = (i * width + k) as u32;
            let cells = row.map(|window| window[k]);
            for ((best, place), cell) in best.iter_mut().zip(&mut place).zip(cells) {
                (*best, *place) = larger((*best, *place), (cell, at));
            }
        }
    }
    (best, place)
}

/// One line of maxima under any window.
#[inline(always)]
fn line<T: Scalar>(x: &[T], Window { h, w }: &Window, o: usize, y: &mut [T], place: &mut [u32]) {
    let row = h.first(o) * w.size;
    for (o, (y, place)) in y.iter_mut().zip(&mut *place).enumerate() {
        let first = row + w.first(o);
        (*y, *place) = (x[first], first as u32);
    }
    for i in (0..h.kernel).filter_map(|k| h.cell(o, k)) {
        for k in 0..w.kernel {
            let inside = w.inside(k);
            if inside.is_empty() {
                continue;
            }
            let at = i * w.size + inside.start * w.stride + k * w.dilation - w.padding;
            let cells = x[at..].iter().step_by(w.stride);
            let line = y[inside.clone()].iter_mut().zip(&mut place[inside]).zip(cells);
            for (step, ((y, place), &v)) in line.enumerate() {
                (*y, *place) = larger((*y, *place), (v, (at + step * w.stride) as u32));
            }
        }
    }
}

/// dx ← dy at the places of the maxima, 0 elsewhere.
///
/// # Shapes
///
/// As [`max_pool2d_forward`].
///
/// # Panics
///
/// As [`max_pool2d_forward`].
#[track_caller]
pub fn max_pool2d_backward<T: Scalar>(
    place: &ArrayRef1<u32>,
    dy: &ArrayRef4<T>,
    window: &Window,
    dx: &mut ArrayRef4<T>,
) {
    check_planes(dx, dy, window);
    assert_eq!(place.len(), dy.len(), "max_pool2d: a place for each element of dy");
    let (plane, outputs) = (window.h.size * window.w.size, window.outputs());
    let (time, part) = (dx.len(), planes_of_part(dx));
    let dx = dx.as_slice_mut().expect("dx in row-major order").chunks_mut(part * plane);
    let dy = dy.as_slice().expect("dy in row-major order").chunks(part * outputs);
    let place = place.as_slice().expect("place contiguous").chunks(part * outputs);
    pool::for_each(time, dx.zip(dy).zip(place), |((dx, dy), place)| {
        let planes = dx.chunks_exact_mut(plane).zip(dy.chunks_exact(outputs));
        for ((dx, dy), place) in planes.zip(place.chunks_exact(outputs)) {
            dx.fill(T::zero());
            for (&dy, &place) in dy.iter().zip(place) {
                dx[place as usize] += dy;
            }
        }
    });
}

impl Layer for MaxPool2d {
    fn kind(&self) -> &'static str {
        "max_pool2d"
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>, Error> {
        let window = self.window(input)?;
        Ok(vec![input[0], window.h.steps, window.w.steps])
    }

    fn spec(&self) -> Option<Spec> {
        let &MaxPool2d { kernel, stride, padding, dilation, ceil } = self;
        let stride = (stride != kernel).then_some(stride);
        Some(Spec::MaxPool2d { kernel, stride, padding, dilation, ceil })
    }
}

/// The cache holds, in `indices`, the places of the maxima.
impl<T: Scalar> Backprop<T> for MaxPool2d {
    fn new_cache(&self, input: &[usize]) -> Cache<T> {
        let window = self.window(&input[1..]).expect("a shape that output_shape took");
        let places = ArrayD::zeros(vec![input[0] * input[1] * window.outputs()]);
        Cache { indices: vec![places], ..Cache::new() }
    }

    fn forward(&self, _: &[ArrayD<T>], x: &ArrayRefD<T>, y: &mut ArrayRefD<T>, cache: &mut Cache<T>) {
        let window = self.window(&x.shape()[1..]).expect("a shape that output_shape took");
        let mut places = head_mut(&mut cache.indices[0], y.len());
        let mut places = ranked_mut::<_, Ix1>(&mut places);
        with_standard_mut(y, dims::<_, 4>, |y| {
            max_pool2d_forward(&standard(x, dims::<_, 4>), &window, y, &mut places);
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
        let window = self.window(&dx.shape()[1..]).expect("a shape that output_shape took");
        let places = head(&saved.cache.indices[0], dy.len());
        with_standard_mut(dx, dims::<_, 4>, |dx| {
            max_pool2d_backward(&ranked(&places), &standard(dy, dims::<_, 4>), &window, dx);
        });
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, Array4};

    use super::*;

    fn pool(layer: MaxPool2d, x: &[f64], size: [usize; 2]) -> (Array4<f64>, Array4<f64>) {
        let window = layer.window(&[1, size[0], size[1]]).unwrap();
        let x = Array4::from_shape_vec((1, 1, size[0], size[1]), x.to_vec()).unwrap();
        let mut y = Array4::zeros((1, 1, window.h.steps, window.w.steps));
        let mut place = Array1::zeros(y.len());
        max_pool2d_forward(&x, &window, &mut y, &mut place);
        let mut dx = Array4::from_elem(x.dim(), f64::NAN);
        max_pool2d_backward(&place, &Array4::ones(y.dim()), &window, &mut dx);
        (y, dx)
    }

    #[test]
    fn max_pool_sends_the_whole_gradient_to_the_first_maximum() {
        let (y, dx) = pool(MaxPool2d::new([2, 2]), &[1.0, 3.0, 3.0, 3.0], [2, 2]);
        assert_eq!((y.sum(), dx.into_raw_vec_and_offset().0), (3.0, vec![0.0, 1.0, 0.0, 0.0]));
    }

    #[test]
    fn padding_is_never_the_maximum() {
        let layer = MaxPool2d { padding: [1, 1], ..MaxPool2d::new([2, 2]) };
        let (y, dx) = pool(layer, &[-4.0, -3.0, -2.0, f64::NEG_INFINITY], [2, 2]);
        assert_eq!(y.into_raw_vec_and_offset().0, [-4.0, -3.0, -2.0, f64::NEG_INFINITY]);
        assert_eq!(dx.into_raw_vec_and_offset().0, [1.0; 4]);
    }

    #[test]
    fn a_window_with_a_nan_gives_a_nan() {
        let (y, _) = pool(MaxPool2d::new([1, 2]), &[f64::NAN, 1.0, 1.0, f64::NAN, 1.0, 2.0], [1, 6]);
        assert!(y[[0, 0, 0, 0]].is_nan() && y[[0, 0, 0, 1]].is_nan() && y[[0, 0, 0, 2]] == 2.0);
    }

    #[test]
    fn cells_that_no_window_reaches_get_no_gradient() {
        let layer = MaxPool2d { stride: [3, 3], ..MaxPool2d::new([1, 1]) };
        let (y, dx) = pool(layer, &[1.0, 9.0, 9.0, 2.0, 9.0], [1, 5]);
        assert_eq!(y.into_raw_vec_and_offset().0, [1.0, 2.0]);
        assert_eq!(dx.into_raw_vec_and_offset().0, [1.0, 0.0, 0.0, 1.0, 0.0]);
    }

    #[test]
    fn a_window_of_nothing_but_padding_is_an_error() {
        let layer = MaxPool2d { padding: [2, 0], ..MaxPool2d::new([2, 2]) };
        let error = layer.output_shape(&[1, 4, 4]).unwrap_err().to_string();
        let expected =
            "max_pool2d: expected padding that leaves a cell of the input in each window, got [2, 0]";
        assert_eq!(error, expected);
    }
}
