//! Images as columns of what a window sees, and back.

use std::ops::Range;

use ndarray::{ArrayRef2, ArrayRef3};
use tensor_ops::{Scalar, Vectorise, vectorised};

use super::{Slide, Window};

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
    let lines = &row[rows.start * w.steps..rows.end * w.steps];
    let cells = &mut plane[start(h, rows.start, kh) * w.size + start(w, inside.start, kw)..];
    let step = h.stride * w.size;
    if w.stride == 1 {
        add_lines(lines, w.steps, inside, cells, step);
    } else {
        for (line, cells) in lines.chunks_exact(w.steps).zip(cells.chunks_mut(step)) {
            let line = &line[inside.clone()];
            cells.iter_mut().step_by(w.stride).zip(line).for_each(|(cell, x)| *cell += *x);
        }
    }
}

/// Adds a range of lines that lie `from_step` apart to lines that lie `to_step` apart, column by column of whole
/// vectors, as [`copy_lines`] copies.
#[inline(always)]
fn add_lines<T: Scalar>(from: &[T], from_step: usize, range: Range<usize>, to: &mut [T], to_step: usize) {
    let lines = from.len() / from_step;
    let mut at = range.start;
    while at < range.end {
        let (from, to) = (&from[at..], &mut to[at - range.start..]);
        at += match range.end - at {
            8.. => add_columns::<T, 8>(from, from_step, to, to_step, lines),
            4.. => add_columns::<T, 4>(from, from_step, to, to_step, lines),
            _ => add_columns::<T, 1>(from, from_step, to, to_step, lines),
        };
    }
}

/// Adds the first N elements of each line, and returns how many they are.
#[inline(always)]
fn add_columns<T: Scalar, const N: usize>(
    from: &[T],
    from_step: usize,
    to: &mut [T],
    to_step: usize,
    lines: usize,
) -> usize {
    let (mut i, mut o) = (0, 0);
    for _ in 0..lines {
        let (Some(to), Some(from)) = (to.get_mut(o..o + N), from.get(i..i + N)) else { break };
        for lane in 0..N {
            to[lane] += from[lane];
        }
        (i, o) = (i + from_step, o + to_step);
    }
    N
}

#[track_caller]
fn slice<T>(x: &ArrayRef3<T>) -> &[T] {
    x.as_slice().expect("x in row-major order")
}
