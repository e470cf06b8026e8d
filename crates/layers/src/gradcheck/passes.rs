//! Forward and backward through a layer, with fresh arrays.

use ndarray::{ArrayD, ArrayRefD};
use tensor_ops::gradcheck::Tolerances;
use tensor_ops::{Dual, Scalar};

use crate::views::batched;
use crate::{AnyLayer, Backprop, Cache, Mode, Saved};

/// A scalar of the project: what [`AnyLayer`] computes over.
pub(super) trait Number: Scalar {
    fn over<'a>(layer: &'a dyn AnyLayer) -> &'a (dyn Backprop<Self> + 'a);
}

impl Number for f32 {
    fn over<'a>(layer: &'a dyn AnyLayer) -> &'a (dyn Backprop<Self> + 'a) {
        layer
    }
}

impl Number for f64 {
    fn over<'a>(layer: &'a dyn AnyLayer) -> &'a (dyn Backprop<Self> + 'a) {
        layer
    }
}

impl Number for Dual {
    fn over<'a>(layer: &'a dyn AnyLayer) -> &'a (dyn Backprop<Self> + 'a) {
        layer
    }
}

/// A precision that layers train in: each keeps every promise, for a layer may have a kernel of its own for it.
pub(super) trait Checked: Number {
    const NAME: &'static str;

    /// How close the same sum in another order has to be.
    fn tolerance(tolerances: &Tolerances) -> f64;
}

impl Checked for f32 {
    const NAME: &'static str = "f32";

    fn tolerance(tolerances: &Tolerances) -> f64 {
        tolerances.single
    }
}

impl Checked for f64 {
    const NAME: &'static str = "f64";

    fn tolerance(tolerances: &Tolerances) -> f64 {
        tolerances.dual
    }
}

/// A layer and the circumstances of its passes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Passes<'a> {
    pub(super) layer: &'a dyn AnyLayer,
    pub(super) mode: Mode,
    pub(super) seed: u64,
}

/// What a backward pass yields.
#[derive(Clone, Debug)]
pub(super) struct Gradients<T> {
    pub(super) dx: ArrayD<T>,
    pub(super) params: Vec<ArrayD<T>>,
}

impl Passes<'_> {
    pub(super) fn new_cache<T: Number>(&self, x: &[usize]) -> Cache<T> {
        T::over(self.layer).new_cache(x)
    }

    pub(super) fn output_shape(&self, x: &[usize]) -> Vec<usize> {
        let one = self.layer.output_shape(&x[1..]).expect("the shape was accepted before the passes");
        batched(x[0], &one)
    }

    /// y, in an array that held not-a-number, through a cache that may have seen other passes.
    pub(super) fn forward_in<T: Number>(
        &self,
        cache: &mut Cache<T>,
        params: &[ArrayD<T>],
        x: &ArrayRefD<T>,
    ) -> ArrayD<T> {
        let mut y = ArrayD::from_elem(self.output_shape(x.shape()), T::from_f64(f64::NAN));
        cache.begin(self.mode, self.seed);
        T::over(self.layer).forward(params, x, &mut y, cache);
        y
    }

    /// dx, in an array that held not-a-number, and the parameters' gradients, added to zeros.
    pub(super) fn backward_in<T: Number>(
        &self,
        cache: &mut Cache<T>,
        params: &[ArrayD<T>],
        x: &ArrayRefD<T>,
        y: &ArrayRefD<T>,
        dy: &ArrayRefD<T>,
    ) -> Gradients<T> {
        let mut dx = ArrayD::from_elem(x.raw_dim(), T::from_f64(f64::NAN));
        let mut grads: Vec<_> = params.iter().map(|p| ArrayD::zeros(p.raw_dim())).collect();
        T::over(self.layer).backward(params, Saved { x, y, cache }, dy, Some(&mut dx), &mut grads);
        Gradients { dx, params: grads }
    }

    pub(super) fn forward<T: Number>(&self, params: &[ArrayD<T>], x: &ArrayRefD<T>) -> (ArrayD<T>, Cache<T>) {
        let mut cache = self.new_cache(x.shape());
        let y = self.forward_in(&mut cache, params, x);
        (y, cache)
    }

    pub(super) fn gradients<T: Number>(
        &self,
        params: &[ArrayD<T>],
        x: &ArrayRefD<T>,
        dy: &ArrayRefD<T>,
    ) -> Gradients<T> {
        let (y, mut cache) = self.forward(params, x);
        self.backward_in(&mut cache, params, x, &y, dy)
    }
}
