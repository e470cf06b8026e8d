//! Layer normalisation: the last axes of each example to mean 0 and variance 1, then scaled and shifted.
//!
//! ```text
//! y = γ (x - μ) / √(σ² + ε) + β        μ and σ² over the last axes, γ and β of their shape
//! ```
//!
//! The backward pass stands in the [kernels](crate::row_norm_backward_input). The variance is the biased one and ε
//! stands inside the root, as in PyTorch and Keras (whose ε is 1e-3).
//!
//! Ba, Kiros, Hinton, "Layer normalization", 2016, eqs. 3 and 4.

use ndarray::{ArrayD, ArrayRefD};
use tensor_ops::{Scalar, aligned_zeros};

use crate::batch_norm::check_eps;
use crate::row_norm::{row_norm_backward_input, row_norm_backward_params, row_norm_forward};
use crate::views::{expect_shape, head, head_mut, ranked, ranked_mut, standard, with_standard_mut};
use crate::{Backprop, Cache, Error, Layer, ParamSpec, Saved, Spec};

/// y = γ (x - μ) / √(σ² + ε) + β over the last axes. It does the same in training and inference.
///
/// # Shapes
///
/// `[n, ..., shape]` to the same; any number of axes may stand before `shape`.
///
/// # Parameters
///
/// `gamma` of `shape`, one; `beta` of `shape`, zero.
///
/// # Examples
///
/// ```
/// use layers::{Layer, LayerNorm};
///
/// assert_eq!(LayerNorm::new(&[64]).output_shape(&[10, 64])?, [10, 64]);
/// # Ok::<(), layers::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct LayerNorm {
    /// The lengths of the axes that are normalised together.
    pub shape: Vec<usize>,
    /// ε; 1e-5 by default.
    pub eps: f64,
}

impl LayerNorm {
    /// Over last axes of these lengths, with ε 1e-5.
    pub fn new(shape: &[usize]) -> Self {
        LayerNorm { shape: shape.to_vec(), eps: 1e-5 }
    }

    fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// [n, ..., shape] as rows, one group, channels of one cell.
    fn rows<T>(&self, x: &ArrayRefD<T>) -> [usize; 4] {
        [x.len() / self.len(), 1, self.len(), 1]
    }

    fn row<T>(x: &ArrayRefD<T>) -> [usize; 2] {
        [1, x.len()]
    }
}

impl Layer for LayerNorm {
    fn kind(&self) -> &'static str {
        "layer_norm"
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>, Error> {
        check_eps(self.kind(), self.eps)?;
        if self.shape.is_empty() || self.len() == 0 || !input.ends_with(&self.shape) {
            let axes: Vec<_> = self.shape.iter().map(usize::to_string).collect();
            return Err(Error::input(self.kind(), format!("[..., {}]", axes.join(", ")), input));
        }
        Ok(input.to_vec())
    }

    fn params(&self) -> Vec<ParamSpec> {
        vec![ParamSpec::offset("gamma", &self.shape, 1.0), ParamSpec::offset("beta", &self.shape, 0.0)]
    }

    fn spec(&self) -> Option<Spec> {
        Some(Spec::LayerNorm { axes: self.shape.len(), eps: self.eps })
    }
}

/// The cache holds, in `arrays`, x̂ and, for each row, 1 / √(σ² + ε).
impl<T: Scalar> Backprop<T> for LayerNorm {
    fn new_cache(&self, input: &[usize]) -> Cache<T> {
        let len = input.iter().product::<usize>();
        let arrays = vec![aligned_zeros(&[len]), aligned_zeros(&[len / self.len()])];
        Cache { arrays, ..Cache::new() }
    }

    fn forward(&self, params: &[ArrayD<T>], x: &ArrayRefD<T>, y: &mut ArrayRefD<T>, cache: &mut Cache<T>) {
        let [gamma, beta] = [&params[0], &params[1]].map(|p| standard(p, Self::row));
        let [x_hat, inv_std] = &mut cache.arrays[..] else { panic!("layer_norm: expected its cache") };
        let x_hat = &mut x_hat.as_slice_mut().expect("the cache is contiguous")[..x.len()];
        expect_shape("y", y, x.shape());
        assert!(x.shape().ends_with(&self.shape), "layer_norm: axes of x");
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
        let [dgamma, dbeta] = grads else { panic!("layer_norm: expected gradients of gamma and beta") };
        let [x_hat, inv_std] = &saved.cache.arrays[..] else { panic!("layer_norm: expected its cache") };
        let x_hat = &x_hat.as_slice().expect("the cache is contiguous")[..dy.len()];
        expect_shape("dy", dy, saved.x.shape());
        let dy = standard(dy, |dy| self.rows(dy));
        with_standard_mut(dgamma, Self::row, |dgamma| {
            with_standard_mut(dbeta, Self::row, |dbeta| row_norm_backward_params(x_hat, &dy, dgamma, dbeta));
        });
        if let Some(dx) = dx {
            expect_shape("dx", dx, saved.x.shape());
            let gamma = standard(&params[0], Self::row);
            let inv_std = head(inv_std, dy.dim().0 * dy.dim().1);
            with_standard_mut(
                dx,
                |dx| self.rows(dx),
                |dx| row_norm_backward_input(x_hat, &ranked(&inv_std), &gamma, &dy, dx),
            );
        }
    }
}
