//! A graph under construction.

use std::collections::BTreeSet;

use super::proto::{Attribute, Data, Message, Node, Tensor, value_info};

/// The name of the graph's input.
pub(super) const INPUT: &str = "input";
/// The name of the graph's output.
pub(super) const OUTPUT: &str = "output";

/// What flows between nodes: a name, and the shape of one example.
#[derive(Clone, Debug)]
pub(super) struct Value {
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
}

/// Nodes in the order in which they run, and the numbers that belong to them.
#[derive(Debug, Default)]
pub(super) struct Graph {
    nodes: Vec<Node>,
    tensors: Vec<Tensor>,
    names: BTreeSet<String>,
}

impl Graph {
    /// Adds a node and returns the name of its output: `2.Conv`, from the path of the layer and the operator.
    pub(super) fn node(
        &mut self,
        path: &str,
        op: &'static str,
        inputs: &[&str],
        attributes: impl Into<Vec<(&'static str, Attribute)>>,
    ) -> String {
        let output = self.unused(format!("{path}{op}"));
        self.nodes.push(Node {
            op,
            name: output.clone(),
            inputs: inputs.iter().map(ToString::to_string).collect(),
            output: output.clone(),
            attributes: attributes.into(),
        });
        output
    }

    pub(super) fn floats(&mut self, name: String, shape: &[usize], values: Vec<f32>) -> String {
        self.tensor(name, shape, Data::Floats(values))
    }

    pub(super) fn ints(&mut self, name: String, values: Vec<i64>) -> String {
        let shape = [values.len()];
        self.tensor(name, &shape, Data::Ints(values))
    }

    fn tensor(&mut self, name: String, shape: &[usize], data: Data) -> String {
        let name = self.unused(name);
        self.tensors.push(Tensor { name: name.clone(), shape: shape.to_vec(), data });
        name
    }

    /// The name, with a number if it is taken.
    fn unused(&mut self, name: String) -> String {
        let mut candidate = name.clone();
        for i in 2.. {
            if self.names.insert(candidate.clone()) {
                break;
            }
            candidate = format!("{name}_{i}");
        }
        candidate
    }

    /// The `GraphProto` of a graph that ends in `y`.
    pub(super) fn finish(mut self, input: &[usize], y: &Value) -> Message {
        if y.name == INPUT {
            self.node("", "Identity", &[INPUT], []);
        }
        // What the last node makes is the output: nothing else can use it, so no other node has to be renamed.
        if let Some(last) = self.nodes.last_mut() {
            last.output = OUTPUT.into();
        }
        let graph = self.nodes.iter().fold(Message::default(), |g, node| g.message(1, &node.encode()));
        let graph = graph.text(2, "network");
        let graph = self.tensors.iter().fold(graph, |g, tensor| g.message(5, &tensor.encode()));
        graph.message(11, &value_info(INPUT, input)).message(12, &value_info(OUTPUT, &y.shape))
    }
}
