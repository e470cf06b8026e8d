//! How many threads a region has, and whether it is worth them.

use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::MAX_THREADS;

/// Nanoseconds of work below which a region is not worth its cost.
const WORTH: usize = 6_000;
/// What [`set_threads`] has set; 0 if nothing.
static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// What [`with_threads`] has set; 0 if nothing.
    static OWN_THREADS: Cell<usize> = const { Cell::new(0) };
    /// Whether this thread computes a part of a region.
    pub(super) static INSIDE: Cell<bool> = const { Cell::new(false) };
    /// The regions that this thread has shared in [`sharing_everything`].
    #[cfg(feature = "gradcheck")]
    pub(super) static SHARED: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Sets a thread's cell and restores it when dropped.
pub(super) struct Restore<T: Copy + 'static>(&'static thread::LocalKey<Cell<T>>, T);

impl<T: Copy> Restore<T> {
    pub(super) fn set(key: &'static thread::LocalKey<Cell<T>>, value: T) -> Self {
        Restore(key, key.replace(value))
    }
}

impl<T: Copy> Drop for Restore<T> {
    fn drop(&mut self) {
        self.0.set(self.1);
    }
}

/// Sets the number of threads that regions use, the caller included, for the whole process.
///
/// 0 means the default; more than [`MAX_THREADS`] means that many.
pub fn set_threads(n: usize) {
    THREADS.store(n.min(MAX_THREADS), Ordering::Relaxed);
}

/// Runs `f` with another number of threads for the regions that it starts on this thread.
///
/// # Examples
///
/// ```
/// use tensor_ops::pool;
///
/// assert_eq!(pool::with_threads(1, pool::threads), 1);
/// ```
pub fn with_threads<R>(n: usize, f: impl FnOnce() -> R) -> R {
    let _restore = Restore::set(&OWN_THREADS, n.min(MAX_THREADS));
    f()
}

/// The number of threads that a region started here and now would use; 1 within a part of a region.
pub fn threads() -> usize {
    static DEFAULT: OnceLock<usize> = OnceLock::new();
    if INSIDE.get() {
        return 1;
    }
    match (OWN_THREADS.get(), THREADS.load(Ordering::Relaxed)) {
        (0, 0) => *DEFAULT.get_or_init(|| {
            let wish =
                std::env::var("TENSOR_OPS_THREADS").ok().and_then(|n| n.parse().ok()).filter(|n| *n > 0);
            let processors = || thread::available_parallelism().map_or(1, usize::from);
            wish.unwrap_or_else(processors).min(MAX_THREADS)
        }),
        (0, n) | (n, _) => n,
    }
}

/// Whether work of about so many nanoseconds is worth sharing.
pub(crate) fn is_worth(nanoseconds: usize) -> bool {
    nanoseconds >= WORTH || sharing_all()
}

#[cfg(not(feature = "gradcheck"))]
fn sharing_all() -> bool {
    false
}

#[cfg(feature = "gradcheck")]
fn sharing_all() -> bool {
    SHARED.get().is_some()
}

/// Runs `f` with `n` threads that share all work of the regions it starts on this thread, be it ever so little; and counts
/// those that were shared. For checks that sharing changes nothing. A region that starts while another thread has the pool
/// is not shared.
#[cfg(feature = "gradcheck")]
pub fn sharing_everything<R>(n: usize, f: impl FnOnce() -> R) -> (R, u64) {
    let _restore = Restore::set(&SHARED, Some(0));
    let result = with_threads(n, f);
    (result, SHARED.get().unwrap_or(0))
}
