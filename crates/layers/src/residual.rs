//! A chain of layers whose output is added to its input.
//!
//! ```text
//! y  = x + f(x)
//! dx = dy + Jᵀ dy        J: the derivative of f
//! ```
//!
//! He, Zhang, Ren, Sun, "Deep residual learning for image recognition", 2016, eq. 1.

use ndarray::{ArrayD, ArrayRefD, Zip};
use tensor_ops::{Scalar, aligned_zeros};

use crate::layer::not_finite;
use crate::views::{head, head_mut};
use crate::{AnyLayer, Backprop, Cache, Error, InputKind, Layer, ParamSpec, Saved, Sequential, Spec};

/// y = x + f(x), where f is a chain that keeps the shape.
///
/// Its parameters are those of the chain, under the same names.
///
/// # Shapes
///
/// The input of the chain, to the same.
///
/// # Examples
///
/// ```
/// use layers::{Affine, Layer, Relu, Residual, Sequential};
///
/// let chain = Sequential::new(&[8]).push(Affine::new(8, 8))?.push(Relu)?;
/// assert_eq!(Residual::new(chain).output_shape(&[8])?, [8]);
///
/// let narrower = Residual::new(Sequential::new(&[8]).push(Affine::new(8, 4))?);
/// let error = narrower.output_shape(&[8]).unwrap_err();
/// assert_eq!(error.to_string(), "residual: expected layers that lead back to [8], got [4]");
/// # Ok::<(), layers::Error>(())
/// ```
#[derive(Debug)]
pub struct Residual {
    chain: Sequential,
}

impl Residual {
    /// Around this chain.
    pub fn new(chain: Sequential) -> Self {
        Residual { chain }
    }

    /// The chain.
    pub fn chain(&self) -> &Sequential {
        &self.chain
    }
}

impl Layer for Residual {
    fn kind(&self) -> &'static str {
        "residual"
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>, Error> {
        if input != self.chain.shape(0) {
            return Err(Error::input(self.kind(), format!("{:?}", self.chain.shape(0)), input));
        }
        let output = self.chain.output_shape(input)?;
        if output != input {
            return Err(Error::option(self.kind(), "layers", format!("that lead back to {input:?}"), output));
        }
        Ok(output)
    }

    fn params(&self) -> Vec<ParamSpec> {
        self.chain.params()
    }

    fn mixes_examples(&self) -> bool {
        self.chain.mixes_examples()
    }

    fn input_kind(&self) -> InputKind {
        self.chain.input_kind()
    }

    fn multiply_adds(&self, input: &[usize]) -> Option<u64> {
        self.chain.multiply_adds(input)
    }

    fn spec(&self) -> Option<Spec> {
        match self.chain.spec()? {
            Spec::Sequential { layers } => Some(Spec::Residual { layers }),
            _ => None,
        }
    }
}

/// The cache holds, in `arrays`, the output of the chain, and in `children` its cache.
impl<T: Scalar> Backprop<T> for Residual
where
    dyn AnyLayer: Backprop<T>,
{
    fn new_cache(&self, input: &[usize]) -> Cache<T> {
        Cache {
            arrays: vec![aligned_zeros(input)],
            children: vec![self.chain.new_cache(input)],
            ..Cache::new()
        }
    }

    fn forward(&self, params: &[ArrayD<T>], x: &ArrayRefD<T>, y: &mut ArrayRefD<T>, cache: &mut Cache<T>) {
        let mut inner = head_mut(&mut cache.arrays[0], x.shape()[0]);
        self.chain.forward(params, x, &mut inner, &mut cache.children[0]);
        Zip::from(y).and(x).and(&inner).for_each(|y, &x, &inner| *y = x + inner);
    }

    fn backward(
        &self,
        params: &[ArrayD<T>],
        saved: Saved<'_, T>,
        dy: &ArrayRefD<T>,
        dx: Option<&mut ArrayRefD<T>>,
        grads: &mut [ArrayD<T>],
    ) {
        back_around(saved, dy, dx, |inner, dx| self.chain.backward(params, inner, dy, dx, grads));
    }

    fn backward_anew(
        &self,
        params: &[ArrayD<T>],
        saved: Saved<'_, T>,
        dy: &ArrayRefD<T>,
        dx: Option<&mut ArrayRefD<T>>,
        grads: &mut [ArrayD<T>],
    ) {
        back_around(saved, dy, dx, |inner, dx| self.chain.backward_anew(params, inner, dy, dx, grads));
    }

    fn first_not_finite(&self, y: &ArrayRefD<T>, cache: &Cache<T>) -> Option<(String, f64)> {
        let inner = head(&cache.arrays[0], y.shape()[0]);
        // Numbers in the chain may all be finite, and a sum of them not.
        self.chain.first_not_finite(&inner, &cache.children[0]).or_else(|| not_finite(y))
    }

    fn absorb(&self, cache: &Cache<T>, params: &mut [ArrayD<T>]) {
        self.chain.absorb(&cache.children[0], params);
    }
}

/// dx ← the chain's + dy, the chain's by `back`.
fn back_around<'a, T: Scalar>(
    saved: Saved<'a, T>,
    dy: &ArrayRefD<T>,
    mut dx: Option<&mut ArrayRefD<T>>,
    back: impl FnOnce(Saved<'_, T>, Option<&mut ArrayRefD<T>>),
) {
    let Saved { x, cache, .. } = saved;
    let y = head(&cache.arrays[0], x.shape()[0]);
    back(Saved { x, y: &y, cache: &mut cache.children[0] }, dx.as_deref_mut());
    if let Some(dx) = dx {
        Zip::from(dx).and(dy).for_each(|dx, &dy| *dx += dy);
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array;

    use super::*;
    use crate::{Affine, Concat, Relu};

    #[test]
    fn the_layer_inside_a_container_that_is_not_finite_is_named() {
        let inner = || Sequential::new(&[2]).push(Affine::new(2, 2)).unwrap();
        let residual = Residual::new(inner().push(Relu).unwrap());
        let concat = Concat::new(&[2]).push(Relu).unwrap().push(Affine::new(2, 1)).unwrap();
        let network = Sequential::new(&[2]).push(residual).unwrap().push(concat).unwrap();
        let place = |scale: f64, last: f64| {
            let weights =
                [vec![2, 2], vec![2], vec![2, 1], vec![1]].map(|shape| ArrayD::from_elem(shape, 1.0));
            let [first, bias, second, last_bias] = weights;
            let params = [first * scale, bias, second * last, last_bias];
            let x = Array::ones(vec![1, 2]);
            let (mut y, mut cache) = (ArrayD::zeros(vec![1, 3]), network.new_cache(&[1, 2]));
            network.forward(&params, &x, &mut y, &mut cache);
            network.first_not_finite(&y, &cache).map(|(place, _)| place)
        };
        assert_eq!(place(1.0, 1.0), None);
        assert_eq!(place(f64::INFINITY, 1.0).as_deref(), Some("layer 0, layer 0 (affine)"));
        assert_eq!(place(1.0, f64::INFINITY).as_deref(), Some("layer 1, branch 1 (affine)"));
    }
}
