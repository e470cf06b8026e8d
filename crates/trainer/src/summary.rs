//! A network as a table: what each layer gives, holds and costs.

use std::fmt;

use layers::{Sequential, Spec};

use crate::Table;
use crate::table::count;

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerSummary {
    /// The name of the kind of layer: `affine`.
    pub kind: &'static str,
    /// The shape of one output.
    pub output: Vec<usize>,
    /// The number of numbers that training changes.
    pub parameters: usize,
    /// The products of weights and inputs in the forward pass of one example; the arithmetic of single elements is not
    /// counted. `None` for a layer of which it is not known.
    pub multiply_adds: Option<u64>,
}

/// A network as a table, which prints itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The shape of one input.
    pub input: Vec<usize>,
    /// A row for each layer, in order.
    pub layers: Vec<LayerSummary>,
}

impl Summary {
    /// The table for this network.
    ///
    /// # Examples
    ///
    /// ```
    /// use layers::{Affine, Relu, Sequential};
    /// use trainer::Summary;
    ///
    /// let network = Sequential::new(&[784]).push(Affine::new(784, 50))?.push(Relu)?;
    /// let summary = Summary::new(&network);
    /// assert_eq!(summary.parameters(), 784 * 50 + 50);
    /// assert!(summary.to_string().contains("0 affine  [50]        39,250         39,200"));
    /// # Ok::<(), layers::Error>(())
    /// ```
    pub fn new(network: &Sequential) -> Self {
        Summary { input: network.shape(0).to_vec(), layers: summary(network) }
    }

    /// The number of numbers that training changes.
    pub fn parameters(&self) -> usize {
        self.layers.iter().map(|layer| layer.parameters).sum()
    }

    /// The products in the forward pass of one example; `None` if they are not known of a layer.
    pub fn multiply_adds(&self) -> Option<u64> {
        self.layers.iter().map(|layer| layer.multiply_adds).sum()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let products = |n: Option<u64>| n.map_or("-".into(), count);
        let shape = |shape: &[usize]| format!("{shape:?}");
        let width = self.layers.len().saturating_sub(1).to_string().len();
        let mut table = Table::new(2, ["layer", "output", "parameters", "multiply-adds"]);
        table.row([format!("{:width$} input", ""), shape(&self.input)]);
        for (i, layer) in self.layers.iter().enumerate() {
            table.row([
                format!("{i:>width$} {}", layer.kind),
                shape(&layer.output),
                count(layer.parameters as u64),
                products(layer.multiply_adds),
            ]);
        }
        let (parameters, multiply_adds) = (count(self.parameters() as u64), products(self.multiply_adds()));
        table.row([format!("{:width$} total", ""), String::new(), parameters, multiply_adds]);
        write!(f, "{table}")
    }
}

/// A row for each layer, in order.
///
/// # Examples
///
/// ```
/// use layers::{Affine, Relu, Sequential};
/// use trainer::summary;
///
/// let network = Sequential::new(&[784]).push(Affine::new(784, 50))?.push(Relu)?;
/// let rows = summary(&network);
/// assert_eq!((rows[0].parameters, rows[0].multiply_adds), (784 * 50 + 50, Some(784 * 50)));
/// assert_eq!((rows[1].kind, rows[1].multiply_adds), ("relu", Some(0)));
/// # Ok::<(), layers::Error>(())
/// ```
pub fn summary(network: &Sequential) -> Vec<LayerSummary> {
    let layers = network.layers().iter().enumerate();
    layers
        .map(|(i, layer)| LayerSummary {
            kind: layer.kind(),
            output: network.shape(i + 1).to_vec(),
            parameters: layer.params().iter().filter(|p| p.trainable()).map(|p| p.len()).sum(),
            multiply_adds: multiply_adds(&**layer, network.shape(i), network.shape(i + 1)),
        })
        .collect()
}

fn multiply_adds(layer: &dyn layers::AnyLayer, input: &[usize], output: &[usize]) -> Option<u64> {
    let weights = || layer.params().iter().filter(|p| p.decays()).map(|p| p.len() as u64).sum::<u64>();
    let places = |shape: &[usize]| shape[1..].iter().map(|&n| n as u64).product::<u64>();
    match layer.kind() {
        "affine" => Some(weights()),
        "conv1d" | "conv2d" => Some(weights() * places(output)),
        "conv_transpose2d" => Some(weights() * places(input)),
        "embedding" => Some(0),
        "sequential" | "residual" | "concat" => written(&layer.spec()?, input),
        _ => layer.params().iter().all(|p| !p.decays()).then_some(0),
    }
}

/// For a container, whose layers are known by their written form.
fn written(spec: &Spec, input: &[usize]) -> Option<u64> {
    let chain = |layers: &[Spec]| {
        summary(&layers::sequential(layers, input).ok()?).iter().map(|row| row.multiply_adds).sum()
    };
    match spec {
        Spec::Sequential { layers } | Spec::Residual { layers } => chain(layers),
        Spec::Concat { branches, .. } => {
            branches.iter().map(|branch| chain(std::slice::from_ref(branch))).sum()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_within_the_chain_counts_what_is_in_it() {
        let affine = |units| Spec::Affine { units };
        let inner = Spec::Sequential { layers: vec![affine(5), Spec::Relu, affine(2)] };
        let rows = summary(&layers::sequential(&[affine(4), inner], &[3]).unwrap());
        assert_eq!(rows[1].multiply_adds, Some(4 * 5 + 5 * 2));
        assert_eq!(rows[1].parameters, 4 * 5 + 5 + 5 * 2 + 2);
    }
}
