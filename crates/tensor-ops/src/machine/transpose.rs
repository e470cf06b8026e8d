//! Columns copied as rows, square by square in registers.

use super::Isa;

/// A number type whose squares the machine can transpose in registers.
pub(crate) trait Transpose: Copy {
    /// `rows[p][j]` ← `columns[j][p]`, for as many rows from the first as make whole squares; returns how many.
    ///
    /// None without the instructions for it, or if W is not a multiple of 8.
    ///
    /// # Panics
    ///
    /// If a column is shorter than the rows are many, or the machine does not have the instruction set.
    fn transpose<const W: usize>(isa: Isa, columns: &[&[Self]; W], rows: &mut [[Self; W]]) -> usize;
}

macro_rules! transpose {
    ($number:ident, $squares:ident) => {
        impl Transpose for $number {
            fn transpose<const W: usize>(isa: Isa, columns: &[&[Self]; W], rows: &mut [[Self; W]]) -> usize {
                match isa {
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx2 | Isa::Avx512 if W.is_multiple_of(8) => {
                        isa.require();
                        // SAFETY: the machine has the instructions.
                        unsafe { x86::$squares(columns, rows) }
                    }
                    _ => 0,
                }
            }
        }
    };
}

transpose!(f32, squares_of_f32);
transpose!(f64, squares_of_f64);

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use crate::aligned::LINE;

    macro_rules! squares {
        ($all:ident of $number:ident, $n:literal by $square:ident) => {
            /// [`Transpose::transpose`](super::Transpose::transpose) for a W that is a multiple of 8.
            #[target_feature(enable = "avx2")]
            pub(super) fn $all<const W: usize>(
                columns: &[&[$number]; W],
                rows: &mut [[$number; W]],
            ) -> usize {
                assert!(W.is_multiple_of($n) && columns.iter().all(|column| column.len() >= rows.len()));
                let whole = rows.len() / $n * $n;
                // What lies in one cache line of a column is read at once: columns a power of two apart would push
                // each other out.
                let line = LINE / size_of::<$number>();
                for (first, rows) in (0..).step_by(line).zip(rows[..whole].chunks_mut(line)) {
                    for j in (0..W).step_by($n) {
                        for (p, rows) in (first..).step_by($n).zip(rows.as_chunks_mut::<$n>().0) {
                            let mut from = [std::ptr::null(); $n];
                            let mut to = [std::ptr::null_mut(); $n];
                            for i in 0..$n {
                                from[i] = columns[j + i].as_ptr().wrapping_add(p);
                                to[i] = rows[i].as_mut_ptr().wrapping_add(j);
                            }
                            // SAFETY: p + $n is at most the length of each column, and j + $n at most W.
                            unsafe { $square(from, to) };
                        }
                    }
                }
                whole
            }
        };
    }

    squares!(squares_of_f32 of f32, 8 by square_of_f32);
    squares!(squares_of_f64 of f64, 4 by square_of_f64);

    /// `to[p][j]` ← `from[j][p]`
    ///
    /// # Safety
    ///
    /// Eight numbers can be read from each place, or written to it.
    #[target_feature(enable = "avx2")]
    #[inline]
    unsafe fn square_of_f32(from: [*const f32; 8], to: [*mut f32; 8]) {
        for half in [0, 4] {
            // SAFETY: the four numbers from `half` on are among the eight.
            let rows = unsafe { four_of_f32(from.map(|from| from.wrapping_add(half))) };
            for (row, to) in rows.into_iter().zip(&to[half..]) {
                // SAFETY: the caller vouches for eight numbers.
                unsafe { _mm256_storeu_ps(*to, row) };
            }
        }
    }

    /// Four vectors, `[p][j]` from `from[j][p]`.
    ///
    /// # Safety
    ///
    /// Four numbers can be read from each place, and the machine has AVX2.
    #[inline(always)]
    pub(in super::super) unsafe fn four_of_f32(from: [*const f32; 8]) -> [__m256; 4] {
        // SAFETY: passed on to the caller.
        unsafe {
            // Columns j and j + 4 are the halves of a vector: what follows does not cross them.
            let mut pairs = [_mm256_setzero_ps(); 4];
            for (j, pair) in pairs.iter_mut().enumerate() {
                *pair = _mm256_loadu2_m128(from[j + 4], from[j]);
            }
            let [a, b, c, d] = pairs;
            let (ab, cd) = (_mm256_unpacklo_ps(a, b), _mm256_unpacklo_ps(c, d));
            let (ab, cd) = (_mm256_castps_pd(ab), _mm256_castps_pd(cd));
            let (ab_high, cd_high) = (_mm256_unpackhi_ps(a, b), _mm256_unpackhi_ps(c, d));
            let (ab_high, cd_high) = (_mm256_castps_pd(ab_high), _mm256_castps_pd(cd_high));
            [
                _mm256_castpd_ps(_mm256_unpacklo_pd(ab, cd)),
                _mm256_castpd_ps(_mm256_unpackhi_pd(ab, cd)),
                _mm256_castpd_ps(_mm256_unpacklo_pd(ab_high, cd_high)),
                _mm256_castpd_ps(_mm256_unpackhi_pd(ab_high, cd_high)),
            ]
        }
    }

    /// The same for squares of four.
    ///
    /// # Safety
    ///
    /// Four numbers can be read from each place, or written to it.
    #[target_feature(enable = "avx2")]
    #[inline]
    unsafe fn square_of_f64(from: [*const f64; 4], to: [*mut f64; 4]) {
        // SAFETY: passed on to the caller.
        for (row, to) in unsafe { four_of_f64(from) }.into_iter().zip(to) {
            // SAFETY: passed on to the caller.
            unsafe { _mm256_storeu_pd(to, row) };
        }
    }

    /// The same for four places.
    ///
    /// # Safety
    ///
    /// Four numbers can be read from each place, and the machine has AVX2.
    #[inline(always)]
    pub(in super::super) unsafe fn four_of_f64(from: [*const f64; 4]) -> [__m256d; 4] {
        let two = |half| {
            let at = |j: usize| from[j].wrapping_add(half);
            // SAFETY: the two numbers from `half` on are among the four, for which the caller vouches.
            unsafe {
                let (a, b) = (_mm256_loadu2_m128d(at(2), at(0)), _mm256_loadu2_m128d(at(3), at(1)));
                [_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b)]
            }
        };
        let ([a, b], [c, d]) = (two(0), two(2));
        [a, b, c, d]
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) use x86::{four_of_f32, four_of_f64};
