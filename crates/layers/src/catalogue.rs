//! What there is to choose from: the name and a sentence for each layer that can be written down.

use crate::{Approximation, Spec};

impl Spec {
    /// Every layer with a written form, with options of no importance.
    pub fn all() -> Vec<Spec> {
        let (kernel, ones, stride) = ([2, 2], [1, 1], None);
        let (filters, groups, padding, momentum, eps) = (1, 1, [0, 0], 0.1, 1e-5);
        vec![
            Spec::Affine { units: 1 },
            Spec::Conv1d { filters, kernel: 2, stride: 1, padding: 0, dilation: 1, groups, bias: true },
            Spec::Conv2d { filters, kernel, stride: ones, padding, dilation: ones, groups, bias: true },
            Spec::ConvTranspose2d {
                filters,
                kernel,
                stride: ones,
                padding,
                dilation: ones,
                output_padding: padding,
                groups,
                bias: true,
            },
            Spec::MaxPool2d { kernel, stride, padding, dilation: ones, ceil: false },
            Spec::AvgPool2d { kernel, stride, padding, ceil: false, count_include_pad: true },
            Spec::GlobalAveragePool {},
            Spec::Relu {},
            Spec::LeakyRelu { slope: 0.01 },
            Spec::PRelu { slopes: 1 },
            Spec::Elu { alpha: 1.0 },
            Spec::Selu {},
            Spec::Gelu { approximate: Approximation::None },
            Spec::Silu {},
            Spec::Mish {},
            Spec::HardSwish {},
            Spec::Softplus {},
            Spec::Sigmoid {},
            Spec::HardSigmoid { slope: 0.2, offset: 0.5 },
            Spec::Tanh {},
            Spec::Softmax {},
            Spec::LogSoftmax {},
            Spec::BatchNorm { momentum, eps },
            Spec::LayerNorm { axes: 1, eps },
            Spec::GroupNorm { groups, eps },
            Spec::Dropout { p: 0.5 },
            Spec::Embedding { rows: 1, d: 1 },
            Spec::Flatten {},
            Spec::Reshape { shape: vec![1] },
            Spec::Sequential { layers: vec![] },
            Spec::Residual { layers: vec![] },
            Spec::Concat { branches: vec![], axis: 0 },
        ]
    }

    /// The name under which the layer is written: `affine`.
    pub fn kind(&self) -> &'static str {
        self.entry().0
    }

    /// What the layer is, in half a sentence.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(layers::Spec::Relu {}.about(), "the rectifier max(x, 0)");
    /// ```
    pub fn about(&self) -> &'static str {
        self.entry().1
    }

    fn entry(&self) -> (&'static str, &'static str) {
        match self {
            Spec::Affine { .. } => ("affine", "x W + b: the fully connected layer"),
            Spec::AvgPool2d { .. } => ("avg_pool2d", "the mean under a window"),
            Spec::BatchNorm { .. } => {
                ("batch_norm", "each channel to mean 0 and variance 1 over the batch, scaled and shifted")
            }
            Spec::Concat { .. } => ("concat", "several layers over one input, their outputs side by side"),
            Spec::Conv1d { .. } => ("conv1d", "the convolution of sequences"),
            Spec::Conv2d { .. } => ("conv2d", "the convolution of images"),
            Spec::ConvTranspose2d { .. } => {
                ("conv_transpose2d", "the transposed convolution of images, which enlarges them")
            }
            Spec::Dropout { .. } => ("dropout", "a random part of the elements becomes 0 in training"),
            Spec::Elu { .. } => ("elu", "x above 0, alpha (exp(x) - 1) below"),
            Spec::Embedding { .. } => ("embedding", "a table of vectors, from which an input picks rows"),
            Spec::Flatten {} => ("flatten", "the same numbers in one row"),
            Spec::Gelu { .. } => ("gelu", "x times the normal distribution function of x"),
            Spec::GlobalAveragePool {} => ("global_average_pool", "the mean of each channel"),
            Spec::GroupNorm { .. } => (
                "group_norm",
                "groups of channels of an example to mean 0 and variance 1, scaled and shifted",
            ),
            Spec::HardSigmoid { .. } => ("hard_sigmoid", "the sigmoid in straight lines"),
            Spec::HardSwish {} => ("hard_swish", "silu in straight lines"),
            Spec::LayerNorm { .. } => {
                ("layer_norm", "the last axes of an example to mean 0 and variance 1, scaled and shifted")
            }
            Spec::LeakyRelu { .. } => ("leaky_relu", "x above 0, slope x below"),
            Spec::LogSoftmax {} => ("log_softmax", "logarithms of the probabilities of softmax"),
            Spec::MaxPool2d { .. } => ("max_pool2d", "the largest value under a window"),
            Spec::Mish {} => ("mish", "x tanh(softplus(x))"),
            Spec::PRelu { .. } => ("prelu", "the rectifier that learns its slope below 0"),
            Spec::Relu {} => ("relu", "the rectifier max(x, 0)"),
            Spec::Reshape { .. } => ("reshape", "the same numbers in another shape"),
            Spec::Residual { .. } => ("residual", "a chain of layers whose output is added to its input"),
            Spec::Selu {} => {
                ("selu", "elu with constants that keep mean 0 and variance 1 from layer to layer")
            }
            Spec::Sequential { .. } => ("sequential", "layers one after the other"),
            Spec::Sigmoid {} => ("sigmoid", "1 / (1 + exp(-x))"),
            Spec::Silu {} => ("silu", "x sigmoid(x), also called swish"),
            Spec::Softmax {} => ("softmax", "probabilities, whose sum is 1"),
            Spec::Softplus {} => ("softplus", "ln(1 + exp(x)), the smooth rectifier"),
            Spec::Tanh {} => ("tanh", "the hyperbolic tangent"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::registry::cases;

    #[test]
    fn all_are_the_registered_layers_under_their_names() {
        let written: Vec<Spec> = cases().iter().filter_map(|case| case.layer.spec()).collect();
        for (case, spec) in cases().iter().filter_map(|case| Some((case, case.layer.spec()?))) {
            assert_eq!(spec.kind(), case.layer.kind());
        }
        let kinds = |specs: &[Spec]| specs.iter().map(Spec::kind).collect::<BTreeSet<_>>();
        assert_eq!(kinds(&Spec::all()), kinds(&written));
        assert_eq!(kinds(&Spec::all()).len(), Spec::all().len(), "each once");
    }

    #[cfg(feature = "serde")]
    #[test]
    fn every_layer_is_written_under_its_kind() {
        for spec in Spec::all() {
            let text = serde_json::to_string(&spec).unwrap();
            assert!(text.starts_with(&format!("{{\"layer\":\"{}\"", spec.kind())), "{text}");
        }
    }
}
