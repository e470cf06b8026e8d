//! Copies of a factor in the order in which the product reads it.
//!
//! A panel holds the elements that one tile reads, one step of `k` after the other. Reading it touches each cache line
//! and each page once, in order, whatever the strides of the factor.

use ndarray::{ArrayView2, Axis, s};

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
        4 => panel::<T, 4>,
        6 => panel::<T, 6>,
        8 => panel::<T, 8>,
        16 => panel::<T, 16>,
        32 => panel::<T, 32>,
        _ => unreachable!("a width without its panel function: {width}"),
    };
    for (j, panel) in panels.chunks_exact_mut(width * k).enumerate() {
        pack(&x.slice(s![.., j * width..n.min((j + 1) * width)]), panel);
    }
}

/// One panel of at most W columns.
fn panel<T: Copy, const W: usize>(x: &ArrayView2<'_, T>, panel: &mut [T]) {
    let (rows, _) = panel.as_chunks_mut::<W>();
    if x.strides()[1] == 1 && x.ncols() == W {
        for (to, row) in rows.iter_mut().zip(x.rows()) {
            if let Some(row) = row.to_slice().and_then(|row| row.first_chunk()) {
                *to = *row;
            }
        }
    } else if x.strides()[0] == 1 {
        transpose(x, rows);
    } else {
        for (to, row) in rows.iter_mut().zip(x.rows()) {
            for (to, x) in to.iter_mut().zip(row) {
                *to = *x;
            }
        }
    }
}

/// A panel from contiguous columns, in squares of 4 by 4, which the compiler transposes in registers.
fn transpose<T: Copy, const W: usize>(x: &ArrayView2<'_, T>, rows: &mut [[T; W]]) {
    let whole = x.ncols() / 4 * 4;
    for j in (0..whole).step_by(4) {
        let columns: [&[T]; 4] =
            std::array::from_fn(|i| x.index_axis(Axis(1), j + i).to_slice().unwrap_or_default());
        let [a, b, c, d] = columns.map(|column| column.as_chunks::<4>().0);
        let (squares, rest) = rows.as_chunks_mut::<4>();
        for ((((rows, a), b), c), d) in squares.iter_mut().zip(a).zip(b).zip(c).zip(d) {
            for (q, row) in rows.iter_mut().enumerate() {
                row[j..j + 4].copy_from_slice(&[a[q], b[q], c[q], d[q]]);
            }
        }
        let done = x.nrows() - rest.len();
        for (p, row) in rest.iter_mut().enumerate() {
            row[j..j + 4].copy_from_slice(&columns.map(|column| column[done + p]));
        }
    }
    for j in whole..x.ncols() {
        for (row, x) in rows.iter_mut().zip(x.column(j)) {
            row[j] = *x;
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, ShapeBuilder};

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
