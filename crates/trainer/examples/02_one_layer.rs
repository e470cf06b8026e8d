//! One layer by hand: `cargo run --release -p trainer --example 02_one_layer`
//!
//! A layer is a node whose inputs are arrays. This is the fully connected one, `Affine`, with two numbers in, three
//! out, and a batch of two examples; and then the two functions that make a network more than one big matrix.

#![allow(clippy::print_stdout, reason = "an example shows what it found")]

use layers::{
    Affine, Elementwise, Layer, Relu, Sigmoid, affine_backward_input, affine_backward_params, affine_forward,
};
use ndarray::{Array1, Array2, array};

pub(crate) fn main() -> Result<(), layers::Error> {
    affine()?;
    activations();
    Ok(())
}

/// y = x W + b
fn affine() -> Result<(), layers::Error> {
    let x = array![[1.0, 2.0], [3.0, 4.0]]; // one example a row
    let weight = array![[1.0, 0.0, -1.0], [2.0, 1.0, 0.0]]; // [inputs, outputs]
    let bias = array![0.5, -0.5, 0.0];

    // The layer itself holds no numbers, only sizes. It says which numbers somebody has to hold for it, and whether
    // an input fits, long before anything is computed.
    let layer = Affine::new(2, 3);
    assert_eq!(layer.output_shape(&[2])?, [3]);
    assert_eq!(layer.params().iter().map(|p| p.shape.clone()).collect::<Vec<_>>(), [vec![2, 3], vec![3]]);
    println!("{}", layer.output_shape(&[4]).unwrap_err());

    // Forward. The result goes into an array that the caller owns: a training makes it once and uses it a thousand times.
    let mut y = Array2::zeros((2, 3));
    affine_forward(&x, &weight, &bias, &mut y);
    println!("x W + b =\n{y}");
    assert_eq!(y, array![[5.5, 1.5, -1.0], [11.5, 3.5, -3.0]]);

    // Backward. Somebody behind this layer says how the loss changes with each output: dy. The chain rule turns that
    // into how it changes with each input and each parameter. Every derivative has the shape of what it belongs to.
    let dy = array![[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]];
    let (mut dx, mut dweight, mut dbias) = (Array2::zeros((2, 2)), Array2::zeros((2, 3)), Array1::zeros(3));
    affine_backward_input(&weight, &dy, &mut dx);
    affine_backward_params(&x, &dy, &mut dweight, &mut dbias);
    assert_eq!(dx, dy.dot(&weight.t()));
    assert_eq!(dweight, x.t().dot(&dy));
    assert_eq!(dbias, array![1.0, 0.0, 1.0]); // every example adds to the same bias
    println!("dx =\n{dx}\ndW =\n{dweight}\ndb = {dbias}");

    // Gradients of parameters are added to, so a second pass doubles them: two half batches give what a whole one gives.
    affine_backward_params(&x, &dy, &mut dweight, &mut dbias);
    assert_eq!(dbias, array![2.0, 0.0, 2.0]);
    Ok(())
}

/// Two functions of one number. Without one of them between, two affine layers would be one: (x V) W = x (V W).
fn activations() {
    // ReLU lets a number pass or stops it, and does the same with the derivative.
    let x = [-2.0, 0.0, 3.0];
    let y = x.map(|x| Relu.f(x));
    let slopes = [0, 1, 2].map(|i| Relu.df(x[i], y[i]));
    println!("relu    {y:.3?}, slopes {slopes:.3?}");
    assert_eq!((y, slopes), ([0.0, 0.0, 3.0], [0.0, 0.0, 1.0]));

    // The sigmoid squeezes any number into 0 to 1. Its derivative follows from its output alone, y (1 - y), so nothing
    // else has to be saved. Far from 0 it hardly has a slope: that is why deep networks prefer ReLU.
    let y = x.map(|x| Sigmoid.f(x));
    let slopes = [0, 1, 2].map(|i| Sigmoid.df(x[i], y[i]));
    println!("sigmoid {y:.3?}, slopes {slopes:.3?}");
    assert_eq!((y[1], slopes[1]), (0.5, 0.25));
    assert!((y[2] - 1.0 / (1.0 + (-3f64).exp())).abs() < 1e-15 && slopes[2] < 0.05);
}
