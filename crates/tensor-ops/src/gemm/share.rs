//! Shares a product over threads.

use std::iter;

use ndarray::{ArrayView2, ArrayViewMut2, Axis, s};

use super::drive::{Driven, Then, depth, product, ranges};
use crate::aligned::aligned_part;
use crate::machine::{Isa, Start};
use crate::{pool, vectorised};

/// Multiply-adds that one thread does in a nanosecond: a rough guess, of the time that a product takes.
const SPEED: usize = 40;

/// Nanoseconds of a product beside which another region does not count.
const LONG: usize = 100_000;

/// c ← then(alpha · a · b + start), on as many threads as are worth it.
///
/// Each computes some rows or some columns of `c`: so that the most that one has to do is the least; else rows, if `a`
/// is a transpose, as for the gradient of a weight; else so that the factor that all of them read whole, and may pack,
/// is the smaller one. Or each computes some blocks of `k`.
pub(crate) fn shared_product<T: Driven>(
    isa: Isa,
    (alpha, a, b): (T, ArrayView2<'_, T>, ArrayView2<'_, T>),
    start: Start<'_, T>,
    mut c: ArrayViewMut2<'_, T>,
    then: Then<'_, T>,
) {
    let ((m, n), k) = (c.dim(), a.ncols());
    let time = m.saturating_mul(n).saturating_mul(k) / SPEED;
    let threads = if pool::is_worth(time) { pool::threads() } else { 1 };
    if threads == 1 {
        return product(isa, (alpha, a, b), start, c, then);
    }
    let rows_by_blocks = if alpha == T::one() { rows_for_blocks(threads, &b, &c) } else { None };
    if let Some(most) = rows_by_blocks {
        // Now, and not when a batch is the first that has so few rows.
        let mut buffers = T::buffers().take();
        aligned_part(&mut buffers.sums, sums_of_blocks::<T>(most, k, n));
        T::buffers().set(buffers);
    }
    let tiling = T::tiling(isa);
    let (rows, columns) = (m.div_ceil(tiling.rows), n.div_ceil(tiling.columns));
    let (by_rows, by_columns) = (rows.div_ceil(threads) * columns, rows * columns.div_ceil(threads));
    if rows_by_blocks.is_some_and(|most| m <= most && time >= LONG) {
        by_blocks(isa, (a, b), start, c, then, (time, threads));
    } else if by_rows < by_columns || by_rows == by_columns && (a.strides()[0] == 1 || n <= m) {
        let rows = rows.div_ceil(threads) * tiling.rows;
        let parts = a.axis_chunks_iter(Axis(0), rows).zip(c.axis_chunks_iter_mut(Axis(0), rows));
        pool::for_each(time, parts, |(a, c)| product(isa, (alpha, a, b), start, c, then));
    } else {
        let columns = columns.div_ceil(threads) * tiling.columns;
        let parts = b.axis_chunks_iter(Axis(1), columns).zip(c.axis_chunks_iter_mut(Axis(1), columns));
        pool::for_each(time, parts.enumerate(), |(part, (b, c))| {
            let start = match start {
                Start::Row(row) => Start::Row(&row[part * columns..][..c.ncols()]),
                start => start,
            };
            product(isa, (alpha, a, b), start, c, then);
        });
    }
}

/// Up to how many rows of `c` each thread should take some of the blocks of `k`, that is, some rows of `b`, if at all.
///
/// If `b` is a weight, those are the rows that the thread finds the gradients of, and updates. So no core reads what
/// another one has written, and none waits, when it writes, until another one has forgotten what it read. That is worth it
/// if the weight is large beside the copies of `c`, one for each block but the first.
fn rows_for_blocks<T: Driven>(
    threads: usize,
    b: &ArrayView2<'_, T>,
    c: &ArrayViewMut2<'_, T>,
) -> Option<usize> {
    let (k, n) = b.dim();
    let blocks = k.div_ceil(depth::<T>(k));
    let shared = blocks >= threads && blocks.is_multiple_of(threads);
    if !shared || b.strides()[1] != 1 || c.strides()[1] != 1 {
        return None;
    }
    let rows = k / 4 / (blocks - 1);
    (rows * n * k / SPEED >= LONG).then_some(rows)
}

/// Elements that [`by_blocks`] needs for the sums of blocks, and for zeros.
fn sums_of_blocks<T: Driven>(m: usize, k: usize, n: usize) -> usize {
    (k.div_ceil(depth::<T>(k)) - 1) * m * n + m
}

/// c ← then(a · b + start), a block of `k` at a time, each with a sum of its own until all are added to `c` in order.
fn by_blocks<T: Driven>(
    isa: Isa,
    (a, b): (ArrayView2<'_, T>, ArrayView2<'_, T>),
    start: Start<'_, T>,
    mut c: ArrayViewMut2<'_, T>,
    then: Then<'_, T>,
    (time, threads): (usize, usize),
) {
    let ((m, n), k) = (c.dim(), a.ncols());
    let depth = depth::<T>(k);
    let blocks = k.div_ceil(depth);
    let mut buffers = T::buffers().take();
    let mut memory = std::mem::take(&mut buffers.sums);
    T::buffers().set(buffers);

    let sums = aligned_part(&mut memory, sums_of_blocks::<T>(m, k, n));
    let (sums, zeros) = sums.split_at_mut((blocks - 1) * m * n);
    zeros.fill(-T::zero()); // to which any sum adds unchanged, even -0
    let views = sums.chunks_exact_mut(m * n).map(|sum| ArrayViewMut2::from_shape((m, n), sum));
    let views = iter::once(c.view_mut()).chain(views.map(|view| view.expect("as many elements")));
    pool::for_each_at(time, blocks, ranges(k, depth).zip(views).enumerate(), |(steps, c)| {
        let start = if steps.start == 0 { start } else { Start::Column(zeros) };
        let (a, b) = (a.slice(s![.., steps.clone()]), b.slice(s![steps, ..]));
        product(isa, (T::one(), a, b), start, c, None);
    });
    let rows = m.div_ceil(threads);
    pool::for_each(m * n * blocks / 4, c.axis_chunks_iter_mut(Axis(0), rows).enumerate(), |(part, mut c)| {
        for (i, mut row) in c.rows_mut().into_iter().enumerate() {
            let row = row.as_slice_mut().expect("columns one element apart");
            for sum in sums.chunks_exact(m * n) {
                let sum = &sum[(part * rows + i) * n..][..n];
                let to = &mut *row;
                vectorised(move || to.iter_mut().zip(sum).for_each(|(c, sum)| *c += *sum));
            }
            if let Some(then) = then {
                then(row);
            }
        }
    });

    let mut buffers = T::buffers().take();
    buffers.sums = memory;
    T::buffers().set(buffers);
}
