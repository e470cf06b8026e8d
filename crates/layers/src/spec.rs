//! Layers as data: what a recipe, a model file and an ONNX graph hold.
//!
//! Sizes that follow from the input are left out, as in Keras: `{ layer = "affine", units = 50 }` is an
//! [`Affine`](crate::Affine) from however many inputs there are to 50.

use crate::{Affine, AnyLayer, Error, Flatten, LeakyRelu, Relu, Reshape, Sequential, Sigmoid, Softmax};

/// A layer written down.
///
/// # Examples
///
/// ```
/// use layers::{Layer, Spec};
///
/// let spec = Spec::Sequential { layers: vec![Spec::Affine { units: 50 }, Spec::Relu] };
/// let network = spec.build(&[784])?;
/// assert_eq!(network.output_shape(&[784])?, [50]);
/// assert_eq!(network.spec(), Some(spec));
/// # Ok::<(), layers::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(tag = "layer", rename_all = "snake_case", deny_unknown_fields))]
#[non_exhaustive]
#[allow(missing_docs, reason = "each variant is the layer of the same name, each field its option")]
pub enum Spec {
    Affine { units: usize },
    Flatten,
    LeakyRelu { slope: f64 },
    Relu,
    Reshape { shape: Vec<usize> },
    Sequential { layers: Vec<Spec> },
    Sigmoid,
    Softmax,
}

impl Spec {
    /// The layer, for inputs of this shape.
    ///
    /// # Errors
    ///
    /// [`Error`] if the layer cannot take inputs of this shape or an option is impossible.
    pub fn build(&self, input: &[usize]) -> Result<Box<dyn AnyLayer>, Error> {
        let layer: Box<dyn AnyLayer> = match self {
            Spec::Affine { units } => Box::new(Affine::new(input.iter().product(), *units)),
            Spec::Flatten => Box::new(Flatten),
            Spec::LeakyRelu { slope } => Box::new(LeakyRelu { slope: *slope }),
            Spec::Relu => Box::new(Relu),
            Spec::Reshape { shape } => Box::new(Reshape::new(shape)),
            Spec::Sequential { layers } => Box::new(sequential(layers, input)?),
            Spec::Sigmoid => Box::new(Sigmoid),
            Spec::Softmax => Box::new(Softmax),
        };
        layer.output_shape(input)?;
        Ok(layer)
    }
}

/// A chain of written layers, for inputs of this shape.
///
/// # Errors
///
/// As [`Spec::build`], with the position of the layer.
pub fn sequential(layers: &[Spec], input: &[usize]) -> Result<Sequential, Error> {
    let empty = Ok(Sequential::new(input));
    layers.iter().enumerate().fold(empty, |chain, (i, spec)| {
        let chain = chain?;
        let layer = spec.build(chain.shape(i)).map_err(|e| e.within(i, ""))?;
        chain.push_boxed(layer)
    })
}
