//! A line search for the strong Wolfe conditions.
//!
//! ```text
//! φ(t) ≤ φ(0) + c₁ t φ'(0)      |φ'(t)| ≤ c₂ |φ'(0)|      c₁ = 1e-4, c₂ = 0.9
//! ```
//!
//! Nocedal, Wright, "Numerical optimization", 2006, algorithms 3.5 and 3.6, with the minimum of a cubic (eq. 3.59) as the
//! next point. The safeguards are those of M. Schmidt's minFunc, 2005, which PyTorch follows too.

const ENOUGH: f64 = 1e-4;
const FLAT: f64 = 0.9;
const MOST_TRIES: usize = 25;
/// No interval is cut further when none of its steps is longer.
const NARROW: f64 = 1e-9;

/// A point along the direction d.
#[derive(Clone)]
pub(super) struct Point {
    /// Its distance in units of d.
    pub(super) t: f64,
    pub(super) value: f64,
    /// The gradient, and its product with d.
    pub(super) g: Vec<f64>,
    pub(super) slope: f64,
}

/// A point that meets the conditions, or the best that was found; `first` is the first to be tried, `longest` the
/// largest element of the direction.
pub(super) fn strong_wolfe<E>(
    at: &mut impl FnMut(f64) -> Result<Point, E>,
    start: &Point,
    first: f64,
    longest: f64,
) -> Result<Point, E> {
    let search = Search { start, longest };
    let mut at = |t| {
        let mut point = at(t)?;
        if point.value.is_nan() {
            point.value = f64::INFINITY; // beyond where the function is defined
        }
        Ok(point)
    };
    let mut before = start.clone();
    let mut point = at(first)?;
    for tries in 0..MOST_TRIES {
        if search.is_too_high(&point) || (tries > 1 && point.value >= before.value) {
            return search.zoom(&mut at, before, point, tries);
        }
        if search.is_flat(&point) {
            return Ok(point);
        }
        if point.slope >= 0.0 {
            return search.zoom(&mut at, before, point, tries);
        }
        let bounds = (point.t + 0.01 * (point.t - before.t), 10.0 * point.t);
        let t = cubic_minimum(&before, &point, bounds);
        before = std::mem::replace(&mut point, at(t)?);
    }
    search.zoom(&mut at, start.clone(), point, MOST_TRIES)
}

struct Search<'a> {
    start: &'a Point,
    longest: f64,
}

impl Search<'_> {
    fn is_too_high(&self, point: &Point) -> bool {
        point.value > self.start.value + ENOUGH * point.t * self.start.slope
    }

    fn is_flat(&self, point: &Point) -> bool {
        point.slope.abs() <= -FLAT * self.start.slope
    }

    /// Narrows an interval that contains points which meet the conditions.
    fn zoom<E>(
        &self,
        at: &mut impl FnMut(f64) -> Result<Point, E>,
        a: Point,
        b: Point,
        tries: usize,
    ) -> Result<Point, E> {
        let (mut low, mut high) = if a.value <= b.value { (a, b) } else { (b, a) };
        let mut near_an_end = false;
        for _ in tries..MOST_TRIES {
            let (left, right) = (low.t.min(high.t), low.t.max(high.t));
            if (right - left) * self.longest < NARROW {
                break;
            }
            let mut t = cubic_minimum(&low, &high, (left, right));
            // Twice in a row near the same end is no progress: step inside.
            let margin = 0.1 * (right - left);
            if (right - t).min(t - left) < margin {
                if near_an_end || t >= right || t <= left {
                    t = if (t - right).abs() < (t - left).abs() { right - margin } else { left + margin };
                    near_an_end = false;
                } else {
                    near_an_end = true;
                }
            } else {
                near_an_end = false;
            }
            let point = at(t)?;
            if self.is_too_high(&point) || point.value >= low.value {
                high = point;
                if high.value < low.value {
                    std::mem::swap(&mut low, &mut high);
                }
            } else if self.is_flat(&point) {
                return Ok(point);
            } else {
                if point.slope * (high.t - low.t) >= 0.0 {
                    high = low;
                }
                low = point;
            }
        }
        Ok(low)
    }
}

/// The minimum, within the bounds, of the cubic through two points with their slopes; the middle if it has none.
fn cubic_minimum(a: &Point, b: &Point, (least, most): (f64, f64)) -> f64 {
    let (a, b) = if a.t <= b.t { (a, b) } else { (b, a) };
    let d1 = a.slope + b.slope - 3.0 * (a.value - b.value) / (a.t - b.t);
    let square = d1 * d1 - a.slope * b.slope;
    if square.is_nan() || square < 0.0 {
        return (least + most) / 2.0;
    }
    let d2 = square.sqrt();
    let t = b.t - (b.t - a.t) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2.0 * d2));
    if t.is_nan() { (least + most) / 2.0 } else { t.max(least).min(most) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cubic_is_minimised_exactly() {
        let f = |t: f64| Point { t, value: t * t * t - 3.0 * t, slope: 3.0 * t * t - 3.0, g: vec![] };
        for (a, b) in [(0.0, 1.5), (1.5, 0.0), (0.5, 4.0)] {
            assert!((cubic_minimum(&f(a), &f(b), (-10.0, 10.0)) - 1.0).abs() < 1e-14);
        }
        assert_eq!(cubic_minimum(&f(0.0), &f(1.5), (1.2, 10.0)), 1.2);
    }

    #[test]
    fn the_conditions_hold_at_the_point_found() {
        // ln is not defined at and below 0, so long steps have no value.
        let f = |t: f64| {
            let x = 2.0 - t;
            Ok::<_, ()>(Point { t, value: x - x.ln(), slope: -(1.0 - 1.0 / x), g: vec![] })
        };
        let start = f(0.0).unwrap();
        for first in [1e-3, 1.0, 1.9, 50.0] {
            let point = strong_wolfe(&mut { f }, &start, first, 1.0).unwrap();
            assert!(point.value <= start.value + ENOUGH * point.t * start.slope, "{first}");
            assert!(point.slope.abs() <= FLAT * start.slope.abs(), "{first}");
        }
    }
}
