//! Networks from their written form.

use crate::{
    Affine, AnyLayer, AvgPool2d, BatchNorm, Concat, Conv1d, Conv2d, ConvTranspose2d, Dropout, Elu, Embedding,
    Error, Flatten, Gelu, GlobalAveragePool, GroupNorm, HardSigmoid, HardSwish, LayerNorm, LeakyRelu,
    LogSoftmax, MaxPool2d, Mish, PRelu, Relu, Reshape, Residual, Selu, Sequential, Sigmoid, Silu, Softmax,
    Softplus, Spec, Tanh,
};

/// The most elements of an example that a layer is built for.
const MAX_ELEMENTS: usize = 1 << 31;

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
