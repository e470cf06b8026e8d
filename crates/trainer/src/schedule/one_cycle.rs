//! One rise of the learning rate and one long fall.
//!
//! ```text
//! phase        from          to            ends at
//! rise         η / start     η             rise · T - 1
//! fall         η             η / start     2 rise · T - 2      with three phases
//! vanish       the last      η / start / end     T - 1
//! ```
//!
//! Smith, Topin, "Super-convergence: very fast training of neural networks using large learning rates", 2018, with the
//! two phases and the cosine of fastai as defaults; the boundaries are PyTorch's. The momentum is left alone.

use std::f64::consts::PI;

use crate::{Error, Length};

/// Up to the base rate, which is the *largest* rate here, and far down again.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct OneCycle {
    /// The share of the time in which the rate rises.
    pub rise: f64,
    /// The largest rate over the first.
    pub start_divisor: f64,
    /// The first rate over the last.
    pub end_divisor: f64,
    /// How the rate goes from one to the other.
    pub anneal: Anneal,
    /// Fall to the first rate in the time that the rise took, and only then to the last.
    pub three_phases: bool,
    /// T, of the whole run unless given.
    pub length: Option<Length>,
}

/// The way from one rate to another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Anneal {
    /// Half a cosine.
    #[default]
    Cosine,
    /// A straight line.
    Linear,
}

impl Default for OneCycle {
    fn default() -> Self {
        OneCycle {
            rise: 0.3,
            start_divisor: 25.0,
            end_divisor: 1e4,
            anneal: Anneal::Cosine,
            three_phases: false,
            length: None,
        }
    }
}

impl OneCycle {
    pub(super) fn rate(&self, largest: f64, t: u64, total: u64) -> f64 {
        let (t, total) = (t as f64, total as f64);
        let first = largest / self.start_divisor;
        let last = first / self.end_divisor;
        let risen = self.rise * total - 1.0;
        let end = total - 1.0;
        if t <= risen {
            return self.anneal.between(first, largest, t / risen);
        }
        if !self.three_phases {
            return self.anneal.between(largest, last, (t - risen) / (end - risen));
        }
        let fallen = 2.0 * risen;
        if t <= fallen {
            return self.anneal.between(largest, first, (t - risen) / (fallen - risen));
        }
        self.anneal.between(first, last, (t - fallen) / (end - fallen))
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        let most = if self.three_phases { 0.5 } else { 1.0 };
        if !(self.rise > 0.0 && self.rise < most) {
            return Err(Error::option("rise", &format!("a share above 0 and below {most}"), self.rise));
        }
        for (option, value) in [("start_divisor", self.start_divisor), ("end_divisor", self.end_divisor)] {
            if !(value.is_finite() && value > 0.0) {
                return Err(Error::option(option, "a finite number above 0", value));
            }
        }
        Ok(())
    }
}

impl Anneal {
    fn between(self, from: f64, to: f64, share: f64) -> f64 {
        // A phase may end between two steps, and a rise may be shorter than one.
        let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 1.0 };
        match self {
            Anneal::Cosine => to + (from - to) / 2.0 * (1.0 + (PI * share).cos()),
            Anneal::Linear => from + (to - from) * share,
        }
    }
}
