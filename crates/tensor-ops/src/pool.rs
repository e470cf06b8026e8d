//! A fixed set of threads, for steps of some microseconds.
//!
//! [`for_each`] hands the parts of a computation (rows of a batch, blocks of a weight matrix) to the threads of the
//! pool and takes part itself:
//!
//! ```
//! use ndarray::{Array2, Axis};
//! use tensor_ops::pool;
//!
//! let x = Array2::from_elem((1000, 300), 2.0_f32);
//! let mut y = Array2::zeros((1000, 300));
//! let parts = x.axis_chunks_iter(Axis(0), 125).zip(y.axis_chunks_iter_mut(Axis(0), 125));
//! pool::for_each(100_000, parts, |(x, mut y)| y.zip_mut_with(&x, |y, x| *y = x.sqrt()));
//! assert_eq!(y[[999, 299]], 2.0_f32.sqrt());
//! ```
//!
//! # The same bits with any number of threads
//!
//! The caller cuts the work into parts, and which thread computes a part changes nothing in it. So a result depends on
//! the threads only if the cut does: where parts are summed afterwards, cut by the shapes alone.
//!
//! # What it costs
//!
//! Between two regions the threads look out for the next one for a moment before they sleep. To have two awake threads
//! at work and to hear that they are done takes 0.3 to 1.3 µs (`cargo bench -p tensor-ops region`, Zen 4); to wake a
//! thread takes some microseconds more, for the system call. A scheduler that lets its threads sleep between regions
//! would pay that each time, as much as a layer of a small network takes.
//!
//! Work that is not worth a region runs on the caller, as does a region inside a part and one that starts while another
//! thread has the pool: several threads may predict at once without waiting for each other. If a thread of the pool
//! gets no processor, because others use it, the caller computes that thread's parts too and waits for none that has
//! not begun.
//!
//! The number of threads is that of [`set_threads`], else `TENSOR_OPS_THREADS` in the environment, else that of the
//! machine's processors.

mod threads;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use crate::machine::Lending;
#[cfg(feature = "gradcheck")]
use threads::SHARED;
use threads::{INSIDE, Restore};

pub(crate) use threads::is_worth;
#[cfg(feature = "gradcheck")]
pub use threads::sharing_everything;
pub use threads::{set_threads, threads, with_threads};

/// The most threads that take part in a region.
pub const MAX_THREADS: usize = 64;

/// How long an idle thread spins before it offers its core to others,
const SPIN: Duration = Duration::from_micros(30);
/// and how long it stays awake in all.
const AWAKE: Duration = Duration::from_micros(200);

/// The threads of the pool, but the caller.
struct Pool {
    lending: Lending,
    /// Held by the thread that has the pool; counts the helpers that have been started.
    started: Mutex<usize>,
    helpers: [Helper; MAX_THREADS - 1],
    board: Board,
}

/// What idle threads look at, on a cache line of its own: the number of the present region, and in the lowest bits how
/// many threads, with the caller, it is for.
#[repr(align(128))]
struct Board(AtomicUsize);

impl Board {
    const WANTED: usize = 2 * MAX_THREADS - 1;

    /// Only by the thread that has the pool.
    fn announce(&self, threads: usize) {
        let region = (self.0.load(Ordering::Relaxed) & !Self::WANTED).wrapping_add(Self::WANTED + 1);
        self.0.store(region | threads, Ordering::SeqCst);
    }

    /// A region other than the one `seen` that wants this thread.
    fn news(&self, who: usize, seen: usize) -> Option<usize> {
        let region = self.0.load(Ordering::SeqCst);
        (region != seen && region & Self::WANTED > who).then_some(region)
    }
}

struct Helper {
    thread: OnceLock<Thread>,
    asleep: AtomicBool,
}

static POOL: Pool = Pool {
    lending: Lending::new(),
    started: Mutex::new(0),
    helpers: [const { Helper { thread: OnceLock::new(), asleep: AtomicBool::new(false) } }; MAX_THREADS - 1],
    board: Board(AtomicUsize::new(0)),
};

/// Calls `f` with each part, on several threads if that is worth it, and returns when all are done.
///
/// `nanoseconds` is a rough guess of the time that all parts take on one thread. Some parts more than threads even the
/// load out; a part that no one has begun goes to whoever is free.
///
/// # Panics
///
/// If `f` panics, after all parts that have begun have ended. The others are dropped, and `f` is not called with them.
pub fn for_each<T: Send>(nanoseconds: usize, parts: impl IntoIterator<Item = T>, f: impl Fn(T) + Sync) {
    spread(nanoseconds, parts.into_iter().map(|part| (None, part)), f);
}

/// [`for_each`] of parts that each have a home, numbered from 0 to `homes`; the threads share the homes, not the parts.
///
/// What a thread has computed is in its own core's cache. So homes are for parts of different sizes, and for data that
/// other regions touch too, cut in another way.
///
/// # Examples
///
/// The rows above the middle are at home with the first half of the threads:
///
/// ```
/// use ndarray::Array2;
/// use tensor_ops::pool;
///
/// let mut x = Array2::<f32>::ones((6, 1000));
/// let rows = x.rows_mut().into_iter().enumerate();
/// pool::for_each_at(10_000, 6, rows, |mut row| row *= 2.0);
/// assert_eq!(x.sum(), 12_000.0);
/// ```
///
/// # Panics
///
/// As [`for_each`], or if there are no homes.
#[track_caller]
pub fn for_each_at<T: Send>(
    nanoseconds: usize,
    homes: usize,
    parts: impl IntoIterator<Item = (usize, T)>,
    f: impl Fn(T) + Sync,
) {
    assert!(homes > 0, "for_each_at: no homes");
    spread(nanoseconds, parts.into_iter().map(|(home, part)| (Some((home, homes)), part)), f);
}

/// [`for_each`]; each part with the number of its home and that of all homes.
fn spread<T: Send>(
    nanoseconds: usize,
    mut parts: impl Iterator<Item = (Option<(usize, usize)>, T)>,
    f: impl Fn(T) + Sync,
) {
    let threads = if is_worth(nanoseconds) { threads() } else { 1 };
    let Some(_held) = hold(threads) else { return parts.for_each(|(_, part)| f(part)) };
    loop {
        let mut slots = [const { Mutex::new(None) }; SLOTS];
        let mut homes = [None; SLOTS];
        let mut count = 0;
        for (slot, to) in slots.iter_mut().zip(&mut homes) {
            let Some((home, part)) = parts.next() else { break };
            (*slot, *to) = (Mutex::new(Some(part)), home);
            count += 1;
        }
        let threads = threads.min(count);
        let home = |i: usize| {
            let (home, homes) = homes[i].unwrap_or((i, count));
            (home * threads / homes) as u8
        };
        let run = |i: usize| {
            if let Some(part) = slots[i].try_lock().ok().and_then(|mut slot| slot.take()) {
                f(part);
            }
        };
        Region::new(threads, count, home, &run).run();
        if count < SLOTS {
            return;
        }
    }
}

/// The parts that a region takes at once; the rest follows in further regions.
const SLOTS: usize = 64;

/// Takes the pool for a region of so many threads; `None` if it is one thread, or another thread has the pool.
fn hold(threads: usize) -> Option<MutexGuard<'static, usize>> {
    if threads == 1 {
        return None;
    }
    let mut started = match POOL.started.try_lock() {
        Ok(started) => started,
        Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(), // a part has panicked: no harm
        Err(TryLockError::WouldBlock) => return None,
    };
    start(&mut started, threads - 1);
    Some(started)
}

/// Calls of a function with each number below `count`, on several threads. What a thread needs to begin lies together:
/// each cache line that it has to fetch from the caller's core takes as long as hundreds of multiply-adds.
#[repr(align(64))]
struct Region<'a> {
    /// A bit for each number that somebody has begun with.
    begun: AtomicU64,
    run: &'a (dyn Fn(usize) + Sync),
    threads: usize,
    count: usize,
    /// The thread that begins with each number, if it is free.
    homes: [u8; SLOTS],
    /// Whether a call has panicked: no other begins.
    failed: AtomicBool,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

impl<'a> Region<'a> {
    fn new(
        threads: usize,
        count: usize,
        home: impl Fn(usize) -> u8,
        run: &'a (dyn Fn(usize) + Sync),
    ) -> Self {
        let mut homes = [0; SLOTS];
        homes[..count].iter_mut().enumerate().for_each(|(i, to)| *to = home(i));
        let (begun, failed, panic) = (AtomicU64::new(0), AtomicBool::new(false), Mutex::new(None));
        Region { begun, run, threads, count, homes, failed, panic }
    }

    /// Returns when all calls have ended.
    fn run(self) {
        if self.threads <= 1 {
            return (0..self.count).for_each(self.run);
        }
        #[cfg(feature = "gradcheck")]
        SHARED.set(SHARED.get().map(|regions| regions + 1));
        POOL.lending.lend(&|who| self.work(who), || {
            announce(self.threads);
            let _inside = Restore::set(&INSIDE, true);
            self.work(0);
        });
        if let Some(payload) = self.panic.into_inner().unwrap_or_else(PoisonError::into_inner) {
            resume_unwind(payload);
        }
    }

    /// The calls of one thread: its own first, of the same data in each region, so they may still be in this core's cache;
    /// then the last of those that nobody has begun.
    fn work(&self, who: usize) {
        if who < self.threads {
            let own =
                self.homes[..self.count].iter().enumerate().filter(|(_, home)| usize::from(**home) == who);
            own.for_each(|(i, _)| self.call(i));
            (0..self.count).rev().for_each(|i| self.call(i));
        }
    }

    /// Calls with `i`, unless somebody has begun with it.
    fn call(&self, i: usize) {
        let has_begun = |begun: u64| begun >> i & 1 == 1;
        if self.failed.load(Ordering::Relaxed)
            || has_begun(self.begun.load(Ordering::Relaxed))
            || has_begun(self.begun.fetch_or(1 << i, Ordering::Relaxed))
        {
            return;
        }
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| (self.run)(i))) {
            self.failed.store(true, Ordering::Relaxed);
            self.panic.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(payload);
        }
    }
}

/// Lets the threads know of a region, and wakes those that sleep.
fn announce(threads: usize) {
    POOL.board.announce(threads);
    for helper in &POOL.helpers[..threads - 1] {
        // Either the thread sees the new region after it has said that it sleeps, or this sees that it sleeps.
        if helper.asleep.load(Ordering::SeqCst)
            && helper.asleep.swap(false, Ordering::SeqCst)
            && let Some(thread) = helper.thread.get()
        {
            thread.unpark();
        }
    }
}

/// Starts the helpers that a number of threads needs. Without a thread its parts go to the others.
fn start(started: &mut usize, helpers: usize) {
    while *started < helpers {
        let who = *started + 1;
        let builder = thread::Builder::new().name(format!("tensor-ops {who}"));
        let Ok(handle) = builder.spawn(move || help(who)) else { return };
        // The thread is set before any region that could need to wake it.
        let _ = POOL.helpers[who - 1].thread.set(handle.thread().clone());
        *started += 1;
    }
}

/// The life of a helper.
fn help(who: usize) {
    INSIDE.set(true);
    let mut seen = 0;
    loop {
        seen = next_region(who, seen);
        POOL.lending.borrow(who);
    }
}

/// Waits for a region for this helper, other than the one it has seen.
fn next_region(who: usize, seen: usize) -> usize {
    let news = || POOL.board.news(who, seen);
    let asleep = &POOL.helpers[who - 1].asleep;
    let since = Instant::now();
    loop {
        for _ in 0..64 {
            if let Some(region) = news() {
                return region;
            }
            std::hint::spin_loop();
        }
        let idle = since.elapsed();
        if idle >= AWAKE {
            asleep.store(true, Ordering::SeqCst);
            if news().is_none() {
                while asleep.load(Ordering::SeqCst) {
                    thread::park();
                }
            }
            asleep.store(false, Ordering::SeqCst);
        } else if idle >= SPIN {
            thread::yield_now();
        }
    }
}

#[cfg(test)]
mod tests;
