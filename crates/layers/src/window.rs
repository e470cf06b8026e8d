//! A window that moves over an image: the geometry of convolutions and pools.
//!
//! ```text
//! output cell o, window cell k   reads input cell   i = o · stride + k · dilation - padding
//! steps   = ⌊(size + 2 padding - extent) / stride⌋ + 1      extent = (kernel - 1) dilation + 1
//! ```
//!
//! Cells with i outside the image are padding. Each axis goes by itself: [`Slide`] is one axis, [`Window`] both.

use std::ops::Range;

use ndarray::{ArrayRef2, ArrayRef3};
use tensor_ops::{Scalar, Vectorise, vectorised};

use crate::Error;

/// How a window moves along one axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slide {
    /// Cells of the input.
    pub size: usize,
    /// Cells of the window.
    pub kernel: usize,
    /// Input cells from one position of the window to the next.
    pub stride: usize,
    /// Cells of padding before and after the input.
    pub padding: usize,
    /// Input cells from one cell of the window to the next.
    pub dilation: usize,
    /// Positions of the window: cells of the output.
    pub steps: usize,
}

impl Slide {
    /// The input cell under cell `k` of the window at position `o`; `None` in the padding.
    pub fn cell(&self, o: usize, k: usize) -> Option<usize> {
        let i = (o * self.stride + k * self.dilation).checked_sub(self.padding)?;
        (i < self.size).then_some(i)
    }

    /// The positions at which cell `k` of the window lies on the input.
    pub fn inside(&self, k: usize) -> Range<usize> {
        let offset = k * self.dilation;
        let end = self.size + self.padding;
        // Most cells lie on the input at every position; to see that takes no division.
        if offset >= self.padding && (self.steps - 1) * self.stride + offset < end {
            return 0..self.steps;
        }
        let start = self.padding.saturating_sub(offset).div_ceil(self.stride);
        let end = end.saturating_sub(offset).div_ceil(self.stride).min(self.steps);
        start.min(end)..end
    }

    /// The first input cell in the window at position `o`; not below `size` if all of the window is padding.
    pub fn first(&self, o: usize) -> usize {
        let start = o * self.stride;
        if start >= self.padding {
            return start - self.padding;
        }
        let k = (self.padding - start).div_ceil(self.dilation);
        if k < self.kernel { start + k * self.dilation - self.padding } else { self.size }
    }

    /// The width of the window, if the positions cover the input side by side, without padding.
    pub(crate) fn side_by_side(&self) -> Option<usize> {
        let dense = self.dilation == 1 && self.padding == 0 && self.stride == self.kernel;
        (dense && self.steps * self.kernel <= self.size).then_some(self.kernel)
    }

    fn new(size: usize, steps: [usize; 4], ceil: bool) -> Option<Self> {
        let [kernel, stride, padding, dilation] = steps;
        let extent = (kernel - 1).checked_mul(dilation)?.checked_add(1)?;
        let free = padding.checked_mul(2)?.checked_add(size)?.checked_sub(extent)?;
        let mut steps = if ceil { free.div_ceil(stride) } else { free / stride } + 1;
        // As PyTorch has it: a window that begins beyond the input and its left padding is left out.
        if ceil && (steps - 1) * stride >= size + padding {
            steps -= 1;
        }
        Some(Slide { size, kernel, stride, padding, dilation, steps })
    }
}

/// How a window moves over an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Down the rows.
    pub h: Slide,
    /// Along a row.
    pub w: Slide,
}

/// The options that all windows have; (down, along) each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Geometry {
    pub(crate) kernel: [usize; 2],
    pub(crate) stride: [usize; 2],
    pub(crate) padding: [usize; 2],
    pub(crate) dilation: [usize; 2],
    pub(crate) ceil: bool,
}

impl Geometry {
    /// The window over images [c, h, w].
    ///
    /// # Errors
    ///
    /// [`Error::Option`] if an option is zero that must not be, [`Error::Input`] if the window does not fit.
    pub(crate) fn over(&self, kind: &str, input: &[usize]) -> Result<Window, Error> {
        let at_least_one = [("kernel", self.kernel), ("stride", self.stride), ("dilation", self.dilation)];
        for (option, value) in at_least_one {
            if value.contains(&0) {
                return Err(Error::option(kind, option, "of at least 1", value));
            }
        }
        let &[_, h, w] = input else { return Err(Error::input(kind, "[channels, height, width]", input)) };
        let slide = |size: usize, axis: usize| {
            let steps = [self.kernel[axis], self.stride[axis], self.padding[axis], self.dilation[axis]];
            Slide::new(size, steps, self.ceil).filter(|_| size > 0)
        };
        match (slide(h, 0), slide(w, 1)) {
            (Some(h), Some(w)) => Ok(Window { h, w }),
            _ => {
                let least = |axis: usize| {
                    let extent =
                        ((self.kernel[axis] - 1).saturating_mul(self.dilation[axis])).saturating_add(1);
                    extent.saturating_sub(self.padding[axis].saturating_mul(2)).max(1)
                };
                let expected = format!("[channels, at least {}, at least {}]", least(0), least(1));
                Err(Error::input(kind, expected, input))
            }
        }
    }
}

impl Window {
    /// Cells of one output plane.
    pub fn outputs(&self) -> usize {
        self.h.steps * self.w.steps
    }

    /// Whether the window is one cell that visits every cell of the input, in order.
    pub(crate) fn is_cell(&self) -> bool {
        [self.h, self.w].iter().all(|s| s.kernel == 1 && s.stride == 1 && s.padding == 0)
    }

    /// Cells of the window.
    pub fn cells(&self) -> usize {
        self.h.kernel * self.w.kernel
    }
}

/// columns ← the input cells under each cell of the window, one column a position.
///
/// A convolution is then one product: filters [c_out, c kh kw] times columns (Chellapilla, Puri, Simard, "High
/// performance convolutional neural networks for document processing", 2006).
///
/// # Shapes
///
/// `x` [c, h, w] and `columns` [c kh kw, oh ow], both in row-major order.
///
/// # Panics
///
/// If the shapes do not fit or an array is not in row-major order.
#[track_caller]
pub fn im2col<T: Scalar>(x: &ArrayRef3<T>, window: &Window, columns: &mut ArrayRef2<T>) {
    assert_eq!(columns.dim(), (x.dim().0 * window.cells(), window.outputs()), "im2col: shape of columns");
    let (x, columns) = (slice(x), columns.as_slice_mut().expect("columns in row-major order"));
    vectorised(ToColumns { x, window, columns });
}

struct ToColumns<'a, T> {
    x: &'a [T],
    window: &'a Window,
    columns: &'a mut [T],
}

impl<T: Scalar> Vectorise for ToColumns<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Window { h, w } = self.window;
        let mut rows = self.columns.chunks_exact_mut(self.window.outputs());
        for plane in self.x.chunks_exact(h.size * w.size) {
            for (kh, kw) in cells(self.window) {
                let row = rows.next().expect("as many rows as cells of the window");
                plane_to_row(plane, [kh, kw], self.window, row);
            }
        }
    }
}

/// The cells of a window, row by row.
#[inline(always)]
fn cells(Window { h, w }: &Window) -> impl Iterator<Item = (usize, usize)> {
    let (kh, kw) = (h.kernel, w.kernel);
    (0..kh).flat_map(move |i| (0..kw).map(move |j| (i, j)))
}

/// One row of [`im2col`]: the cells of a plane under one cell of the window.
#[inline(always)]
fn plane_to_row<T: Scalar>(plane: &[T], [kh, kw]: [usize; 2], Window { h, w }: &Window, row: &mut [T]) {
    let (rows, inside) = (h.inside(kh), w.inside(kw));
    if rows.is_empty() || inside.is_empty() {
        return row.fill(T::zero());
    }
    row[..rows.start * w.steps].fill(T::zero());
    row[rows.end * w.steps..].fill(T::zero());
    let start = |slide: &Slide, o: usize, k: usize| o * slide.stride + k * slide.dilation - slide.padding;
    let row = &mut row[rows.start * w.steps..rows.end * w.steps];
    let cells = &plane[start(h, rows.start, kh) * w.size + start(w, inside.start, kw)..];
    let step = h.stride * w.size;
    if w.stride == 1 {
        copy_lines(cells, step, row, w.steps, inside.clone());
    } else {
        for (line, cells) in row.chunks_exact_mut(w.steps).zip(cells.chunks(step)) {
            line[inside.clone()].iter_mut().zip(cells.iter().step_by(w.stride)).for_each(|(to, x)| *to = *x);
        }
    }
    if inside.len() < w.steps {
        for line in row.chunks_exact_mut(w.steps) {
            line[..inside.start].fill(T::zero());
            line[inside.end..].fill(T::zero());
        }
    }
}

/// Copies lines that lie `from_step` apart into a range of lines that lie `to_step` apart.
///
/// Lines are short: they are copied as columns of whole vectors, the last of which may overlap the one before, because
/// to call the function that copies memory takes longer than to copy a line.
#[inline(always)]
fn copy_lines<T: Copy>(from: &[T], from_step: usize, to: &mut [T], to_step: usize, range: Range<usize>) {
    if range.len() >= 8 {
        copy_columns::<T, 8>(from, from_step, to, to_step, range);
    } else if range.len() >= 4 {
        copy_columns::<T, 4>(from, from_step, to, to_step, range);
    } else {
        copy_columns::<T, 1>(from, from_step, to, to_step, range);
    }
}

#[inline(always)]
fn copy_columns<T: Copy, const N: usize>(
    from: &[T],
    from_step: usize,
    to: &mut [T],
    to_step: usize,
    range: Range<usize>,
) {
    let (lines, last) = (to.len() / to_step, range.len() - N);
    for at in (0..last).step_by(N).chain([last]) {
        let (mut i, mut o) = (at, range.start + at);
        for _ in 0..lines {
            let (Some(to), Some(from)) = (to.get_mut(o..o + N), from.get(i..i + N)) else { return };
            to.copy_from_slice(from);
            (i, o) = (i + from_step, o + to_step);
        }
    }
}

/// x ← the sum, for each input cell, of its copies in `columns`: the transpose of [`im2col`].
///
/// # Shapes
///
/// As [`im2col`].
///
/// # Panics
///
/// As [`im2col`].
#[track_caller]
pub fn col2im<T: Scalar>(columns: &ArrayRef2<T>, window: &Window, x: &mut ArrayRef3<T>) {
    assert_eq!(columns.dim(), (x.dim().0 * window.cells(), window.outputs()), "col2im: shape of columns");
    let columns = columns.as_slice().expect("columns in row-major order");
    let x = x.as_slice_mut().expect("x in row-major order");
    vectorised(FromColumns { columns, window, x });
}

struct FromColumns<'a, T> {
    columns: &'a [T],
    window: &'a Window,
    x: &'a mut [T],
}

impl<T: Scalar> Vectorise for FromColumns<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Window { h, w } = self.window;
        self.x.fill(T::zero());
        let mut rows = self.columns.chunks_exact(self.window.outputs());
        for plane in self.x.chunks_exact_mut(h.size * w.size) {
            for (kh, kw) in cells(self.window) {
                let row = rows.next().expect("as many rows as cells of the window");
                row_to_plane(row, [kh, kw], self.window, plane);
            }
        }
    }
}

/// One row of [`col2im`], added to the cells of a plane under one cell of the window.
#[inline(always)]
fn row_to_plane<T: Scalar>(row: &[T], [kh, kw]: [usize; 2], Window { h, w }: &Window, plane: &mut [T]) {
    let (rows, inside) = (h.inside(kh), w.inside(kw));
    if rows.is_empty() || inside.is_empty() {
        return;
    }
    let start = |slide: &Slide, o: usize, k: usize| o * slide.stride + k * slide.dilation - slide.padding;
    let lines = row[rows.start * w.steps..rows.end * w.steps].chunks_exact(w.steps);
    let cells = &mut plane[start(h, rows.start, kh) * w.size + start(w, inside.start, kw)..];
    for (line, cells) in lines.zip(cells.chunks_mut(h.stride * w.size)) {
        let line = &line[inside.clone()];
        if w.stride == 1 {
            add(line, &mut cells[..line.len()]);
        } else {
            cells.iter_mut().step_by(w.stride).zip(line).for_each(|(cell, x)| *cell += *x);
        }
    }
}

/// to ← to + from, for short lines.
#[inline(always)]
fn add<T: Scalar>(from: &[T], to: &mut [T]) {
    const N: usize = 8;
    let ((from, from_rest), (to, to_rest)) = (from.as_chunks::<N>(), to.as_chunks_mut::<N>());
    for (to, from) in to.iter_mut().zip(from) {
        for lane in 0..N {
            to[lane] += from[lane];
        }
    }
    to_rest.iter_mut().zip(from_rest).for_each(|(to, from)| *to += *from);
}

#[track_caller]
fn slice<T>(x: &ArrayRef3<T>) -> &[T] {
    x.as_slice().expect("x in row-major order")
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, Array3};

    use super::*;

    fn window(size: [usize; 2], geometry: [usize; 8], ceil: bool) -> Option<Window> {
        let [kh, kw, sh, sw, ph, pw, dh, dw] = geometry;
        let geometry =
            Geometry { kernel: [kh, kw], stride: [sh, sw], padding: [ph, pw], dilation: [dh, dw], ceil };
        geometry.over("test", &[1, size[0], size[1]]).ok()
    }

    #[test]
    fn ranges_agree_with_cells_one_by_one() {
        for code in 0..5 * 3 * 3 * 3 * 3 {
            let (size, kernel, stride) = (code % 5 + 1, code / 5 % 3 + 1, code / 15 % 3 + 1);
            let (padding, dilation) = (code / 45 % 3, code / 135 % 3 + 1);
            let options = [kernel, 1, stride, 1, padding, 0, dilation, 1];
            let Some(Window { h, .. }) = window([size, 1], options, false) else { continue };
            for k in 0..kernel {
                let slow: Vec<_> = (0..h.steps).filter(|o| h.cell(*o, k).is_some()).collect();
                assert_eq!(h.inside(k).collect::<Vec<_>>(), slow, "{h:?} cell {k}");
            }
            for o in 0..h.steps {
                let slow = (0..kernel).find_map(|k| h.cell(o, k));
                assert_eq!(Some(h.first(o)).filter(|i| *i < size), slow, "{h:?} position {o}");
            }
        }
    }

    #[test]
    fn col2im_is_the_transpose_of_im2col() {
        for geometry in [
            [2, 3, 1, 1, 0, 0, 1, 1],
            [3, 3, 2, 1, 1, 2, 1, 1],
            [2, 2, 3, 2, 1, 0, 2, 3],
            [1, 1, 2, 2, 0, 0, 1, 1],
            [3, 1, 1, 2, 2, 1, 2, 1], // cells of the window that never touch the image
        ] {
            let window = window([5, 6], geometry, false).unwrap();
            let shape = (2 * window.cells(), window.outputs());
            let x = Array3::from_shape_fn((2, 5, 6), |(c, i, j)| ((c * 30 + i * 6 + j) as f64).sin());
            let v = Array2::from_shape_fn(shape, |(i, j)| ((i * 7 + j) as f64).cos());
            let mut columns = Array2::from_elem(shape, f64::NAN);
            im2col(&x, &window, &mut columns);
            let mut back = Array3::from_elem((2, 5, 6), f64::NAN);
            col2im(&v, &window, &mut back);
            let (left, right) = ((&columns * &v).sum(), (&x * &back).sum());
            assert!((left - right).abs() < 1e-12, "{geometry:?}: {left} against {right}");
        }
    }

    #[test]
    fn ceil_adds_a_position_only_if_it_begins_on_the_input() {
        let steps = |size, kernel, stride, padding| {
            window([size, 1], [kernel, 1, stride, 1, padding, 0, 1, 1], true).unwrap().h.steps
        };
        assert_eq!(steps(5, 2, 2, 0), 3);
        assert_eq!(steps(4, 1, 4, 0), 1); // a second one would begin at 4, outside
        assert_eq!(steps(4, 3, 2, 1), 3);
    }

    #[test]
    fn options_that_overflow_are_an_error() {
        assert_eq!(window([4, 4], [usize::MAX, 1, 1, 1, 0, 0, 3, 1], false), None);
        assert_eq!(window([4, 4], [1, 1, 1, 1, usize::MAX, 0, 1, 1], false), None);
    }
}
