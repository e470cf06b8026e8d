//! L-BFGS: a quasi-Newton method for smooth functions whose gradient is exact.
//!
//! ```text
//! s = xₖ₊₁ - xₖ,  y = gₖ₊₁ - gₖ                          kept for the last few k, where y's > 1e-10
//! d = -H g                                              by the two loops over the pairs; H₀ = y's / y'y
//! x ← x + t d                                           t by a line search
//! ```
//!
//! Nocedal, "Updating quasi-Newton matrices with limited storage", 1980; Nocedal, Wright, "Numerical optimization", 2006,
//! algorithms 7.4 (the loops) and 3.5, 3.6 (the line search for the strong Wolfe conditions). First steps and tolerances
//! are PyTorch's.
//!
//! A batch of its own for each step would make the differences y noise, so this is no
//! [`Optimizer`](crate::Optimizer): it has its own loop, over the whole data set.

mod line_search;
mod network;

use std::collections::VecDeque;

use line_search::{Point, strong_wolfe};

use crate::Error;

/// L-BFGS and its options.
///
/// # Examples
///
/// Rosenbrock's valley:
///
/// ```
/// use trainer::Lbfgs;
///
/// let mut x = [-1.2, 1.0];
/// let valley = |x: &[f64], g: &mut [f64]| {
///     let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
///     (g[0], g[1]) = (-2.0 * a - 400.0 * x[0] * b, 200.0 * b);
///     Ok::<_, std::convert::Infallible>(a * a + 100.0 * b * b)
/// };
/// let minimum = Lbfgs::default().minimise(&mut x, valley, |_, _| {}).unwrap();
/// assert!(minimum.value < 1e-9 && minimum.iterations < 50);
/// assert!((x[0] - 1.0).abs() < 1e-4);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct Lbfgs {
    /// The most iterations.
    pub max_iterations: u64,
    /// How many pairs are kept.
    pub history: usize,
    /// The first step length of each line search; without one, of each step. 1 suits quasi-Newton steps.
    pub rate: f64,
    /// Search along each direction for a point that meets the strong Wolfe conditions.
    pub line_search: bool,
    /// Stop when no element of the gradient is larger.
    pub gradient_tolerance: f64,
    /// Stop when x or the value changes by no more, or the value promises to.
    pub change_tolerance: f64,
}

impl Default for Lbfgs {
    fn default() -> Self {
        Lbfgs {
            max_iterations: 100,
            history: 10,
            rate: 1.0,
            line_search: true,
            gradient_tolerance: 1e-7,
            change_tolerance: 1e-9,
        }
    }
}

/// Where a minimisation ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Minimum {
    /// The value there.
    pub value: f64,
    /// The iterations taken.
    pub iterations: u64,
    /// How often the function was evaluated.
    pub evaluations: u64,
    /// Why it ended.
    pub stopped: Stopped,
}

/// Why a minimisation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// The gradient is within its tolerance.
    Gradient,
    /// The change is within its tolerance.
    Change,
    /// All iterations were taken.
    Iterations,
    /// No direction leads down, or the value or the gradient there is not finite.
    NoDescent,
}

impl Lbfgs {
    /// That the options make a search.
    ///
    /// # Errors
    ///
    /// [`Error::Option`] unless `rate` is above 0, `history` at least 1 and the tolerances from 0, all finite.
    pub fn check(&self) -> Result<(), Error> {
        if !(self.rate.is_finite() && self.rate > 0.0) {
            return Err(Error::option("rate", "a finite number above 0", self.rate));
        }
        if self.history == 0 {
            return Err(Error::option("history", "at least one pair", self.history));
        }
        let tolerances =
            [("gradient_tolerance", self.gradient_tolerance), ("change_tolerance", self.change_tolerance)];
        match tolerances.into_iter().find(|(_, t)| !(t.is_finite() && *t >= 0.0)) {
            Some((option, got)) => Err(Error::option(option, "a finite number from 0", got)),
            None => Ok(()),
        }
    }

    /// x ← a local minimum near it of `f`, which returns the value at its first argument and writes the gradient to its
    /// second. `after` is told x and the value after each iteration.
    ///
    /// # Errors
    ///
    /// What `f` returns; x is then the last point that an iteration reached.
    ///
    /// # Panics
    ///
    /// If [`Lbfgs::check`] refuses the options.
    #[track_caller]
    pub fn minimise<E>(
        &self,
        x: &mut [f64],
        mut f: impl FnMut(&[f64], &mut [f64]) -> Result<f64, E>,
        mut after: impl FnMut(&[f64], f64),
    ) -> Result<Minimum, E> {
        self.check().unwrap_or_else(|error| panic!("{error}"));
        let mut g = vec![0.0; x.len()];
        let mut value = f(x, &mut g)?;
        let mut evaluations = 1;
        let mut pairs = Pairs { kept: VecDeque::new(), room: self.history, scale: 1.0 };
        for iteration in 0..self.max_iterations {
            let end = |stopped| Minimum { value, iterations: iteration, evaluations, stopped };
            if !(value.is_finite() && largest(&g).is_finite()) {
                return Ok(end(Stopped::NoDescent));
            }
            if largest(&g) <= self.gradient_tolerance {
                return Ok(end(Stopped::Gradient));
            }
            let d = pairs.direction(&g);
            let slope = dot(&g, &d);
            if slope.is_nan() || slope >= 0.0 {
                return Ok(end(Stopped::NoDescent));
            }
            if slope > -self.change_tolerance {
                return Ok(end(Stopped::Change));
            }
            // Without pairs the direction has no scale: the first step is at most as long as 1 in sum.
            let first = match iteration {
                0 => (1.0 / g.iter().map(|g| g.abs()).sum::<f64>()).min(1.0) * self.rate,
                _ => self.rate,
            };
            let mut at = |t: f64| {
                let point: Vec<f64> = x.iter().zip(&d).map(|(x, d)| x + t * d).collect();
                let mut g = vec![0.0; x.len()];
                let value = f(&point, &mut g)?;
                evaluations += 1;
                Ok(Point { t, slope: dot(&g, &d), value, g })
            };
            let start = Point { t: 0.0, value, slope, g };
            let next = match self.line_search {
                true => strong_wolfe(&mut at, &start, first, largest(&d))?,
                false => at(first)?,
            };
            let step: Vec<f64> = d.iter().map(|d| next.t * d).collect();
            x.iter_mut().zip(&step).for_each(|(x, s)| *x += s);
            let change = (value - next.value).abs();
            value = next.value;
            after(x, value);
            let still = largest(&step) <= self.change_tolerance || change < self.change_tolerance;
            pairs.add(step, next.g.iter().zip(&start.g).map(|(new, old)| new - old).collect());
            g = next.g;
            if still {
                let stopped = match largest(&g) {
                    size if size <= self.gradient_tolerance => Stopped::Gradient,
                    size if size.is_finite() && value.is_finite() => Stopped::Change,
                    _ => Stopped::NoDescent,
                };
                return Ok(Minimum { value, iterations: iteration + 1, evaluations, stopped });
            }
        }
        Ok(Minimum { value, iterations: self.max_iterations, evaluations, stopped: Stopped::Iterations })
    }
}

/// The last differences of x and of the gradient: what is known of the curvature.
struct Pairs {
    kept: VecDeque<Pair>,
    room: usize,
    /// H₀
    scale: f64,
}

struct Pair {
    s: Vec<f64>,
    y: Vec<f64>,
    /// 1 / y's
    rho: f64,
}

impl Pairs {
    fn add(&mut self, s: Vec<f64>, y: Vec<f64>) {
        let curvature = dot(&y, &s);
        if curvature <= 1e-10 || curvature.is_nan() {
            return; // it would make a direction that leads up
        }
        if self.kept.len() >= self.room {
            self.kept.pop_front();
        }
        self.scale = curvature / dot(&y, &y);
        self.kept.push_back(Pair { s, y, rho: 1.0 / curvature });
    }

    /// -H g
    fn direction(&self, g: &[f64]) -> Vec<f64> {
        let mut q: Vec<f64> = g.iter().map(|g| -g).collect();
        let mut alphas = Vec::with_capacity(self.kept.len());
        for pair in self.kept.iter().rev() {
            let alpha = dot(&pair.s, &q) * pair.rho;
            add_scaled(&mut q, -alpha, &pair.y);
            alphas.push(alpha);
        }
        q.iter_mut().for_each(|q| *q *= self.scale);
        for (pair, alpha) in self.kept.iter().zip(alphas.into_iter().rev()) {
            let beta = dot(&pair.y, &q) * pair.rho;
            add_scaled(&mut q, alpha - beta, &pair.s);
        }
        q
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn add_scaled(to: &mut [f64], factor: f64, x: &[f64]) {
    to.iter_mut().zip(x).for_each(|(to, x)| *to += factor * x);
}

/// The largest magnitude; not a number if an element is none, which must not pass for a small one.
fn largest(x: &[f64]) -> f64 {
    x.iter().fold(0.0, |m: f64, x| if m.is_nan() || m >= x.abs() { m } else { x.abs() })
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[test]
    fn a_quadratic_bowl_of_n_dimensions_takes_about_n_iterations() {
        let n = 8;
        let bowl = |x: &[f64], g: &mut [f64]| {
            let a = |i: usize| 1.0 + i as f64;
            g.iter_mut().enumerate().for_each(|(i, g)| *g = a(i) * x[i]);
            Ok::<_, Infallible>(x.iter().enumerate().map(|(i, x)| 0.5 * a(i) * x * x).sum())
        };
        let mut x = vec![1.0; n];
        let minimum = Lbfgs::default().minimise(&mut x, bowl, |_, _| {}).unwrap();
        assert!(minimum.iterations <= 2 * n as u64 && minimum.value < 1e-9, "{minimum:?}");
    }

    #[test]
    fn options_that_make_no_search_are_refused() {
        let message = |lbfgs: Lbfgs| lbfgs.check().unwrap_err().to_string();
        let base = Lbfgs::default();
        for rate in [0.0, -1.0, f64::NAN] {
            assert!(message(Lbfgs { rate, ..base }).starts_with("rate: expected a finite number above 0"));
        }
        assert_eq!(message(Lbfgs { history: 0, ..base }), "history: expected at least one pair, got 0");
        let no_number = Lbfgs { change_tolerance: f64::NAN, ..base };
        assert_eq!(message(no_number), "change_tolerance: expected a finite number from 0, got NaN");
        assert!(base.check().is_ok());
    }

    #[test]
    fn each_end_is_named() {
        let run = |lbfgs: Lbfgs, f: fn(f64) -> (f64, f64)| {
            let function = |x: &[f64], g: &mut [f64]| {
                let (value, slope) = f(x[0]);
                g[0] = slope;
                Ok::<_, Infallible>(value)
            };
            lbfgs.minimise(&mut [3.0], function, |_, _| {}).unwrap().stopped
        };
        let once = Lbfgs { max_iterations: 1, ..Lbfgs::default() };
        assert_eq!(run(Lbfgs::default(), |x| (x * x, 2.0 * x)), Stopped::Gradient);
        assert_eq!(run(once, |x| (x.cosh(), x.sinh())), Stopped::Iterations);
        assert_eq!(run(Lbfgs::default(), |_| (f64::NAN, 1.0)), Stopped::NoDescent);
    }

    #[test]
    fn a_gradient_that_is_not_finite_is_no_minimum_wherever_it_is_met() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            for (at, line_search) in [(1, true), (1, false), (2, false), (3, false)] {
                for place in [0, 1] {
                    let mut calls = 0;
                    let f = |x: &[f64], g: &mut [f64]| {
                        calls += 1;
                        g.iter_mut().zip(x).for_each(|(g, x)| *g = 2.0 * x);
                        if calls == at {
                            g[place] = bad;
                        }
                        Ok::<_, Infallible>(x.iter().map(|x| x * x).sum())
                    };
                    let search = Lbfgs { line_search, rate: 0.1, ..Lbfgs::default() };
                    let found = search.minimise(&mut [3.0, 1.0], f, |_, _| {}).unwrap();
                    assert_eq!(found.stopped, Stopped::NoDescent, "{bad} in evaluation {at}");
                    assert_eq!(found.iterations, at - 1);
                }
            }
        }
    }

    #[test]
    fn an_error_of_the_function_ends_the_search() {
        let mut calls = 0;
        let f = |x: &[f64], g: &mut [f64]| {
            calls += 1;
            g[0] = x[0];
            if calls == 2 { Err("gone") } else { Ok(x[0]) }
        };
        assert_eq!(Lbfgs::default().minimise(&mut [1.0], f, |_, _| {}), Err("gone"));
    }
}
