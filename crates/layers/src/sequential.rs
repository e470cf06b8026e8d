//! Layers one after the other.
//!
//! ```text
//! a₀ = x      aᵢ₊₁ = fᵢ(aᵢ)      y = a_L
//! dy = da_L   daᵢ = Jᵢᵀ daᵢ₊₁    dx = da₀
//! ```

use ndarray::{ArrayD, ArrayRefD};
use tensor_ops::{Scalar, aligned_zeros};

use crate::layer::numbered;
use crate::views::{batched, head, head_mut};
use crate::{AnyLayer, Backprop, Cache, Error, InputKind, Layer, ParamSpec, Saved, Spec};

/// A chain of layers, itself a layer.
///
/// Shapes are checked as it is built: an error names the layer, the shape it takes and the shape it would get.
///
/// # Examples
///
/// ```
/// use layers::{Affine, Layer, Relu, Sequential};
///
/// let network = Sequential::new(&[784]).push(Affine::new(784, 50))?.push(Relu)?.push(Affine::new(50, 10))?;
/// assert_eq!(network.output_shape(&[784])?, [10]);
///
/// let error = network.push(Affine::new(12, 2)).unwrap_err();
/// assert_eq!(error.to_string(), "layer 3 (affine): expected input [12], got [10]");
/// # Ok::<(), layers::Error>(())
/// ```
#[derive(Debug)]
pub struct Sequential {
    layers: Vec<Box<dyn AnyLayer>>,
    /// The shape of one example before each layer, and after the last.
    shapes: Vec<Vec<usize>>,
    /// How many parameters each layer has.
    n_params: Vec<usize>,
}

impl Sequential {
    /// A chain without layers for inputs of this shape, the batch not counted.
    pub fn new(input: &[usize]) -> Self {
        Sequential { layers: Vec::new(), shapes: vec![input.to_vec()], n_params: Vec::new() }
    }

    /// The chain with one more layer.
    ///
    /// # Errors
    ///
    /// [`Error`] if the layer cannot take the output of the last one: by its shape, or because it looks up indices, which
    /// only the inputs of a chain can be.
    pub fn push(self, layer: impl AnyLayer + 'static) -> Result<Self, Error> {
        self.push_boxed(Box::new(layer))
    }

    /// The chain with one more layer that is boxed already.
    ///
    /// # Errors
    ///
    /// As [`Sequential::push`].
    pub fn push_boxed(mut self, layer: Box<dyn AnyLayer>) -> Result<Self, Error> {
        let output = layer.output_shape(self.shape(self.len())).map_err(|e| e.within(self.len(), ""))?;
        let computed = self.layers.iter().find(|layer| !layer.only_rearranges());
        if let (InputKind::Index(_), Some(before)) = (layer.input_kind(), computed) {
            let got = format_args!("what {} computes", before.kind());
            return Err(Error::option(layer.kind(), "indices", "that are inputs of the network", got)
                .within(self.len(), ""));
        }
        self.shapes.push(output);
        self.n_params.push(layer.params().len());
        self.layers.push(layer);
        Ok(self)
    }

    /// The number of layers.
    pub fn len(&self) -> usize {
        self.layers.len()
    }

    /// Whether there are no layers; such a chain copies its input.
    pub fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }

    /// The layers in order.
    pub fn layers(&self) -> &[Box<dyn AnyLayer>] {
        &self.layers
    }

    /// The shape of one example before layer `i`; after the last layer for `i` = [`Sequential::len`].
    ///
    /// # Panics
    ///
    /// If `i` is larger.
    pub fn shape(&self, i: usize) -> &[usize] {
        &self.shapes[i]
    }

    /// The positions, in the parameter list, of the parameters of layer `i`.
    ///
    /// # Panics
    ///
    /// If there is no such layer.
    pub fn param_range(&self, i: usize) -> std::ops::Range<usize> {
        let start = self.n_params[..i].iter().sum();
        start..start + self.n_params[i]
    }

    /// Backward through all layers, which set the gradients of the parameters if `anew`, else add to them.
    fn back_through<T: Scalar>(
        &self,
        anew: bool,
        params: &[ArrayD<T>],
        saved: Saved<'_, T>,
        dy: &ArrayRefD<T>,
        mut dx: Option<&mut ArrayRefD<T>>,
        grads: &mut [ArrayD<T>],
    ) where
        dyn AnyLayer: Backprop<T>,
    {
        let Some(last) = self.len().checked_sub(1) else {
            if let Some(dx) = dx {
                dx.assign(dy);
            }
            return;
        };
        let n = dy.shape()[0];
        // Without `dx`, nobody needs a gradient from before the first layer with parameters.
        let first = match dx {
            Some(_) => 0,
            None => self.n_params.iter().position(|&n| n > 0).unwrap_or(self.len()),
        };
        let (activations, gradients) = saved.cache.arrays.split_at_mut(last);
        let (mut params, mut grads) = (params, grads);
        for (i, layer) in self.layers.iter().enumerate().skip(first).rev() {
            let at = params.len() - self.n_params[i];
            let (rest, own) = params.split_at(at);
            let (grads_rest, own_grads) = grads.split_at_mut(at);
            (params, grads) = (rest, grads_rest);

            let (before, after) = gradients.split_at_mut(i);
            let x = if i == 0 { saved.x.view() } else { head(&activations[i - 1], n) };
            let y = if i == last { saved.y.view() } else { head(&activations[i], n) };
            let dy = if i == last { dy.view() } else { head(&after[0], n) };
            let mut dx = match i.checked_sub(1) {
                None => dx.as_mut().map(|dx| dx.view_mut()),
                Some(_) if i == first => None,
                Some(previous) => Some(head_mut(&mut before[previous], n)),
            };
            let saved = Saved { x: &x, y: &y, cache: &mut saved.cache.children[i] };
            if anew {
                layer.backward_anew(own, saved, &dy, dx.as_deref_mut(), own_grads);
            } else {
                layer.backward(own, saved, &dy, dx.as_deref_mut(), own_grads);
            }
        }
    }
}

impl Layer for Sequential {
    fn kind(&self) -> &'static str {
        "sequential"
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>, Error> {
        if input != self.shape(0) {
            return Err(Error::input(self.kind(), format!("{:?}", self.shape(0)), input));
        }
        Ok(self.shape(self.len()).to_vec())
    }

    fn params(&self) -> Vec<ParamSpec> {
        let numbered = self.layers.iter().enumerate();
        numbered.flat_map(|(i, layer)| layer.params().into_iter().map(move |p| p.within(i))).collect()
    }

    fn mixes_examples(&self) -> bool {
        self.layers.iter().any(|layer| layer.mixes_examples())
    }

    fn input_kind(&self) -> InputKind {
        let first = self.layers.iter().find(|layer| !layer.only_rearranges());
        first.map_or(InputKind::Real, |layer| layer.input_kind())
    }

    fn only_rearranges(&self) -> bool {
        self.layers.iter().all(|layer| layer.only_rearranges())
    }

    fn multiply_adds(&self, _: &[usize]) -> Option<u64> {
        self.layers.iter().zip(&self.shapes).map(|(layer, shape)| layer.multiply_adds(shape)).sum()
    }

    fn spec(&self) -> Option<Spec> {
        let layers = self.layers.iter().map(|layer| layer.spec()).collect::<Option<_>>()?;
        Some(Spec::Sequential { layers })
    }
}

/// The cache holds, in `arrays`, the activations a₁ to a_{L-1} and then their gradients.
impl<T: Scalar> Backprop<T> for Sequential
where
    dyn AnyLayer: Backprop<T>,
{
    fn new_cache(&self, input: &[usize]) -> Cache<T> {
        let n = input[0];
        let inner = self.shapes.get(1..self.len()).unwrap_or_default();
        let zeros = |shape: &Vec<usize>| aligned_zeros(&batched(n, shape));
        let caches = self.layers.iter().zip(&self.shapes);
        Cache {
            arrays: inner.iter().map(zeros).chain(inner.iter().map(zeros)).collect(),
            children: caches.map(|(layer, shape)| layer.new_cache(&batched(n, shape))).collect(),
            ..Cache::new()
        }
    }

    fn forward(&self, params: &[ArrayD<T>], x: &ArrayRefD<T>, y: &mut ArrayRefD<T>, cache: &mut Cache<T>) {
        let Some(last) = self.len().checked_sub(1) else { return y.assign(x) };
        assert_eq!(cache.children.len(), self.len(), "sequential: a cache that its `new_cache` has made");
        let n = x.shape()[0];
        let mut params = params;
        for (i, layer) in self.layers.iter().enumerate() {
            let (own, rest) = params.split_at(self.n_params[i]);
            params = rest;
            let (before, after) = cache.arrays.split_at_mut(i);
            let x = if i == 0 { x.view() } else { head(&before[i - 1], n) };
            let mut y = if i == last { y.view_mut() } else { head_mut(&mut after[0], n) };
            layer.forward(own, &x, &mut y, &mut cache.children[i]);
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
        self.back_through(false, params, saved, dy, dx, grads);
    }

    fn backward_anew(
        &self,
        params: &[ArrayD<T>],
        saved: Saved<'_, T>,
        dy: &ArrayRefD<T>,
        dx: Option<&mut ArrayRefD<T>>,
        grads: &mut [ArrayD<T>],
    ) {
        self.back_through(true, params, saved, dy, dx, grads);
    }

    fn first_not_finite(&self, y: &ArrayRefD<T>, cache: &Cache<T>) -> Option<(String, f64)> {
        let n = y.shape()[0];
        let inner = cache.arrays[..self.len().saturating_sub(1)].iter().map(|a| head(a, n));
        let outputs = inner.chain([y.view()]);
        self.layers.iter().zip(outputs).zip(&cache.children).enumerate().find_map(
            |(i, ((layer, y), cache))| {
                let (within, value) = layer.first_not_finite(&y, cache)?;
                Some((numbered("layer", i, layer.kind(), &within), value))
            },
        )
    }

    fn absorb(&self, cache: &Cache<T>, params: &mut [ArrayD<T>]) {
        let mut params = params;
        for (i, layer) in self.layers.iter().enumerate() {
            let (own, rest) = params.split_at_mut(self.n_params[i]);
            params = rest;
            layer.absorb(&cache.children[i], own);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Affine, Concat, Embedding, Flatten, Relu, Reshape, Residual};

    fn network() -> Sequential {
        let inner = Sequential::new(&[3]).push(Affine::new(3, 4)).unwrap().push(Relu).unwrap();
        Sequential::new(&[2]).push(Affine::new(2, 3)).unwrap().push(inner).unwrap()
    }

    #[test]
    fn parameters_are_named_by_their_path() {
        let names: Vec<_> = network().params().into_iter().map(|p| p.name).collect();
        assert_eq!(names, ["0.weight", "0.bias", "1.0.weight", "1.0.bias"]);
        assert_eq!(network().param_range(1), 2..4);
    }

    #[test]
    fn an_error_in_a_nested_chain_names_the_path() {
        let inner = Sequential::new(&[5]).push(Affine::new(5, 4)).unwrap();
        let error = Sequential::new(&[2]).push(Affine::new(2, 3)).unwrap().push(inner).unwrap_err();
        assert_eq!(error.to_string(), "layer 1 (sequential): expected input [5], got [3]");
    }

    #[test]
    fn the_first_layer_whose_numbers_are_not_finite_is_named() {
        let network = network();
        let x = ArrayD::from_elem(vec![1, 2], 1.0);
        let place = |changed: usize| {
            let mut params: Vec<ArrayD<f64>> =
                network.params().iter().map(|p| ArrayD::zeros(&*p.shape)).collect();
            params[changed].fill(f64::INFINITY);
            let mut y = ArrayD::zeros(vec![1, 4]);
            // Room for more examples than there are: what the last batch left there does not count.
            let mut cache = Backprop::<f64>::new_cache(&network, &[2, 2]);
            cache.arrays.iter_mut().for_each(|a| a.fill(f64::NAN));
            network.forward(&params, &x, &mut y, &mut cache);
            network.first_not_finite(&y, &cache).map(|(place, _)| place)
        };
        assert_eq!(place(1).as_deref(), Some("layer 0 (affine)"));
        assert_eq!(place(3).as_deref(), Some("layer 1, layer 0 (affine)"));
        let finite = ArrayD::<f64>::zeros(vec![1, 4]);
        let cache = Backprop::<f64>::new_cache(&network, &[1, 2]);
        assert_eq!(network.first_not_finite(&finite, &cache), None);
    }

    #[test]
    fn indices_are_inputs_whatever_they_pass_through_before_they_are_looked_up() {
        let chain = Sequential::new(&[4]).push(Reshape::new(&[2, 2])).unwrap().push(Flatten).unwrap();
        let chain = chain.push(Embedding::new(5, 1)).unwrap().push(Flatten).unwrap();
        assert_eq!(chain.input_kind(), InputKind::Index(5));
        assert_eq!(Residual::new(chain).input_kind(), InputKind::Index(5));
        let both = Concat::new(&[4]).push(Affine::new(4, 2)).unwrap();
        let both = both.push(Sequential::new(&[4]).push(Embedding::new(9, 2)).unwrap()).unwrap();
        let both = both.push(Sequential::new(&[4]).push(Embedding::new(7, 2)).unwrap()).unwrap();
        assert_eq!(both.input_kind(), InputKind::Index(7), "the least of them");

        let computed = Sequential::new(&[4]).push(Flatten).unwrap().push(Relu).unwrap();
        let error = computed.push(Embedding::new(5, 2)).unwrap_err().to_string();
        assert_eq!(
            error,
            "layer 2 (embedding): expected indices that are inputs of the network, got what relu computes"
        );
    }

    #[test]
    fn without_dx_nothing_before_the_first_parameters_is_differentiated() {
        let chain = Sequential::new(&[1, 2]).push(Relu).unwrap().push(Flatten).unwrap();
        let chain = chain.push(Affine::new(2, 3)).unwrap().push(Relu).unwrap();
        let params = [ArrayD::ones(vec![2, 3]), ArrayD::zeros(vec![3])];
        let x = ArrayD::from_shape_vec(vec![1, 1, 2], vec![1.0, 2.0]).unwrap();
        let dy = ArrayD::ones(vec![1, 3]);
        let run = |dx: Option<&mut ArrayRefD<f64>>| {
            let mut grads = [ArrayD::zeros(vec![2, 3]), ArrayD::zeros(vec![3])];
            let mut y = ArrayD::zeros(vec![1, 3]);
            let mut cache = Backprop::<f64>::new_cache(&chain, x.shape());
            chain.forward(&params, &x, &mut y, &mut cache);
            let gradients = chain.len() - 1;
            cache.arrays[gradients..].iter_mut().for_each(|a| a.fill(f64::NAN));
            chain.backward(&params, Saved { x: &x, y: &y, cache: &mut cache }, &dy, dx, &mut grads);
            let written: Vec<bool> =
                cache.arrays[gradients..].iter().map(|a| a.iter().all(|v| !v.is_nan())).collect();
            (grads, written)
        };
        let mut dx = ArrayD::zeros(vec![1, 1, 2]);
        let (expected, all) = run(Some(&mut dx));
        let (grads, needed) = run(None);
        assert_eq!(grads, expected);
        assert_eq!((all, needed), (vec![true; 3], vec![false, false, true]));

        let fixed = Sequential::new(&[2]).push(Relu).unwrap();
        let x = ArrayD::ones(vec![1, 2]);
        let mut cache = Backprop::<f64>::new_cache(&fixed, &[1, 2]);
        fixed.backward(&[], Saved { x: &x, y: &x, cache: &mut cache }, &x, None, &mut []); // nothing to do
    }

    #[test]
    fn a_chain_without_layers_copies() {
        let chain = Sequential::new(&[2]);
        let x = ArrayD::from_shape_vec(vec![1, 2], vec![1.0, 2.0]).unwrap();
        let (mut y, mut dx) = (ArrayD::zeros(vec![1, 2]), ArrayD::zeros(vec![1, 2]));
        let mut cache = Backprop::<f64>::new_cache(&chain, &[1, 2]);
        chain.forward(&[], &x, &mut y, &mut cache);
        assert_eq!(y, x);
        chain.backward(&[], Saved { x: &x, y: &y, cache: &mut cache }, &x, Some(&mut dx), &mut []);
        assert_eq!(dx, x);
    }
}
