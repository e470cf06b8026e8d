//! Each layer as operators of ONNX.

use std::collections::BTreeMap;

use layers::Spec;
use ndarray::ArrayD;

use super::graph::{Graph, Value};
use super::pools::Pool;
use super::proto;
use super::proto::Attribute::Int;
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
            Spec::Dropout { .. } => x.name, // the identity in inference
            ref leaf => self
                .dense(leaf, path, &x)
                .or_else(|| self.convolution(leaf, path, &x))
                .or_else(|| self.pool(leaf, path, &x, &shape))
                .or_else(|| self.norm(leaf, path, &x))
                .or_else(|| self.activation(leaf, path, &x))
                // `Spec` may grow: a test exports every layer of the registry, so that no release meets this.
                .ok_or_else(|| Error::onnx(path, "a layer that ONNX export knows", format!("{leaf:?}")))?,
        };
        Ok(Value { name, shape })
    }

    fn concat(&mut self, branches: &[Spec], axis: usize, path: &str, x: &Value) -> Result<String, Error> {
        let branches = branches.iter().enumerate();
        let outputs = branches.map(|(i, branch)| self.layer(branch, &format!("{path}{i}."), x.clone()));
        let outputs = outputs.collect::<Result<Vec<_>, _>>()?;
        let names: Vec<&str> = outputs.iter().map(|y| &*y.name).collect();
        Ok(self.graph.node(path, "Concat", &names, [("axis", Int(axis as i64 + 1))]))
    }

    /// The output of a layer of rows or of one that changes shapes alone, or nothing if it is another.
    fn dense(&mut self, spec: &Spec, path: &str, x: &Value) -> Option<String> {
        let name = match *spec {
            Spec::Affine { .. } => {
                let [weight, bias] = ["weight", "bias"].map(|name| self.param(path, name));
                let rows = if x.shape.len() == 1 { x.name.clone() } else { self.flatten(path, &x.name) };
                self.graph.node(path, "Gemm", &[&rows, &weight, &bias], [])
            }
            Spec::Embedding { .. } => {
                let weight = self.param(path, "weight");
                let indices = self.graph.node(path, "Cast", &[&x.name], [("to", Int(proto::INT64))]);
                self.graph.node(path, "Gather", &[&weight, &indices], [("axis", Int(0))])
            }
            Spec::Flatten {} => self.flatten(path, &x.name),
            Spec::Reshape { ref shape } => self.reshape(path, &x.name, shape.iter().map(|&d| d as i64)),
            _ => return None,
        };
        Some(name)
    }

    /// The output of the layer, or nothing if it is no pool.
    fn pool(&mut self, spec: &Spec, path: &str, x: &Value, shape: &[usize]) -> Option<String> {
        let name = match *spec {
            Spec::AvgPool2d { kernel, stride, padding, count_include_pad, ceil: _ } => {
                let stride = stride.unwrap_or(kernel);
                let pool = Pool { kernel, stride, padding, dilation: [1, 1] };
                pool.average(&mut self.graph, path, x, shape, count_include_pad)
            }
            Spec::MaxPool2d { kernel, stride, padding, dilation, ceil: _ } => {
                let pool = Pool { kernel, stride: stride.unwrap_or(kernel), padding, dilation };
                pool.max(&mut self.graph, path, x, shape)
            }
            Spec::GlobalAveragePool {} => {
                let means = self.graph.node(path, "GlobalAveragePool", &[&x.name], []);
                self.flatten(path, &means)
            }
            _ => return None,
        };
        Some(name)
    }

    fn flatten(&mut self, path: &str, x: &str) -> String {
        self.graph.node(path, "Flatten", &[x], [("axis", Int(1))])
    }

    /// Each example in another shape; the 0 stands for the length of the batch.
    pub(super) fn reshape(&mut self, path: &str, x: &str, shape: impl IntoIterator<Item = i64>) -> String {
        let shape = self.graph.ints(format!("{path}shape"), [0].into_iter().chain(shape).collect());
        self.graph.node(path, "Reshape", &[x, &shape], [])
    }

    pub(super) fn param(&mut self, path: &str, name: &str) -> String {
        let (name, values) = self.take(path, name);
        let shape = values.shape().to_vec();
        self.graph.floats(name, &shape, flat(values))
    }

    /// A parameter [c] as [c, 1, ...], which ONNX spreads over the cells of each channel; one for all as [1].
    pub(super) fn by_channel(&mut self, path: &str, name: &str, input: &[usize]) -> String {
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

/// The numbers in row-major order.
fn flat(values: ArrayD<f32>) -> Vec<f32> {
    values.into_iter().collect()
}
