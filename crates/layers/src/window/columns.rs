//! Images as columns of what a window sees, and back.

use std::ops::Range;

use ndarray::{ArrayRef2, ArrayRef3};
use tensor_ops::{Block, Scalar};

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
    ToColumns { x, window, columns }.run();
}

struct ToColumns<'a, T> {
    x: &'a [T],
    window: &'a Window,
    columns: &'a mut [T],
}

impl<T: Scalar> ToColumns<'_, T> {
    fn run(self) {
        let ToColumns { x, window, columns } = self;
        let outputs = window.outputs();
        for (i, cell) in cells(window).enumerate() {
            if cell.is_partly_outside(window) {
                for row in columns.chunks_exact_mut(outputs).skip(i).step_by(window.cells()) {
                    row.fill(T::zero());
                }
            }
            for (block, at, to) in cell.blocks(window, x.len()) {
                block.copy(&x[at..], &mut columns[i * outputs + to..]);
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
    fn is_partly_outside(&self, Window { h, w }: &Window) -> bool {
        self.rows.len() < h.steps || self.inside.len() < w.steps
    }

    /// Blocks that are together what the cell sees, from an image of so many numbers to columns; with each, where in the
    /// image it begins, and where in the columns, from the first row of the cell on.
    #[inline(always)]
    fn blocks(&self, window: &Window, image: usize) -> impl Iterator<Item = (Block, usize, usize)> {
        let Cell { rows, inside, first } = self;
        let Window { h, w } = window;
        let (plane, row) = (h.size * w.size, window.cells() * window.outputs());
        let (planes, line) = (image / plane, h.stride * w.size);
        // With a stride, numbers of a line lie apart: each is a line of its own, and each plane a block.
        let (blocks, block) = if w.stride == 1 {
            let (from, to) = ([plane, line], [row, w.steps]);
            (1, Block { planes, lines: rows.len(), width: inside.len(), from, to })
        } else {
            let (from, to) = ([line, w.stride], [w.steps, 1]);
            (planes, Block { planes: rows.len(), lines: inside.len(), width: 1, from, to })
        };
        let blocks = if rows.is_empty() || inside.is_empty() { 0 } else { blocks };
        let (first, to) = (*first, rows.start * w.steps + inside.start);
        (0..blocks).map(move |n| (block, first + n * plane, to + n * row))
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
            if !cell.rows.is_empty() && !cell.inside.is_empty() {
                cell.first = start(h, cell.rows.start, kh) * w.size + start(w, cell.inside.start, kw);
            }
            cell
        })
    })
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
    FromColumns { columns, window, x }.run();
}

struct FromColumns<'a, T> {
    columns: &'a [T],
    window: &'a Window,
    x: &'a mut [T],
}

impl<T: Scalar> FromColumns<'_, T> {
    fn run(self) {
        let FromColumns { columns, window, x } = self;
        let outputs = window.outputs();
        x.fill(T::zero());
        for (i, cell) in cells(window).enumerate() {
            for (block, to, at) in cell.blocks(window, x.len()) {
                let block = Block { from: block.to, to: block.from, ..block };
                block.add(&columns[i * outputs + at..], &mut x[to..]);
            }
        }
    }
}

#[track_caller]
fn slice<T>(x: &ArrayRef3<T>) -> &[T] {
    x.as_slice().expect("x in row-major order")
}
