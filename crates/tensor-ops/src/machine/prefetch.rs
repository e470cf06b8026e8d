//! Which numbers are in this core's cache: fetched before they are used.

use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::ptr::without_provenance;

use crate::aligned::LINE;

/// Asks the processor to fetch a slice into its cache, and does not wait for it.
///
/// For what is far away and not in the order in which memory lies, such as the rows of the examples of a batch: the
/// processor foresees only what follows in order. Does nothing where there is no such instruction.
///
/// # Examples
///
/// ```
/// let rows = vec![[1.0_f32; 784]; 100];
/// let order = [71, 3, 42];
/// let mut sum = 0.0;
/// for (i, &row) in order.iter().enumerate() {
///     if let Some(&next) = order.get(i + 1) {
///         tensor_ops::prefetch(&rows[next]);
///     }
///     sum += rows[row].iter().sum::<f32>();
/// }
/// assert_eq!(sum, 3.0 * 784.0);
/// ```
#[inline]
pub fn prefetch<T>(slice: &[T]) {
    let Range { start, end } = lines(slice);
    for line in (start..end).step_by(LINE) {
        prefetch_line(without_provenance::<T>(line));
    }
}

/// Asks for slices to be fetched bit by bit, while this thread computes its next products.
///
/// A product waits for arithmetic, not for memory, so what is fetched meanwhile costs next to nothing. What was asked for
/// before and is not fetched yet is forgotten. At most 256 KiB are fetched, because more would drive out what the products
/// need: the slices before the one that goes beyond. Allocates only to remember more slices than ever before.
///
/// # Examples
///
/// ```
/// use ndarray::Array2;
/// use tensor_ops::{matmul, prefetch_amid_products};
///
/// let rows = vec![[1.0_f32; 784]; 100];
/// let (x, weight) = (Array2::ones((64, 784)), Array2::ones((784, 64)));
/// let next = [71, 3, 42].map(|row| &rows[row][..]);
/// prefetch_amid_products(next);
/// let y = matmul(&x, &weight);
/// let sum: f32 = next.iter().flat_map(|row| row.iter()).sum(); // does not wait for memory
/// assert_eq!((y[[0, 0]], sum), (784.0, 3.0 * 784.0));
/// ```
pub fn prefetch_amid_products<'a, T: 'a>(slices: impl IntoIterator<Item = &'a [T]>) {
    // Taken, not borrowed: whatever the iterator does may compute products too.
    let mut later = LATER.take();
    later.clear();
    let mut bytes = 0;
    let slices = slices.into_iter();
    later.reserve(slices.size_hint().1.unwrap_or(0).min(MOST / LINE));
    let few = slices.map(lines).take_while(|lines| {
        bytes += lines.len();
        bytes <= MOST
    });
    later.extend(few.filter(|lines| !lines.is_empty()));
    later.reverse();
    LATER.set(later);
    NOW.set(next());
}

/// Asks for some lines of what is to be fetched amid products.
#[inline]
pub(super) fn prefetch_some() {
    /// As many as a tile hides: with twice as many a training is no faster, with half as many slower.
    const LINES: usize = 4;
    let (mut line, mut end) = NOW.get();
    for _ in 0..LINES {
        if line >= end {
            break;
        }
        prefetch_line(without_provenance::<u8>(line));
        line += LINE;
        if line >= end {
            (line, end) = next();
        }
    }
    NOW.set((line, end));
}

thread_local!(
    /// The addresses from which and up to which memory is fetched now; nothing is if nothing is left. Addresses alone, so
    /// that what they name may be gone before it is fetched.
    static NOW: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
    /// And then, the last first.
    static LATER: RefCell<Vec<Range<usize>>> = const { RefCell::new(Vec::new()) };
);

/// Takes what is to be fetched next.
#[inline(never)]
fn next() -> (usize, usize) {
    LATER.with_borrow_mut(|later| later.pop().map_or((0, 0), |lines| (lines.start, lines.end)))
}

/// Bytes of what is fetched amid products, at most.
const MOST: usize = 256 * 1024;

/// The addresses from the first line of a slice on; none for an empty slice.
fn lines<T>(slice: &[T]) -> Range<usize> {
    let start = slice.as_ptr().addr();
    match size_of_val(slice) {
        0 => start..start,
        bytes => start / LINE * LINE..start + bytes,
    }
}

/// Asks for the cache line at an address, which may be any.
#[inline(always)]
pub(super) fn prefetch_line<T>(at: *const T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a hint, which reads nothing and may be given any address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is to be fetched, the last first.
    fn wanted() -> Vec<Range<usize>> {
        let (line, end) = NOW.get();
        let mut all = LATER.with_borrow(Clone::clone);
        all.push(line..end);
        all
    }

    fn left() -> usize {
        wanted().iter().map(ExactSizeIterator::len).sum()
    }

    #[test]
    fn lines_begin_with_the_one_that_a_slice_begins_in() {
        let memory = [0_u8; 256];
        let skip = memory.as_ptr().align_offset(LINE);
        let start = memory.as_ptr().addr() + skip;
        assert_eq!(lines(&memory[skip + 60..][..10]), start..start + 70);
        assert_eq!(lines(&memory[skip..][..64]), start..start + 64);
        assert!(lines(&memory[skip + 3..][..0]).is_empty());
        assert!(lines::<f64>(&[]).is_empty());
        assert!(lines(&[(); 5]).is_empty());
    }

    #[test]
    fn products_fetch_what_is_wanted_in_order_and_then_no_more() {
        let (memory, x) = (vec![0_u8; 1000], ndarray::Array2::<f32>::ones((8, 8)));
        let slices = [&memory[..200], &memory[..0], &memory[500..]];
        prefetch_amid_products(slices);
        assert_eq!(wanted(), [lines(slices[2]), lines(slices[0])]);
        while left() > 0 {
            let before = wanted();
            assert_eq!(crate::matmul(&x, &x)[[0, 0]], 8.0);
            let (last, ends) = (wanted().len() - 1, |lines: &Range<usize>| lines.end);
            assert_eq!(wanted()[..last], before[..last]);
            assert!(left() == 0 || wanted()[last].start > before[last].start || last < before.len() - 1);
            assert!(left() == 0 || ends(&wanted()[last]) == ends(&before[last]));
        }
        assert_eq!(crate::matmul(&x, &x)[[0, 0]], 8.0);
        assert_eq!(left(), 0);
    }

    #[test]
    fn the_last_wish_counts_and_one_that_is_too_large_ends_it() {
        let memory = vec![0_u8; 2 * MOST];
        prefetch_amid_products(memory.chunks(1000));
        assert!((MOST - 3000..=MOST).contains(&left()));
        prefetch_amid_products([&memory[..64], &memory[..], &memory[..64]]);
        assert_eq!(wanted(), [lines(&memory[..64])]);
        prefetch_amid_products::<u8>([]);
        assert_eq!(left(), 0);
    }
}
