//! Models as ONNX graphs, for every runtime that reads them.
//!
//! [`Model::to_onnx`](crate::Model::to_onnx) writes a model in f32, whatever its precision here, because runtimes on small
//! devices have nothing else. Input and output are called `input` and `output`; their first axis is the batch, of any
//! length. Parameters keep their names (`0.weight`), nodes are named after the layer and the operator (`0.Gemm`).
//!
//! # Version
//!
//! Operators are those of opset 20, in IR version 9: the first opset with `Gelu`, read by ONNX 1.15, ONNX Runtime 1.17
//! and all later versions.
//!
//! # Layers
//!
//! | layer | operators |
//! | --- | --- |
//! | `affine` | `Gemm`, after `Flatten` if its input is not a row |
//! | `conv1d`, `conv2d` | `Conv` |
//! | `conv_transpose2d` | `ConvTranspose`, after `Pad` if the output padding reaches the stride |
//! | `max_pool2d` | `MaxPool`; windows beyond the edge as padding at the end, padding as wide as the kernel as `Pad` before it |
//! | `avg_pool2d` | `AveragePool`; windows beyond the edge as padding that is not counted, counted padding as `Pad` before it |
//! | `global_average_pool` | `GlobalAveragePool`, `Flatten` |
//! | `batch_norm` | `BatchNormalization` with the running statistics |
//! | `layer_norm` | `LayerNormalization` |
//! | `group_norm` | `Reshape`, `InstanceNormalization`, `Reshape`, `Mul`, `Add` |
//! | `embedding` | `Cast` to whole numbers, `Gather` |
//! | `flatten`, `reshape` | `Flatten`, `Reshape` |
//! | `dropout` | nothing |
//! | `softmax`, `log_softmax` | `Softmax`, `LogSoftmax` |
//! | `relu`, `leaky_relu`, `elu`, `selu` | `Relu`, `LeakyRelu`, `Elu`, `Selu` |
//! | `prelu` | `PRelu`, its slopes as [c, 1, ...] |
//! | `sigmoid`, `hard_sigmoid`, `tanh` | `Sigmoid`, `HardSigmoid`, `Tanh` |
//! | `gelu` | `Gelu`, exact or by tanh |
//! | `silu` | `Sigmoid`, `Mul` |
//! | `softplus`, `mish`, `hard_swish` | `Softplus`, `Mish`, `HardSwish` |
//! | `residual` | its layers, `Add` |
//! | `concat` | its branches, `Concat` |
//! | `sequential` | its layers |
//! | scaling of inputs, if asked for | `Sub`, `Sub`, `Mul` |
//!
//! A layer of your own has no written form and is an error that names its place.
//!
//! # Metadata
//!
//! `format` is `trainer-onnx` and `format_version` is `1`. `class_names` is a JSON array; `scaling` the scaling of inputs
//! as JSON, and `preprocessing` is `inside` if the graph does it and `outside` if its caller has to.

mod activations;
mod convolutions;
mod graph;
mod layers;
mod norms;
mod pools;
mod proto;

use ::layers::{Sequential, Spec};
use datasets::Scaling;
use ndarray::ArrayD;
use tensor_ops::Scalar;

use self::graph::{Graph, INPUT, Value};
use self::layers::Export;
use self::proto::{Attribute, Message};
use crate::{Error, Model};

const IR_VERSION: i64 = 9;
const OPSET: i64 = 20;

/// What an ONNX graph is to hold besides the network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OnnxOptions {
    /// Whether the graph takes raw inputs, as [`Model::predict`] does, and scales them itself; false by default.
    pub preprocessing: bool,
}

impl<T: Scalar> Model<T, Sequential> {
    /// The model as an ONNX file; [the module](crate::onnx) says how each layer is written.
    ///
    /// # Errors
    ///
    /// [`layers::Error::NoSpec`](::layers::Error::NoSpec), which names the place of a layer without a written form, and
    /// [`Error::Onnx`] if a parameter is not finite in f32 or the file would exceed the 2 GiB that the format allows.
    ///
    /// # Examples
    ///
    /// ```
    /// use layers::{Affine, Relu, Sequential};
    /// use trainer::Model;
    /// use trainer::onnx::OnnxOptions;
    ///
    /// let network = Sequential::new(&[4]).push(Affine::new(4, 8))?.push(Relu)?.push(Affine::new(8, 3))?;
    /// let model = Model::<f32>::new(network, 42)?;
    /// let bytes = model.to_onnx(&OnnxOptions { preprocessing: true })?;
    /// assert!(bytes.windows(8).any(|name| name == b"0.weight"));
    /// # Ok::<(), trainer::Error>(())
    /// ```
    pub fn to_onnx(&self, options: &OnnxOptions) -> Result<Vec<u8>, Error> {
        let Spec::Sequential { layers } = self.written()? else {
            return Err(Error::onnx("network", "a sequential network", "another".into()));
        };
        let mut export = Export { graph: Graph::default(), params: Default::default() };
        for (spec, param) in self.specs().iter().zip(self.params()) {
            export.params.insert(spec.name.to_string(), single(&spec.name, param)?);
        }
        let x = Value { name: INPUT.into(), shape: self.input_shape().to_vec() };
        let x = if options.preprocessing { scale(&mut export.graph, &self.scaling, x)? } else { x };
        let y = export.chain(&layers, "", x)?;
        let graph = export.graph.finish(self.input_shape(), &y);

        let opset = Message::default().text(1, "").int(2, OPSET);
        let file =
            Message::default().int(1, IR_VERSION).text(2, "trainer").text(3, env!("CARGO_PKG_VERSION"));
        let file = file.message(7, &graph).message(8, &opset);
        let file = self.onnx_metadata(options).iter().fold(file, |file, (key, value)| {
            file.message(14, &Message::default().text(1, key).text(2, value))
        });
        let bytes = file.into_bytes();
        match i32::try_from(bytes.len()) {
            Ok(_) => Ok(bytes),
            Err(_) => Err(Error::onnx("file", "less than 2 GiB", format!("{} bytes", bytes.len()))),
        }
    }

    fn onnx_metadata(&self, options: &OnnxOptions) -> [(&'static str, String); 5] {
        [
            ("format", "trainer-onnx".into()),
            ("format_version", "1".into()),
            ("class_names", serde_json::json!(self.class_names).to_string()),
            ("scaling", serde_json::json!(self.scaling).to_string()),
            ("preprocessing", if options.preprocessing { "inside" } else { "outside" }.into()),
        ]
    }
}

/// Sizes of a window as an option of a node.
fn window(sizes: &[usize]) -> Attribute {
    Attribute::Ints(sizes.iter().map(|&size| size as i64).collect())
}

/// A parameter in f32.
fn single<T: Scalar>(name: &str, param: &ArrayD<T>) -> Result<ArrayD<f32>, Error> {
    let param = param.mapv(|v| v.value() as f32);
    match param.iter().find(|v| !v.is_finite()) {
        Some(v) => Err(Error::onnx(name, "numbers that are finite in f32", v.to_string())),
        None => Ok(param),
    }
}

/// (x - shift) · factor
fn scale(graph: &mut Graph, scaling: &Scaling, x: Value) -> Result<Value, Error> {
    let (shape, shift, factor) = match scaling {
        Scaling::Uniform { shift, factor } => {
            (&[][..], std::slice::from_ref(shift), std::slice::from_ref(factor))
        }
        Scaling::PerFeature { shift, factor } => {
            let expected: usize = x.shape.iter().product();
            if let Some(got) = [shift.len(), factor.len()].into_iter().find(|&len| len != expected) {
                return Err(datasets::Error::ScalingWidth { expected, got }.into());
            }
            (&x.shape[..], &shift[..], &factor[..])
        }
    };
    // `predict` subtracts in f64. Subtracting first the f32 next to the shift, then the rest, is as good where a feature's
    // values are large and close to each other.
    let high: Vec<f32> = shift.iter().map(|&s| s as f32).collect();
    let low: Vec<f32> = shift.iter().zip(&high).map(|(&s, &h)| (s - f64::from(h)) as f32).collect();
    let factor: Vec<f32> = factor.iter().map(|&f| f as f32).collect();
    let steps =
        [("Sub", "shift", high, 0.0), ("Sub", "shift_rest", low, 0.0), ("Mul", "factor", factor, 1.0)];
    let mut name = x.name;
    for (op, label, values, neutral) in steps {
        if let Some(v) = values.iter().find(|v| !v.is_finite()) {
            return Err(Error::onnx("scaling", "numbers that are finite in f32", v.to_string()));
        }
        if values.iter().any(|&v| v != neutral) {
            let values = graph.floats(format!("scaling.{label}"), shape, values);
            name = graph.node("scaling.", op, &[&name, &values], []);
        }
    }
    Ok(Value { name, shape: x.shape })
}

#[cfg(test)]
mod tests {
    use ::layers::{AnyLayer, BatchNorm, Conv2d, ConvTranspose2d, GroupNorm, LayerNorm};

    use super::*;

    /// The graph of a network of this layer alone.
    fn graph(layer: impl AnyLayer + 'static, input: &[usize]) -> String {
        let model = Model::<f32>::new(Sequential::new(input).push(layer).unwrap(), 1).unwrap();
        let params = model.specs().iter().map(|spec| spec.name.to_string());
        let params = params.zip(model.params().iter().cloned()).collect();
        let mut export = Export { graph: Graph::default(), params };
        let Ok(Spec::Sequential { layers }) = model.written() else { panic!("a written network") };
        export.chain(&layers, "", Value { name: INPUT.into(), shape: input.to_vec() }).unwrap();
        format!("{:?}", export.graph)
    }

    /// What only a runtime would see otherwise.
    #[test]
    fn options_other_than_the_usual_ones_are_in_the_graph() {
        let conv = Conv2d { stride: [2, 3], padding: [1, 0], dilation: [1, 2], ..Conv2d::new(2, 4, [3, 2]) };
        let turned = ConvTranspose2d { dilation: [2, 3], ..ConvTranspose2d::new(2, 1, [2, 3]) };
        let turned = ConvTranspose2d { stride: [3, 1], padding: [1, 2], ..turned };
        let eps = 0.25;
        for (graph, parts) in [
            (
                graph(Conv2d { groups: 2, ..conv }, &[2, 6, 7]),
                &[
                    "(\"kernel_shape\", Ints([3, 2]))",
                    "(\"strides\", Ints([2, 3]))",
                    "(\"pads\", Ints([1, 0, 1, 0]))",
                    "(\"dilations\", Ints([1, 2]))",
                    "(\"group\", Int(2))",
                ][..],
            ),
            (
                graph(ConvTranspose2d { output_padding: [2, 0], ..turned }, &[2, 6, 7]),
                &[
                    "(\"kernel_shape\", Ints([2, 3]))",
                    "(\"strides\", Ints([3, 1]))",
                    "(\"pads\", Ints([1, 2, 1, 2]))",
                    "(\"dilations\", Ints([2, 3]))",
                    "(\"output_padding\", Ints([2, 0]))",
                ],
            ),
            (graph(BatchNorm { eps, ..BatchNorm::new(3) }, &[3]), &["(\"epsilon\", Float(0.25))"]),
            (graph(GroupNorm { eps, ..GroupNorm::new(2, 4) }, &[4]), &["(\"epsilon\", Float(0.25))"]),
            (
                graph(LayerNorm { eps, ..LayerNorm::new(&[2, 3]) }, &[4, 2, 3]),
                &["(\"axis\", Int(-2))", "(\"epsilon\", Float(0.25))"],
            ),
        ] {
            parts.iter().for_each(|part| assert!(graph.contains(part), "{part} in {graph}"));
        }
    }

    #[test]
    fn a_shift_is_subtracted_to_more_digits_than_f32_has() {
        let mut graph = Graph::default();
        let x = Value { name: INPUT.into(), shape: vec![2] };
        scale(&mut graph, &Scaling::Uniform { shift: 2020.3, factor: 1.0 }, x).unwrap();
        let graph = format!("{graph:?}");
        let rest = (2020.3 - f64::from(2020.3_f32)) as f32;
        for part in ["Floats([2020.3])".into(), format!("Floats([{rest:?}])")] {
            assert!(graph.contains(&part), "{part} in {graph}");
        }
    }
}
