//! The moving average of weights.
//!
//! ```text
//! exponential   a₁ = w₁,  aₜ = aₜ₋₁ + (1 - β) (wₜ - aₜ₋₁)
//! equal         aₜ = aₜ₋₁ + (wₜ - aₜ₋₁) / t
//! ```
//!
//! Written as β aₜ₋₁ + (1 - β) wₜ, the two factors would be rounded each by itself, and over many steps the average of weights
//! that stay would drift away from them.
//!
//! Polyak, Juditsky, "Acceleration of stochastic approximation by averaging", 1992; Izmailov et al., "Averaging weights
//! leads to wider optima and better generalization", 2018. As PyTorch's `AveragedModel`: the first average is the first
//! parameters, so there is nothing to correct for a start at zero.

use layers::ParamSpec;
use ndarray::{ArrayD, Zip};
use tensor_ops::Scalar;

use crate::Error;

/// How the parameters after each step make an average.
///
/// Running statistics are not averaged: the average has the latest.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(tag = "name", rename_all = "snake_case", deny_unknown_fields))]
pub enum Average {
    /// The later the heavier.
    Exponential {
        /// β, how much of the average is kept in each step: 0.999 looks back over about 1000 steps.
        decay: f64,
    },
    /// All alike.
    Equal,
}

impl Average {
    /// average ← the average after step `t`, counted from 1, that ended with `params`.
    ///
    /// # Panics
    ///
    /// If the lists or the shapes differ.
    pub fn update<T: Scalar>(
        self,
        t: u64,
        specs: &[ParamSpec],
        params: &[ArrayD<T>],
        average: &mut [ArrayD<T>],
    ) {
        assert!(params.len() == average.len() && params.len() == specs.len(), "average: parameters");
        let take = match self {
            _ if t == 1 => 1.0,
            Average::Exponential { decay } => 1.0 - decay,
            Average::Equal => 1.0 / t as f64,
        };
        let take = T::from_f64(take);
        for ((spec, param), average) in specs.iter().zip(params).zip(average) {
            if t == 1 || !spec.trainable() {
                average.assign(param);
            } else {
                Zip::from(average).and(param).for_each(|a, &w| *a += take * (w - *a));
            }
        }
    }

    pub(crate) fn check(self) -> Result<(), Error> {
        match self {
            Average::Exponential { decay } if !(0.0..1.0).contains(&decay) => {
                Err(Error::option("average", "a decay from 0 and below 1", decay))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::arr1;

    use super::*;

    #[test]
    fn weights_that_stay_are_their_own_average() {
        let specs = [ParamSpec::offset("bias", &[3], 0.0)];
        let params = [arr1(&[0.7_f32, -1e-3, 300.1]).into_dyn()];
        for average in [Average::Equal, Average::Exponential { decay: 0.99 }] {
            let mut kept = [arr1(&[0.0_f32; 3]).into_dyn()];
            (1..=20_000).for_each(|t| average.update(t, &specs, &params, &mut kept));
            assert_eq!(kept, params, "{average:?}");
        }
    }

    #[test]
    fn running_statistics_are_the_latest() {
        let specs = [ParamSpec::offset("gamma", &[1], 1.0), ParamSpec::statistic("mean", &[1], 0.0)];
        let after = |step: f64| [step, step].map(|x| arr1(&[x]).into_dyn());
        for (average, expected) in [(Average::Equal, 2.0), (Average::Exponential { decay: 0.5 }, 2.25)] {
            let mut kept = after(0.0);
            (1..=3).for_each(|t| average.update(t, &specs, &after(t as f64), &mut kept));
            assert_eq!([kept[0][0], kept[1][0]], [expected, 3.0], "{average:?}");
        }
    }
}
