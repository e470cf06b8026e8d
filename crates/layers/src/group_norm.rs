//! Group normalisation: groups of channels of each example to mean 0 and variance 1, then scaled and shifted.
//!
//! ```text
//! y = γ (x - μ) / √(σ² + ε) + β        μ and σ² over the channels of a group and all their cells, γ and β by channel
//! ```
//!
//! The backward pass stands in the [kernels](crate::row_norm_backward_input). One group is layer normalisation over
//! channels and cells, as many groups as channels is instance normalisation. The variance is the biased one and ε
//! stands inside the root.
//!
//! Wu, He, "Group normalization", 2018, eqs. 1 to 7.

use ndarray::{ArrayD, ArrayRefD};
use tensor_ops::{Scalar, aligned_zeros};

use crate::batch_norm::{by_channel, check_eps};
use crate::row_norm::{row_norm_backward_input, row_norm_backward_params, row_norm_forward};
use crate::views::{expect_shape, head, head_mut, ranked, ranked_mut, standard, with_standard_mut};
use crate::{Backprop, Cache, Error, Layer, ParamSpec, Saved, Spec};

/// y = γ (x - μ) / √(σ² + ε) + β over groups of channels. It does the same in training and inference.
///
/// # Shapes
///
/// `[n, c]` or images `[n, c, ...]` to the same.
///
/// # Parameters
///
/// `gamma` `[c]`, one; `beta` `[c]`, zero.
///
/// # Examples
///
/// ```
/// use layers::{GroupNorm, Layer};
///
/// assert_eq!(GroupNorm::new(4, 20).output_shape(&[20, 8, 8])?, [20, 8, 8]);
/// # Ok::<(), layers::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GroupNorm {
    /// Groups, a divisor of the channels.
    pub groups: usize,
    /// Channels.
    pub channels: usize,
    /// ε; 1e-5 by default.
    pub eps: f64,
}

impl GroupNorm {
    /// With ε 1e-5.
    pub fn new(groups: usize, channels: usize) -> Self {
        GroupNorm { groups, channels, eps: 1e-5 }
    }

    /// [n, c, ...] as [n, groups, c/groups, cells].
    fn rows<T>(&self, x: &ArrayRefD<T>) -> [usize; 4] {
        let [n, c, cells] = by_channel(x);
        [n, self.groups, c / self.groups, cells]
    }

    /// [c] as [groups, c/groups].
    fn by_group<T>(&self, x: &ArrayRefD<T>) -> [usize; 2] {
        [self.groups, x.len() / self.groups]
    }
}

impl Layer for GroupNorm {
    fn kind(&self) -> &'static str {
        "group_norm"
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>, Error> {
        check_eps(self.kind(), self.eps)?;
        if self.groups == 0 || !self.channels.is_multiple_of(self.groups) {
            let expected = format!("that divide {} channels", self.channels);
            return Err(Error::option(self.kind(), "groups", expected, self.groups));
        }
        if input.first() != Some(&self.channels) || input.contains(&0) {
            return Err(Error::input(self.kind(), format!("[{}, ...]", self.channels), input));
        }
        Ok(input.to_vec())
    }

    fn params(&self) -> Vec<ParamSpec> {
        let c = [self.channels];
        vec![ParamSpec::offset("gamma", &c, 1.0), ParamSpec::offset("beta", &c, 0.0)]
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::GroupNorm { groups: self.groups, eps: self.eps })
    }
}

/// The cache holds, in `arrays`, x̂ and, for each group of each example, 1 / √(σ² + ε).
impl<T: Scalar> Backprop<T> for GroupNorm {
    fn new_cache(&self, input: &[usize]) -> Cache<T> {
        let arrays = vec![aligned_zeros(&[input.iter().product()]), aligned_zeros(&[input[0] * self.groups])];
        Cache { arrays, ..Cache::new() }
    }

    fn forward(&self, params: &[ArrayD<T>], x: &ArrayRefD<T>, y: &mut ArrayRefD<T>, cache: &mut Cache<T>) {
        let [gamma, beta] = [&params[0], &params[1]].map(|p| standard(p, |p| self.by_group(p)));
        let [x_hat, inv_std] = &mut cache.arrays[..] else { panic!("group_norm: expected its cache") };
        let x_hat = &mut x_hat.as_slice_mut().expect("the cache is contiguous")[..x.len()];
        expect_shape("y", y, x.shape());
        assert_eq!(x.shape()[1], self.channels, "group_norm: channels of x");
        let x = standard(x, |x| self.rows(x));
        let mut inv_std = head_mut(inv_std, x.dim().0 * x.dim().1);
        with_standard_mut(
            y,
            |y| self.rows(y),
            |y| row_norm_forward(&x, self.eps, [&gamma, &beta], y, x_hat, &mut ranked_mut(&mut inv_std)),
        );
    }

    fn backward(
        &self,
        params: &[ArrayD<T>],
        saved: Saved<'_, T>,
        dy: &ArrayRefD<T>,
        dx: Option<&mut ArrayRefD<T>>,
        grads: &mut [ArrayD<T>],
    ) {
        let [dgamma, dbeta] = grads else { panic!("group_norm: expected gradients of gamma and beta") };
        let [x_hat, inv_std] = &saved.cache.arrays[..] else { panic!("group_norm: expected its cache") };
        let x_hat = &x_hat.as_slice().expect("the cache is contiguous")[..dy.len()];
        expect_shape("dy", dy, saved.x.shape());
        let dy = standard(dy, |dy| self.rows(dy));
        with_standard_mut(
            dgamma,
            |p| self.by_group(p),
            |dgamma| {
                with_standard_mut(
                    dbeta,
                    |p| self.by_group(p),
                    |dbeta| {
                        row_norm_backward_params(x_hat, &dy, dgamma, dbeta);
                    },
                );
            },
        );
        if let Some(dx) = dx {
            expect_shape("dx", dx, saved.x.shape());
            let gamma = standard(&params[0], |p| self.by_group(p));
            let inv_std = head(inv_std, dy.dim().0 * dy.dim().1);
            with_standard_mut(
                dx,
                |dx| self.rows(dx),
                |dx| row_norm_backward_input(x_hat, &ranked(&inv_std), &gamma, &dy, dx),
            );
        }
    }
}
