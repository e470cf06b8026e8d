//! A network as a table: what each layer gives, holds and costs.

use std::fmt;

use layers::Sequential;

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
            multiply_adds: layer.multiply_adds(network.shape(i)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use layers::{Affine, Concat, Conv2d, ConvTranspose2d, Relu, Residual};

    use super::*;

    #[test]
    fn a_chain_within_the_chain_counts_what_is_in_it() {
        let inner = Sequential::new(&[4]).push(Affine::new(4, 5)).unwrap().push(Relu).unwrap();
        let inner = inner.push(Affine::new(5, 2)).unwrap();
        let rows = summary(&Sequential::new(&[3]).push(Affine::new(3, 4)).unwrap().push(inner).unwrap());
        assert_eq!(rows[1].multiply_adds, Some(4 * 5 + 5 * 2));
        assert_eq!(rows[1].parameters, 4 * 5 + 5 + 5 * 2 + 2);
    }

    #[test]
    fn a_convolution_multiplies_each_weight_at_each_place() {
        let image = [3, 9, 9];
        let down = Conv2d { stride: [2, 2], ..Conv2d::new(3, 4, [3, 3]) };
        let up = ConvTranspose2d { stride: [2, 2], ..ConvTranspose2d::new(4, 3, [3, 3]) };
        let chain = Sequential::new(&image).push(down).unwrap().push(up).unwrap();
        let weights = 3 * 4 * 3 * 3;
        assert_eq!(chain.shape(1), [4, 4, 4]);
        assert_eq!(Summary::new(&chain).multiply_adds(), Some(2 * weights * 4 * 4));
        let residual = Residual::new(chain);
        let twice = Concat::new(&image).push(residual).unwrap().push(Relu).unwrap();
        let network = Sequential::new(&image).push(twice).unwrap();
        assert_eq!(Summary::new(&network).multiply_adds(), Some(2 * weights * 4 * 4));
    }
}
