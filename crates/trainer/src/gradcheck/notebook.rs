//! The checks as the textbooks make them: central differences of the whole loss, one parameter after the other.

use layers::{Affine, LeakyRelu, Sequential};
use losses::{SoftmaxCrossEntropy, Targets};
use ndarray::{ArrayD, ArrayRefD, Zip};
use tensor_ops::gradcheck::Differentiable;
use tensor_ops::gradcheck::points::gaussian;
use tensor_ops::random::{Purpose, stream};
use tensor_ops::{Dual, branches};

use super::Network;
use crate::{Error, Model};

/// The step of the central differences.
const STEP: f64 = 1e-4;

/// How far numerical and backpropagated gradient of one parameter tensor are apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The parameter.
    pub name: String,
    /// Its elements.
    pub elements: usize,
    /// The mean of the absolute differences.
    pub mean: f64,
    /// The largest absolute difference.
    pub max: f64,
}

/// The notebook's own check: the gradient by central differences with step 1e-4 against backpropagation, as the mean
/// absolute difference of each parameter tensor.
///
/// It calls the network twice for each parameter: seconds for 784-50-10, where exact references take a fraction.
pub fn three_rows(network: &Network<'_>) -> Vec<Difference> {
    let point = network.point();
    let backward = network.backward(&point, &ArrayD::ones(vec![1]));
    let one = |k: usize| {
        let numerical = network.central_differences(k, STEP);
        let differences = Zip::from(&numerical).and(&backward[k]).map_collect(|n, b| (n - b).abs());
        Difference {
            name: network.variables()[k].name.clone(),
            elements: differences.len(),
            mean: differences.mean().unwrap_or(0.0),
            max: differences.fold(0.0, |m: f64, d| m.max(*d)),
        }
    };
    (0..point.len()).map(one).collect()
}

/// What [`leaky_networks`] found.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LeakyNetworks {
    /// Networks compared.
    pub networks: usize,
    /// Elements that agree.
    pub agree: usize,
    /// Elements that disagree, a kink between the two points of the difference.
    pub skipped: usize,
    /// Elements that disagree without that excuse.
    pub disagree: usize,
}

/// Random networks of 10, 20 and 4 units with a leaky rectifier, on 100 random rows each: backpropagation against
/// central differences with step 1e-5, to a relative tolerance of 1e-5 and an absolute one of 1e-8.
///
/// # Errors
///
/// None in practice: the shapes fit.
pub fn leaky_networks(networks: usize, seed: u64) -> Result<LeakyNetworks, Error> {
    let mut found = LeakyNetworks { networks, ..LeakyNetworks::default() };
    for index in 0..networks as u64 {
        let layers = Sequential::new(&[10])
            .push(Affine::new(10, 20))?
            .push(LeakyRelu::default())?
            .push(Affine::new(20, 4))?;
        let model = Model::<f64>::new(layers, seed + index)?;
        let x = gaussian(&[100, 10], 1.0, &mut stream(seed, Purpose::Check, index));
        let labels: Vec<usize> = (0..100).map(|row| (row * 7 + index as usize) % 4).collect();
        let loss = SoftmaxCrossEntropy::default();
        let network = Network::new(&model, &x, Targets::Classes(&labels), &loss)?;
        compare(&network, &mut found);
    }
    Ok(found)
}

fn compare(network: &Network<'_>, found: &mut LeakyNetworks) {
    const H: f64 = 1e-5;
    let point = network.point();
    let backward = network.backward(&point, &ArrayD::ones(vec![1]));
    for k in 0..point.len() {
        let numerical = network.central_differences(k, H);
        for (e, (n, b)) in numerical.iter().zip(&backward[k]).enumerate() {
            if (n - b).abs() <= 1e-8 + 1e-5 * b.abs() {
                found.agree += 1;
            } else if bends(network, &point, k, e, H * element(&point[k], e).abs().max(1.0)) {
                found.skipped += 1;
            } else {
                found.disagree += 1;
            }
        }
    }
}

fn element(p: &ArrayRefD<f64>, e: usize) -> f64 {
    p.iter().nth(e).copied().expect("an element of the tensor")
}

/// Whether a comparison falls out differently within a step of the point.
fn bends(network: &Network<'_>, point: &[ArrayD<f64>], k: usize, e: usize, h: f64) -> bool {
    let at = |h: f64| {
        let mut v: Vec<ArrayD<Dual>> = point.iter().map(|p| p.mapv(|x| Dual::new(x, 0.0))).collect();
        v[k].iter_mut().nth(e).expect("an element of the tensor").re += h;
        branches(|| network.forward_dual(&v)).1
    };
    let here = at(0.0);
    at(-h) != here || at(h) != here
}
