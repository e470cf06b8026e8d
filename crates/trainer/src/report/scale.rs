//! Axes: from values to pixels, and the values worth a mark.

use super::number::{fixed, scientific, short};

/// A map from an interval of values to an interval of pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) log: bool,
    /// The pixel of `low` and that of `high`.
    pub(super) pixels: (f64, f64),
}

/// The least power of ten that is written out: the label of a smaller one would run into that of the axis.
const PLAIN: i32 = -3;

/// A mark on an axis.
#[derive(Clone, Debug)]
pub(super) struct Tick {
    pub(super) pixel: f64,
    pub(super) label: String,
}

impl Scale {
    /// From the least to the largest of the finite `values`; a single value gets an interval from 0.
    pub(super) fn over(values: impl Iterator<Item = f64>, pixels: (f64, f64)) -> Self {
        let none = (f64::INFINITY, f64::NEG_INFINITY);
        let finite = values.filter(|v| v.is_finite());
        let (low, high) = finite.fold(none, |(low, high), v| (low.min(v), high.max(v)));
        let (low, high) = match (low, high) {
            _ if low > high => (0.0, 1.0),
            (0.0, 0.0) => (0.0, 1.0),
            _ if low == high => (low.min(0.0), high.max(0.0)),
            both => both,
        };
        Scale { low, high, log: false, pixels }
    }

    /// Widened to whole steps of about `n` ticks.
    pub(super) fn nice(mut self, n: usize) -> Self {
        if self.log {
            self.low = 10_f64.powf(self.low.log10().floor());
            self.high = 10_f64.powf(self.high.log10().ceil());
            if self.low == self.high {
                self.high *= 10.0;
            }
        } else {
            let step = self.step(n);
            self.low = (self.low / step + 1e-9).floor() * step;
            self.high = (self.high / step - 1e-9).ceil() * step;
        }
        self
    }

    /// The pixel of a value.
    pub(super) fn at(&self, value: f64) -> f64 {
        let share = if self.log {
            (value.max(f64::MIN_POSITIVE).log10() - self.low.log10()) / (self.high.log10() - self.low.log10())
        } else {
            (value - self.low) / (self.high - self.low)
        };
        self.pixels.0 + share * (self.pixels.1 - self.pixels.0)
    }

    /// About `n` round values within the interval.
    pub(super) fn ticks(&self, n: usize) -> Vec<Tick> {
        let tick = |value: f64, label: String| Tick { pixel: self.at(value), label };
        if self.log {
            let (first, last) = (self.low.log10().ceil() as i32, self.high.log10().floor() as i32);
            let every = ((last - first) as usize / n.max(1) + 1).max(1);
            let powers = (first..=last).step_by(every);
            let label = |p: i32| if p < PLAIN { scientific(10_f64.powi(p)) } else { short(10_f64.powi(p)) };
            return powers.map(|p| tick(10_f64.powi(p), label(p))).collect();
        }
        let step = self.step(n);
        let decimals = (-step.log10() + 1e-9).ceil().clamp(0.0, 12.0) as usize;
        let first = (self.low / step - 1e-9).ceil();
        let last = (self.high / step + 1e-9).floor();
        let values = (0..=(last - first) as usize).map(|i| (first + i as f64) * step);
        let plain = (10_f64.powi(PLAIN)..1e7).contains(&step);
        values.map(|v| tick(v, if plain { fixed(v, decimals) } else { scientific(v) })).collect()
    }

    /// 1, 2 or 5 times a power of ten, so that the interval has at most `n` steps.
    fn step(&self, n: usize) -> f64 {
        let raw = (self.high - self.low) / n.max(1) as f64;
        let power = 10_f64.powf(raw.log10().floor());
        let factor = [1.0, 2.0, 5.0, 10.0].into_iter().find(|f| f * power >= raw * (1.0 - 1e-9));
        factor.unwrap_or(10.0) * power
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(scale: &Scale, n: usize) -> Vec<String> {
        scale.ticks(n).into_iter().map(|t| t.label).collect()
    }

    #[test]
    fn ticks_are_round_and_inside() {
        let scale = Scale::over([0.03, 0.97].into_iter(), (0.0, 100.0)).nice(5);
        assert_eq!(labels(&scale, 5), ["0", "0.2", "0.4", "0.6", "0.8", "1"]);
        assert_eq!((scale.at(0.0), scale.at(1.0)), (0.0, 100.0));
        let steps = Scale::over([3.0, 10_000.0].into_iter(), (0.0, 100.0));
        assert_eq!(labels(&steps, 5), ["2,000", "4,000", "6,000", "8,000", "10,000"]);
        let tiny = Scale::over([0.0, 3e-7].into_iter(), (0.0, 100.0)).nice(3);
        assert_eq!(labels(&tiny, 3), ["0", "1e-7", "2e-7", "3e-7"]);
        let small = Scale::over([0.0, 3e-4].into_iter(), (0.0, 100.0)).nice(3);
        assert_eq!(labels(&small, 3), ["0", "1e-4", "2e-4", "3e-4"]);
    }

    #[test]
    fn one_value_or_none_still_makes_an_axis() {
        assert_eq!(labels(&Scale::over([0.05].into_iter(), (0.0, 1.0)).nice(2), 2), ["0", "0.05"]);
        assert_eq!(labels(&Scale::over([f64::NAN].into_iter(), (0.0, 1.0)).nice(2), 2), ["0", "0.5", "1"]);
        assert_eq!(labels(&Scale::over([-3.0].into_iter(), (0.0, 1.0)).nice(3), 3), ["-3", "-2", "-1", "0"]);
    }

    #[test]
    fn a_logarithmic_axis_marks_powers_of_ten() {
        let scale = Scale { low: 0.004, high: 2.3, log: true, pixels: (0.0, 100.0) }.nice(5);
        assert_eq!(labels(&scale, 5), ["0.001", "0.01", "0.1", "1", "10"]);
        let small = Scale { low: 1e-4, high: 1e-2, log: true, pixels: (0.0, 100.0) };
        assert_eq!(labels(&small, 5), ["1e-4", "0.001", "0.01"]);
        assert!((scale.at(0.1) - 50.0).abs() < 1e-9);
    }
}
