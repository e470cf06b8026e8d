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
        mut dx: Option<&mut ArrayRefD<T>>,
        grads: &mut [ArrayD<T>],
    ) {
        let Saved { x, cache, .. } = saved;
        let y = head(&cache.arrays[0], x.shape()[0]);
        let inner = Saved { x, y: &y, cache: &mut cache.children[0] };
        self.chain.backward(params, inner, dy, dx.as_deref_mut(), grads);
        if let Some(dx) = dx {
            Zip::from(dx).and(dy).for_each(|dx, &dy| *dx += dy);
        }
    }

    fn absorb(&self, cache: &Cache<T>, params: &mut [ArrayD<T>]) {
        self.chain.absorb(&cache.children[0], params);
    }
}
