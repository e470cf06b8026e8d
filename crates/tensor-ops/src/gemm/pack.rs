//! Copies of a factor in the order in which the product reads it.
//!
//! A panel holds the elements that one tile reads, one step of `k` after the other. Reading it touches each cache line
//! and each page once, in order, whatever the strides of the factor.

use ndarray::{ArrayView2, Axis};

/// Panels that are filled side by side from contiguous rows: more would push each other out of the cache.
const AT_ONCE: usize = 16;
/// Rows of a panel that are filled from contiguous columns, for all columns, before the next ones.
const ROWS: usize = 8;

/// Lays out the columns of `x` [k, n] in panels of `width` columns, each stored row by row. What pads the last one is
/// left as it was.
///
/// # Panics
///
/// If `panels` is not as long as all panels.
pub(crate) fn pack<T: Copy>(x: &ArrayView2<'_, T>, width: usize, panels: &mut [T]) {
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
    pack(x, panels);
}

/// All panels of W columns.
fn panels_of<T: Copy, const W: usize>(x: &ArrayView2<'_, T>, panels: &mut [T]) {
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
            from_columns(&x, rows);
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

/// A panel from contiguous columns, in squares of 4 by 4, which the compiler transposes in registers.
fn from_columns<T: Copy, const W: usize>(x: &ArrayView2<'_, T>, rows: &mut [[T; W]]) {
    let columns: [&[T]; W] = std::array::from_fn(|j| {
        if j < x.ncols() { x.index_axis(Axis(1), j).to_slice().unwrap_or_default() } else { &[] }
    });
    let whole = x.ncols() / 4 * 4;
    for (i, rows) in rows.chunks_mut(ROWS).enumerate() {
        let range = i * ROWS..i * ROWS + rows.len();
        for j in (0..whole).step_by(4) {
            let [a, b, c, d] = std::array::from_fn(|n| columns[j + n][range.clone()].as_chunks::<4>());
            let (squares, rest) = rows.as_chunks_mut::<4>();
            for ((((rows, a), b), c), d) in squares.iter_mut().zip(a.0).zip(b.0).zip(c.0).zip(d.0) {
                for (q, row) in rows.iter_mut().enumerate() {
                    row[j..j + 4].copy_from_slice(&[a[q], b[q], c[q], d[q]]);
                }
            }
            for (q, row) in rest.iter_mut().enumerate() {
                row[j..j + 4].copy_from_slice(&[a.1[q], b.1[q], c.1[q], d.1[q]]);
            }
        }
        for (j, column) in columns.iter().enumerate().take(x.ncols()).skip(whole) {
            for (row, x) in rows.iter_mut().zip(&column[range.clone()]) {
                row[j] = *x;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, ShapeBuilder, s};

    use super::*;

    #[test]
    fn panels_hold_the_columns_row_by_row_for_every_layout() {
        for (k, n) in [(1, 1), (5, 7), (8, 8), (9, 33), (4, 64)] {
            let x = Array2::from_shape_fn((k, n), |(p, j)| 100 * p + j);
            let turned = Array2::from_shape_fn((k, n).f(), |ij| x[ij]);
            let wide =
                Array2::from_shape_fn(
                    (2 * k, 3 * n),
                    |(p, j)| if p % 2 == 0 { 100 * (p / 2) + j / 3 } else { 0 },
                );
            for x in [x.view(), turned.view(), wide.slice(s![..;2, ..;3])] {
                for width in [4, 6, 8, 16, 32] {
                    let mut panels = vec![usize::MAX; n.next_multiple_of(width) * k];
                    pack(&x, width, &mut panels);
                    for (at, &found) in panels.iter().enumerate() {
                        let (j, p) = (at / (width * k) * width + at % width, at % (width * k) / width);
                        assert_eq!(
                            found,
                            if j < n { 100 * p + j } else { usize::MAX },
                            "[{p}, {j}] of {k}x{n}"
                        );
                    }
                }
            }
        }
    }
}
