//! Each layer as operators of ONNX.

use std::collections::BTreeMap;

use layers::{Approximation, Spec};
use ndarray::ArrayD;

use super::graph::{Graph, Value};
use super::pools::Pool;
use super::proto::Attribute::{self, Float, Int, Text};
use super::{proto, window};
use crate::Error;

/// A graph and the parameters that are not in it yet.
#[derive(Debug)]
pub(super) struct Export {
    pub(super) graph: Graph,
    pub(super) params: BTreeMap<String, ArrayD<f32>>,
}

impl Export {
    /// Adds a chain of layers, whose parameters are named `path`, position, name.
    pub(super) fn chain(&mut self, layers: &[Spec], path: &str, x: Value) -> Result<Value, Error> {
        layers.iter().enumerate().try_fold(x, |x, (i, layer)| self.layer(layer, &format!("{path}{i}."), x))
    }

    fn layer(&mut self, spec: &Spec, path: &str, x: Value) -> Result<Value, Error> {
        let shape = spec.build(&x.shape)?.output_shape(&x.shape)?;
        let name = match *spec {
            Spec::Sequential { ref layers } => return self.chain(layers, path, x),
            Spec::Residual { ref layers } => {
                let y = self.chain(layers, path, x.clone())?;
                self.graph.node(path, "Add", &[&x.name, &y.name], [])
            }
            Spec::Concat { ref branches, axis } => self.concat(branches, axis, path, &x)?,
            Spec::Affine { .. } => self.affine(path, &x),
            Spec::Conv1d { kernel, stride, padding, dilation, groups, bias, .. } => {
                let attributes = conv([kernel], [stride], [padding, padding], [dilation], groups);
                self.conv("Conv", path, &x, bias, attributes)
            }
            Spec::Conv2d { kernel, stride, padding: [p, q], dilation, groups, bias, .. } => {
                self.conv("Conv", path, &x, bias, conv(kernel, stride, [p, q, p, q], dilation, groups))
            }
            Spec::ConvTranspose2d {
                kernel,
                stride,
                padding: [p, q],
                dilation,
                output_padding,
                groups,
                bias,
                ..
            } => {
                let [a, b, c, d, e] = conv(kernel, stride, [p, q, p, q], dilation, groups);
                let added = ("output_padding", window(&output_padding));
                self.conv("ConvTranspose", path, &x, bias, [a, b, c, d, e, added])
            }
            Spec::AvgPool2d { kernel, stride, padding, count_include_pad, ceil: _ } => {
                let stride = stride.unwrap_or(kernel);
                let pool = Pool { kernel, stride, padding, dilation: [1, 1] };
                pool.average(&mut self.graph, path, &x, &shape, count_include_pad)
            }
            Spec::MaxPool2d { kernel, stride, padding, dilation, ceil: _ } => {
                let pool = Pool { kernel, stride: stride.unwrap_or(kernel), padding, dilation };
                pool.max(&mut self.graph, path, &x, &shape)
            }
            Spec::GlobalAveragePool => {
                let means = self.graph.node(path, "GlobalAveragePool", &[&x.name], []);
                self.graph.node(path, "Flatten", &[&means], [("axis", Int(1))])
            }
            Spec::BatchNorm { eps, momentum: _ } => {
                let [gamma, beta, mean, variance] =
                    ["gamma", "beta", "running_mean", "running_var"].map(|name| self.param(path, name));
                let inputs = [&*x.name, &gamma, &beta, &mean, &variance];
                self.graph.node(path, "BatchNormalization", &inputs, [("epsilon", Float(eps))])
            }
            Spec::LayerNorm { axes, eps } => {
                let [gamma, beta] = ["gamma", "beta"].map(|name| self.param(path, name));
                let attributes = [("axis", Int(-(axes as i64))), ("epsilon", Float(eps))];
                self.graph.node(path, "LayerNormalization", &[&x.name, &gamma, &beta], attributes)
            }
            Spec::GroupNorm { groups, eps } => self.group_norm(groups, eps, path, &x),
            Spec::Embedding { .. } => {
                let weight = self.param(path, "weight");
                let indices = self.graph.node(path, "Cast", &[&x.name], [("to", Int(proto::INT64))]);
                self.graph.node(path, "Gather", &[&weight, &indices], [("axis", Int(0))])
            }
            Spec::Flatten => self.graph.node(path, "Flatten", &[&x.name], [("axis", Int(1))]),
            Spec::Reshape { ref shape } => self.reshape(path, &x.name, shape.iter().map(|&d| d as i64)),
            Spec::Dropout { .. } => x.name, // the identity in inference
            ref activation => self.activation(activation, path, &x)?,
        };
        Ok(Value { name, shape })
    }

    fn activation(&mut self, spec: &Spec, path: &str, x: &Value) -> Result<String, Error> {
        let mut node = |op| Ok(self.graph.node(path, op, &[&x.name], []));
        match *spec {
            Spec::HardSwish => return node("HardSwish"),
            Spec::Mish => return node("Mish"),
            Spec::Relu => return node("Relu"),
            Spec::Selu => return node("Selu"),
            Spec::Sigmoid => return node("Sigmoid"),
            Spec::Softplus => return node("Softplus"),
            Spec::Tanh => return node("Tanh"),
            Spec::PRelu { .. } => return Ok(self.prelu(path, x)),
            Spec::Silu => {
                let gate = self.graph.node(path, "Sigmoid", &[&x.name], []);
                return Ok(self.graph.node(path, "Mul", &[&x.name, &gate], []));
            }
            Spec::HardSigmoid { slope, offset } => {
                let attributes = [("alpha", Float(slope)), ("beta", Float(offset))];
                return Ok(self.graph.node(path, "HardSigmoid", &[&x.name], attributes));
            }
            _ => {}
        }
        let (op, attribute) = match *spec {
            Spec::Elu { alpha } => ("Elu", ("alpha", Float(alpha))),
            Spec::LeakyRelu { slope } => ("LeakyRelu", ("alpha", Float(slope))),
            Spec::LogSoftmax => ("LogSoftmax", ("axis", Int(-1))),
            Spec::Softmax => ("Softmax", ("axis", Int(-1))),
            Spec::Gelu { approximate: Approximation::None } => ("Gelu", ("approximate", Text("none"))),
            Spec::Gelu { approximate: Approximation::Tanh } => ("Gelu", ("approximate", Text("tanh"))),
            // `Spec` may grow; a test exports every layer of the registry, so that this is never met in a release.
            ref other => return Err(Error::onnx(path, "a layer that ONNX export knows", format!("{other:?}"))),
        };
        Ok(self.graph.node(path, op, &[&x.name], [attribute]))
    }

    /// y = x W + b, of rows.
    fn affine(&mut self, path: &str, x: &Value) -> String {
        let [weight, bias] = ["weight", "bias"].map(|name| self.param(path, name));
        let flat;
        let rows = if x.shape.len() == 1 {
            &x.name
        } else {
            flat = self.graph.node(path, "Flatten", &[&x.name], [("axis", Int(1))]);
            &flat
        };
        self.graph.node(path, "Gemm", &[rows, &weight, &bias], [])
    }

    fn conv<const N: usize>(
        &mut self,
        op: &'static str,
        path: &str,
        x: &Value,
        bias: bool,
        attributes: [(&'static str, Attribute); N],
    ) -> String {
        let weight = self.param(path, "weight");
        let bias = bias.then(|| self.param(path, "bias"));
        let inputs: Vec<&str> = [&*x.name, &weight].into_iter().chain(bias.as_deref()).collect();
        self.graph.node(path, op, &inputs, attributes)
    }

    fn concat(&mut self, branches: &[Spec], axis: usize, path: &str, x: &Value) -> Result<String, Error> {
        let branches = branches.iter().enumerate();
        let outputs = branches.map(|(i, branch)| self.layer(branch, &format!("{path}{i}."), x.clone()));
        let outputs = outputs.collect::<Result<Vec<_>, _>>()?;
        let names: Vec<&str> = outputs.iter().map(|y| &*y.name).collect();
        Ok(self.graph.node(path, "Concat", &names, [("axis", Int(axis as i64 + 1))]))
    }

    /// Each group of each example to mean 0 and variance 1 as if it were a channel, then scale and shift.
    ///
    /// `GroupNormalization` exists, but until opset 21 it scales group by group.
    fn group_norm(&mut self, groups: usize, eps: f64, path: &str, x: &Value) -> String {
        let rows = self.reshape(path, &x.name, [groups as i64, -1]);
        let ones = self.graph.floats(format!("{path}ones"), &[groups], vec![1.0; groups]);
        let zeros = self.graph.floats(format!("{path}zeros"), &[groups], vec![0.0; groups]);
        let inputs = [&*rows, &ones, &zeros];
        let rows = self.graph.node(path, "InstanceNormalization", &inputs, [("epsilon", Float(eps))]);
        let x_hat = self.reshape(path, &rows, x.shape.iter().map(|&d| d as i64));
        let [gamma, beta] = ["gamma", "beta"].map(|name| self.by_channel(path, name, &x.shape));
        let scaled = self.graph.node(path, "Mul", &[&x_hat, &gamma], []);
        self.graph.node(path, "Add", &[&scaled, &beta], [])
    }

    fn prelu(&mut self, path: &str, x: &Value) -> String {
        let slope = self.by_channel(path, "alpha", &x.shape);
        self.graph.node(path, "PRelu", &[&x.name, &slope], [])
    }

    /// Each example in another shape; the 0 stands for the length of the batch.
    fn reshape(&mut self, path: &str, x: &str, shape: impl IntoIterator<Item = i64>) -> String {
        let shape = self.graph.ints(format!("{path}shape"), [0].into_iter().chain(shape).collect());
        self.graph.node(path, "Reshape", &[x, &shape], [])
    }

    fn param(&mut self, path: &str, name: &str) -> String {
        let (name, values) = self.take(path, name);
        let shape = values.shape().to_vec();
        self.graph.floats(name, &shape, flat(values))
    }

    /// A parameter [c] as [c, 1, ...], which ONNX spreads over the cells of each channel; one for all as [1].
    fn by_channel(&mut self, path: &str, name: &str, input: &[usize]) -> String {
        let (name, values) = self.take(path, name);
        let mut shape = vec![values.len()];
        if values.len() > 1 {
            shape.resize(input.len(), 1);
        }
        self.graph.floats(name, &shape, flat(values))
    }

    fn take(&mut self, path: &str, name: &str) -> (String, ArrayD<f32>) {
        let name = format!("{path}{name}");
        let values = self.params.remove(&name).expect("a network has the parameters of its written form");
        (name, values)
    }
}

/// The options that all convolutions have.
fn conv<const D: usize, const P: usize>(
    kernel: [usize; D],
    stride: [usize; D],
    padding: [usize; P],
    dilation: [usize; D],
    groups: usize,
) -> [(&'static str, Attribute); 5] {
    [
        ("kernel_shape", window(&kernel)),
        ("strides", window(&stride)),
        ("pads", window(&padding)),
        ("dilations", window(&dilation)),
        ("group", Int(groups as i64)),
    ]
}

/// The numbers in row-major order.
fn flat(values: ArrayD<f32>) -> Vec<f32> {
    values.into_iter().collect()
}
