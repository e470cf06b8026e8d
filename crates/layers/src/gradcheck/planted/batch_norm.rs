//! Batch normalisation over rows, and the mistakes that a loss of sum(y) does not see.
//!
//! ```text
//! training    x̂ = (x - mean) / σ      σ = √(variance + ε)    y = γ x̂ + β
//!             dx = γ / σ (dy - mean(dy) - x̂ mean(dy x̂))
//! inference   x̂ = (x - running mean) / running σ             dx = γ / σ dy
//! ```

use ndarray::{Array1, ArrayD, ArrayRefD, ArrayView2, Axis, Ix1, s};
use tensor_ops::Scalar;

use super::{Plant, plant};
use crate::views::{ranked, ranked_mut};
use crate::{Backprop, Cache, Error, Layer, Mode, ParamSpec, Saved};

const EPS: f64 = 1e-2;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Bug {
    None,
    NoVarianceTerm,
    NoMeanTerm,
    OneLess,
    RunningInTraining,
    BatchInInference,
    StaleAfterInference,
    NoGamma,
    ClaimsRowsAlone,
    TouchesStatistics,
    AbsorbsInference,
    AbsorbsIntoGamma,
    AbsorbsOverCapacity,
}

/// The cache holds x̂ of the last pass and, after it, 1 / σ, the mean and the variance.
#[derive(Clone, Copy, Debug)]
struct PlantedBatchNorm {
    d: usize,
    bug: Bug,
}

pub(super) fn plants() -> Vec<Plant> {
    let norm = |name, bug| {
        plant(name, PlantedBatchNorm { d: 3, bug }, PlantedBatchNorm { d: 3, bug: Bug::None }, &[3])
    };
    vec![
        norm("batch norm: variance term dropped", Bug::NoVarianceTerm),
        norm("batch norm: mean term dropped", Bug::NoMeanTerm),
        norm("batch norm: 1 / (N - 1) for 1 / N", Bug::OneLess),
        norm("batch norm: running statistics in training", Bug::RunningInTraining),
        norm("batch norm: batch statistics in inference", Bug::BatchInInference),
        norm("batch norm: cache of training used after inference", Bug::StaleAfterInference),
        norm("batch norm: gamma forgotten", Bug::NoGamma),
        norm("batch norm: says that rows are alone", Bug::ClaimsRowsAlone),
        norm("batch norm: gradient for running statistics", Bug::TouchesStatistics),
        norm("batch norm: inference absorbed", Bug::AbsorbsInference),
        norm("batch norm: absorbed into gamma too", Bug::AbsorbsIntoGamma),
        norm("batch norm: mean absorbed over the cache, not the batch", Bug::AbsorbsOverCapacity),
    ]
}

impl Layer for PlantedBatchNorm {
    fn kind(&self) -> &'static str {
        "planted batch norm"
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>, Error> {
        match input {
            [d] if *d == self.d => Ok(input.to_vec()),
            _ => Err(Error::input(self.kind(), format!("[{}]", self.d), input)),
        }
    }

    fn params(&self) -> Vec<ParamSpec> {
        vec![
            ParamSpec::offset("gamma", &[self.d], 1.0),
            ParamSpec::offset("beta", &[self.d], 0.0),
            ParamSpec::statistic("mean", &[self.d], 0.0),
            ParamSpec::statistic("variance", &[self.d], 1.0),
        ]
    }

    fn mixes_examples(&self) -> bool {
        self.bug != Bug::ClaimsRowsAlone
    }
}

impl<T: Scalar> Backprop<T> for PlantedBatchNorm {
    fn new_cache(&self, input: &[usize]) -> Cache<T> {
        let vector = || ArrayD::zeros(vec![self.d]);
        Cache { arrays: vec![ArrayD::zeros(input), vector(), vector(), vector()], ..Cache::new() }
    }

    fn forward(&self, params: &[ArrayD<T>], x: &ArrayRefD<T>, y: &mut ArrayRefD<T>, cache: &mut Cache<T>) {
        let x: ArrayView2<'_, T> = ranked(x);
        let n = x.nrows();
        let vector = |i: usize| ranked::<_, Ix1>(&params[i]);
        let (mean, variance) = if cache.mode == Mode::Train && n > 0 {
            let share = T::from_f64(1.0 / n as f64);
            let mean = x.sum_axis(Axis(0)) * share;
            let centred = &x - &mean;
            let variance = (&centred * &centred).sum_axis(Axis(0)) * share;
            (mean, variance)
        } else {
            (vector(2).to_owned(), vector(3).to_owned())
        };
        let inv_std: Array1<T> = variance.mapv(|v| T::one() / (v + T::from_f64(EPS)).sqrt());
        let x_hat = (&x - &mean) * &inv_std;
        let mut y = ranked_mut::<_, ndarray::Ix2>(y);
        assert_eq!(y.dim(), x_hat.dim(), "planted batch norm: output");
        y.assign(&(&x_hat * &vector(0) + vector(1)));
        if self.bug != Bug::StaleAfterInference || cache.mode == Mode::Train {
            cache.arrays[0].slice_axis_mut(Axis(0), (..n).into()).assign(&x_hat);
            cache.arrays[1].assign(&inv_std);
        }
        let capacity = cache.arrays[0].shape()[0].max(1) as f64;
        let share = if self.bug == Bug::AbsorbsOverCapacity { n as f64 / capacity } else { 1.0 };
        if cache.mode == Mode::Train {
            cache.arrays[2].assign(&(mean * T::from_f64(share)));
            cache.arrays[3].assign(&variance);
        }
    }

    fn backward(
        &self,
        params: &[ArrayD<T>],
        saved: Saved<'_, T>,
        dy: &ArrayRefD<T>,
        dx: Option<&mut ArrayRefD<T>>,
        grads: &mut [ArrayD<T>],
    ) {
        let dy: ArrayView2<'_, T> = ranked(dy);
        let n = dy.nrows();
        assert_eq!(saved.x.shape(), dy.shape(), "planted batch norm: x and dy");
        let x_hat: ArrayView2<'_, T> = ranked(&saved.cache.arrays[0]);
        let x_hat = x_hat.slice(s![..n, ..]);
        let inv_std: Array1<T> = ranked::<_, Ix1>(&saved.cache.arrays[1]).to_owned();
        let sum_dy = dy.sum_axis(Axis(0));
        let sum_dy_x_hat = (&dy * &x_hat).sum_axis(Axis(0));
        grads[0] += &sum_dy_x_hat;
        grads[1] += &sum_dy;
        if self.bug == Bug::TouchesStatistics {
            grads[2] += &sum_dy;
        }
        let Some(dx) = dx else { return };
        let gamma = ranked::<_, Ix1>(&params[0]);
        let scale = if self.bug == Bug::NoGamma { inv_std } else { inv_std * gamma };
        let training = match self.bug {
            Bug::RunningInTraining => false,
            Bug::BatchInInference => true,
            _ => saved.cache.mode == Mode::Train,
        };
        let mut inner = dy.to_owned();
        if training && n > 0 {
            let count = if self.bug == Bug::OneLess && n > 1 { n - 1 } else { n };
            let share = T::from_f64(1.0 / count as f64);
            if self.bug != Bug::NoMeanTerm {
                inner = inner - &sum_dy * share;
            }
            if self.bug != Bug::NoVarianceTerm {
                inner = inner - &x_hat * &(&sum_dy_x_hat * share);
            }
        }
        ranked_mut::<_, ndarray::Ix2>(dx).assign(&(inner * scale));
    }

    fn absorb(&self, cache: &Cache<T>, params: &mut [ArrayD<T>]) {
        if cache.mode == Mode::Infer && self.bug != Bug::AbsorbsInference {
            return;
        }
        let (keep, take) = (T::from_f64(0.75), T::from_f64(0.25));
        for i in [2, 3] {
            params[i].zip_mut_with(&cache.arrays[i], |running, &new| *running = *running * keep + new * take);
        }
        if self.bug == Bug::AbsorbsIntoGamma {
            params[0] *= keep;
        }
    }
}
