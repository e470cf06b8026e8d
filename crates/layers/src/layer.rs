//! What a layer is.
//!
//! A layer holds no numbers. It is a description (sizes and options) with methods that compute over numbers that
//! somebody else owns: parameters, gradients, activations and scratch space. So one network object trains in `f32`,
//! is checked in `f64` and differentiated exactly with [`Dual`], and any number of threads may share it.

use std::fmt::Debug;

use ndarray::{ArrayD, ArrayRefD};
use tensor_ops::{Dual, Scalar};

use crate::{Cache, Error, ParamSpec, Spec};

/// What a layer is, free of scalars.
///
/// Shapes here are those of *one example*, without the batch axis: an `Affine` from 784 to 50 takes `[784]` to `[50]`.
pub trait Layer: Debug + Send + Sync {
    /// The name of this kind of layer in the field's terms: `affine`, `conv2d`.
    fn kind(&self) -> &'static str;

    /// The shape of one output, given the shape of one input.
    ///
    /// Asked when a network is built. After `Ok` for a shape, the passes cannot fail on it.
    ///
    /// # Errors
    ///
    /// [`Error`] if the layer cannot take this shape or its options are impossible.
    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>, Error>;

    /// The parameters that somebody has to hold for this layer, in the order in which its passes expect them.
    fn params(&self) -> Vec<ParamSpec> {
        Vec::new()
    }

    /// Whether an output depends on other examples of the batch, as in batch normalisation.
    fn mixes_examples(&self) -> bool {
        false
    }

    /// What the elements of an input are.
    fn input_kind(&self) -> InputKind {
        InputKind::Real
    }

    /// Whether the elements of an output are those of the input, each as it was, as after flattening.
    fn only_rearranges(&self) -> bool {
        false
    }

    /// The products of weights and inputs in the forward pass of one example of this shape, which
    /// [`Layer::output_shape`] has accepted; the arithmetic of single elements is not counted.
    ///
    /// `None` if it is not known: by default, for a layer with weights. It is shown in summaries and tells how many
    /// threads a step is worth.
    fn multiply_adds(&self, input: &[usize]) -> Option<u64> {
        let _ = input;
        self.params().iter().all(|p| !p.decays()).then_some(0)
    }

    /// How to write this layer down, so that a model file or an ONNX graph can hold it.
    ///
    /// `None` for a layer of your own: it trains and is checked like any other, and saving it says that it has no
    /// written form.
    fn spec(&self) -> Option<Spec> {
        None
    }
}

/// What the elements of a layer's input are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputKind {
    /// Real numbers, by which the layer is differentiated.
    Real,
    /// Whole numbers below the given bound, as an embedding takes them; their derivative is zero.
    Index(usize),
}

/// What a layer computes, over one scalar type.
///
/// # The contract
///
/// Every array has the batch as its first axis: `x` is `[n, input...]`, `y` is `[n, output...]`, and `n` may be
/// anything from 0 up to the batch that the cache was made for.
///
/// - `params` and `grads` are in the order of [`Layer::params`]; `dz` is the derivative of the loss by `z` and has the
///   shape of `z`.
/// - `y` and `dx` are overwritten whatever they held; `grads` are *added to*; inputs, parameters and `dy` are never
///   written.
/// - Arrays may have any memory layout.
/// - Nothing allocates in a pass over contiguous arrays: what a layer needs is made in `new_cache`.
/// - Results do not depend on the number of threads.
pub trait Backprop<T: Scalar>: Layer {
    /// The memory that passes need beside `x` and `y`, for inputs of up to the given shape `[n, input...]`.
    ///
    /// It holds what backward needs and `x` and `y` do not give (normalised inputs, masks, the place of a maximum).
    fn new_cache(&self, input: &[usize]) -> Cache<T> {
        let _ = input;
        Cache::new()
    }

    /// y ← f(x), in the mode of the cache.
    ///
    /// # Panics
    ///
    /// If the shapes are not those that [`Layer::output_shape`] and [`Layer::params`] state.
    fn forward(&self, params: &[ArrayD<T>], x: &ArrayRefD<T>, y: &mut ArrayRefD<T>, cache: &mut Cache<T>);

    /// dx ← J'dy and grads ← grads + the same by the parameters: the derivative of the *last* forward pass through
    /// this cache, in the mode of that pass.
    ///
    /// `dx` is `None` for the first layer of a network, where nobody needs it.
    ///
    /// # Panics
    ///
    /// As [`Backprop::forward`].
    fn backward(
        &self,
        params: &[ArrayD<T>],
        saved: Saved<'_, T>,
        dy: &ArrayRefD<T>,
        dx: Option<&mut ArrayRefD<T>>,
        grads: &mut [ArrayD<T>],
    );

    /// [`Backprop::backward`] with grads ← the derivatives, whatever they held: the first pass of a step.
    ///
    /// Sets them to zero and calls it, unless a layer saves that walk through memory.
    ///
    /// # Panics
    ///
    /// As [`Backprop::forward`].
    fn backward_anew(
        &self,
        params: &[ArrayD<T>],
        saved: Saved<'_, T>,
        dy: &ArrayRefD<T>,
        dx: Option<&mut ArrayRefD<T>>,
        grads: &mut [ArrayD<T>],
    ) {
        grads.iter_mut().for_each(|grad| grad.fill(T::zero()));
        self.backward(params, saved, dy, dx, grads);
    }

    /// Where in the last forward pass through this cache, which gave `y`, numbers first ceased to be finite: the path of
    /// a layer inside this one, as in `layer 2 (affine)`, and the number. `None` if all are finite; a layer without
    /// inner layers answers with an empty path.
    fn first_not_finite(&self, y: &ArrayRefD<T>, cache: &Cache<T>) -> Option<(String, f64)> {
        let _ = cache;
        not_finite(y)
    }

    /// Takes what the last training pass observed into the parameters that are not trained (running statistics).
    fn absorb(&self, cache: &Cache<T>, params: &mut [ArrayD<T>]) {
        let _ = (cache, params);
    }
}

/// The first number that is not finite, of a layer without inner layers.
pub(crate) fn not_finite<T: Scalar>(y: &ArrayRefD<T>) -> Option<(String, f64)> {
    y.iter().map(|v| v.value()).find(|v| !v.is_finite()).map(|v| (String::new(), v))
}

/// The path of what is in the `i`-th layer or branch of a container: `layer 2 (affine)`, or `layer 2, layer 0 (affine)` if
/// it is `within` that.
pub(crate) fn numbered(name: &str, i: usize, kind: &str, within: &str) -> String {
    match within {
        "" => format!("{name} {i} ({kind})"),
        within => format!("{name} {i}, {within}"),
    }
}

/// What a forward pass leaves for the backward pass.
#[derive(Debug)]
pub struct Saved<'a, T> {
    /// The input of the forward pass.
    pub x: &'a ArrayRefD<T>,
    /// Its output.
    pub y: &'a ArrayRefD<T>,
    /// The cache it used.
    pub cache: &'a mut Cache<T>,
}

/// A layer over every scalar of the project; what containers hold.
///
/// Implemented for all that qualify: write `Layer`, and `Backprop<T>` for every `T: Scalar`.
pub trait AnyLayer: Backprop<f32> + Backprop<f64> + Backprop<Dual> {}

impl<L: Backprop<f32> + Backprop<f64> + Backprop<Dual> + ?Sized> AnyLayer for L {}
