//! Batch normalisation: each channel to mean 0 and variance 1 over the batch, then scaled and shifted.
//!
//! ```text
//! training    μ = Σ x / m,  σ² = Σ (x - μ)² / m       over the m values of a channel: all examples and cells
//! inference   μ, σ² = the running statistics
//!
//! x̂  = (x - μ) / √(σ² + ε)        y = γ x̂ + β
//! dγ = Σ dy x̂                     dβ = Σ dy
//! dx = γ / √(σ² + ε) · (dy - dβ / m - x̂ dγ / m)       training: μ and σ² depend on x
//! dx = γ / √(σ² + ε) · dy                             inference: they do not
//!
//! running mean     ← (1 - momentum) running mean     + momentum μ
//! running variance ← (1 - momentum) running variance + momentum σ² m / (m - 1)
//! ```
//!
//! Ioffe, Szegedy, "Batch normalization: accelerating deep network training by reducing internal covariate shift",
//! 2015, algorithms 1 and 2.
//!
//! # Conventions
//!
//! As in PyTorch: `momentum` weighs the *new* value (Keras' momentum is one minus it), the batch is normalised by the
//! biased variance, the running variance is the unbiased one, ε stands inside the root.

use ndarray::{ArrayD, ArrayRef1, ArrayRef3, ArrayRefD, Zip};
use tensor_ops::Scalar;

use crate::sums::{map_channels, shared_channel_sums};
use crate::views::{dims, expect_shape, ranked_mut, standard, with_standard_mut};
use crate::{Backprop, Cache, Error, Layer, Mode, ParamSpec, Saved, Spec};

/// y = γ (x - μ) / √(σ² + ε) + β, channel by channel.
///
/// # Shapes
///
/// `[n, c]` or images `[n, c, ...]` to the same; the statistics of a channel run over all its cells.
///
/// # Parameters
///
/// `gamma` `[c]`, one; `beta` `[c]`, zero; `running_mean` `[c]`, zero; `running_var` `[c]`, one.
///
/// # Small batches
///
/// With one value a channel the variance is 0: the output is `beta`, `dx` is zero, and
/// [`absorb`](crate::Backprop::absorb) leaves the running variance, of which one value says nothing. (PyTorch refuses
/// such a batch.) An empty batch has an empty output and leaves the running statistics.
///
/// # Examples
///
/// ```
/// use layers::{BatchNorm, Layer};
///
/// let layer = BatchNorm { momentum: 0.01, ..BatchNorm::new(20) };
/// assert_eq!(layer.output_shape(&[20, 24, 24])?, [20, 24, 24]);
/// # Ok::<(), layers::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchNorm {
    /// Channels, or features of a dense input.
    pub channels: usize,
    /// The weight of a new batch in the running statistics; 0.1 by default.
    pub momentum: f64,
    /// ε; 1e-5 by default.
    pub eps: f64,
}

impl BatchNorm {
    /// With momentum 0.1 and ε 1e-5.
    pub fn new(channels: usize) -> Self {
        BatchNorm { channels, momentum: 0.1, eps: 1e-5 }
    }
}

/// mean ← Σ x / m and var ← Σ (x - mean)² / m, in two passes, summed wide. Both are 0 if there are no values.
/// The mean is rounded to the type of `x` in between: in f32, values that vary by less than a millionth of their size lose
/// most digits of their variance.
///
/// # Shapes
///
/// `x` [n, c, cells] in row-major order, `mean` and `var` `[c]`.
///
/// # Panics
///
/// If the shapes do not fit or `x` is not in row-major order.
#[track_caller]
pub fn batch_norm_statistics<T: Scalar>(x: &ArrayRef3<T>, mean: &mut ArrayRef1<T>, var: &mut ArrayRef1<T>) {
    let (n, c, cells) = x.dim();
    assert!(mean.len() == c && var.len() == c, "batch_norm: a mean and a variance for each channel of x");
    let m = T::Wide::from_f64((n * cells).max(1) as f64);
    let x = x.as_slice().expect("x in row-major order");
    let divided = |_, out: &mut T, sum| *out = T::narrow(sum / m);
    shared_channel_sums([x, x], [n, c, cells], |_, x, _| x.widen(), mean, divided);
    let squares = |k: usize, x: T, _| {
        let centred = (x - mean[k]).widen();
        centred * centred
    };
    shared_channel_sums([x, x], [n, c, cells], squares, var, divided);
}

/// y ← γ (x - mean) inv_std + β
///
/// # Shapes
///
/// `x` and `y` [n, c, cells] in row-major order, the others `[c]`.
///
/// # Panics
///
/// If the shapes do not fit or an array is not in row-major order.
#[track_caller]
pub fn batch_norm_forward<T: Scalar>(
    x: &ArrayRef3<T>,
    [mean, inv_std]: [&ArrayRef1<T>; 2],
    [gamma, beta]: [&ArrayRef1<T>; 2],
    y: &mut ArrayRef3<T>,
) {
    let (n, c, cells) = x.dim();
    assert_eq!(x.dim(), y.dim(), "batch_norm: shapes of x and y");
    check_lengths(c, [mean, inv_std, gamma, beta]);
    let x = x.as_slice().expect("x in row-major order");
    let y = y.as_slice_mut().expect("y in row-major order");
    let normalise = |k: usize, x: T, _| (x - mean[k]) * (gamma[k] * inv_std[k]) + beta[k];
    map_channels([x, x], y, [n, c, cells], normalise);
}

/// dgamma ← Σ dy x̂ and dbeta ← Σ dy of this batch alone, summed wide.
///
/// # Shapes
///
/// As [`batch_norm_forward`].
///
/// # Panics
///
/// As [`batch_norm_forward`].
#[track_caller]
pub fn batch_norm_backward_params<T: Scalar>(
    x: &ArrayRef3<T>,
    [mean, inv_std]: [&ArrayRef1<T>; 2],
    dy: &ArrayRef3<T>,
    dgamma: &mut ArrayRef1<T>,
    dbeta: &mut ArrayRef1<T>,
) {
    let (n, c, cells) = x.dim();
    assert_eq!(x.dim(), dy.dim(), "batch_norm: shapes of x and dy");
    check_lengths(c, [mean, inv_std, dgamma, dbeta]);
    let (x, dy) =
        (x.as_slice().expect("x in row-major order"), dy.as_slice().expect("dy in row-major order"));
    shared_channel_sums(
        [dy, dy],
        [n, c, cells],
        |_, dy, _| dy.widen(),
        dbeta,
        |_, db, sum| *db = T::narrow(sum),
    );
    let term = |k: usize, x: T, dy: T| ((x - mean[k]) * dy).widen();
    let scaled = |k: usize, dg: &mut T, sum| *dg = T::narrow(sum * inv_std[k].widen());
    shared_channel_sums([x, dy], [n, c, cells], term, dgamma, scaled);
}

/// dx ← γ inv_std (dy - dbeta / m - x̂ dgamma / m), with the sums of this batch; zeros in their place if the statistics
/// were fixed.
///
/// # Shapes
///
/// As [`batch_norm_forward`].
///
/// # Panics
///
/// As [`batch_norm_forward`].
#[track_caller]
pub fn batch_norm_backward_input<T: Scalar>(
    x: &ArrayRef3<T>,
    [mean, inv_std]: [&ArrayRef1<T>; 2],
    gamma: &ArrayRef1<T>,
    [dgamma, dbeta]: [&ArrayRef1<T>; 2],
    dy: &ArrayRef3<T>,
    dx: &mut ArrayRef3<T>,
) {
    let (n, c, cells) = x.dim();
    assert!(x.dim() == dy.dim() && x.dim() == dx.dim(), "batch_norm: shapes of x, dy and dx");
    check_lengths(c, [mean, inv_std, gamma, dgamma, dbeta]);
    let (x, dy) =
        (x.as_slice().expect("x in row-major order"), dy.as_slice().expect("dy in row-major order"));
    let dx = dx.as_slice_mut().expect("dx in row-major order");
    let share = T::from_f64(1.0 / (n * cells).max(1) as f64);
    map_channels([x, dy], dx, [n, c, cells], |k, x, dy| {
        let pull = (x - mean[k]) * (inv_std[k] * dgamma[k] * share);
        gamma[k] * inv_std[k] * (dy - dbeta[k] * share - pull)
    });
}

#[track_caller]
fn check_lengths<T, const N: usize>(c: usize, arrays: [&ArrayRef1<T>; N]) {
    assert!(arrays.iter().all(|array| array.len() == c), "batch_norm: one number for each channel of x");
}

/// [n, c, a, b, ...] as [n, c, a b ...].
pub(crate) fn by_channel<T>(x: &ArrayRefD<T>) -> [usize; 3] {
    let [n, c, cells @ ..] = x.shape() else { panic!("expected [n, channels, ...]") };
    [*n, *c, cells.iter().product()]
}

/// Whether ε is a number above 0.
pub(crate) fn check_eps(kind: &str, eps: f64) -> Result<(), Error> {
    if eps > 0.0 && eps.is_finite() { Ok(()) } else { Err(Error::option(kind, "eps", "above 0", eps)) }
}

impl Layer for BatchNorm {
    fn kind(&self) -> &'static str {
        "batch_norm"
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>, Error> {
        check_eps(self.kind(), self.eps)?;
        if !(0.0..=1.0).contains(&self.momentum) {
            return Err(Error::option(self.kind(), "momentum", "between 0 and 1", self.momentum));
        }
        if input.first() != Some(&self.channels) {
            return Err(Error::input(self.kind(), format!("[{}, ...]", self.channels), input));
        }
        Ok(input.to_vec())
    }

    fn params(&self) -> Vec<ParamSpec> {
        let c = [self.channels];
        vec![
            ParamSpec::offset("gamma", &c, 1.0),
            ParamSpec::offset("beta", &c, 0.0),
            ParamSpec::statistic("running_mean", &c, 0.0),
            ParamSpec::statistic("running_var", &c, 1.0),
        ]
    }

    fn mixes_examples(&self) -> bool {
        true
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::BatchNorm { momentum: self.momentum, eps: self.eps })
    }
}

/// The cache holds, in `arrays`, the mean, the variance and 1 / √(σ² + ε) of the last pass, then scratch for dγ and dβ of
/// one batch; in `indices`, the number of values a channel had.
impl<T: Scalar> Backprop<T> for BatchNorm {
    fn new_cache(&self, _: &[usize]) -> Cache<T> {
        let arrays = vec![ArrayD::zeros(vec![self.channels]); 5];
        Cache { arrays, indices: vec![ArrayD::zeros(vec![1])], ..Cache::new() }
    }

    fn forward(&self, params: &[ArrayD<T>], x: &ArrayRefD<T>, y: &mut ArrayRefD<T>, cache: &mut Cache<T>) {
        let [gamma, beta, running_mean, running_var] = params else {
            panic!("batch_norm: expected 4 parameters")
        };
        let [mean, var, inv_std, ..] = &mut cache.arrays[..] else {
            panic!("batch_norm: expected its cache")
        };
        expect_shape("y", y, x.shape());
        let x = standard(x, by_channel);
        if cache.mode == Mode::Train {
            batch_norm_statistics(&x, &mut ranked_mut(mean), &mut ranked_mut(var));
            cache.indices[0][0] = u32::try_from(x.dim().0 * x.dim().2).unwrap_or(u32::MAX);
        } else {
            mean.assign(running_mean);
            var.assign(running_var);
        }
        let eps = T::Wide::from_f64(self.eps);
        let one = T::Wide::from_f64(1.0);
        Zip::from(&mut *inv_std).and(&*var).for_each(|inv_std, var| {
            *inv_std = T::narrow(one / (var.widen() + eps).sqrt());
        });
        let [mean, inv_std, gamma, beta] =
            [&*mean, &*inv_std, gamma, beta].map(|p| standard(p, dims::<_, 1>));
        with_standard_mut(y, by_channel, |y| {
            batch_norm_forward(&x, [&mean, &inv_std], [&gamma, &beta], y);
        });
    }

    fn backward(
        &self,
        params: &[ArrayD<T>],
        saved: Saved<'_, T>,
        dy: &ArrayRefD<T>,
        dx: Option<&mut ArrayRefD<T>>,
        grads: &mut [ArrayD<T>],
    ) {
        let ([gamma, ..], [dgamma, dbeta, ..]) = (params, grads) else {
            panic!("batch_norm: expected gamma")
        };
        let [mean, _, inv_std, dgamma_batch, dbeta_batch] = &mut saved.cache.arrays[..] else {
            panic!("batch_norm: expected its cache")
        };
        expect_shape("dy", dy, saved.x.shape());
        let (x, dy) = (standard(saved.x, by_channel), standard(dy, by_channel));
        let [mean, inv_std, gamma] = [&*mean, &*inv_std, gamma].map(|p| standard(p, dims::<_, 1>));
        let statistics: [&ArrayRef1<T>; 2] = [&mean, &inv_std];
        let (mut sum_gamma, mut sum_beta) = (ranked_mut(dgamma_batch), ranked_mut(dbeta_batch));
        batch_norm_backward_params(&x, statistics, &dy, &mut sum_gamma, &mut sum_beta);
        *dgamma += &sum_gamma;
        *dbeta += &sum_beta;
        if let Some(dx) = dx {
            expect_shape("dx", dx, saved.x.shape());
            if saved.cache.mode == Mode::Infer {
                sum_gamma.fill(T::zero());
                sum_beta.fill(T::zero());
            }
            with_standard_mut(dx, by_channel, |dx| {
                batch_norm_backward_input(&x, statistics, &gamma, [&sum_gamma, &sum_beta], &dy, dx);
            });
        }
    }

    fn absorb(&self, cache: &Cache<T>, params: &mut [ArrayD<T>]) {
        let [_, _, running_mean, running_var] = params else { panic!("batch_norm: expected 4 parameters") };
        let m = f64::from(cache.indices[0][0]);
        if cache.mode == Mode::Infer || m == 0.0 {
            return;
        }
        let blend = |running: &mut ArrayD<T>, new: &ArrayD<T>, factor: f64| {
            let (keep, take) = (T::from_f64(1.0 - self.momentum), T::from_f64(self.momentum * factor));
            Zip::from(running).and(new).for_each(|running, &new| *running = *running * keep + new * take);
        };
        blend(running_mean, &cache.arrays[0], 1.0);
        if m > 1.0 {
            blend(running_var, &cache.arrays[1], m / (m - 1.0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pass(x: ArrayD<f64>) -> (ArrayD<f64>, Vec<ArrayD<f64>>) {
        let layer = BatchNorm { momentum: 0.5, ..BatchNorm::new(x.shape()[1]) };
        let c = vec![layer.channels];
        let mut params = vec![
            ArrayD::ones(c.clone()),
            ArrayD::from_elem(c.clone(), 3.0),
            ArrayD::zeros(c.clone()),
            ArrayD::ones(c),
        ];
        let mut cache = Backprop::<f64>::new_cache(&layer, x.shape());
        let mut y = ArrayD::from_elem(x.raw_dim(), f64::NAN);
        layer.forward(&params, &x, &mut y, &mut cache);
        layer.absorb(&cache, &mut params);
        (y, params)
    }

    #[test]
    fn the_running_variance_is_unbiased_and_the_new_value_weighs_momentum() {
        let x = ArrayD::from_shape_vec(vec![2, 1, 2], vec![1.0, 2.0, 3.0, 6.0]).unwrap();
        let (y, params) = pass(x);
        assert_eq!(params[2][0], 1.5);
        assert!((params[3][0] - (0.5 + 0.5 * 14.0 / 3.0)).abs() < 1e-15);
        assert!((y[[0, 0, 0]] - 3.0 + 2.0 / (3.5_f64 + 1e-5).sqrt()).abs() < 1e-15);
    }

    #[test]
    fn one_value_a_channel_gives_beta_and_leaves_the_running_variance() {
        let (y, params) = pass(ArrayD::from_elem(vec![1, 2], 8.0));
        assert_eq!(y, ArrayD::from_elem(vec![1, 2], 3.0));
        assert_eq!((params[2][0], params[3][0]), (4.0, 1.0));
    }

    #[test]
    fn an_empty_batch_leaves_the_running_statistics() {
        let (y, params) = pass(ArrayD::zeros(vec![0, 2, 3]));
        assert!(y.is_empty());
        assert_eq!((params[2][0], params[3][0]), (0.0, 1.0));
    }

    #[test]
    fn a_large_mean_does_not_swamp_the_variance() {
        let x = ArrayD::from_shape_fn(vec![1000, 1], |i| 1e6 + (i[0] % 2) as f32);
        let (mut mean, mut var) = (ndarray::Array1::zeros(1), ndarray::Array1::zeros(1));
        batch_norm_statistics(&standard(&x, by_channel), &mut mean, &mut var);
        assert!((var[0] - 0.25).abs() < 1e-6, "{var}");
    }
}
