//! Which numbers are in this core's cache: fetched before they are used.

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
    let start = slice.as_ptr();
    for offset in (0..size_of_val(slice)).step_by(LINE) {
        prefetch_line(start.wrapping_byte_add(offset));
    }
}

/// Bytes of a cache line.
const LINE: usize = 64;

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
