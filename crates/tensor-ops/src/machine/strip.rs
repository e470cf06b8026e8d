//! A strip of a product: a few columns of `c`, for which a vector of columns would be nearly empty.
//!
//! Vectors run down the rows instead. Numbers that lie side by side in the rows of `a` are turned in registers, so that one
//! vector holds those of the same `p`; each is multiplied by one number of `b`. The chain of an element is that of a
//! [`Tile`].

use std::hint::black_box;
use std::ops::Range;

use super::lanes::{Lanes, MOST_LANES, Turn};
use super::tile::{From, Tile};

/// Vectors of rows side by side: with one, each sum would wait for the one before; more do not fit the registers.
const VECTORS: usize = 2;

/// Rows of `c` from which on its last columns are worth a strip,
pub(super) const STRIPS_FROM: usize = 8;
/// and rows below which, when nothing else is left, a tile does as well.
pub(super) const FEW_ROWS: usize = 4;

impl<T: Copy> Tile<T> {
    /// How many of the last columns of `width` are better left to a strip of their own.
    pub(super) fn strip_after<L: Lanes<Number = T>>(width: usize) -> usize {
        let end = width % L::Half::N;
        if end < width && end <= L::Half::WIDEST { end } else { 0 }
    }

    /// Computes up to `VECTORS · L::N` rows of `width` columns, at most `left`, and returns how many.
    ///
    /// # Safety
    ///
    /// As for [`run`](Self::run), with `left` rows, at least one, and at most `WIDEST` columns; and the columns of `a` are
    /// one element apart.
    #[inline(always)]
    pub(super) unsafe fn strip_of<L: Turn<Number = T>>(&self, left: usize) -> usize {
        let rows = left.min(VECTORS * L::N);
        // SAFETY: passed on to the caller.
        unsafe {
            match self.width {
                1 => L::strip::<1>(self, rows),
                2 if const { L::WIDEST >= 2 } => L::strip::<2>(self, rows),
                3 if const { L::WIDEST >= 3 } => L::strip::<3>(self, rows),
                4 if const { L::WIDEST >= 4 } => L::strip::<4>(self, rows),
                width => unreachable!("a strip of {width} columns"),
            }
        }
        rows
    }

    /// The same for exactly so many rows of J columns.
    ///
    /// # Safety
    ///
    /// As for [`strip_of`](Self::strip_of).
    #[inline(always)]
    pub(super) unsafe fn strip<L: Turn<Number = T>, const J: usize>(&self, rows: usize) {
        const { assert!(L::N <= MOST_LANES, "a vector is read from and written to so many numbers") };
        // SAFETY: as for `strip_of`.
        unsafe {
            let mut sums = [[L::splat(self.zero); J]; VECTORS];
            // Beyond the last row, that one again. Opaque, as in a tile.
            let row = |i: usize| self.a.wrapping_offset(i.min(rows - 1) as isize * self.a_row);
            let places: [[*const T; MOST_LANES]; VECTORS] =
                black_box(std::array::from_fn(|v| std::array::from_fn(|i| row(v * L::N + i))));
            let whole = self.k / 4 * 4;
            for p in (0..whole).step_by(4) {
                let mut a = [[L::splat(self.zero); VECTORS]; 4];
                for v in 0..VECTORS {
                    for (a, turned) in a.iter_mut().zip(L::four(&places[v], p)) {
                        a[v] = turned;
                    }
                }
                for (a, p) in a.into_iter().zip(p..) {
                    self.add::<L, J>(&mut sums, a, p);
                }
            }
            for p in whole..self.k {
                let mut a = [L::splat(self.zero); VECTORS];
                for (a, places) in a.iter_mut().zip(&places) {
                    let lanes: [T; MOST_LANES] = std::array::from_fn(|i| *places[i].wrapping_add(p));
                    *a = L::load(lanes.as_ptr());
                }
                self.add::<L, J>(&mut sums, a, p);
            }
            for (v, sums) in sums.iter().enumerate() {
                self.finish_strip(sums, v * L::N..rows.min((v + 1) * L::N));
            }
        }
    }

    /// One step of `k` for all sums.
    ///
    /// # Safety
    ///
    /// As for [`strip_of`](Self::strip_of), with p < k.
    #[inline(always)]
    unsafe fn add<L: Turn<Number = T>, const J: usize>(
        &self,
        sums: &mut [[L; J]; VECTORS],
        a: [L; VECTORS],
        p: usize,
    ) {
        for j in 0..J {
            // SAFETY: as above.
            unsafe {
                let b = L::splat(*self.b.wrapping_offset(p as isize * self.b_row).wrapping_add(j));
                for (sums, a) in sums.iter_mut().zip(a) {
                    sums[j] = a.mul_add(b, sums[j]);
                }
            }
        }
    }

    /// c ← alpha · sums + start, for rows of which each sum has one in each lane.
    ///
    /// # Safety
    ///
    /// As for [`strip_of`](Self::strip_of); there are at most as many rows as lanes.
    #[inline(always)]
    unsafe fn finish_strip<L: Turn<Number = T>, const J: usize>(&self, sums: &[L; J], rows: Range<usize>) {
        // SAFETY: as above.
        unsafe {
            for (j, sum) in sums.iter().enumerate() {
                let mut lanes = [self.zero; MOST_LANES];
                for (lane, i) in lanes.iter_mut().zip(rows.clone()) {
                    match self.start {
                        From::Nothing => {}
                        From::Each(at) => *lane = *at.wrapping_add(i),
                        From::Vectors(_, at, stride) => {
                            *lane = *at.wrapping_offset(i as isize * stride).wrapping_add(j);
                        }
                    }
                }
                let start = match self.start {
                    From::Vectors(beta, ..) => L::load(lanes.as_ptr()).mul(L::splat(beta)),
                    _ => L::load(lanes.as_ptr()),
                };
                L::splat(self.alpha).mul_add(*sum, start).store(lanes.as_mut_ptr());
                for (lane, i) in lanes.iter().zip(rows.clone()) {
                    *self.c.wrapping_offset(i as isize * self.c_row).wrapping_add(j) = *lane;
                }
            }
        }
    }
}
