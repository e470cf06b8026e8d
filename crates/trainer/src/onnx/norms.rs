//! Normalisations.

use layers::Spec;

use super::graph::Value;
use super::layers::Export;
use super::proto::Attribute::{Float, Int};

impl Export {
    /// The output of the layer, or nothing if it is no normalisation.
    pub(super) fn norm(&mut self, spec: &Spec, path: &str, x: &Value) -> Option<String> {
        let name = match *spec {
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
            Spec::GroupNorm { groups, eps } => self.group_norm(groups, eps, path, x),
            _ => return None,
        };
        Some(name)
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
}
