//! Copies of a factor in the order in which the product reads it.
//!
//! A panel holds the elements that one tile reads, one step of `k` after the other. Reading it touches each cache line
//! and each page once, in order, whatever the strides of the factor.

use ndarray::{ArrayView2, Axis};

use crate::machine::{Isa, Transpose};

/// Panels that are filled side by side from contiguous rows: more would push each other out of the cache.
const AT_ONCE: usize = 16;

/// Lays out the columns of `x` [k, n] in panels of `width` columns, each stored row by row. What pads the last one
/// may be anything.
///
/// # Panics
///
/// If `panels` is not as long as all panels.
pub(crate) fn pack<T: Transpose>(isa: Isa, x: &ArrayView2<'_, T>, width: usize, panels: &mut [T]) {
    let (k, n) = x.dim();
    assert_eq!(panels.len(), n.next_multiple_of(width) * k, "pack: length of the panels");
    if k == 0 || n == 0 {
        return;
    }
    // The widths that occur, as constants: a row of a panel is then a few moves and no call.
    let pack = match width {
        4 => panels_of::<T, 4>,
        6 => panels_of::<T, 6>,
        8 => panels_of::<T, 8>,
        16 => panels_of::<T, 16>,
        32 => panels_of::<T, 32>,
        _ => unreachable!("a width without its panel function: {width}"),
    };
    pack(isa, x, panels);
}

/// All panels of W columns.
fn panels_of<T: Transpose, const W: usize>(isa: Isa, x: &ArrayView2<'_, T>, panels: &mut [T]) {
    let k = x.nrows();
    if x.strides()[1] == 1 {
        let columns = AT_ONCE * W;
        for (x, panels) in x.axis_chunks_iter(Axis(1), columns).zip(panels.chunks_mut(columns * k)) {
            from_rows::<T, W>(&x, panels);
        }
        return;
    }
    for (x, panel) in x.axis_chunks_iter(Axis(1), W).zip(panels.chunks_exact_mut(W * k)) {
        let (rows, _) = panel.as_chunks_mut::<W>();
        if x.strides()[0] == 1 {
            from_columns(isa, &x, rows);
        } else {
            for (to, row) in rows.iter_mut().zip(x.rows()) {
                for (to, x) in to.iter_mut().zip(row) {
                    *to = *x;
                }
            }
        }
    }
}

/// Panels from contiguous rows, each of which is read from start to end, as the processor foresees it.
fn from_rows<T: Copy, const W: usize>(x: &ArrayView2<'_, T>, panels: &mut [T]) {
    let k = x.nrows();
    for (p, row) in x.rows().into_iter().enumerate() {
        let (pieces, rest) = row.to_slice().unwrap_or_default().as_chunks::<W>();
        let mut panels = panels.chunks_exact_mut(W * k).map(|panel| &mut panel[p * W..][..W]);
        for (piece, to) in pieces.iter().zip(&mut panels) {
            to.copy_from_slice(piece);
        }
        if let Some(to) = panels.next() {
            to[..rest.len()].copy_from_slice(rest);
        }
    }
}

/// A panel from contiguous columns.
fn from_columns<T: Transpose, const W: usize>(isa: Isa, x: &ArrayView2<'_, T>, rows: &mut [[T; W]]) {
    let last = x.ncols() - 1;
    // The padding is a column too, so that all squares are whole.
    let columns: [&[T]; W] =
        std::array::from_fn(|j| x.index_axis(Axis(1), j.min(last)).to_slice().unwrap_or_default());
    let done = T::transpose(isa, &columns, rows);
    for (p, row) in rows.iter_mut().enumerate().skip(done) {
        for (to, column) in row.iter_mut().zip(&columns) {
            *to = column[p];
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, ShapeBuilder, s};

    use crate::Scalar;

    use super::*;

    #[test]
    fn panels_hold_the_columns_row_by_row_for_every_layout() {
        for isa in Isa::available() {
            holds_the_columns::<f32>(isa);
            holds_the_columns::<f64>(isa);
        }
    }

    fn holds_the_columns<T: Transpose + Scalar>(isa: Isa) {
        let number = |at: usize| T::from_f64(at as f64);
        for (k, n) in [(1, 1), (5, 7), (8, 8), (9, 33), (4, 64), (19, 20)] {
            let x = Array2::from_shape_fn((k, n), |(p, j)| number(100 * p + j));
            let turned = Array2::from_shape_fn((k, n).f(), |ij| x[ij]);
            let mut wide = Array2::zeros((2 * k, 3 * n));
            wide.slice_mut(s![..;2, ..;3]).assign(&x);
            for x in [x.view(), turned.view(), wide.slice(s![..;2, ..;3])] {
                for width in [4, 6, 8, 16, 32] {
                    let mut panels = vec![T::zero(); n.next_multiple_of(width) * k];
                    pack(isa, &x, width, &mut panels);
                    for (at, found) in panels.into_iter().enumerate() {
                        let (j, p) = (at / (width * k) * width + at % width, at % (width * k) / width);
                        assert!(j >= n || found == number(100 * p + j), "[{p}, {j}] of {k}x{n} by {width}");
                    }
                }
            }
        }
    }
}
