//! Times, and what is said of them.

use std::hint::black_box;
use std::time::Instant;

use serde_json::json;

use super::works::Work;

pub(super) type Error = Box<dyn std::error::Error>;

/// What was measured of a work.
pub(super) struct Measured {
    /// Seconds for one unit of the work, of each repeat.
    pub times: Vec<f64>,
    /// The share of test examples that the trained network has right; none if nothing is trained.
    pub test_acc: Option<f64>,
    pub peak_mib: Option<f64>,
}

impl Measured {
    /// Of a work that trains nothing.
    pub(super) fn untrained(times: Vec<f64>) -> Self {
        Measured { times, test_acc: None, peak_mib: peak_mib() }
    }

    pub(super) fn to_json(&self, work: &Work, threads: usize) -> serde_json::Value {
        let mut times = self.times.clone();
        times.sort_by(f64::total_cmp);
        json!({
            "work": work.name,
            "threads": work.threads.unwrap_or(threads),
            "median_s": median(&times),
            "best_s": times[0],
            "unit": work.unit,
            "test_acc": self.test_acc,
            "peak_mib": self.peak_mib,
            "repeats": times.len(),
        })
    }
}

fn median(sorted: &[f64]) -> f64 {
    let half = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[half] } else { (sorted[half - 1] + sorted[half]) / 2.0 }
}

/// The seconds that `f` takes.
pub(super) fn time<X>(f: impl FnOnce() -> Result<X, Error>) -> Result<f64, Error> {
    let start = Instant::now();
    let result = black_box(f());
    let time = start.elapsed();
    result?;
    Ok(time.as_secs_f64())
}

/// The most memory that this process has held so far, where the system says so.
pub(super) fn peak_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some((kib / 102.4).round() / 10.0)
}

/// `6.31 us`, `104.2 ms`, `1.302 s`.
pub(super) fn seconds(time: f64) -> String {
    match time {
        ..1e-3 => format!("{:.2} us", time * 1e6),
        1e-3..1.0 => format!("{:.1} ms", time * 1e3),
        _ => format!("{time:.3} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_is_between_the_two_in_the_middle() {
        assert_eq!(median(&[1.0, 2.0, 9.0]), 2.0);
        assert_eq!(median(&[1.0, 2.0, 4.0, 9.0]), 3.0);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_peak_holds_what_was_allocated_and_freed() {
        let block = black_box(vec![1_u8; 64 << 20]);
        drop(block);
        assert!(peak_mib().unwrap() > 64.0);
    }
}
