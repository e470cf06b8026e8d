//! Layers as data: what a recipe, a model file and an ONNX graph hold.
//!
//! Sizes that follow from the input are left out, as in Keras: `{ layer = "affine", units = 50 }` is an
//! [`Affine`](crate::Affine) from however many inputs there are to 50.

use crate::{
    Affine, AnyLayer, Approximation, AvgPool2d, BatchNorm, Concat, Conv1d, Conv2d, ConvTranspose2d, Dropout,
    Elu, Embedding, Error, Flatten, Gelu, GlobalAveragePool, GroupNorm, HardSigmoid, HardSwish, LayerNorm,
    LeakyRelu, LogSoftmax, MaxPool2d, Mish, PRelu, Relu, Reshape, Residual, Selu, Sequential, Sigmoid, Silu,
    Softmax, Softplus, Tanh,
};

/// The most elements of an example that a layer is built for.
const MAX_ELEMENTS: usize = 1 << 31;

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
    Affine {
        units: usize,
    },
    AvgPool2d {
        kernel: [usize; 2],
        #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
        stride: Option<[usize; 2]>,
        #[cfg_attr(feature = "serde", serde(default))]
        padding: [usize; 2],
        #[cfg_attr(feature = "serde", serde(default))]
        ceil: bool,
        #[cfg_attr(feature = "serde", serde(default = "defaults::yes"))]
        count_include_pad: bool,
    },
    BatchNorm {
        #[cfg_attr(feature = "serde", serde(default = "defaults::momentum"))]
        momentum: f64,
        #[cfg_attr(feature = "serde", serde(default = "defaults::eps"))]
        eps: f64,
    },
    Concat {
        branches: Vec<Spec>,
        #[cfg_attr(feature = "serde", serde(default))]
        axis: usize,
    },
    #[cfg_attr(feature = "serde", serde(rename = "conv1d"))]
    Conv1d {
        filters: usize,
        kernel: usize,
        #[cfg_attr(feature = "serde", serde(default = "defaults::one"))]
        stride: usize,
        #[cfg_attr(feature = "serde", serde(default))]
        padding: usize,
        #[cfg_attr(feature = "serde", serde(default = "defaults::one"))]
        dilation: usize,
        #[cfg_attr(feature = "serde", serde(default = "defaults::one"))]
        groups: usize,
        #[cfg_attr(feature = "serde", serde(default = "defaults::yes"))]
        bias: bool,
    },
    #[cfg_attr(feature = "serde", serde(rename = "conv2d"))]
    Conv2d {
        filters: usize,
        kernel: [usize; 2],
        #[cfg_attr(feature = "serde", serde(default = "defaults::ones"))]
        stride: [usize; 2],
        #[cfg_attr(feature = "serde", serde(default))]
        padding: [usize; 2],
        #[cfg_attr(feature = "serde", serde(default = "defaults::ones"))]
        dilation: [usize; 2],
        #[cfg_attr(feature = "serde", serde(default = "defaults::one"))]
        groups: usize,
        #[cfg_attr(feature = "serde", serde(default = "defaults::yes"))]
        bias: bool,
    },
    #[cfg_attr(feature = "serde", serde(rename = "conv_transpose2d"))]
    ConvTranspose2d {
        filters: usize,
        kernel: [usize; 2],
        #[cfg_attr(feature = "serde", serde(default = "defaults::ones"))]
        stride: [usize; 2],
        #[cfg_attr(feature = "serde", serde(default))]
        padding: [usize; 2],
        #[cfg_attr(feature = "serde", serde(default = "defaults::ones"))]
        dilation: [usize; 2],
        #[cfg_attr(feature = "serde", serde(default))]
        output_padding: [usize; 2],
        #[cfg_attr(feature = "serde", serde(default = "defaults::one"))]
        groups: usize,
        #[cfg_attr(feature = "serde", serde(default = "defaults::yes"))]
        bias: bool,
    },
    Dropout {
        #[cfg_attr(feature = "serde", serde(default = "defaults::half"))]
        p: f64,
    },
    Elu {
        #[cfg_attr(feature = "serde", serde(default = "defaults::unit"))]
        alpha: f64,
    },
    Embedding {
        rows: usize,
        d: usize,
    },
    Flatten,
    Gelu {
        #[cfg_attr(feature = "serde", serde(default))]
        approximate: Approximation,
    },
    GlobalAveragePool,
    GroupNorm {
        groups: usize,
        #[cfg_attr(feature = "serde", serde(default = "defaults::eps"))]
        eps: f64,
    },
    HardSigmoid {
        #[cfg_attr(feature = "serde", serde(default = "defaults::sixth"))]
        slope: f64,
        #[cfg_attr(feature = "serde", serde(default = "defaults::half"))]
        offset: f64,
    },
    HardSwish,
    /// `axes`: how many of the last axes are normalised together; 1 by default.
    LayerNorm {
        #[cfg_attr(feature = "serde", serde(default = "defaults::one"))]
        axes: usize,
        #[cfg_attr(feature = "serde", serde(default = "defaults::eps"))]
        eps: f64,
    },
    LeakyRelu {
        #[cfg_attr(feature = "serde", serde(default = "defaults::slope"))]
        slope: f64,
    },
    LogSoftmax,
    MaxPool2d {
        kernel: [usize; 2],
        #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
        stride: Option<[usize; 2]>,
        #[cfg_attr(feature = "serde", serde(default))]
        padding: [usize; 2],
        #[cfg_attr(feature = "serde", serde(default = "defaults::ones"))]
        dilation: [usize; 2],
        #[cfg_attr(feature = "serde", serde(default))]
        ceil: bool,
    },
    Mish,
    #[cfg_attr(feature = "serde", serde(rename = "prelu"))]
    PRelu {
        #[cfg_attr(feature = "serde", serde(default = "defaults::one"))]
        slopes: usize,
    },
    Relu,
    Reshape {
        shape: Vec<usize>,
    },
    Residual {
        layers: Vec<Spec>,
    },
    Selu,
    Sequential {
        layers: Vec<Spec>,
    },
    Sigmoid,
    Silu,
    Softmax,
    Softplus,
    Tanh,
}

impl Spec {
    /// The layer, for inputs of this shape.
    ///
    /// # Errors
    ///
    /// [`Error`] if the layer cannot take inputs of this shape or an option is impossible.
    pub fn build(&self, input: &[usize]) -> Result<Box<dyn AnyLayer>, Error> {
        // A spec may come from a file. Within this bound, products with an option or two stay within 64 bits.
        let elements = input.iter().try_fold(1_usize, |product, &axis| product.checked_mul(axis));
        if elements.is_none_or(|elements| elements > MAX_ELEMENTS) {
            return Err(Error::input("layer", format!("of at most {MAX_ELEMENTS} elements"), input));
        }
        // The first axis of an example; a layer that finds none says so itself.
        let channels = input.first().copied().unwrap_or(1);
        let layer: Box<dyn AnyLayer> = match *self {
            Spec::Affine { units } => Box::new(Affine::new(input.iter().product(), units)),
            Spec::AvgPool2d { kernel, stride, padding, ceil, count_include_pad } => {
                let stride = stride.unwrap_or(kernel);
                Box::new(AvgPool2d { kernel, stride, padding, ceil, count_include_pad })
            }
            Spec::BatchNorm { momentum, eps } => Box::new(BatchNorm { channels, momentum, eps }),
            Spec::Concat { ref branches, axis } => {
                let mut concat = Concat::new(input);
                concat.axis = axis;
                for (i, branch) in branches.iter().enumerate() {
                    concat = concat.push_boxed(branch.build(input).map_err(|e| e.within(i, "concat"))?)?;
                }
                Box::new(concat)
            }
            Spec::Conv1d { filters: c_out, kernel, stride, padding, dilation, groups, bias } => {
                Box::new(Conv1d { c_in: channels, c_out, kernel, stride, padding, dilation, groups, bias })
            }
            Spec::Conv2d { filters: c_out, kernel, stride, padding, dilation, groups, bias } => {
                Box::new(Conv2d { c_in: channels, c_out, kernel, stride, padding, dilation, groups, bias })
            }
            Spec::ConvTranspose2d {
                filters,
                kernel,
                stride,
                padding,
                dilation,
                output_padding,
                groups,
                bias,
            } => Box::new(ConvTranspose2d {
                c_in: channels,
                c_out: filters,
                kernel,
                stride,
                padding,
                dilation,
                output_padding,
                groups,
                bias,
            }),
            Spec::Dropout { p } => Box::new(Dropout { p }),
            Spec::Elu { alpha } => Box::new(Elu { alpha }),
            Spec::Embedding { rows, d } => Box::new(Embedding { rows, d }),
            Spec::Flatten => Box::new(Flatten),
            Spec::Gelu { approximate } => Box::new(Gelu { approximate }),
            Spec::GlobalAveragePool => Box::new(GlobalAveragePool),
            Spec::GroupNorm { groups, eps } => Box::new(GroupNorm { groups, channels, eps }),
            Spec::HardSigmoid { slope, offset } => Box::new(HardSigmoid { slope, offset }),
            Spec::HardSwish => Box::new(HardSwish),
            Spec::LayerNorm { axes, eps } => {
                let wrong =
                    || Error::option("layer_norm", "axes", format!("from 1 to {}", input.len()), axes);
                let at = input.len().checked_sub(axes).filter(|_| axes > 0).ok_or_else(wrong)?;
                Box::new(LayerNorm { shape: input[at..].to_vec(), eps })
            }
            Spec::LeakyRelu { slope } => Box::new(LeakyRelu { slope }),
            Spec::LogSoftmax => Box::new(LogSoftmax),
            Spec::MaxPool2d { kernel, stride, padding, dilation, ceil } => {
                let stride = stride.unwrap_or(kernel);
                Box::new(MaxPool2d { kernel, stride, padding, dilation, ceil })
            }
            Spec::Mish => Box::new(Mish),
            Spec::PRelu { slopes } => Box::new(PRelu { slopes }),
            Spec::Relu => Box::new(Relu),
            Spec::Reshape { ref shape } => Box::new(Reshape::new(shape)),
            Spec::Residual { ref layers } => Box::new(Residual::new(sequential(layers, input)?)),
            Spec::Selu => Box::new(Selu),
            Spec::Sequential { ref layers } => Box::new(sequential(layers, input)?),
            Spec::Sigmoid => Box::new(Sigmoid),
            Spec::Silu => Box::new(Silu),
            Spec::Softmax => Box::new(Softmax),
            Spec::Softplus => Box::new(Softplus),
            Spec::Tanh => Box::new(Tanh),
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

/// What an option is when a recipe leaves it out.
#[cfg(feature = "serde")]
mod defaults {
    pub(super) fn sixth() -> f64 {
        1.0 / 6.0
    }
    pub(super) fn slope() -> f64 {
        0.01
    }
    pub(super) fn unit() -> f64 {
        1.0
    }
    pub(super) fn yes() -> bool {
        true
    }
    pub(super) fn eps() -> f64 {
        1e-5
    }
    pub(super) fn half() -> f64 {
        0.5
    }
    pub(super) fn momentum() -> f64 {
        0.1
    }
    pub(super) fn one() -> usize {
        1
    }
    pub(super) fn ones() -> [usize; 2] {
        [1, 1]
    }
}
