//! Numerical against analytic gradient: `cargo run --release -p trainer --example 03_gradients`
//!
//! A backward pass that is slightly wrong still trains, only worse, and nobody notices. So it is compared with something
//! that knows nothing of it: change a weight a little, and look at the loss.

#![allow(clippy::print_stdout, reason = "an example shows what it found")]

use layers::{Affine, Backprop, Cache, Relu, Saved, Sequential};
use losses::{Loss, SoftmaxCrossEntropy, Targets};
use ndarray::{Array, Array2, ArrayD, Ix2, array};
use tensor_ops::numerical::{Stencil, numerical_gradient};
use tensor_ops::random::{Purpose, stream};
use tensor_ops::softmax_rows;
use trainer::Model;

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    softmax_with_cross_entropy()?;
    a_whole_network()
}

/// The loss of classifiers, and why its gradient is so simple.
fn softmax_with_cross_entropy() -> Result<(), Box<dyn std::error::Error>> {
    // A network's last layer gives any numbers: logits. Softmax makes them probabilities, positive and 1 in sum.
    let logits = array![[2.0, 1.0, 0.0]];
    let mut probabilities = Array2::zeros((1, 3));
    softmax_rows(&logits, &mut probabilities);
    println!("softmax {probabilities:.3}");
    assert!((probabilities.sum() - 1.0_f64).abs() < 1e-15);

    // Cross entropy is how surprised one is by the truth: minus the logarithm of the probability that class 1 was given.
    let loss = SoftmaxCrossEntropy::default();
    let mut dlogits = Array2::zeros((1, 3));
    let value = loss.value_and_gradient(&logits, Targets::Classes(&[1]), 1.0, &mut dlogits)?;
    assert!((value + probabilities[[0, 1]].ln()).abs() < 1e-12);

    // Taken together, the derivative is probability minus truth: push down what was too high, pull up the true class.
    println!("loss {value:.3}, gradient {dlogits:.3}");
    let expected: Array2<f64> = &probabilities - &array![[0.0, 1.0, 0.0]];
    assert!((&dlogits - &expected).iter().all(|d| d.abs() < 1e-12));
    Ok(())
}

/// Every weight of a network with two layers.
fn a_whole_network() -> Result<(), Box<dyn std::error::Error>> {
    let network = Sequential::new(&[6]).push(Affine::new(6, 5))?.push(Relu)?.push(Affine::new(5, 3))?;
    let mut model = Model::<f64>::new(network, 1)?;
    let x = layers::Init::Normal { std: 1.0 }.draw::<f64>(
        &[4, 6], // four examples
        layers::Fan { r#in: 6, out: 6 },
        &mut stream(1, Purpose::Other, 0),
    );
    let labels = [0, 2, 1, 2];
    let loss = SoftmaxCrossEntropy::default();

    // Analytic: one pass forward, one pass backward, and all derivatives are there.
    let mut y = ArrayD::zeros(vec![4, 3]);
    let mut cache: Cache<f64> = model.network().new_cache(&[4, 6]);
    model.network().forward(model.params(), &x, &mut y, &mut cache);
    let logits = y.view().into_dimensionality::<Ix2>()?;
    let mut dy = Array2::zeros((4, 3));
    loss.value_and_gradient(&logits, Targets::Classes(&labels), 1.0, &mut dy)?;
    let mut grads: Vec<_> = model.params().iter().map(|p| Array::zeros(p.raw_dim())).collect();
    let saved = Saved { x: &x, y: &y, cache: &mut cache };
    model.network().backward(model.params(), saved, &dy.into_dyn(), None, &mut grads);

    // Numerical: for each single weight two passes forward, with the weight a little larger and a little smaller. Slow
    // and approximate, but no backward pass has a part in it.
    for (i, analytic) in grads.iter().enumerate() {
        let start = model.params()[i].clone();
        let loss_at = |p: &ArrayD<f64>| {
            model.params_mut()[i].assign(p);
            let y = model.predict(&x).expect("the input fits").into_dimensionality::<Ix2>().unwrap();
            loss.value(&y, Targets::Classes(&labels)).expect("the labels fit")
        };
        let numerical = numerical_gradient(loss_at, &start, 1e-4, Stencil::Central);
        model.params_mut()[i].assign(&start);
        let difference = (analytic - &numerical).mapv(f64::abs);
        println!("{:8} mean |difference| {:.1e}", model.specs()[i].name, difference.mean().unwrap());
        assert!(difference.iter().all(|d| *d < 1e-7));
        assert!(analytic.iter().any(|d| d.abs() > 1e-3), "zeros would agree too");
    }

    // Differences stop at 10 digits at best. The checker of this project goes to the last digit, by dual numbers, and asks
    // two dozen other questions: example 06 puts a layer of your own to it.
    Ok(())
}
