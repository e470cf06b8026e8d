//! Layers as data: what a recipe, a model file and an ONNX graph hold.
//!
//! Sizes that follow from the input are left out, as in Keras: `{ layer = "affine", units = 50 }` is an
//! [`Affine`](crate::Affine) from however many inputs there are to 50.

use crate::Approximation;

/// A layer written down.
///
/// One without options has none of them: `Relu {}`, because serde would take any key for `Relu`.
///
/// # Examples
///
/// ```
/// use layers::{Layer, Spec};
///
/// let spec = Spec::Sequential { layers: vec![Spec::Affine { units: 50 }, Spec::Relu {}] };
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
    Flatten {},
    Gelu {
        #[cfg_attr(feature = "serde", serde(default))]
        approximate: Approximation,
    },
    GlobalAveragePool {},
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
    HardSwish {},
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
    LogSoftmax {},
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
    Mish {},
    #[cfg_attr(feature = "serde", serde(rename = "prelu"))]
    PRelu {
        #[cfg_attr(feature = "serde", serde(default = "defaults::one"))]
        slopes: usize,
    },
    Relu {},
    Reshape {
        shape: Vec<usize>,
    },
    Residual {
        layers: Vec<Spec>,
    },
    Selu {},
    Sequential {
        layers: Vec<Spec>,
    },
    Sigmoid {},
    Silu {},
    Softmax {},
    Softplus {},
    Tanh {},
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
