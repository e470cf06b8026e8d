//! Activations, and what else is one operator and its options.

use layers::{Approximation, Spec};

use super::graph::Value;
use super::layers::Export;
use super::proto::Attribute::{Float, Int, Text};

impl Export {
    /// The output of the layer, or nothing if it is no activation.
    pub(super) fn activation(&mut self, spec: &Spec, path: &str, x: &Value) -> Option<String> {
        let (op, attributes) = match *spec {
            Spec::Elu { alpha } => ("Elu", vec![("alpha", Float(alpha))]),
            Spec::Gelu { approximate: Approximation::None } => ("Gelu", vec![("approximate", Text("none"))]),
            Spec::Gelu { approximate: Approximation::Tanh } => ("Gelu", vec![("approximate", Text("tanh"))]),
            Spec::HardSigmoid { slope, offset } => {
                ("HardSigmoid", vec![("alpha", Float(slope)), ("beta", Float(offset))])
            }
            Spec::HardSwish {} => ("HardSwish", vec![]),
            Spec::LeakyRelu { slope } => ("LeakyRelu", vec![("alpha", Float(slope))]),
            Spec::LogSoftmax {} => ("LogSoftmax", vec![("axis", Int(-1))]),
            Spec::Mish {} => ("Mish", vec![]),
            Spec::PRelu { .. } => {
                let slope = self.by_channel(path, "alpha", &x.shape);
                return Some(self.graph.node(path, "PRelu", &[&x.name, &slope], []));
            }
            Spec::Relu {} => ("Relu", vec![]),
            Spec::Selu {} => ("Selu", vec![]),
            Spec::Sigmoid {} => ("Sigmoid", vec![]),
            Spec::Silu {} => {
                let gate = self.graph.node(path, "Sigmoid", &[&x.name], []);
                return Some(self.graph.node(path, "Mul", &[&x.name, &gate], []));
            }
            Spec::Softmax {} => ("Softmax", vec![("axis", Int(-1))]),
            Spec::Softplus {} => ("Softplus", vec![]),
            Spec::Tanh {} => ("Tanh", vec![]),
            _ => return None,
        };
        Some(self.graph.node(path, op, &[&x.name], attributes))
    }
}
