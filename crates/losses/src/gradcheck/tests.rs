//! The checker must catch what is wrong with a loss, each mistake by the check that is made for it.

use ndarray::{ArrayRef2, Zip};
use tensor_ops::Scalar;

use super::{Check, Draw, Settings, Verdict, check};
use crate::{Error, Loss, Targets};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Bug {
    None,
    UpstreamIgnored,
    SharedTwice,
    AddedTo,
    OffByATenthOfAPercent,
    CoarseInSingle,
    RowMajor,
    ValueDependsOnGradient,
    RefusesWithGradientAlone,
    Overflows,
    SumCalledMean,
    OfAllRows,
}

/// The mean of ln cosh(x - t), with a mistake.
#[derive(Debug)]
struct LogCosh(Bug);

impl<T: Scalar> Loss<T> for LogCosh {
    fn kind(&self) -> &'static str {
        "log_cosh"
    }

    fn evaluate(
        &self,
        x: &ArrayRef2<T>,
        targets: Targets<'_, T>,
        gradient: Option<(T, &mut ArrayRef2<T>)>,
    ) -> Result<T::Wide, Error> {
        let rows = targets.rows("log_cosh", x)?;
        let bug = self.0;
        let asked = gradient.is_some();
        if bug == Bug::RefusesWithGradientAlone && asked && rows.iter().any(|t| t.value() > 7.0) {
            return Err(Error::Value { row: 0, column: 0, expected: "up to 7", got: 7.5 });
        }
        let share = if bug == Bug::SumCalledMean { 1.0 } else { 1.0 / x.len() as f64 };
        // As a constant, for the sake of the derivative: of the rows that are there.
        let mean = if bug == Bug::OfAllRows { x.fold(0.0, |sum, x| sum + x.value()) * share } else { 0.0 };
        let mean = T::from_f64(mean);
        let mut total = T::Wide::from_f64(0.0);
        Zip::from(x).and(&rows).for_each(|&x, &t| {
            let d = (x - t).widen() - mean.widen();
            let two = T::Wide::from_f64(2.0);
            total += match bug {
                Bug::Overflows => ((d.exp() + (-d).exp()) / two).ln(),
                // ln cosh d = |d| + ln(1 + e^(-2|d|)) - ln 2
                _ => {
                    let size = if d.value() < 0.0 { -d } else { d };
                    size + (-(two * size)).exp().ln_1p() - two.ln()
                }
            };
        });
        if let Some((upstream, dx)) = gradient {
            let upstream = if bug == Bug::UpstreamIgnored { T::one() } else { upstream };
            let factor = match bug {
                Bug::SharedTwice => share * share,
                Bug::OffByATenthOfAPercent => 1.001 * share,
                Bug::CoarseInSingle if size_of::<T>() == 4 => 1.001 * share,
                _ => share,
            };
            let scale = upstream * T::from_f64(factor);
            let memory = x.as_slice_memory_order().filter(|_| bug == Bug::RowMajor);
            for (i, (dx, (&x, &t))) in dx.iter_mut().zip(x.iter().zip(&rows)).enumerate() {
                let x = memory.map_or(x, |memory| memory[i]);
                let slope = scale * (x - t - mean).tanh();
                *dx = if bug == Bug::AddedTo { *dx + slope } else { slope };
            }
        }
        let extra = if bug == Bug::ValueDependsOnGradient && asked { 1e-9 } else { 0.0 };
        Ok(total * T::Wide::from_f64(share) + T::Wide::from_f64(extra))
    }
}

fn caught(bug: Bug) -> Vec<Check> {
    let report = check(&LogCosh(bug), 3, Draw::Real, &Settings::default());
    report.failures.into_iter().map(|failure| failure.check).collect()
}

#[test]
fn each_mistake_is_caught_by_the_check_that_is_made_for_it() {
    for (bug, expected) in [
        (Bug::UpstreamIgnored, Check::ZeroCotangent),
        (Bug::SharedTwice, Check::Exact),
        (Bug::AddedTo, Check::Unwritten),
        (Bug::OffByATenthOfAPercent, Check::Differences),
        (Bug::CoarseInSingle, Check::SinglePrecision),
        (Bug::RowMajor, Check::Layout),
        (Bug::ValueDependsOnGradient, Check::Repeat),
        (Bug::RefusesWithGradientAlone, Check::Shapes),
        (Bug::Overflows, Check::Extremes),
        (Bug::SumCalledMean, Check::BatchSum),
        (Bug::OfAllRows, Check::BatchSum),
    ] {
        let caught = caught(bug);
        assert!(caught.contains(&expected), "{bug:?}: {caught:?}");
    }
}

#[test]
fn the_right_loss_passes_and_one_that_refuses_its_targets_fails() {
    let settings = Settings::default();
    let report = check(&LogCosh(Bug::None), 3, Draw::Real, &settings);
    assert_eq!(report.verdict(), Verdict::Pass, "{report}");
    let report = check(&LogCosh(Bug::None), 3, Draw::Classes, &settings);
    assert_eq!(report.failures[0].check, Check::Shapes);
}

/// |x - t| with a derivative at the kink that is no slope of either side.
#[derive(Debug)]
struct Kinked;

impl<T: Scalar> Loss<T> for Kinked {
    fn kind(&self) -> &'static str {
        "kinked"
    }

    fn evaluate(
        &self,
        x: &ArrayRef2<T>,
        targets: Targets<'_, T>,
        gradient: Option<(T, &mut ArrayRef2<T>)>,
    ) -> Result<T::Wide, Error> {
        let rows = targets.rows("kinked", x)?;
        let mut total = T::Wide::from_f64(0.0);
        Zip::from(x).and(&rows).for_each(|&x, &t| total += (x - t).abs().widen());
        if let Some((upstream, dx)) = gradient {
            Zip::from(dx).and(x).and(&rows).for_each(|dx, &x, &t| {
                let slope = match (x - t).value() {
                    d if d > 0.0 => 1.0,
                    d if d < 0.0 => -1.0,
                    _ => 2.0,
                };
                *dx = upstream * T::from_f64(slope);
            });
        }
        Ok(total)
    }
}

#[test]
fn a_derivative_outside_the_slopes_at_a_kink_is_caught() {
    let report = check(&Kinked, 3, Draw::Real, &Settings::default());
    assert!(report.failures.iter().any(|failure| failure.check == Check::Kink), "{report}");
}
