//! The product of two matrices that fit the caches, tile by tile.
//!
//! A tile of `c` stays in registers while `k` runs: `R` rows by `V` vectors of columns. For each `p`, `V` vectors of
//! row p of `b` are loaded, each of the `R` numbers of column p of `a` is broadcast, and `R · V` fused multiply-adds
//! follow. Whatever the tile, an element is the same chain:
//!
//! ```text
//! s ← 0;  s ← fma(a[i, p], b[p, j], s) for p = 0, 1, ..., k-1;  c[i, j] ← fma(alpha, s, start[i, j])
//! ```
//!
//! so its bits do not depend on where it lies in a matrix or on how the matrix was cut. Columns that would leave a vector
//! nearly empty are computed as a [strip](super::strip), by the same chain.

use ndarray::{ArrayView2, ArrayViewMut2};

use super::Isa;
use super::lanes::{Lanes, Plain};
use super::prefetch::prefetch_some;
use super::strip::STRIPS_FROM;
use super::tile::{From, Tile};
use super::transpose::Transpose;
use crate::Scalar;

/// The left factor, [m, k].
#[derive(Clone, Copy, Debug)]
pub(crate) enum Left<'a, T> {
    /// As it is, with any strides.
    View(ArrayView2<'a, T>),
    /// Panels of [`Tiling::rows`] rows one after the other, each stored column by column; the last one padded.
    Packed(&'a [T], (usize, usize)),
}

/// The right factor, [k, n].
#[derive(Clone, Copy, Debug)]
pub(crate) enum Right<'a, T> {
    /// As it is, with columns one element apart.
    View(ArrayView2<'a, T>),
    /// Panels of [`Tiling::columns`] columns one after the other, each stored row by row; the last one padded.
    Packed(&'a [T], (usize, usize)),
}

/// What alpha · a · b is added to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Start<'a, T> {
    /// Zero; `c` is not read.
    Zero,
    /// This many times `c`.
    Scaled(T),
    /// To each row of `c`, this row; `c` is not read.
    Row(&'a [T]),
    /// To each column of `c`, this column; `c` is not read.
    Column(&'a [T]),
}

/// c ← alpha · a · b + start
#[derive(Debug)]
pub(crate) struct Product<'a, 'c, T> {
    pub(crate) alpha: T,
    pub(crate) a: Left<'a, T>,
    pub(crate) b: Right<'a, T>,
    /// Room for a panel of `b`, or less.
    pub(crate) room: &'a mut [T],
    pub(crate) start: Start<'a, T>,
    /// [m, n], with columns one element apart.
    pub(crate) c: ArrayViewMut2<'c, T>,
}

/// The size of the largest tile.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tiling {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
}

impl Tiling {
    /// How many columns at the end of a `c` [m, n] fill so little of a vector that, as rows of the transpose of `c`, they
    /// take less time; `None` if none do.
    pub(crate) fn last_columns(&self, m: usize, n: usize) -> Option<usize> {
        let vector = self.columns / 2; // a power of two
        let end = n & (vector - 1);
        ((1..=self.most_last_columns()).contains(&end) && n > vector && m > 2 * vector).then_some(end)
    }

    /// The most columns that [`last_columns`](Self::last_columns) finds.
    pub(crate) fn most_last_columns(&self) -> usize {
        self.columns / 8
    }
}

impl<T: Scalar> Start<'_, T> {
    /// What the tile starts from that begins with row i and column j, which is at `c`.
    fn of_tile(&self, i: usize, j: usize, c: *const T, c_row: isize) -> From<T> {
        match *self {
            Start::Zero => From::Nothing,
            Start::Scaled(beta) => From::Vectors(beta, c, c_row),
            Start::Row(row) => From::Vectors(T::one(), row.as_ptr().wrapping_add(j), 0),
            Start::Column(column) => From::Each(column.as_ptr().wrapping_add(i)),
        }
    }

    /// Whether it is the same for `c` and its transpose.
    pub(crate) fn is_of_elements(&self) -> bool {
        matches!(self, Start::Zero | Start::Scaled(_))
    }
}

impl<T: Copy> Left<'_, T> {
    fn dim(&self) -> (usize, usize) {
        match self {
            Left::View(a) => a.dim(),
            Left::Packed(_, dim) => *dim,
        }
    }

    /// Where row i begins, and how far the next row and the next column are.
    fn row<L: Lanes<Number = T>>(&self, i: usize) -> (*const T, isize, isize) {
        match self {
            Left::View(a) => {
                let (row, column) = (a.strides()[0], a.strides()[1]);
                (a.as_ptr().wrapping_offset(i as isize * row), row, column)
            }
            Left::Packed(panels, (_, k)) => {
                let at = i / L::ROWS * L::ROWS * k + i % L::ROWS;
                (panels.as_ptr().wrapping_add(at), 1, L::ROWS as isize)
            }
        }
    }
}

impl<T: Copy> Right<'_, T> {
    /// The same factor, for a shorter time.
    pub(crate) fn reborrow(&self) -> Right<'_, T> {
        match self {
            Right::View(b) => Right::View(b.view()),
            Right::Packed(panels, dim) => Right::Packed(panels, *dim),
        }
    }

    fn dim(&self) -> (usize, usize) {
        match self {
            Right::View(b) => b.dim(),
            Right::Packed(_, dim) => *dim,
        }
    }

    /// Where column j begins, and how far the next row is.
    fn column<L: Lanes<Number = T>>(&self, j: usize) -> (*const T, isize) {
        match self {
            Right::View(b) => (b.as_ptr().wrapping_add(j), b.strides()[0]),
            Right::Packed(panels, (k, _)) => {
                let width = 2 * L::N;
                let at = j / width * width * k + j % width;
                (panels.as_ptr().wrapping_add(at), width as isize)
            }
        }
    }
}

/// A number type with product kernels.
pub(crate) trait Kernel: Scalar + Transpose {
    /// The size of the largest tile.
    fn tiling(isa: Isa) -> Tiling;
    /// Computes the product.
    ///
    /// # Panics
    ///
    /// If the parts do not fit or the machine does not have the instruction set.
    fn product(isa: Isa, product: Product<'_, '_, Self>);
}

/// The size of the largest tile of such vectors.
const fn tiling<L: Lanes>() -> Tiling {
    Tiling { rows: L::ROWS, columns: 2 * L::N }
}

macro_rules! kernel {
    ($number:ident: $plain:ty, $avx2:ident, $avx512:ident) => {
        impl Kernel for $number {
            fn tiling(isa: Isa) -> Tiling {
                match isa {
                    Isa::Portable => tiling::<$plain>(),
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx2 => tiling::<$avx2>(),
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx512 => tiling::<$avx512>(),
                }
            }

            fn product(isa: Isa, product: Product<'_, '_, $number>) {
                isa.require();
                product.check(Self::tiling(isa));
                // SAFETY: the instruction set is there, and the parts of the product fit.
                unsafe {
                    match isa {
                        Isa::Portable => product.run::<$plain, 4>(),
                        #[cfg(target_arch = "x86_64")]
                        Isa::Avx2 => product.run::<$avx2, 8>(),
                        #[cfg(target_arch = "x86_64")]
                        Isa::Avx512 => product.run::<$avx512, 4>(),
                    }
                }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
use super::lanes::{Avx2F32, Avx2F64, Avx512F32, Avx512F64};

kernel!(f32: Plain<f32, 4>, Avx2F32, Avx512F32);
kernel!(f64: Plain<f64, 2>, Avx2F64, Avx512F64);

impl<T: Scalar> Product<'_, '_, T> {
    /// Checks everything that [`run`](Self::run) relies on.
    fn check(&self, tiling: Tiling) {
        let (m, n) = self.c.dim();
        let ((m_a, k), (k_b, n_b)) = (self.a.dim(), self.b.dim());
        assert!(m_a == m && k_b == k && n_b == n, "product: {m_a}x{k} times {k_b}x{n_b} into {m}x{n}");
        assert!(n <= 1 || self.c.strides()[1] == 1, "product: columns of c apart");
        match &self.a {
            Left::View(_) => {}
            Left::Packed(panels, _) => assert!(panels.len() >= m.next_multiple_of(tiling.rows) * k),
        }
        match &self.b {
            Right::View(b) => assert!(n <= 1 || b.strides()[1] == 1, "product: columns of b apart"),
            Right::Packed(panels, _) => assert!(panels.len() >= n.next_multiple_of(tiling.columns) * k),
        }
        match self.start {
            Start::Zero | Start::Scaled(_) => {}
            Start::Row(row) => assert_eq!(row.len(), n),
            Start::Column(column) => assert_eq!(column.len(), m),
        }
    }

    /// All tiles: panels of columns of `b`, and for each, all rows of `a`.
    ///
    /// # Safety
    ///
    /// The machine has the instruction set of `L`, whose tile is `ROWS` rows by 2 vectors, or one row by W vectors, and
    /// [`check`](Self::check) has passed.
    unsafe fn run<L: Lanes<Number = T>, const W: usize>(mut self) {
        let (m, n) = self.c.dim();
        let k = self.a.dim().1;
        let (c, c_row) = (self.c.as_mut_ptr(), self.c.strides()[0]);
        // One row alone leaves registers free: it takes more columns at a time, if they need not be packed.
        let narrow = 2 * L::N;
        let panel = if m == 1 && matches!(self.b, Right::View(_)) { W * L::N } else { narrow };
        let in_strips = m >= STRIPS_FROM && matches!(&self.a, Left::View(a) if a.strides()[1] == 1);
        let copies = m >= 2 * L::ROWS && matches!(self.b, Right::View(_)) && self.room.len() >= k * narrow;
        let room = self.room.as_mut_ptr();
        let mut j = 0;
        while j < n {
            let mut width = panel.min(n - j);
            if in_strips {
                width -= Tile::<T>::strip_after::<L>(width);
            }
            // Only whole tiles of two vectors copy.
            let copies = copies && width > narrow - L::Half::N;
            let (mut b, mut b_row) = self.b.column::<L>(j);
            let mut b_padded = matches!(self.b, Right::Packed(..));
            let mut i = 0;
            while i < m {
                let (a, a_row, a_column) = self.a.row::<L>(i);
                let to = c.wrapping_offset(i as isize * c_row).wrapping_add(j);
                let tile = Tile {
                    k,
                    alpha: self.alpha,
                    zero: T::zero(),
                    a,
                    a_row,
                    a_column,
                    a_packed: matches!(self.a, Left::Packed(..)),
                    b,
                    b_row,
                    width,
                    b_padded,
                    b_copy: if copies && i == 0 { room } else { std::ptr::null_mut() },
                    start: self.start.of_tile(i, j, to, c_row),
                    c: to,
                    c_row,
                };
                prefetch_some();
                debug_assert!(j % L::Half::N == 0, "a tile begins where a half vector of its panel does");
                // SAFETY: the caller vouches for the instruction set. The check has made sure that rows below m and
                // columns below n are valid in each part (up to a whole panel in a packed one), and the tile covers
                // no others: no more rows than are left, no more columns than `width`. Of packed columns it reads whole
                // half vectors: they end within the panel, of which each tile begins at a multiple of one. There is
                // room for a panel.
                i += unsafe { tile.rows::<L, W>(m - i, panel) };
                if copies {
                    (b, b_row, b_padded) = (room, narrow as isize, true);
                }
            }
            j += width;
        }
    }
}
