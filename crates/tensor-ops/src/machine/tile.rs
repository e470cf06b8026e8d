//! One tile of a product, in registers.

use std::hint::black_box;

use super::lanes::{Lanes, Turn};
use super::prefetch::prefetch_line;
use super::strip::FEW_ROWS;

/// One tile: rows of `a`, a panel of `b`, and where the result goes.
pub(super) struct Tile<T> {
    pub(super) k: usize,
    pub(super) alpha: T,
    pub(super) zero: T,
    /// `a[i, p]` is at `a + i · a_row + p · a_column`.
    pub(super) a: *const T,
    pub(super) a_row: isize,
    pub(super) a_column: isize,
    /// Whether `a` lies in panels of as many rows as the largest tile has, of which a tile may read one.
    pub(super) a_packed: bool,
    /// `b[p, j]` is at `b + p · b_row + j`.
    pub(super) b: *const T,
    pub(super) b_row: isize,
    /// Columns of the tile.
    pub(super) width: usize,
    /// Whether whole vectors of `b` may be read beyond `width`.
    pub(super) b_padded: bool,
    /// Where a tile that copies `b` puts it, one whole row after the other.
    pub(super) b_copy: *mut T,
    pub(super) start: From<T>,
    pub(super) c: *mut T,
    pub(super) c_row: isize,
}

/// Rows of `b` by which a tile that copies it asks for them ahead: they may be far apart, and in no cache.
const AHEAD: isize = 16;

/// What a tile starts from.
#[derive(Clone, Copy)]
pub(super) enum From<T> {
    Nothing,
    /// One number a row, one element apart.
    Each(*const T),
    /// A factor, where the vectors of row 0 are, and how far rows lie apart.
    Vectors(T, *const T, isize),
}

impl<T: Copy> Tile<T> {
    /// Computes a tile of R rows and `width` columns.
    ///
    /// # Safety
    ///
    /// The machine has the instruction set of `L`; `width` is at most `V · L::N`; the pointers and strides reach valid
    /// elements for i < R, p < k and j < width (or j < V · L::N in `b`, if it is padded), and `c` may be written; and, to
    /// COPY `b`, so may k · V · L::N elements from `b_copy` on.
    #[inline(always)]
    pub(super) unsafe fn run<L: Lanes<Number = T>, const R: usize, const V: usize, const COPY: bool>(&self) {
        // SAFETY: passed on to the caller; whole vectors are used only where whole vectors are valid.
        unsafe {
            let whole = self.width == V * L::N;
            let mut masks = [L::mask(L::N); V];
            if !whole {
                for (v, mask) in masks.iter_mut().enumerate() {
                    *mask = L::mask(self.width.saturating_sub(v * L::N));
                }
            }
            let sums = if whole || !COPY && self.b_padded {
                self.sums::<L, R, V, false, COPY>(&masks)
            } else {
                self.sums::<L, R, V, true, COPY>(&masks)
            };
            if whole {
                self.finish::<L, R, V, false>(sums, &masks);
            } else {
                self.finish::<L, R, V, true>(sums, &masks);
            }
        }
    }

    /// The chains of all elements of the tile.
    #[inline(always)]
    unsafe fn sums<
        L: Lanes<Number = T>,
        const R: usize,
        const V: usize,
        const MASKED: bool,
        const COPY: bool,
    >(
        &self,
        masks: &[L::Mask; V],
    ) -> [[L; V]; R] {
        // SAFETY: as for `run`. A pointer steps beyond the last element by `wrapping` arithmetic and is not read there.
        unsafe {
            let mut sums = [[L::splat(self.zero); V]; R];
            // Opaque, so that the address of a row is not computed from that of the row before: such a chain of sums
            // takes longer than the arithmetic of a narrow tile.
            let rows: [*const T; R] =
                black_box(std::array::from_fn(|i| self.a.wrapping_offset(i as isize * self.a_row)));
            let (mut at, mut b, mut copy) = (0, self.b, self.b_copy);
            for _ in 0..self.k {
                let mut row = [L::splat(self.zero); V];
                for v in 0..V {
                    let from = b.wrapping_add(v * L::N);
                    row[v] = if MASKED { L::load_first(from, masks[v]) } else { L::load(from) };
                    if COPY {
                        prefetch_line(from.wrapping_offset(self.b_row.wrapping_mul(AHEAD)));
                        row[v].store(copy.wrapping_add(v * L::N));
                    }
                }
                copy = copy.wrapping_add(V * L::N);
                for (a, sums) in rows.iter().zip(&mut sums) {
                    let x = L::splat(*a.wrapping_offset(at));
                    for v in 0..V {
                        sums[v] = x.mul_add(row[v], sums[v]);
                    }
                }
                at = at.wrapping_add(self.a_column);
                b = b.wrapping_offset(self.b_row);
            }
            sums
        }
    }

    /// c ← alpha · sums + start
    #[inline(always)]
    unsafe fn finish<L: Lanes<Number = T>, const R: usize, const V: usize, const MASKED: bool>(
        &self,
        sums: [[L; V]; R],
        masks: &[L::Mask; V],
    ) {
        // SAFETY: as for `run`.
        unsafe {
            let alpha = L::splat(self.alpha);
            for (i, sums) in sums.iter().enumerate() {
                for v in 0..V {
                    let start = match self.start {
                        From::Nothing => L::splat(self.zero),
                        From::Each(at) => L::splat(*at.wrapping_add(i)),
                        From::Vectors(beta, at, stride) => {
                            let from = at.wrapping_offset(i as isize * stride).wrapping_add(v * L::N);
                            let start = if MASKED { L::load_first(from, masks[v]) } else { L::load(from) };
                            start.mul(L::splat(beta))
                        }
                    };
                    let to = self.c.wrapping_offset(i as isize * self.c_row).wrapping_add(v * L::N);
                    let sum = alpha.mul_add(sums[v], start);
                    if MASKED { sum.store_first(to, masks[v]) } else { sum.store(to) }
                }
            }
        }
    }

    /// Computes as many rows as a tile should have, of `left`, and returns how many.
    ///
    /// # Safety
    ///
    /// As for [`run`](Self::run), with `left` rows.
    #[inline(always)]
    pub(super) unsafe fn rows<L: Lanes<Number = T>, const W: usize>(
        &self,
        left: usize,
        panel: usize,
    ) -> usize {
        // SAFETY: each tile has at most `left` rows and at least `width` columns.
        unsafe {
            if panel > 2 * L::N && self.width > 2 * L::N {
                L::tile::<1, W>(self);
                return 1;
            }
            if left >= FEW_ROWS && self.a_column == 1 && self.width <= L::Half::WIDEST {
                return self.strip_of::<L::Half>(left);
            }
            // A tile of few rows takes as long as one of some more, so the last two share the rows.
            let rows = if (L::ROWS + 1..2 * L::ROWS).contains(&left) && !self.a_packed {
                left.div_ceil(2).next_multiple_of(L::STEP)
            } else {
                (left.min(L::ROWS) / L::STEP * L::STEP).max(1)
            };
            // Where half a vector takes half the time, a tile ends with one if that is enough.
            let (halves, in_one) = (self.width.div_ceil(L::Half::N), L::N / L::Half::N);
            match (halves, in_one) {
                (1, 2) => L::Half::rows::<1>(self, rows),
                (3, 2) => {
                    let (first, rest) = self.split_columns(L::N);
                    L::rows::<1>(&first, rows);
                    L::Half::rows::<1>(&rest, rows);
                }
                _ if halves > in_one && !self.b_copy.is_null() => L::copying(self),
                _ if halves > in_one => L::rows::<2>(self, rows),
                _ => L::rows::<1>(self, rows),
            }
            rows
        }
    }

    /// The first `n` columns, and the others.
    fn split_columns(&self, n: usize) -> (Tile<T>, Tile<T>) {
        let start = match self.start {
            From::Vectors(beta, at, stride) => From::Vectors(beta, at.wrapping_add(n), stride),
            start => start,
        };
        let (b, c) = (self.b.wrapping_add(n), self.c.wrapping_add(n));
        (Tile { width: n, ..*self }, Tile { width: self.width - n, b, start, c, ..*self })
    }
}
