//! Images as columns of what a window sees, and back.

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
    let outputs = window.outputs();
    let x = x.as_slice().expect("x in row-major order");
    let columns = columns.as_slice_mut().expect("columns in row-major order");
    for_each_cell(window, x.len(), |row, cell| {
        if cell.is_partly_outside {
            for row in columns.chunks_exact_mut(outputs).skip(row).step_by(window.cells()) {
                row.fill(T::zero());
            }
        }
        cell.for_each_block(|block, at, to| block.copy(&x[at..], &mut columns[row * outputs + to..]));
    });
}

/// What one cell of a window sees, in all planes of an image.
struct Cell {
    is_partly_outside: bool,
    /// Blocks from the image to the columns: none, one, or one a plane.
    count: usize,
    block: Block,
    /// Where the first one begins in the image, and in the columns from the first row of the cell on,
    first: [usize; 2],
    /// and how far the others are from it.
    step: [usize; 2],
}

impl Cell {
    /// Calls `f` with each block, and where it begins in the image and in the columns.
    fn for_each_block(&self, mut f: impl FnMut(&Block, usize, usize)) {
        for n in 0..self.count {
            f(&self.block, self.first[0] + n * self.step[0], self.first[1] + n * self.step[1]);
        }
    }
}

/// Calls `f` with the number of each cell of the window, row by row, and what it sees of an image of so many numbers.
fn for_each_cell(window: &Window, image: usize, mut f: impl FnMut(usize, &Cell)) {
    let Window { h, w } = window;
    let step = [h.size * w.size, window.cells() * window.outputs()];
    let (planes, line) = (image / step[0], h.stride * w.size);
    let start = |slide: &Slide, o: usize, k: usize| o * slide.stride + k * slide.dilation - slide.padding;
    for kh in 0..h.kernel {
        let rows = h.inside(kh);
        for kw in 0..w.kernel {
            let inside = w.inside(kw);
            let is_partly_outside = rows.len() < h.steps || inside.len() < w.steps;
            let mut cell = Cell { is_partly_outside, count: 0, block: Block::default(), first: [0, 0], step };
            if !rows.is_empty() && !inside.is_empty() {
                let at = start(h, rows.start, kh) * w.size + start(w, inside.start, kw);
                cell.first = [at, rows.start * w.steps + inside.start];
                // With a stride, numbers of a line lie apart: each is a line of its own, and each plane a block.
                (cell.count, cell.block) = if w.stride == 1 {
                    let (from, to) = ([step[0], line], [step[1], w.steps]);
                    (1, Block { planes, lines: rows.len(), width: inside.len(), from, to })
                } else {
                    let (from, to) = ([line, w.stride], [w.steps, 1]);
                    (planes, Block { planes: rows.len(), lines: inside.len(), width: 1, from, to })
                };
            }
            f(kh * w.kernel + kw, &cell);
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
    assert_eq!((x.dim().1, x.dim().2), (window.h.size, window.w.size), "col2im: shape of x");
    let outputs = window.outputs();
    let columns = columns.as_slice().expect("columns in row-major order");
    let x = x.as_slice_mut().expect("x in row-major order");
    x.fill(T::zero());
    for_each_cell(window, x.len(), |row, cell| {
        cell.for_each_block(|block, to, at| {
            let back = Block { from: block.to, to: block.from, ..*block };
            back.add(&columns[row * outputs + at..], &mut x[to..]);
        });
    });
}
