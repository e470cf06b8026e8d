//! Cuts a product of any size and layout into blocks that fit the caches.
//!
//! The cuts along `k` depend on `k` and the type alone, and each block's sum is added to `c` in order; cuts along the
//! rows and columns of `c`, and the choice of what to pack, change nothing in an element's chain of operations. So an
//! element has the same bits however the product is split.

use std::cell::Cell;
use std::iter;
use std::ops::Range;
use std::thread::LocalKey;

use ndarray::{Array2, ArrayBase, ArrayView2, ArrayViewMut2, Axis, Ix2, RawData, Slice};

use super::pack::pack;
use crate::aligned::aligned_part;
use crate::machine::{Isa, Kernel, Left, Product, Right, Start, Tiling};

/// A float for which there are kernels and, in each thread, buffers for packed panels.
pub(crate) trait Driven: Kernel {
    /// The most rows of a block of `b`: a panel of them stays in the nearest caches, and of 512 rows each of two
    /// threads gets a block.
    const DEPTH: usize;
    /// The calling thread's buffers, which stay.
    fn buffers() -> &'static LocalKey<Cell<Buffers<Self>>>;
}

/// Memory for copies.
#[derive(Debug, Default)]
pub(crate) struct Buffers<T> {
    /// A packed block of `a`, one of `b`, and columns of `c` one after the other: each as long as any product needs from the
    /// first one on, because how large the blocks of a product are depends on how it is shared. What is never written takes
    /// no memory.
    a: Vec<T>,
    b: Vec<T>,
    c: Vec<T>,
    /// The sums of blocks of `k`.
    pub(super) sums: Vec<T>,
}

macro_rules! driven {
    ($float:ident, $depth:literal) => {
        impl Driven for $float {
            const DEPTH: usize = $depth;
            fn buffers() -> &'static LocalKey<Cell<Buffers<$float>>> {
                thread_local!(static BUFFERS: Cell<Buffers<$float>> = const {
                    Cell::new(Buffers { a: Vec::new(), b: Vec::new(), c: Vec::new(), sums: Vec::new() })
                });
                &BUFFERS
            }
        }
    };
}

driven!(f32, 500);
driven!(f64, 256);

/// Bytes of a block of `a`, which stays in the second-level cache.
const BLOCK_A: usize = 256 * 1024;
/// Columns of a block of `b`.
const BLOCK_N: usize = 1024;

/// Steps of `k` and columns of `c` above which `a` is packed even if it could be read in place.
const PACK_A_ABOVE: (usize, usize) = (64, 255);
/// Bytes from one row of `b` to the next from which on the rows of a panel push each other out of the nearest cache.
const FAR: usize = 1024;
/// Tiles in a column of `c` from which on a panel of `b` that is read slowly is worth a copy,
const COPIED_FOR: usize = 4;
/// and rows of `c` above which a `b` whose rows are far apart is packed.
const PACKED_ABOVE: usize = 64;

/// What is done with elements of `c`, if anything, once they are computed.
pub(crate) type Then<'a, T> = Option<&'a (dyn Fn(&mut [T]) + Sync)>;

/// How tiles read `b`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// Where it lies.
    InPlace,
    /// Where it lies for the first tile of a panel, which copies it for the others.
    Copied,
    /// Packed, row by row, as the processor foresees it.
    Packed,
}

impl Reading {
    /// For `m` rows of `c`, in blocks of at most `rows`.
    fn of<T>(b: &ArrayView2<'_, T>, m: usize, rows: usize, tiling: Tiling) -> Self {
        if b.ncols() > 1 && b.strides()[1] != 1 {
            return Reading::Packed;
        }
        if m < COPIED_FOR * tiling.rows {
            return Reading::InPlace;
        }
        let apart = b.strides()[0].unsigned_abs().saturating_mul(size_of::<T>());
        let vector = tiling.columns / 2 * size_of::<T>(); // a power of two
        let across_lines = (apart | b.as_ptr().addr()) & (vector - 1) != 0;
        let far = apart >= FAR;
        if m > rows && (across_lines || far) || m > PACKED_ABOVE && far {
            Reading::Packed
        } else if across_lines || far {
            Reading::Copied
        } else {
            Reading::InPlace
        }
    }
}

/// c ← then(alpha · a · b + start), for `c` of any layout.
pub(crate) fn product<T: Driven>(
    isa: Isa,
    (alpha, a, b): (T, ArrayView2<'_, T>, ArrayView2<'_, T>),
    start: Start<'_, T>,
    mut c: ArrayViewMut2<'_, T>,
    then: Then<'_, T>,
) {
    let (m, n) = c.dim();
    if m == 0 || n == 0 {
        return;
    }
    if n == 1 || c.strides()[1] == 1 {
        let mut buffers = T::buffers().take();
        let may_turn = then.is_none() && a.strides()[0] == 1 && start.is_of_elements();
        match if may_turn { T::tiling(isa).last_columns(m, n) } else { None } {
            Some(end) => {
                let (b, b_end) = b.split_at(Axis(1), n - end);
                let (c, c_end) = c.split_at(Axis(1), n - end);
                blocks(isa, (alpha, a, b), start, c, then, &mut buffers);
                turned(isa, (alpha, a, b_end), start, c_end, &mut buffers);
            }
            None => blocks(isa, (alpha, a, b), start, c, then, &mut buffers),
        }
        T::buffers().set(buffers);
    } else if m == 1 || c.strides()[0] == 1 {
        let start = match start {
            Start::Row(row) => Start::Column(row),
            Start::Column(column) => Start::Row(column),
            start => start,
        };
        product(isa, (alpha, b.reversed_axes(), a.reversed_axes()), start, c.reversed_axes(), then);
    } else {
        let mut contiguous = Array2::default((m, n));
        contiguous.assign(&c);
        product(isa, (alpha, a, b), start, contiguous.view_mut(), then);
        c.assign(&contiguous);
    }
}

/// Steps of k in each block, but for the last one, which may have fewer. One block, or an even number unless rounding up
/// leaves nothing for the last, so that two threads may have as many.
pub(super) fn depth<T: Driven>(k: usize) -> usize {
    match k.div_ceil(T::DEPTH) {
        0 | 1 => k.max(1),
        blocks => k.div_ceil(blocks.next_multiple_of(2)),
    }
}

/// The same for a `c` whose columns are one element apart.
fn blocks<T: Driven>(
    isa: Isa,
    (alpha, a, b): (T, ArrayView2<'_, T>, ArrayView2<'_, T>),
    start: Start<'_, T>,
    mut c: ArrayViewMut2<'_, T>,
    then: Then<'_, T>,
    buffers: &mut Buffers<T>,
) {
    let ((m, n), k) = (c.dim(), a.ncols());
    let tiling = T::tiling(isa);
    let depth = depth::<T>(k);
    let rows = (BLOCK_A / size_of::<T>() / depth / tiling.rows).max(1) * tiling.rows;
    // A factor whose `k` runs down a column is read in order only when packed; with a short `k` it stays in the cache
    // anyway.
    let pack_a = a.strides()[1] != 1 && k > PACK_A_ABOVE.0 && n > PACK_A_ABOVE.1;
    let reading = Reading::of(&b, m, rows, tiling);
    for columns in ranges(n, BLOCK_N) {
        for steps in ranges(k.max(1), depth) {
            let (last, steps) = (steps.end >= k, steps.start..steps.end.min(k));
            let b = part(b, &steps, &columns);
            let room = match reading {
                Reading::InPlace => &mut [],
                _ => aligned_part(&mut buffers.b, BLOCK_N * T::DEPTH),
            };
            let (b, room) = if reading == Reading::Packed {
                let panels = &mut room[..columns.len().next_multiple_of(tiling.columns) * steps.len()];
                pack(isa, &b, tiling.columns, panels);
                (Right::Packed(panels, b.dim()), &mut [][..])
            } else {
                (Right::View(b), room)
            };
            for rows in ranges(m, rows) {
                let a = part(a, &rows, &steps);
                let a = if pack_a {
                    let panels = rows.len().next_multiple_of(tiling.rows) * steps.len();
                    let panels = &mut aligned_part(&mut buffers.a, BLOCK_A / size_of::<T>())[..panels];
                    pack(isa, &a.t(), tiling.rows, panels);
                    Left::Packed(panels, a.dim())
                } else {
                    Left::View(a)
                };
                let mut c = part_mut(&mut c, &rows, &columns);
                let start = match start {
                    _ if steps.start > 0 => Start::Scaled(T::one()),
                    Start::Row(row) => Start::Row(&row[columns.clone()]),
                    Start::Column(column) => Start::Column(&column[rows]),
                    start => start,
                };
                T::product(isa, Product { alpha, a, b: b.reborrow(), room, start, c: c.view_mut() });
                if let (Some(then), true) = (then, last) {
                    in_pieces(&mut c, then);
                }
            }
        }
    }
}

/// The same for a few columns of `c`, as rows of cᵀ ← alpha · bᵀ · aᵀ + start, by way of a copy.
fn turned<T: Driven>(
    isa: Isa,
    (alpha, a, b): (T, ArrayView2<'_, T>, ArrayView2<'_, T>),
    start: Start<'_, T>,
    mut c: ArrayViewMut2<'_, T>,
    buffers: &mut Buffers<T>,
) {
    let (m, n) = c.dim();
    let mut memory = std::mem::take(&mut buffers.c);
    let most = T::tiling(isa).most_last_columns() * BLOCK_N;
    for part_of_m in ranges(m, BLOCK_N) {
        let a = part(a, &part_of_m, &(0..a.ncols()));
        let mut c = part_mut(&mut c, &part_of_m, &(0..n));
        let rows = &mut aligned_part(&mut memory, most)[..n * part_of_m.len()];
        let mut rows = ArrayViewMut2::from_shape((n, part_of_m.len()), rows).expect("as many elements");
        if let Start::Scaled(_) = start {
            rows.outer_iter_mut().zip(c.columns()).for_each(|(mut row, column)| row.assign(&column));
        }
        blocks(isa, (alpha, b.reversed_axes(), a.reversed_axes()), start, rows.view_mut(), None, buffers);
        c.columns_mut().into_iter().zip(rows.rows()).for_each(|(mut column, row)| column.assign(&row));
    }
    buffers.c = memory;
}

/// 0..n in ranges of `step`, the last one shorter.
pub(super) fn ranges(n: usize, step: usize) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    iter::from_fn(move || {
        let range = start..n.min(start + step);
        start = range.end;
        (!range.is_empty()).then_some(range)
    })
}

/// Some rows and columns.
fn part<'x, T>(mut x: ArrayView2<'x, T>, rows: &Range<usize>, columns: &Range<usize>) -> ArrayView2<'x, T> {
    cut(&mut x, [rows, columns]);
    x
}

fn part_mut<'x, T>(
    x: &'x mut ArrayViewMut2<'_, T>,
    rows: &Range<usize>,
    columns: &Range<usize>,
) -> ArrayViewMut2<'x, T> {
    let mut x = x.view_mut();
    cut(&mut x, [rows, columns]);
    x
}

/// Keeps these rows and columns of a view. An axis that is not cut is left alone: that a slice is one takes as long to find
/// out as the smallest products.
fn cut<S: RawData>(x: &mut ArrayBase<S, Ix2>, ranges: [&Range<usize>; 2]) {
    for (axis, range) in ranges.into_iter().enumerate() {
        if range.len() < x.len_of(Axis(axis)) {
            x.slice_axis_inplace(Axis(axis), Slice::from(range.clone()));
        }
    }
}

/// Calls `f` with all of `c`, whose columns are one element apart, in as few pieces as its layout allows.
fn in_pieces<T>(c: &mut ArrayViewMut2<'_, T>, f: &dyn Fn(&mut [T])) {
    if let Some(all) = c.as_slice_mut() {
        return f(all);
    }
    for mut row in c.rows_mut() {
        if let Some(row) = row.as_slice_mut() {
            f(row);
        }
    }
}
