//! The two-layer network by hand: `cargo run --release -p trainer --example 04_two_layers_by_hand`
//!
//! 300 handwritten digits of 16x16 pixels to learn from, 300 others to be judged by. Forward, backward and update are
//! written out, so that nothing of a training is hidden. Example 05 does the same by `Sequential` and `Trainer`.
//!
//! ```text
//! x ── affine 256 → 50 ── a ── relu ── h ── affine 50 → 10 ── logits ── softmax with cross entropy ── loss
//! ```

#![allow(clippy::print_stdout, reason = "an example shows what it found")]

use datasets::{Dataset, Gather, Scaling, batches, csv};
use layers::{Affine, Backprop, Cache, Init, Layer, Relu, Saved};
use losses::{Loss, SoftmaxCrossEntropy, Targets};
use ndarray::{Array2, ArrayD, Ix2};
use tensor_ops::argmax_rows;
use tensor_ops::random::{Purpose, stream};

const DIGITS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../datasets/digits16");
const FIRST: Affine = Affine { d_in: 256, d_out: 50 };
const SECOND: Affine = Affine { d_in: 50, d_out: 10 };
const BATCH: usize = 100;
const RATE: f32 = 0.005;
const SEED: u64 = 0;

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The first line of each file names the columns, the first column is the digit: what the options say by default.
    let train = csv::read(format!("{DIGITS}/trainset.csv"), &csv::Options::default())?;
    let test = csv::read(format!("{DIGITS}/evalset.csv"), &csv::Options::default())?;
    let labels = train.targets.classes().ok_or("no classes")?;

    // A layer names its parameters; we hold them, all in one list. Weights begin small and random: if all were equal,
    // all fifty hidden units would learn the same.
    let specs = FIRST.params().into_iter().chain(SECOND.params()).enumerate();
    let begin = |(i, spec): (usize, layers::ParamSpec)| {
        let init = if spec.name == "weight" { Init::Normal { std: 0.01 } } else { Init::Zeros {} };
        init.draw(&spec.shape, spec.fan, &mut stream(SEED, Purpose::Init, i as u64))
    };
    let mut params: Vec<ArrayD<f32>> = specs.map(begin).collect();

    let mut batch = Vec::new();
    for step in 0..600 {
        // A batch: 100 of the 300, with replacement. Which ones follows from the seed and the step.
        batches::draw(train.len(), BATCH, SEED, step, &mut batch);
        let x = pixels(&train, &batch)?;
        let labels: Vec<usize> = batch.iter().map(|&i| labels[i]).collect();

        // Forward: each layer's output is the next one's input.
        let [a, h, logits] = forward(&params, &x);
        let mut dlogits = Array2::zeros((BATCH, 10));
        let outputs = logits.view().into_dimensionality::<Ix2>()?;
        let loss = SoftmaxCrossEntropy::default();
        let loss = loss.value_and_gradient(&outputs, Targets::Classes(&labels), 1.0, &mut dlogits)?;

        // Backward: the same layers in the opposite order, each with the input and the output that it had.
        let mut grads: Vec<_> = params.iter().map(|p| ArrayD::zeros(p.raw_dim())).collect();
        let (mut dh, mut da) = (ArrayD::zeros(h.raw_dim()), ArrayD::zeros(a.raw_dim()));
        let cache = &mut Cache::new(); // empty: what these layers need is in their inputs and outputs
        let dlogits = dlogits.into_dyn();
        SECOND.backward(
            &params[2..],
            Saved { x: &h, y: &logits, cache },
            &dlogits,
            Some(&mut dh),
            &mut grads[2..],
        );
        Relu.backward(&[], Saved { x: &a, y: &h, cache }, &dh, Some(&mut da), &mut []);
        FIRST.backward(&params[..2], Saved { x: &x, y: &a, cache }, &da, None, &mut grads[..2]); // nobody needs dx

        // Update: every number a small step down its slope.
        for (param, grad) in params.iter_mut().zip(&grads) {
            param.zip_mut_with(grad, |p, &g| *p -= RATE * g);
        }
        if step % 100 == 0 {
            println!("step {step:3}  loss {loss:.4}");
        }
    }

    // The test: digits that the network has never seen. The largest of the ten outputs is its answer.
    let all: Vec<usize> = (0..test.len()).collect();
    let [.., logits] = forward(&params, &pixels(&test, &all)?);
    let answers = argmax_rows(&logits.into_dimensionality::<Ix2>()?);
    let truth = test.targets.classes().ok_or("no classes")?;
    let correct = answers.iter().zip(truth).filter(|(answer, truth)| **answer == Some(**truth)).count();
    println!("right: {correct} of {}", test.len());
    assert!((233..=239).contains(&correct), "236, or nearly so where a CPU rounds otherwise");
    Ok(())
}

/// The images with these indices, [n, 256], raw: grey values from 0 to 255.
fn pixels(data: &Dataset, indices: &[usize]) -> Result<ArrayD<f32>, datasets::Error> {
    let mut x = ArrayD::zeros(vec![indices.len(), 256]);
    Gather::new(&data.features, &Scaling::none())?.rows(indices, &mut x);
    Ok(x)
}

/// The output of each layer.
fn forward(params: &[ArrayD<f32>], x: &ArrayD<f32>) -> [ArrayD<f32>; 3] {
    let zeros = |width| ArrayD::zeros(vec![x.shape()[0], width]);
    let (mut a, mut h, mut logits) = (zeros(50), zeros(50), zeros(10));
    let mut cache = Cache::new();
    FIRST.forward(&params[..2], x, &mut a, &mut cache);
    Relu.forward(&[], &a, &mut h, &mut cache);
    SECOND.forward(&params[2..], &h, &mut logits, &mut cache);
    [a, h, logits]
}
