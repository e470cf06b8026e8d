//! Schedules: the learning rate as a function of time.
//!
//! A schedule holds no state: the rate of a step follows from the number of the step, so a run that is resumed has the
//! same rates. (What does have a state is [`Plateau`](crate::Plateau), which is an option of its own and applies on top
//! of any schedule.)
//!
//! Time is counted in *steps*, where a step is one update of the parameters. Spans may be written in steps or in epochs,
//! `{ steps = 500 }` or `{ epochs = 3 }`: an epoch stands for as many steps as it has. So a rate may change within an
//! epoch, and one schedule may mix both. Where PyTorch's schedulers are called once an epoch, write their spans in
//! epochs; [`Schedule::Step`] and [`Schedule::MultiStep`] are then the same, the smooth ones are smoother.

mod one_cycle;

use std::f64::consts::PI;

use crate::{Error, Length};

pub use one_cycle::{Anneal, OneCycle};

/// The learning rate of each step.
///
/// In the formulas η is the base rate ([`Options::learning_rate`](crate::Options::learning_rate)), t the number of the
/// step from 0, T the length of the schedule: of the whole run unless given. After T the last rate stays.
///
/// # Examples
///
/// ```
/// use trainer::{Length, RunLength, Schedule};
///
/// let run = RunLength { total: 100, epoch: 10 };
/// let then = Box::new(Schedule::Cosine { minimum: 0.0, length: None });
/// let schedule = Schedule::WarmUp { length: Length::Epochs(1), from: 0.1, then };
/// let rates = [0, 5, 10, 55, 100].map(|t| schedule.rate(0.2, t, run));
/// let expected = [0.02, 0.11, 0.2, 0.1, 0.0];
/// assert!(rates.iter().zip(expected).all(|(rate, expected)| (rate - expected).abs() < 1e-15));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(tag = "name", rename_all = "snake_case", deny_unknown_fields))]
#[non_exhaustive]
pub enum Schedule {
    /// η
    Constant {},
    /// η · factor^⌊t / every⌋
    Step {
        /// The time between two changes.
        every: Length,
        /// What the rate is multiplied by.
        factor: f64,
    },
    /// η · factor^(how many of the times are not after t)
    MultiStep {
        /// The times of the changes, from the start.
        at: Vec<Length>,
        /// What the rate is multiplied by.
        factor: f64,
    },
    /// η · factor^(t / every), changing in every step
    Exponential {
        /// The time in which the rate changes by the factor; one step unless given.
        #[cfg_attr(feature = "serde", serde(default = "one_step"))]
        every: Length,
        /// What the rate is multiplied by in that time.
        factor: f64,
    },
    /// min + (η - min) (1 + cos(π t / T)) / 2
    ///
    /// Loshchilov, Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017, eq. 5.
    Cosine {
        /// The last rate.
        #[cfg_attr(feature = "serde", serde(default))]
        minimum: f64,
        /// T
        #[cfg_attr(feature = "serde", serde(default))]
        length: Option<Length>,
    },
    /// The cosine again and again, each time over a longer span if `multiply` is above 1. The same paper.
    CosineRestarts {
        /// The first span.
        first: Length,
        /// Each span over the one before.
        #[cfg_attr(feature = "serde", serde(default = "one"))]
        multiply: u64,
        /// The rate that each span falls to.
        #[cfg_attr(feature = "serde", serde(default))]
        minimum: f64,
    },
    /// η · (from + (to - from) t / T)
    Linear {
        /// The first factor.
        from: f64,
        /// The last factor.
        to: f64,
        /// T
        #[cfg_attr(feature = "serde", serde(default))]
        length: Option<Length>,
    },
    /// η · (from + (1 - from) t / length) while t < length, then another schedule that starts there and has the rest of
    /// the run.
    ///
    /// Goyal et al., "Accurate, large minibatch SGD", 2017, section 2.2.
    WarmUp {
        /// The time it takes.
        length: Length,
        /// The first factor.
        #[cfg_attr(feature = "serde", serde(default))]
        from: f64,
        /// What comes after.
        #[cfg_attr(feature = "serde", serde(default))]
        then: Box<Schedule>,
    },
    /// Up to η and far down again.
    OneCycle(OneCycle),
}

impl Default for Schedule {
    fn default() -> Self {
        Schedule::Constant {}
    }
}

#[cfg(feature = "serde")]
fn one_step() -> Length {
    Length::Steps(1)
}

#[cfg(feature = "serde")]
fn one() -> u64 {
    1
}

/// How long a run is, in steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunLength {
    /// The steps of the whole run.
    pub total: u64,
    /// The steps of one epoch.
    pub epoch: u64,
}

impl RunLength {
    /// The steps of a span; of the whole run if none is given.
    fn steps(self, length: Option<Length>) -> u64 {
        length.map_or(self.total, |length| length.steps(self.epoch))
    }

    /// The steps of a span that comes again and again, at least 1.
    fn period(self, length: Length) -> u64 {
        length.steps(self.epoch).max(1)
    }
}

impl Schedule {
    /// Every schedule, with options of no importance.
    pub fn all() -> Vec<Schedule> {
        let every = Length::Epochs(1);
        vec![
            Schedule::Constant {},
            Schedule::Step { every, factor: 0.1 },
            Schedule::MultiStep { at: vec![every], factor: 0.1 },
            Schedule::Exponential { every, factor: 0.9 },
            Schedule::Cosine { minimum: 0.0, length: None },
            Schedule::CosineRestarts { first: every, multiply: 2, minimum: 0.0 },
            Schedule::Linear { from: 1.0, to: 0.0, length: None },
            Schedule::WarmUp { length: every, from: 0.1, then: Box::default() },
            Schedule::OneCycle(OneCycle::default()),
        ]
    }

    /// The name: `cosine`.
    pub fn kind(&self) -> &'static str {
        match self {
            Schedule::Constant {} => "constant",
            Schedule::Step { .. } => "step",
            Schedule::MultiStep { .. } => "multi_step",
            Schedule::Exponential { .. } => "exponential",
            Schedule::Cosine { .. } => "cosine",
            Schedule::CosineRestarts { .. } => "cosine_restarts",
            Schedule::Linear { .. } => "linear",
            Schedule::WarmUp { .. } => "warm_up",
            Schedule::OneCycle(_) => "one_cycle",
        }
    }

    /// What the schedule does, in half a sentence.
    pub fn about(&self) -> &'static str {
        match self {
            Schedule::Constant {} => "the rate as it is",
            Schedule::Step { .. } => "times a factor, every so often",
            Schedule::MultiStep { .. } => "times a factor, at given times",
            Schedule::Exponential { .. } => "times a factor in a given time, smoothly",
            Schedule::Cosine { .. } => "down to a minimum along half a cosine",
            Schedule::CosineRestarts { .. } => "down along half a cosine, again and again",
            Schedule::Linear { .. } => "from one factor to another in a straight line",
            Schedule::WarmUp { .. } => "up from a low rate first, then another schedule",
            Schedule::OneCycle(_) => "up to the rate and far down again",
        }
    }

    /// The learning rate of step `t`, counted from 0, given the base rate and how long training lasts.
    ///
    /// A rate changes each step at most: a period of 0 steps, which no trainer takes, or of epochs that have none, counts
    /// as 1, and so does a `multiply` of 0.
    pub fn rate(&self, base: f64, t: u64, run: RunLength) -> f64 {
        match self {
            Schedule::Constant {} => base,
            Schedule::Step { every, factor } => base * factor.powf((t / run.period(*every)) as f64),
            Schedule::MultiStep { at, factor } => {
                base * factor.powf(at.iter().filter(|at| at.steps(run.epoch) <= t).count() as f64)
            }
            Schedule::Exponential { every, factor } => {
                base * factor.powf(t as f64 / run.period(*every) as f64)
            }
            Schedule::Cosine { minimum, length } => cosine(base, *minimum, share(t, run.steps(*length))),
            Schedule::CosineRestarts { first, multiply, minimum } => {
                let (at, span) = within_restarts(t, run.period(*first), (*multiply).max(1));
                cosine(base, *minimum, share(at, span))
            }
            Schedule::Linear { from, to, length } => {
                base * (from + (to - from) * share(t, run.steps(*length)))
            }
            Schedule::WarmUp { length, from, then } => {
                let length = length.steps(run.epoch);
                if t < length {
                    base * (from + (1.0 - from) * share(t, length))
                } else {
                    then.rate(base, t - length, RunLength { total: run.total.saturating_sub(length), ..run })
                }
            }
            Schedule::OneCycle(cycle) => cycle.rate(base, t, run.steps(cycle.length)),
        }
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        let span = |option, length: Length| match length {
            Length::Epochs(0) | Length::Steps(0) => {
                Err(Error::option(option, "a time of at least 1", format_args!("{length}")))
            }
            _ => Ok(()),
        };
        let from_0 = |option, value: f64| match value.is_finite() && value >= 0.0 {
            true => Ok(()),
            false => Err(Error::option(option, "a finite number from 0", value)),
        };
        match self {
            Schedule::Constant {} => Ok(()),
            Schedule::Step { every, factor } | Schedule::Exponential { every, factor } => {
                span("schedule.every", *every).and(from_0("schedule.factor", *factor))
            }
            Schedule::MultiStep { at, factor } => {
                at.iter().try_for_each(|&at| span("schedule.at", at))?;
                from_0("schedule.factor", *factor)
            }
            Schedule::Cosine { minimum, length } => {
                length.map_or(Ok(()), |length| span("schedule.length", length))?;
                from_0("schedule.minimum", *minimum)
            }
            Schedule::CosineRestarts { first, multiply, minimum } => {
                span("schedule.first", *first)?;
                from_0("schedule.minimum", *minimum)?;
                if *multiply == 0 {
                    return Err(Error::option("schedule.multiply", "at least 1", multiply));
                }
                Ok(())
            }
            Schedule::Linear { from, to, length } => {
                length.map_or(Ok(()), |length| span("schedule.length", length))?;
                from_0("schedule.from", *from).and(from_0("schedule.to", *to))
            }
            Schedule::WarmUp { length, from, then } => {
                span("schedule.length", *length).and(from_0("schedule.from", *from)).and(then.check())
            }
            Schedule::OneCycle(cycle) => cycle.check(),
        }
    }
}

/// How much of a span is over: from 0 to 1.
fn share(t: u64, span: u64) -> f64 {
    if t < span { t as f64 / span as f64 } else { 1.0 }
}

fn cosine(from: f64, to: f64, share: f64) -> f64 {
    to + (from - to) * (1.0 + (PI * share).cos()) / 2.0
}

/// The time within the span that `t` is in, and the length of that span; `first` and `multiply` are at least 1.
fn within_restarts(t: u64, first: u64, multiply: u64) -> (u64, u64) {
    if multiply == 1 {
        return (t % first, first);
    }
    let (mut t, mut span) = (t, first);
    while t >= span {
        t -= span;
        span = span.saturating_mul(multiply);
    }
    (t, span)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: RunLength = RunLength { total: 40, epoch: 10 };

    #[test]
    fn epochs_stand_for_their_steps() {
        let in_epochs = Schedule::Step { every: Length::Epochs(2), factor: 0.5 };
        let in_steps = Schedule::Step { every: Length::Steps(20), factor: 0.5 };
        for t in 0..50 {
            assert_eq!(in_epochs.rate(1.0, t, RUN), in_steps.rate(1.0, t, RUN));
        }
        assert_eq!([19, 20].map(|t| in_epochs.rate(1.0, t, RUN)), [1.0, 0.5]);
    }

    #[test]
    fn the_last_rate_stays() {
        for schedule in [
            Schedule::Cosine { minimum: 0.25, length: None },
            Schedule::Linear { from: 1.0, to: 0.25, length: Some(Length::Epochs(4)) },
        ] {
            for t in [40, 41, 1000] {
                assert_eq!(schedule.rate(1.0, t, RUN), 0.25, "{schedule:?}");
            }
        }
    }

    #[test]
    fn warm_up_leaves_the_rest_of_the_run_to_the_other_schedule() {
        let then = Box::new(Schedule::Linear { from: 1.0, to: 0.0, length: None });
        let schedule = Schedule::WarmUp { length: Length::Epochs(1), from: 0.0, then };
        let rates = [0, 5, 10, 25, 40].map(|t| schedule.rate(1.0, t, RUN));
        assert_eq!(rates, [0.0, 0.5, 1.0, 0.5, 0.0]);
    }

    #[test]
    fn all_are_legal_and_end_somewhere() {
        for schedule in Schedule::all() {
            schedule.check().unwrap();
            assert!((0..100).all(|t| (0.0..=1.0).contains(&schedule.rate(1.0, t, RUN))), "{schedule:?}");
        }
    }

    #[test]
    fn a_time_of_0_is_refused_wherever_it_stands() {
        let step = Schedule::Step { every: Length::Steps(0), factor: 0.5 };
        let nested = Schedule::WarmUp { length: Length::Steps(1), from: 0.0, then: Box::new(step) };
        let error = nested.check().unwrap_err().to_string();
        assert_eq!(error, "schedule.every: expected a time of at least 1, got { steps = 0 }");
    }

    #[test]
    fn what_is_refused_has_a_rate_all_the_same() {
        let rates = |schedule: &Schedule, run| [0, 1, 39, 40, u64::MAX].map(|t| schedule.rate(1.0, t, run));
        let none = RunLength { total: 0, epoch: 0 };
        let periodic = |every, multiply| {
            [
                Schedule::Step { every, factor: 0.5 },
                Schedule::Exponential { every, factor: 0.5 },
                Schedule::CosineRestarts { first: every, multiply, minimum: 0.0 },
            ]
        };
        for multiply in [0, 1] {
            let each_step = periodic(Length::Steps(1), 1).map(|schedule| rates(&schedule, RUN));
            for never in [Length::Steps(0), Length::Epochs(0)] {
                let refused = periodic(never, multiply);
                assert!(refused.iter().all(|schedule| schedule.check().is_err()));
                assert_eq!(refused.map(|schedule| rates(&schedule, RUN)), each_step);
            }
            // Of a run over no examples.
            let empty = periodic(Length::Epochs(3), multiply);
            assert_eq!(empty.map(|schedule| rates(&schedule, none)), each_step);
        }
        let same = Schedule::CosineRestarts { first: Length::Steps(7), multiply: 0, minimum: 0.0 };
        assert!(same.check().is_err());
        let again = Schedule::CosineRestarts { first: Length::Steps(7), multiply: 1, minimum: 0.0 };
        assert_eq!(rates(&same, RUN), rates(&again, RUN));
        for schedule in Schedule::all() {
            assert!(rates(&schedule, none).iter().all(|rate| rate.is_finite()), "{schedule:?}");
        }
    }

    #[cfg(feature = "recipe")]
    #[test]
    fn every_schedule_is_written_under_its_kind_and_read_back() {
        for schedule in Schedule::all() {
            let text = toml::to_string(&schedule).unwrap();
            assert!(text.contains(&format!("name = \"{}\"", schedule.kind())), "{text}");
            assert_eq!(toml::from_str::<Schedule>(&text).unwrap(), schedule);
        }
        let short = "name = \"warm_up\"\nlength = { steps = 500 }\nthen = { name = \"cosine\" }";
        let cosine = Box::new(Schedule::Cosine { minimum: 0.0, length: None });
        let warm_up = Schedule::WarmUp { length: Length::Steps(500), from: 0.0, then: cosine };
        assert_eq!(toml::from_str::<Schedule>(short).unwrap(), warm_up);
    }
}
