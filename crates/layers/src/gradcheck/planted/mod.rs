//! The checker's own test: layers with a known mistake, each of which it must catch.
//!
//! Every mistake is one that was made in a published library or a textbook, or that a published checker missed. Each
//! sits in a small layer that is right but for it; the same layer without the mistake must pass, so that a checker
//! that blames everything does not get through either.

mod activations;
mod affine;
mod batch_norm;
mod conv;
mod dropout;
mod pooling;
mod select;

use std::collections::BTreeSet;

use super::{Check, Report, Settings, Verdict, check};
use crate::AnyLayer;

/// A known mistake.
#[derive(Debug)]
pub struct Plant {
    /// What is wrong: `batch norm: variance term dropped`.
    pub name: &'static str,
    /// The layer with the mistake.
    pub wrong: Box<dyn AnyLayer>,
    /// The same layer without it.
    pub right: Box<dyn AnyLayer>,
    /// The shape of one example.
    pub input: Vec<usize>,
}

fn plant<L: AnyLayer + 'static>(name: &'static str, wrong: L, right: L, input: &[usize]) -> Plant {
    Plant { name, wrong: Box::new(wrong), right: Box::new(right), input: input.to_vec() }
}

/// What the checker said of a plant.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The name of the plant.
    pub name: &'static str,
    /// The checks that caught it; empty if it got away.
    pub caught_by: BTreeSet<Check>,
    /// The report on the right layer if that did not pass.
    pub blamed: Option<Report>,
}

impl Outcome {
    /// Whether the mistake was found and the right layer was not blamed.
    pub fn is_right(&self) -> bool {
        !self.caught_by.is_empty() && self.blamed.is_none()
    }
}

impl Plant {
    /// Lets the checker judge both twins.
    pub fn judge(&self, settings: &Settings) -> Outcome {
        let wrong = check(&*self.wrong, &self.input, settings);
        let right = check(&*self.right, &self.input, settings);
        let caught_by = wrong.failures.iter().map(|failure| failure.check).collect();
        let blamed = (right.verdict() != Verdict::Pass).then_some(right);
        Outcome { name: self.name, caught_by, blamed }
    }
}

/// All known mistakes.
pub fn plants() -> Vec<Plant> {
    let mut all = affine::plants();
    all.extend(activations::plants());
    all.extend(batch_norm::plants());
    all.extend(conv::plants());
    all.extend(pooling::plants());
    all.extend(dropout::plants());
    all.extend(select::plants());
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_is_caught_and_no_right_layer_is_blamed() {
        let settings = Settings::default();
        let outcomes: Vec<_> = plants().iter().map(|plant| plant.judge(&settings)).collect();
        assert!(outcomes.len() >= 25, "{} plants", outcomes.len());
        for outcome in &outcomes {
            if let Some(report) = &outcome.blamed {
                panic!("{}: the right layer is blamed\n{report}", outcome.name);
            }
            assert!(!outcome.caught_by.is_empty(), "{} got away", outcome.name);
        }
    }

    #[test]
    fn every_check_catches_something() {
        let settings = Settings::default();
        let caught: BTreeSet<_> =
            plants().iter().flat_map(|plant| plant.judge(&settings).caught_by).collect();
        // The types forbid a pass to write to its arguments, so no layer in safe Rust can set that check off.
        let idle = |check: &Check| !caught.contains(check) && *check != Check::Unchanged;
        let idle: Vec<_> = Check::ALL.into_iter().filter(idle).collect();
        assert!(idle.is_empty(), "checks that no plant sets off: {idle:?}");
    }
}
