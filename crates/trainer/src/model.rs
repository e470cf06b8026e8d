//! A network together with its numbers.

use std::sync::Arc;

use datasets::Scaling;
use layers::views::{batched, head, head_mut};
use layers::{Backprop, Cache, Init, InputKind, Layer, Mode, ParamSpec, Role, Sequential};
use ndarray::{ArrayD, ArrayRefD, ArrayViewD, Axis};
use tensor_ops::random::{Purpose, stream};
use tensor_ops::{Scalar, aligned_copy, aligned_zeros};

use crate::{Error, Meaning};

/// A network, its parameters, and what belongs to them: the scaling of inputs and the names of classes.
///
/// The network itself is shared and never changes, so a copy of a model copies its parameters alone. A model may be
/// used by many threads at once.
///
/// # Examples
///
/// ```
/// use layers::{Affine, Relu, Sequential};
/// use ndarray::Array;
/// use trainer::Model;
///
/// let network = Sequential::new(&[4]).push(Affine::new(4, 8))?.push(Relu)?.push(Affine::new(8, 3))?;
/// let model = Model::<f32>::new(network, 42)?;
/// let outputs = model.predict(&Array::zeros(vec![5, 4]))?;
/// assert_eq!(outputs.shape(), [5, 3]);
/// # Ok::<(), trainer::Error>(())
/// ```
#[derive(Debug)]
pub struct Model<T: Scalar, N = Sequential> {
    network: Arc<N>,
    input: Vec<usize>,
    output: Vec<usize>,
    specs: Arc<[ParamSpec]>,
    /// Made in the standard layout, on which optimisers count, and from the start of a cache line.
    params: Vec<ArrayD<T>>,
    /// What is done to raw inputs before the network sees them.
    pub scaling: Scaling,
    /// The name of each class; empty if the outputs are no classes.
    pub class_names: Vec<String>,
    /// What the outputs mean.
    pub meaning: Meaning,
    /// The name of each number of an input, by which columns of CSV files are found; empty if they have none.
    pub feature_names: Vec<String>,
    /// The name of each output that is a value or a yes or no, as of a column of a CSV file; empty if they have none.
    pub value_names: Vec<String>,
}

impl<T: Scalar, N> Clone for Model<T, N> {
    fn clone(&self) -> Self {
        self.with_params(self.params.iter().map(|param| aligned_copy(param)).collect())
    }
}

impl<T: Scalar> Model<T> {
    /// A model whose parameters begin as each layer proposes.
    ///
    /// # Errors
    ///
    /// As [`Model::with_init`].
    pub fn new(network: Sequential, seed: u64) -> Result<Self, Error> {
        let input = network.shape(0).to_vec();
        Model::with_init(network, &input, None, seed)
    }

    /// The network as data.
    ///
    /// # Errors
    ///
    /// [`layers::Error::NoSpec`] with the place of a layer that has no written form.
    #[cfg(any(feature = "model-file", feature = "onnx"))]
    pub(crate) fn written(&self) -> Result<layers::Spec, Error> {
        let network = self.network();
        let unwritten = || {
            let mut layers = network.layers().iter().enumerate();
            let culprit = layers.find(|(_, layer)| layer.spec().is_none());
            let at = culprit.map_or("network".into(), |(i, layer)| format!("layer {i} ({})", layer.kind()));
            layers::Error::NoSpec { at }
        };
        Ok(network.spec().ok_or_else(unwritten)?)
    }
}

impl<T: Scalar, N: Layer> Model<T, N> {
    /// A model of any layer for inputs of the given shape; with `weights`, all weights (not biases or the parameters
    /// of normalisations) begin that way.
    ///
    /// Each parameter is drawn from a stream of its own, so a change to one layer leaves the beginning of the others.
    ///
    /// # Errors
    ///
    /// [`Error::Network`] if the network does not take this input, or `weights` or what a layer proposes make no sense;
    /// [`Error::ParamName`] if two of its parameters have one name.
    pub fn with_init(network: N, input: &[usize], weights: Option<Init>, seed: u64) -> Result<Self, Error> {
        weights.map_or(Ok(()), |init| init.check())?;
        let specs = network.params();
        let params = specs.iter().enumerate().map(|(i, spec)| {
            let init = weights.filter(|_| spec.role == Role::Weight).unwrap_or(spec.init);
            let spec = ParamSpec { init, ..spec.clone() };
            spec.check()?; // which may be of a user's own layer
            Ok(init.draw(&spec.shape, spec.fan, &mut stream(seed, Purpose::Init, i as u64)))
        });
        let params = params.collect::<Result<_, Error>>()?;
        Model::from_parts(network, input, params)
    }

    /// A model of a network and parameters that come from elsewhere.
    ///
    /// # Errors
    ///
    /// [`Error::Network`] if the network does not take this input, [`Error::ParamCount`] or [`Error::ParamShape`] if
    /// the parameters are not those that it states, [`Error::ParamName`] if it states two of one name.
    pub fn from_parts(network: N, input: &[usize], params: Vec<ArrayD<T>>) -> Result<Self, Error> {
        let output = network.output_shape(input)?;
        let specs = network.params();
        let names: Vec<_> = specs.iter().map(|spec| &*spec.name).collect();
        if let Some(name) = first_repeated(&names) {
            return Err(Error::ParamName { name: name.into() });
        }
        if specs.len() != params.len() {
            return Err(Error::ParamCount { expected: specs.len(), got: params.len() });
        }
        for (index, (spec, param)) in specs.iter().zip(&params).enumerate() {
            if spec.shape != param.shape() {
                return Err(Error::ParamShape {
                    index,
                    name: spec.name.to_string(),
                    expected: spec.shape.clone(),
                    got: param.shape().to_vec(),
                });
            }
        }
        Ok(Model {
            network: Arc::new(network),
            input: input.to_vec(),
            output,
            specs: specs.into(),
            params: params.into_iter().map(|param| aligned_copy(&param)).collect(),
            scaling: Scaling::none(),
            class_names: Vec::new(),
            meaning: Meaning::default(),
            feature_names: Vec::new(),
            value_names: Vec::new(),
        })
    }

    /// The same model in another precision.
    pub fn convert<U: Scalar>(&self) -> Model<U, N> {
        let converted = |p: &ArrayD<T>| aligned_copy(&p.mapv(|v| U::from_f64(v.value())));
        self.with_params(self.params.iter().map(converted).collect())
    }
}

impl<T: Scalar, N> Model<T, N> {
    /// The network.
    pub fn network(&self) -> &N {
        &self.network
    }

    /// The shape of one input.
    pub fn input_shape(&self) -> &[usize] {
        &self.input
    }

    /// The shape of one output.
    pub fn output_shape(&self) -> &[usize] {
        &self.output
    }

    /// What each parameter is, in the order of [`Model::params`].
    pub fn specs(&self) -> &[ParamSpec] {
        &self.specs
    }

    /// The parameters.
    pub fn params(&self) -> &[ArrayD<T>] {
        &self.params
    }

    /// The parameters, to be changed. Their shapes are to stay.
    pub fn params_mut(&mut self) -> &mut [ArrayD<T>] {
        &mut self.params
    }

    /// The same model with other parameters, which are known to have the same shapes.
    pub(crate) fn with_params<U: Scalar>(&self, params: Vec<ArrayD<U>>) -> Model<U, N> {
        Model {
            network: Arc::clone(&self.network),
            input: self.input.clone(),
            output: self.output.clone(),
            specs: Arc::clone(&self.specs),
            params,
            scaling: self.scaling.clone(),
            class_names: self.class_names.clone(),
            meaning: self.meaning,
            feature_names: self.feature_names.clone(),
            value_names: self.value_names.clone(),
        }
    }

    /// The number of trainable numbers.
    pub fn n_trainable(&self) -> usize {
        self.specs.iter().filter(|s| s.trainable()).map(ParamSpec::len).sum()
    }
}

impl<T: Scalar, N: Backprop<T>> Model<T, N> {
    /// Takes what the last training pass observed into the running statistics, as those of [`layers::BatchNorm`]. A trainer
    /// does so after each step; a loop of one's own has to.
    #[cfg(feature = "train")]
    pub fn absorb(&mut self, cache: &Cache<T>) {
        self.network.absorb(cache, &mut self.params);
    }

    /// The outputs for a batch of raw inputs: scaling, then the network in inference mode.
    ///
    /// # Shapes
    ///
    /// `x` [n, input...]; the result [n, output...].
    ///
    /// # Errors
    ///
    /// [`Error::BatchShape`], [`Error::Index`] if the inputs are not what the network takes.
    pub fn predict(&self, x: &ArrayRefD<T>) -> Result<ArrayD<T>, Error> {
        const MOST: usize = 256;
        let n = match x.shape() {
            [n, example @ ..] if *example == self.input => *n,
            _ => return Err(self.batch_shape(x, None)),
        };
        let batch = self.at_once(MOST.min(n));
        let mut predictor = self.predictor(n.min(batch));
        if n <= batch {
            predictor.predict(x)?;
            return Ok(predictor.y);
        }
        let mut y = ArrayD::zeros(batched(n, &self.output));
        let blocks = x.axis_chunks_iter(Axis(0), batch).zip(y.axis_chunks_iter_mut(Axis(0), batch));
        for (i, (x, mut y)) in blocks.enumerate() {
            y.assign(&predictor.predict(&x).map_err(|error| error.further_on(i * batch))?);
        }
        Ok(y)
    }

    /// That inputs are no batch of at most so many examples.
    fn batch_shape(&self, x: &ArrayRefD<T>, most: Option<usize>) -> Error {
        Error::BatchShape { example: self.input.clone(), most, got: x.shape().to_vec() }
    }

    /// How many examples pass through the network together where nothing but memory matters: at most so many.
    pub(crate) fn at_once(&self, most: usize) -> usize {
        /// Bytes that their activations take, which is where those of the networks that this is made for stay.
        const BYTES: usize = 16 << 20;
        let x = batched(1, &self.input);
        let ends = self.input.iter().product::<usize>() + self.output.iter().product::<usize>();
        let numbers = self.network.new_cache(&x).elements() + ends;
        (BYTES / size_of::<T>() / numbers.max(1)).clamp(1, most.max(1))
    }

    /// A predictor for batches of up to `n` examples, which allocates here and then no more.
    pub fn predictor(&self, n: usize) -> Predictor<'_, T, N> {
        let x = batched(n, &self.input);
        let mut cache = self.network.new_cache(&x);
        cache.begin(Mode::Infer, 0);
        let y = aligned_zeros(&batched(n, &self.output));
        Predictor { model: self, x: aligned_zeros(&x), y, cache }
    }
}

/// The memory for repeated predictions of one model; one for each thread.
///
/// # Examples
///
/// ```
/// use layers::{Affine, Sequential};
/// use ndarray::Array;
/// use trainer::Model;
///
/// let model = Model::<f32>::new(Sequential::new(&[4]).push(Affine::new(4, 3))?, 42)?;
/// let mut predictor = model.predictor(1);
/// let outputs = predictor.predict(&Array::zeros(vec![1, 4]))?;
/// assert_eq!(outputs.shape(), [1, 3]);
/// # Ok::<(), trainer::Error>(())
/// ```
#[derive(Debug)]
pub struct Predictor<'m, T: Scalar, N = Sequential> {
    model: &'m Model<T, N>,
    x: ArrayD<T>,
    y: ArrayD<T>,
    cache: Cache<T>,
}

impl<T: Scalar, N: Backprop<T>> Predictor<'_, T, N> {
    /// The outputs for up to as many examples as this predictor was made for.
    ///
    /// # Errors
    ///
    /// As [`Model::predict`]; a larger batch than the predictor was made for is an [`Error::BatchShape`] too.
    pub fn predict(&mut self, x: &ArrayRefD<T>) -> Result<ArrayViewD<'_, T>, Error> {
        let fits = x.ndim() > 0 && x.shape()[1..] == self.model.input && x.shape()[0] <= self.x.shape()[0];
        if !fits {
            return Err(self.model.batch_shape(x, Some(self.x.shape()[0])));
        }
        let Model { network, params, scaling, .. } = self.model;
        let n = x.shape()[0];
        let mut y = head_mut(&mut self.y, n);
        if *scaling == Scaling::none() {
            check_indices(&**network, x)?;
            network.forward(params, x, &mut y, &mut self.cache);
        } else {
            let mut scaled = head_mut(&mut self.x, n);
            scaled.assign(x);
            scaling.apply(&mut scaled)?;
            check_indices(&**network, &scaled)?;
            network.forward(params, &scaled, &mut y, &mut self.cache);
        }
        Ok(head(&self.y, n))
    }
}

/// The first name that another class, column, parameter or slot has already: by it, none could be told from the other.
pub(crate) fn first_repeated<S: AsRef<str>>(names: &[S]) -> Option<&str> {
    let mut seen = std::collections::BTreeSet::new();
    names.iter().map(AsRef::as_ref).find(|name| !seen.insert(*name))
}

/// For a network that looks rows up by index: that each input is a whole number below the bound.
pub(crate) fn check_indices<T: Scalar>(
    network: &(impl Layer + ?Sized),
    x: &ArrayRefD<T>,
) -> Result<(), Error> {
    let InputKind::Index(bound) = network.input_kind() else { return Ok(()) };
    for (example, row) in x.outer_iter().enumerate() {
        let legal = |v: f64| v >= 0.0 && v < bound as f64 && v.fract() == 0.0;
        if let Some(&v) = row.iter().find(|v| !legal(v.value())) {
            return Err(Error::Index { example, bound, got: v.value() });
        }
    }
    Ok(())
}
