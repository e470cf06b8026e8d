//! The pool under stress: every part once, whoever computes it.

use std::sync::atomic::AtomicU64;

use super::*;

/// Work that is always worth a region.
const MUCH: usize = usize::MAX;

/// Held by each test: they would take the pool from each other.
static SERIAL: Mutex<()> = Mutex::new(());

fn serial() -> impl Drop {
    SERIAL.lock().unwrap_or_else(PoisonError::into_inner)
}

fn count_parts() {
    for n in [1, 2, 3, 4, 7, MAX_THREADS] {
        for parts in [0, 1, 2, 3, 63, 64, 65, 200] {
            let mut counts = vec![0; parts];
            with_threads(n, || for_each(MUCH, counts.iter_mut(), |count| *count += 1));
            assert!(counts.iter().all(|count| *count == 1), "{n} threads: {counts:?}");
            let at_home = counts.iter_mut().enumerate().map(|(i, count)| (i * 7 % 16, count));
            with_threads(n, || for_each_at(MUCH, 16, at_home, |count| *count += 1));
            assert!(counts.iter().all(|count| *count == 2), "{n} threads: {counts:?}");
        }
    }
}

#[test]
fn every_part_is_computed_once_with_any_number_of_threads() {
    let _serial = serial();
    count_parts();
}

#[test]
fn a_part_is_computed_at_home_if_the_thread_there_is_free() {
    let _serial = serial();
    let main = thread::current().id();
    let all_at_home = || {
        let mut parts = [5, 0, 3, 2, 4, 1].map(|home| (home, main));
        with_threads(2, || {
            let parts = parts.iter_mut().map(|(home, who)| (*home, who));
            for_each_at(MUCH, 6, parts, |who| {
                *who = thread::current().id();
                // On one processor, whoever runs would have taken all parts before the other one gets a turn.
                thread::sleep(Duration::from_millis(1));
            });
        });
        parts.iter().all(|(home, who)| (*home < 3) == (*who == main))
    };
    assert!((0..100).any(|_| all_at_home()), "never in a hundred regions");
}

#[test]
fn several_threads_start_regions_at_once() {
    let _serial = serial();
    let total = AtomicU64::new(0);
    thread::scope(|scope| {
        for n in 1..=4 {
            let total = &total;
            scope.spawn(move || {
                for _ in 0..500 {
                    let add = |i: u64| {
                        total.fetch_add(i, Ordering::Relaxed);
                    };
                    with_threads(n, || for_each(MUCH, 1..=5, add));
                }
            });
        }
    });
    assert_eq!(total.into_inner(), 4 * 500 * 15);
}

#[test]
fn a_region_within_a_part_runs_where_it_is() {
    let _serial = serial();
    let (total, regions) = (AtomicU64::new(0), AtomicU64::new(0));
    with_threads(3, || {
        for_each(MUCH, 0..10, |_| {
            if !INSIDE.get() {
                return; // another test's product has the pool, so this is no region
            }
            regions.fetch_add(1, Ordering::Relaxed);
            let here = thread::current().id();
            assert_eq!(with_threads(4, threads), 1);
            for_each(MUCH, 0..10, |i| {
                assert_eq!(thread::current().id(), here);
                total.fetch_add(i, Ordering::Relaxed);
            });
        });
    });
    assert_eq!(total.into_inner(), 45 * regions.into_inner());
    assert!(!INSIDE.get());
}

#[test]
fn a_panic_in_a_part_reaches_the_caller_after_all_parts_that_have_begun() {
    let _serial = serial();
    for (threads, parts) in [(1, 20), (3, 20), (3, 200)].repeat(200) {
        let (begun, ended) = (AtomicU64::new(0), AtomicU64::new(0));
        let caught = catch_unwind(AssertUnwindSafe(|| {
            with_threads(threads, || {
                for_each(MUCH, 0..parts, |i| {
                    begun.fetch_add(1, Ordering::Relaxed);
                    assert!(i != 13, "part 13");
                    ended.fetch_add(1, Ordering::Relaxed);
                });
            });
        }));
        assert_eq!(begun.into_inner(), ended.into_inner() + 1, "{threads} threads, {parts} parts");
        let payload = caught.unwrap_err();
        assert!(
            payload.downcast_ref::<String>().is_some_and(|s| s.contains("part 13")) || payload.is::<&str>()
        );
        assert!(!INSIDE.get());
    }
    count_parts();
}

#[test]
fn no_part_begins_after_one_has_panicked() {
    let _serial = serial();
    let (begun, failing) = (AtomicU64::new(0), AtomicBool::new(false));
    let caught = catch_unwind(AssertUnwindSafe(|| {
        with_threads(3, || {
            for_each(MUCH, 0..SLOTS, |i| {
                begun.fetch_add(1, Ordering::Relaxed);
                if i == 0 {
                    failing.store(true, Ordering::Relaxed);
                    panic!("the first part of the caller");
                }
                while !failing.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
                thread::sleep(Duration::from_millis(20)); // while the panic gets away
            });
        });
    }));
    assert!(caught.is_err());
    assert!(begun.into_inner() < SLOTS as u64 / 2, "parts have gone on");
}

#[test]
fn threads_that_sleep_are_woken() {
    let _serial = serial();
    let main = thread::current().id();
    for pause in [0, 50, 150, 250, 400, 2_000] {
        let helped = (0..100).any(|_| {
            thread::sleep(Duration::from_micros(pause));
            let helped = AtomicBool::new(false);
            with_threads(2, || {
                for_each(MUCH, 0..2, |_| {
                    helped.fetch_or(thread::current().id() != main, Ordering::Relaxed);
                    thread::sleep(Duration::from_millis(1)); // so that the other part is there to be taken
                });
            });
            helped.into_inner()
        });
        assert!(helped, "no help after a pause of {pause} us");
    }
}

#[test]
fn little_work_stays_on_the_caller() {
    let _serial = serial();
    let here = thread::current().id();
    with_threads(4, || for_each(100, 0..4, |_| assert_eq!(thread::current().id(), here)));
}
