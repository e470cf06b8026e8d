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
    assert_eq!((x.dim().1, x.dim().2), (window.h.size, window.w.size), "im2col: shape of x");
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
        let outputs = self.window.outputs();
        for (i, cell) in cells(self.window).enumerate() {
            let rows = self.columns.get_mut(i * outputs..).unwrap_or_default();
            let rows = rows.chunks_mut(self.window.cells() * outputs);
            for (plane, row) in self.x.chunks_exact(h.size * w.size).zip(rows) {
                plane_to_row(plane, &cell, self.window, &mut row[..outputs]);
            }
        }
    }
}

/// What one cell of a window sees.
struct Cell {
    /// The rows of positions at which it is inside of the image,
    rows: Range<usize>,
    /// and the positions in such a row.
    inside: Range<usize>,
    /// Where in a plane it is at the first of them.
    first: usize,
}

impl Cell {
    fn is_outside(&self) -> bool {
        self.rows.is_empty() || self.inside.is_empty()
    }
}

/// The cells of a window, row by row.
#[inline(always)]
fn cells(Window { h, w }: &Window) -> impl Iterator<Item = Cell> {
    let start = |slide: &Slide, o: usize, k: usize| o * slide.stride + k * slide.dilation - slide.padding;
    (0..h.kernel).flat_map(move |kh| {
        let rows = h.inside(kh);
        (0..w.kernel).map(move |kw| {
            let mut cell = Cell { rows: rows.clone(), inside: w.inside(kw), first: 0 };
            if !cell.is_outside() {
                cell.first = start(h, cell.rows.start, kh) * w.size + start(w, cell.inside.start, kw);
            }
            cell
        })
    })
}

/// One row of [`im2col`]: the cells of a plane under one cell of the window.
#[inline(always)]
fn plane_to_row<T: Scalar>(plane: &[T], cell: &Cell, Window { h, w }: &Window, row: &mut [T]) {
    if cell.is_outside() {
        return row.fill(T::zero());
    }
    let Cell { rows, inside, first } = cell;
    if rows.len() < h.steps {
        row[..rows.start * w.steps].fill(T::zero());
        row[rows.end * w.steps..].fill(T::zero());
    }
    let row = &mut row[rows.start * w.steps..rows.end * w.steps];
    let cells = &plane[*first..];
    let step = h.stride * w.size;
    if w.stride == 1 {
        copy_lines(Lines { count: rows.len(), from: step, to: w.steps }, cells, row, inside.clone());
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

/// How many lines there are, at least one, and how far they lie apart where they come from and where they go.
#[derive(Clone, Copy)]
struct Lines {
    count: usize,
    from: usize,
    to: usize,
}

/// Copies lines into a range of lines.
///
/// Lines are short: they are copied as columns of whole vectors, the last of which may overlap the one before, because
/// to call the function that copies memory takes longer than to copy a line.
#[inline(always)]
fn copy_lines<T: Copy>(lines: Lines, from: &[T], to: &mut [T], range: Range<usize>) {
    match range.len() {
        8.. => copy_columns::<T, 8>(lines, from, to, range),
        4.. => copy_columns::<T, 4>(lines, from, to, range),
        _ => copy_columns::<T, 1>(lines, from, to, range),
    }
}

#[inline(always)]
fn copy_columns<T: Copy, const N: usize>(lines: Lines, from: &[T], to: &mut [T], range: Range<usize>) {
    let (mut at, last) = (0, range.len() - N);
    loop {
        let (mut from, mut to) = (&from[at..], &mut to[range.start + at..]);
        for _ in 1..lines.count {
            let (line, rest) = from.split_at(lines.from);
            let (target, others) = to.split_at_mut(lines.to);
            target[..N].copy_from_slice(&line[..N]);
            (from, to) = (rest, others);
        }
        to[..N].copy_from_slice(&from[..N]);
        if at == last {
            return;
        }
        at = last.min(at + N);
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
    assert_eq!((x.dim().1, x.dim().2), (window.h.size, window.w.size), "col2im: shape of x");
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
        let outputs = self.window.outputs();
        for (i, cell) in cells(self.window).enumerate() {
            let rows = self.columns.get(i * outputs..).unwrap_or_default();
            let rows = rows.chunks(self.window.cells() * outputs);
            for (plane, row) in self.x.chunks_exact_mut(h.size * w.size).zip(rows) {
                row_to_plane(&row[..outputs], &cell, self.window, plane);
            }
        }
    }
}

/// One row of [`col2im`], added to the cells of a plane under one cell of the window.
#[inline(always)]
fn row_to_plane<T: Scalar>(row: &[T], cell: &Cell, Window { h, w }: &Window, plane: &mut [T]) {
    if cell.is_outside() {
        return;
    }
    let Cell { rows, inside, first } = cell;
    let row = &row[rows.start * w.steps..rows.end * w.steps];
    let cells = &mut plane[*first..];
    let step = h.stride * w.size;
    if w.stride == 1 {
        add_lines(Lines { count: rows.len(), from: w.steps, to: step }, row, inside.clone(), cells);
    } else {
        for (line, cells) in row.chunks_exact(w.steps).zip(cells.chunks_mut(step)) {
            let line = &line[inside.clone()];
            cells.iter_mut().step_by(w.stride).zip(line).for_each(|(cell, x)| *cell += *x);
        }
    }
}

/// Adds a range of lines to lines, column by column of whole vectors, as [`copy_lines`] copies.
#[inline(always)]
fn add_lines<T: Scalar>(lines: Lines, from: &[T], range: Range<usize>, to: &mut [T]) {
    let mut at = range.start;
    while at < range.end {
        let (from, to) = (&from[at..], &mut to[at - range.start..]);
        at += match range.end - at {
            8.. => add_columns::<T, 8>(lines, from, to),
            4.. => add_columns::<T, 4>(lines, from, to),
            _ => add_columns::<T, 1>(lines, from, to),
        };
    }
}

/// Adds the first N elements of each line, and returns how many they are.
#[inline(always)]
fn add_columns<T: Scalar, const N: usize>(lines: Lines, from: &[T], to: &mut [T]) -> usize {
    let add = |to: &mut [T], from: &[T]| {
        let (to, from) = (&mut to[..N], &from[..N]);
        for lane in 0..N {
            to[lane] += from[lane];
        }
    };
    let (mut from, mut to) = (from, to);
    for _ in 1..lines.count {
        let (line, rest) = from.split_at(lines.from);
        let (target, others) = to.split_at_mut(lines.to);
        add(target, line);
        (from, to) = (rest, others);
    }
    add(to, from);
    N
}

#[track_caller]
fn slice<T>(x: &ArrayRef3<T>) -> &[T] {
    x.as_slice().expect("x in row-major order")
}
