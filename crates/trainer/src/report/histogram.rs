//! How often which input occurs.

use maud::html;

use super::chart::Chart;
use super::number::{Px, count, short};
use super::scale::Scale;

const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 340.0;
const PLOT: (f64, f64, f64, f64) = (84.0, 64.0, 530.0, 292.0); // left, top, right, bottom
const BARS: usize = 64;
/// With up to so many distinct values, evenly spaced, bars are as wide as a whole number of spaces: else some bars would
/// stand for more values than others and show steps that are not in the data.
const LEVELS: usize = 1024;

/// Counts of numbers in bars of equal width.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Histogram {
    /// The lower end of the first bar.
    pub(super) low: f64,
    /// The width of a bar.
    pub(super) width: f64,
    pub(super) counts: Vec<u64>,
    pub(super) mean: f64,
    pub(super) deviation: f64,
}

impl Histogram {
    /// Of the finite numbers; none if there are none.
    pub(super) fn new(values: &[f64]) -> Option<Self> {
        let finite = || values.iter().copied().filter(|v| v.is_finite());
        let n = finite().count() as f64;
        let low = finite().fold(f64::INFINITY, f64::min);
        let high = finite().fold(f64::NEG_INFINITY, f64::max);
        if !(high - low).is_finite() {
            return None;
        }
        let mean = finite().sum::<f64>() / n;
        let deviation = (finite().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
        let (low, width, bars) = bars(low, high, spacing(finite()));
        let mut counts = vec![0; bars];
        for v in finite() {
            counts[(((v - low) / width) as usize).min(bars - 1)] += 1;
        }
        Some(Histogram { low, width, counts, mean, deviation })
    }

    pub(super) fn draw(&self, what: &str) -> Chart {
        let (left, top, right, bottom) = PLOT;
        let bars = self.counts.len() as f64;
        let x =
            Scale { low: self.low, high: self.low + bars * self.width, log: false, pixels: (left, right) };
        let tallest = self.counts.iter().copied().max().unwrap_or(0) as f64;
        let mut present: Vec<u64> = self.counts.iter().copied().filter(|&n| n > 0).collect();
        present.sort_unstable();
        // Most pixels of most images are ground: on a linear axis they would hide all others.
        let log = tallest > 50.0 * present.get(present.len() / 2).copied().unwrap_or(1) as f64;
        let y =
            Scale { low: if log { 1.0 } else { 0.0 }, high: tallest.max(1.0), log, pixels: (bottom, top) }
                .nice(5);
        let label = if log { "count, logarithmic" } else { "count" };
        let height = |n: u64| if n == 0 { 0.0 } else { (bottom - y.at(n as f64)).max(1.0) };
        let body = html! {
            @for tick in y.ticks(5) {
                line .grid x1=(Px(left)) x2=(Px(right)) y1=(Px(tick.pixel)) y2=(Px(tick.pixel)) {}
                text .tick x=(Px(left - 8.0)) y=(Px(tick.pixel + 4.0)) text-anchor="end" { (tick.label) }
            }
            @for (i, &n) in self.counts.iter().enumerate().filter(|(_, n)| **n > 0) {
                @let from = self.low + i as f64 * self.width;
                rect .bar x=(Px(x.at(from) + 0.5)) width=(Px((x.at(from + self.width) - x.at(from) - 1.0).max(0.5)))
                    y=(Px(bottom - height(n))) height=(Px(height(n)))
                    data-tip={ (short(from)) " to " (short(from + self.width)) ": " (count(n)) } {}
            }
            @for tick in x.ticks(6) {
                line .axis x1=(Px(tick.pixel)) x2=(Px(tick.pixel)) y1=(Px(bottom)) y2=(Px(bottom + 4.0)) {}
                text .tick x=(Px(tick.pixel)) y=(Px(bottom + 19.0)) text-anchor="middle" { (tick.label) }
            }
            line .axis x1=(Px(left)) x2=(Px(right)) y1=(Px(bottom)) y2=(Px(bottom)) {}
            text .label x=(Px((left + right) / 2.0)) y=(Px(bottom + 39.0)) text-anchor="middle" { "input, scaled" }
            text .label transform={ "translate(16 " (Px((top + bottom) / 2.0)) ") rotate(-90)" } text-anchor="middle" {
                (label)
            }
        };
        let note = format!("{what}; mean {}, deviation {}", short(self.mean), short(self.deviation));
        let title = "Inputs as the network sees them".into();
        Chart { id: "histogram", title, note, width: WIDTH, height: HEIGHT, body, hover: None }
    }
}

/// The lower end, the width and the number of the bars.
fn bars(low: f64, high: f64, spacing: Option<f64>) -> (f64, f64, usize) {
    match spacing {
        _ if low == high => (low - 0.5, 1.0, 1),
        Some(spacing) => {
            let levels = ((high - low) / spacing).round() as usize + 1;
            let together = levels.div_ceil(BARS);
            let bars = levels.div_ceil(together);
            (low - spacing / 2.0, spacing * together as f64, bars)
        }
        None => (low, (high - low) / BARS as f64, BARS),
    }
}

/// The distance of neighbouring values, if there are few distinct ones and all are whole distances apart.
fn spacing(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut distinct = std::collections::HashSet::new();
    for v in values {
        distinct.insert((v + 0.0).to_bits());
        if distinct.len() > LEVELS {
            return None;
        }
    }
    let mut distinct: Vec<f64> = distinct.into_iter().map(f64::from_bits).collect();
    distinct.sort_unstable_by(f64::total_cmp);
    let gaps = || distinct.windows(2).map(|pair| pair[1] - pair[0]);
    let least = gaps().fold(f64::INFINITY, f64::min);
    let whole = |gap: f64| (gap / least - (gap / least).round()).abs() < 1e-3;
    let levels = (distinct.last()? - distinct.first()?) / least;
    (least.is_finite() && levels < LEVELS as f64 && gaps().all(whole)).then_some(least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_for_each_level_if_levels_are_few() {
        let histogram = Histogram::new(&[0.0, 0.25, 0.25, 1.0]).unwrap();
        assert_eq!((histogram.low, histogram.width), (-0.125, 0.25));
        assert_eq!(histogram.counts, [1, 2, 0, 0, 1]);
        assert_eq!(histogram.mean, 0.375);
    }

    #[test]
    fn every_bar_of_grey_values_stands_for_as_many_of_them() {
        let grey: Vec<f64> = (0..=255).map(|v| f64::from(v as f32 / 255.0)).collect();
        let histogram = Histogram::new(&grey).unwrap();
        assert_eq!(histogram.counts, vec![4; 64]);
    }

    #[test]
    fn continuous_constant_infinite_and_absent_values() {
        let waves: Vec<f64> = (0..5_000).map(|i| f64::from(i).sin()).collect();
        let histogram = Histogram::new(&waves).unwrap();
        assert_eq!((histogram.counts.len(), histogram.counts.iter().sum::<u64>()), (BARS, 5_000));
        assert_eq!(Histogram::new(&[3.0, 3.0, f64::NAN]).unwrap().counts, [2]);
        assert_eq!(Histogram::new(&[]), None);
        assert_eq!(Histogram::new(&[f64::INFINITY]), None);
        assert_eq!(Histogram::new(&[-f64::MAX, f64::MAX]), None, "their distance is beyond f64");
    }
}
