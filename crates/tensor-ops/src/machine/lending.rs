//! A function lent to other threads for as long as a call lasts.
//!
//! A thread of a pool lives for ever and can only hold what does: a function that borrows from the stack of a caller
//! must be lent under a false lifetime. [`Lending`] makes that safe: the lender does not return, nor unwind, before the
//! function is taken back and every borrower has left.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is lent: called with the number of the borrower.
type Job<'a> = dyn Fn(usize) + Sync + 'a;

/// A place where one thread lends a function and others borrow it.
pub(crate) struct Lending {
    job: Mutex<Option<&'static Job<'static>>>,
    /// Borrowers that have taken the function and not left. Grows only under the lock of `job`.
    inside: AtomicUsize,
}

impl fmt::Debug for Lending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lending").field("inside", &self.inside).finish_non_exhaustive()
    }
}

impl Lending {
    pub(crate) const fn new() -> Self {
        Lending { job: Mutex::new(None), inside: AtomicUsize::new(0) }
    }

    fn job(&self) -> MutexGuard<'_, Option<&'static Job<'static>>> {
        self.job.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `meanwhile` while other threads may [`borrow`](Self::borrow) `job`; then waits until all have left.
    ///
    /// # Panics
    ///
    /// If something is lent already.
    pub(crate) fn lend(&self, job: &Job<'_>, meanwhile: impl FnOnce()) {
        // SAFETY: `job` gets a longer lifetime than it has. No one uses it beyond its true one: it leaves this function
        // only through the slot below; `taken_back` empties the slot and waits for all borrowers before `lend` returns,
        // also if `meanwhile` panics; and a borrower counts itself before it gives the lock of the slot back.
        let job = unsafe { std::mem::transmute::<&Job, &'static Job<'static>>(job) };
        {
            let mut slot = self.job();
            assert!(slot.is_none(), "a function is lent already");
            *slot = Some(job);
        }
        let taken_back = TakenBack(self);
        meanwhile();
        drop(taken_back);
    }

    /// Calls the lent function with `who`, if there is one.
    pub(crate) fn borrow(&self, who: usize) {
        let job = {
            let slot = self.job();
            let Some(job) = *slot else { return };
            self.inside.fetch_add(1, Ordering::Relaxed); // the lock orders it before the lender's wait
            job
        };
        let left = Left(self);
        job(who);
        drop(left);
    }
}

/// Takes the function back when dropped.
struct TakenBack<'a>(&'a Lending);

impl Drop for TakenBack<'_> {
    fn drop(&mut self) {
        *self.0.job() = None;
        let mut spins = 0;
        // Acquire: what the borrowers wrote is visible after it.
        while self.0.inside.load(Ordering::Acquire) != 0 {
            // A borrower that is slow to leave may need this thread's core.
            if spins < 1000 {
                spins += 1;
                std::hint::spin_loop();
            } else {
                std::thread::yield_now();
            }
        }
    }
}

/// A borrower leaves when this is dropped.
struct Left<'a>(&'a Lending);

impl Drop for Left<'_> {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, Ordering::Release);
    }
}
