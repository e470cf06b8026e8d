//! Vectors of numbers: one type for each instruction set, with the few operations that a product needs.

use super::tile::Tile;

/// A vector register's worth of numbers.
///
/// # Safety
///
/// Every method may be called only on a machine that has the type's instruction set.
pub(super) unsafe trait Lanes: Copy {
    /// The number in each lane.
    type Number: Copy + PartialEq;
    /// Which lanes a partial load or store touches.
    type Mask: Copy;
    /// The vector of half as many numbers, if the machine computes with it in half the time; else this one.
    type Half: Turn<Number = Self::Number>;
    /// Numbers in a vector.
    const N: usize;
    /// Rows of the largest tile: with two vectors a row, their sums and what they are computed from fill the registers.
    const ROWS: usize;
    /// A tile has one row, or a multiple of so many: each size takes time to compile.
    const STEP: usize;

    unsafe fn splat(x: Self::Number) -> Self;
    /// Reads `N` numbers, at any alignment.
    unsafe fn load(from: *const Self::Number) -> Self;
    /// Writes `N` numbers, at any alignment.
    unsafe fn store(self, to: *mut Self::Number);
    /// The first `count` lanes; all if `count` is `N` or more.
    unsafe fn mask(count: usize) -> Self::Mask;
    /// Reads the lanes of the mask and touches no other memory; the other lanes are 0.
    unsafe fn load_first(from: *const Self::Number, mask: Self::Mask) -> Self;
    /// Writes the lanes of the mask and touches no other memory.
    unsafe fn store_first(self, to: *mut Self::Number, mask: Self::Mask);
    /// self · b + c, rounded once where the machine can.
    unsafe fn mul_add(self, b: Self, c: Self) -> Self;
    unsafe fn mul(self, b: Self) -> Self;
    /// [`Tile::run`], compiled for the instruction set.
    unsafe fn tile<const R: usize, const V: usize>(tile: &Tile<Self::Number>);
    /// The same for the largest tile, which copies `b`.
    unsafe fn copying(tile: &Tile<Self::Number>);
    /// [`tile`](Self::tile) for a number of rows that is known late: 1, or a multiple of `STEP` up to `ROWS`.
    unsafe fn rows<const V: usize>(tile: &Tile<Self::Number>, rows: usize);
}

/// [`Lanes::rows`] by tiles of these numbers of rows.
macro_rules! by_rows {
    ($number:ident: $($rows:literal)+) => {
        #[inline(always)]
        unsafe fn rows<const V: usize>(tile: &Tile<$number>, rows: usize) {
            // SAFETY: passed on to the caller.
            unsafe {
                match rows {
                    $($rows => Self::tile::<$rows, V>(tile),)+
                    _ => unreachable!("a tile of {rows} rows"),
                }
            }
        }
    };
}

/// The most lanes of a vector that runs down the rows of a matrix.
pub(super) const MOST_LANES: usize = 8;

/// Vectors down the rows of a matrix, of `MOST_LANES` numbers at most.
///
/// # Safety
///
/// As [`Lanes`].
pub(super) unsafe trait Turn: Lanes {
    /// The most columns for which this takes less time than a vector of columns, at most 4.
    const WIDEST: usize;

    /// Four vectors: lane i of the p-th is the p-th number from place i on, of `N` places or more.
    unsafe fn four(places: &[*const Self::Number; MOST_LANES], from: usize) -> [Self; 4];
    /// [`Tile::strip`], compiled for the instruction set.
    unsafe fn strip<const J: usize>(tile: &Tile<Self::Number>, rows: usize);
}

/// A vector of numbers for any processor: plain arithmetic, which the compiler turns into what the target has.
#[derive(Clone, Copy)]
pub(super) struct Plain<T, const N: usize>([T; N]);

macro_rules! plain {
    ($number:ident, $n:literal) => {
        // SAFETY: no instruction set is needed.
        unsafe impl Lanes for Plain<$number, $n> {
            type Number = $number;
            type Mask = usize;
            type Half = Self;
            const N: usize = $n;
            const ROWS: usize = 6;
            const STEP: usize = 2;

            #[inline(always)]
            unsafe fn splat(x: $number) -> Self {
                Plain([x; $n])
            }
            #[inline(always)]
            unsafe fn load(from: *const $number) -> Self {
                // SAFETY: the caller vouches for N numbers.
                Plain(unsafe { from.cast::<[$number; $n]>().read_unaligned() })
            }
            #[inline(always)]
            unsafe fn store(self, to: *mut $number) {
                // SAFETY: the caller vouches for N numbers.
                unsafe { to.cast::<[$number; $n]>().write_unaligned(self.0) }
            }
            #[inline(always)]
            unsafe fn mask(count: usize) -> usize {
                count.min($n)
            }
            #[inline(always)]
            unsafe fn load_first(from: *const $number, count: usize) -> Self {
                let mut lanes = [0.0; $n];
                for (i, lane) in lanes.iter_mut().enumerate().take(count) {
                    // SAFETY: the caller vouches for the first `count` numbers.
                    *lane = unsafe { from.add(i).read() };
                }
                Plain(lanes)
            }
            #[inline(always)]
            unsafe fn store_first(self, to: *mut $number, count: usize) {
                for (i, lane) in self.0.into_iter().enumerate().take(count) {
                    // SAFETY: the caller vouches for the first `count` numbers.
                    unsafe { to.add(i).write(lane) };
                }
            }
            #[inline(always)]
            unsafe fn mul_add(self, b: Self, c: Self) -> Self {
                // Without the instruction a fused operation would be a call of a slow function.
                Plain(std::array::from_fn(|i| {
                    if cfg!(any(target_arch = "aarch64", target_feature = "fma")) {
                        self.0[i].mul_add(b.0[i], c.0[i])
                    } else {
                        self.0[i] * b.0[i] + c.0[i]
                    }
                }))
            }
            #[inline(always)]
            unsafe fn mul(self, b: Self) -> Self {
                Plain(std::array::from_fn(|i| self.0[i] * b.0[i]))
            }
            unsafe fn tile<const R: usize, const V: usize>(tile: &Tile<$number>) {
                // SAFETY: passed on to the caller.
                unsafe { tile.run::<Self, R, V, false>() }
            }
            #[inline(never)] // wherever it may be called it would be compiled again
            unsafe fn copying(tile: &Tile<$number>) {
                // SAFETY: passed on to the caller.
                unsafe { tile.run::<Self, 6, 2, true>() }
            }
            by_rows!($number: 6 4 2 1);
        }

        // SAFETY: no instruction set is needed.
        unsafe impl Turn for Plain<$number, $n> {
            const WIDEST: usize = $n - 1;

            #[inline(always)]
            unsafe fn four(places: &[*const $number; MOST_LANES], from: usize) -> [Self; 4] {
                // SAFETY: the caller vouches for four numbers at each place.
                std::array::from_fn(|p| {
                    Plain(std::array::from_fn(|i| unsafe { *places[i].wrapping_add(from + p) }))
                })
            }
            #[inline(never)]
            unsafe fn strip<const J: usize>(tile: &Tile<$number>, rows: usize) {
                // SAFETY: passed on to the caller.
                unsafe { tile.strip::<Self, J>(rows) }
            }
        }
    };
}

plain!(f32, 4);
plain!(f64, 2);

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::super::transpose::{four_of_f32, four_of_f64};
    use super::{Lanes, MOST_LANES, Tile, Turn};

    /// Eight or four set elements, then as many clear ones: a mask begins within.
    static EDGE_32: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
    static EDGE_64: [i64; 8] = [-1, -1, -1, -1, 0, 0, 0, 0];

    macro_rules! x86 {
        (
            $name:ident($vector:ident) of $n:literal $number:ident, half $half:ident, rows $most_rows:literal $($rows:literal)+ step $step:literal, $features:literal, $splat:ident $load:ident $store:ident $fma:ident $mul:ident
            mask $mask:ident ($count:ident) $make_mask:expr;
            load $from:ident $mf:ident $load_first:expr;
            store $v:ident $to:ident $mt:ident $store_first:expr
        ) => {
            #[derive(Clone, Copy)]
            pub(in super::super) struct $name($vector);

            // SAFETY: each intrinsic needs the instruction set, which callers of the trait vouch for; the memory is
            // theirs to vouch for too.
            unsafe impl Lanes for $name {
                type Number = $number;
                type Mask = $mask;
                type Half = $half;
                const N: usize = $n;
                const ROWS: usize = $most_rows;
                const STEP: usize = $step;

                #[inline(always)]
                unsafe fn splat(x: $number) -> Self {
                    // SAFETY: as above.
                    $name(unsafe { $splat(x) })
                }
                #[inline(always)]
                unsafe fn load(from: *const $number) -> Self {
                    // SAFETY: as above.
                    $name(unsafe { $load(from) })
                }
                #[inline(always)]
                unsafe fn store(self, to: *mut $number) {
                    // SAFETY: as above.
                    unsafe { $store(to, self.0) }
                }
                #[inline(always)]
                unsafe fn mask(count: usize) -> $mask {
                    let $count = count.min($n);
                    // SAFETY: as above; with `count` at most N the table is not left.
                    #[allow(unused_unsafe, clippy::allow_attributes)]
                    unsafe {
                        $make_mask
                    }
                }
                #[inline(always)]
                unsafe fn load_first($from: *const $number, $mf: $mask) -> Self {
                    // SAFETY: as above; masked lanes are not read.
                    $name(unsafe { $load_first })
                }
                #[inline(always)]
                unsafe fn store_first(self, $to: *mut $number, $mt: $mask) {
                    let $v = self.0;
                    // SAFETY: as above; masked lanes are not written.
                    unsafe { $store_first }
                }
                #[inline(always)]
                unsafe fn mul_add(self, b: Self, c: Self) -> Self {
                    // SAFETY: as above.
                    $name(unsafe { $fma(self.0, b.0, c.0) })
                }
                #[inline(always)]
                unsafe fn mul(self, b: Self) -> Self {
                    // SAFETY: as above.
                    $name(unsafe { $mul(self.0, b.0) })
                }
                #[target_feature(enable = $features)]
                unsafe fn tile<const R: usize, const V: usize>(tile: &Tile<$number>) {
                    // SAFETY: passed on to the caller.
                    unsafe { tile.run::<Self, R, V, false>() }
                }
                #[target_feature(enable = $features)]
                unsafe fn copying(tile: &Tile<$number>) {
                    // SAFETY: passed on to the caller.
                    unsafe { tile.run::<Self, $most_rows, 2, true>() }
                }
                by_rows!($number: $most_rows $($rows)+);
            }
        };
    }

    macro_rules! turn {
        ($name:ident of $number:ident, $features:literal, $four:ident) => {
            // SAFETY: as for `Lanes`.
            unsafe impl Turn for $name {
                const WIDEST: usize = Self::N / 2;

                #[inline(always)]
                unsafe fn four(places: &[*const $number; MOST_LANES], from: usize) -> [Self; 4] {
                    // SAFETY: passed on to the caller.
                    let [a, b, c, d] =
                        unsafe { $four(std::array::from_fn(|i| places[i].wrapping_add(from))) };
                    [$name(a), $name(b), $name(c), $name(d)]
                }
                #[target_feature(enable = $features)]
                unsafe fn strip<const J: usize>(tile: &Tile<$number>, rows: usize) {
                    // SAFETY: passed on to the caller.
                    unsafe { tile.strip::<Self, J>(rows) }
                }
            }
        };
    }

    /// The same for a vector that differs from another one in its masks alone, by the strips of that one.
    macro_rules! turn_as {
        ($name:ident of $number:ident, $other:ident) => {
            // SAFETY: who has the instruction set of this one has that of the other one.
            unsafe impl Turn for $name {
                const WIDEST: usize = $other::WIDEST;

                #[inline(always)]
                unsafe fn four(places: &[*const $number; MOST_LANES], from: usize) -> [Self; 4] {
                    // SAFETY: passed on to the caller.
                    let [a, b, c, d] = unsafe { $other::four(places, from) };
                    [$name(a.0), $name(b.0), $name(c.0), $name(d.0)]
                }
                #[inline(always)]
                unsafe fn strip<const J: usize>(tile: &Tile<$number>, rows: usize) {
                    // SAFETY: passed on to the caller.
                    unsafe { $other::strip::<J>(tile, rows) }
                }
            }
        };
    }

    x86!(Avx2F32(__m256) of 8 f32, half Self, rows 6 5 4 3 2 1 step 1, "avx2,fma",
        _mm256_set1_ps _mm256_loadu_ps _mm256_storeu_ps _mm256_fmadd_ps _mm256_mul_ps
        mask __m256i (n) _mm256_loadu_si256(EDGE_32.as_ptr().add(8 - n).cast());
        load p mask _mm256_maskload_ps(p, mask);
        store v p mask _mm256_maskstore_ps(p, mask, v));
    x86!(Avx2F64(__m256d) of 4 f64, half Self, rows 6 4 2 1 step 2, "avx2,fma",
        _mm256_set1_pd _mm256_loadu_pd _mm256_storeu_pd _mm256_fmadd_pd _mm256_mul_pd
        mask __m256i (n) _mm256_loadu_si256(EDGE_64.as_ptr().add(4 - n).cast());
        load p mask _mm256_maskload_pd(p, mask);
        store v p mask _mm256_maskstore_pd(p, mask, v));
    x86!(Avx512F32(__m512) of 16 f32, half HalfF32, rows 8 6 4 2 1 step 2, "avx512f",
        _mm512_set1_ps _mm512_loadu_ps _mm512_storeu_ps _mm512_fmadd_ps _mm512_mul_ps
        mask __mmask16 (n) ((1_u32 << n) - 1) as __mmask16;
        load p mask _mm512_maskz_loadu_ps(mask, p);
        store v p mask _mm512_mask_storeu_ps(p, mask, v));
    x86!(Avx512F64(__m512d) of 8 f64, half HalfF64, rows 8 6 4 2 1 step 2, "avx512f",
        _mm512_set1_pd _mm512_loadu_pd _mm512_storeu_pd _mm512_fmadd_pd _mm512_mul_pd
        mask __mmask8 (n) ((1_u32 << n) - 1) as __mmask8;
        load p mask _mm512_maskz_loadu_pd(mask, p);
        store v p mask _mm512_mask_storeu_pd(p, mask, v));
    // Not those of AVX2: with its masked loads and stores a product of 50 columns took longer than before (Zen 4).
    x86!(HalfF32(__m256) of 8 f32, half Self, rows 8 6 4 2 1 step 2, "avx2,fma,avx512f,avx512vl",
        _mm256_set1_ps _mm256_loadu_ps _mm256_storeu_ps _mm256_fmadd_ps _mm256_mul_ps
        mask __mmask8 (n) ((1_u32 << n) - 1) as __mmask8;
        load p mask _mm256_maskz_loadu_ps(mask, p);
        store v p mask _mm256_mask_storeu_ps(p, mask, v));
    x86!(HalfF64(__m256d) of 4 f64, half Self, rows 8 6 4 2 1 step 2, "avx2,fma,avx512f,avx512vl",
        _mm256_set1_pd _mm256_loadu_pd _mm256_storeu_pd _mm256_fmadd_pd _mm256_mul_pd
        mask __mmask8 (n) ((1_u32 << n) - 1) as __mmask8;
        load p mask _mm256_maskz_loadu_pd(mask, p);
        store v p mask _mm256_mask_storeu_pd(p, mask, v));

    turn!(Avx2F32 of f32, "avx2,fma", four_of_f32);
    turn!(Avx2F64 of f64, "avx2,fma", four_of_f64);
    turn_as!(HalfF32 of f32, Avx2F32);
    turn_as!(HalfF64 of f64, Avx2F64);
}

#[cfg(target_arch = "x86_64")]
pub(super) use x86::{Avx2F32, Avx2F64, Avx512F32, Avx512F64};
