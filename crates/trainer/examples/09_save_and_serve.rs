//! Save a model and serve it from threads:
//! `cargo run --release -p trainer --example 09_save_and_serve --features model-file`
//!
//! A program that only predicts needs less of this crate: `trainer = { default-features = false, features =
//! ["model-file"] }` has no optimiser, no loss and no training loop. What such a program does is in `serve`.

#![allow(clippy::print_stdout, reason = "an example shows what it found")]

use std::path::Path;
use std::thread;

use datasets::{Scaling, csv};
use layers::{Affine, Relu, Sequential};
use losses::SoftmaxCrossEntropy;
use ndarray::{Array2, ArrayD, Ix2, s};
use tensor_ops::argmax_rows;
use trainer::{Length, Model, Options, Sgd, Source, Trainer};

const DIGITS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../datasets/digits/digits.csv.gz");

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::temp_dir().join(format!("digits-{}.safetensors", std::process::id()));
    let options =
        csv::Options { header: csv::Header::None, label: csv::Label::Last, ..csv::Options::default() };
    let digits = csv::read(DIGITS, &options)?;
    train_and_save(&digits, &path)?;
    let served = serve(&path, &digits);
    std::fs::remove_file(&path)?;
    served
}

/// One file holds the network, its numbers, the scaling of its inputs and the names of the classes.
fn train_and_save(digits: &datasets::Dataset, path: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let scaling = Scaling::by_constant(1.0 / 16.0);
    let network = Sequential::new(&[64]).push(Affine::new(64, 32))?.push(Relu)?.push(Affine::new(32, 10))?;
    let model = Model::<f32>::new(network, 42)?;
    let options = Options { length: Length::Epochs(5), learning_rate: 0.1, ..Options::default() };
    let mut trainer = Trainer::new(model, SoftmaxCrossEntropy::default(), Sgd::default(), options)?;
    trainer.fit(&Source::new(digits, &scaling)?, None, |_| {})?;

    // The model has taken over the scaling of its source: whoever loads it gives raw inputs.
    trainer.into_model().save(path)?; // whole or not at all, whatever happens in between
    Ok(())
}

/// All that a program needs that uses a model.
fn serve(path: &Path, digits: &datasets::Dataset) -> Result<(), Box<dyn std::error::Error>> {
    let model = Model::<f32>::load(path)?;
    let x = raw_pixels(digits)?;
    let whole = model.predict(&x)?;

    // Prediction takes `&self`, so threads share the model without a lock; in a server, put it into an `Arc`. Each thread
    // has a predictor of its own, the memory for up to so many examples, and allocates nothing after that.
    let parts: Vec<ArrayD<f32>> = thread::scope(|scope| {
        let threads = (0..4).map(|i| {
            let (model, x) = (&model, &x);
            scope.spawn(move || {
                let mut predictor = model.predictor(1);
                let mut answers = Array2::zeros((0, 10));
                for row in (i..x.shape()[0]).step_by(4) {
                    let y = predictor.predict(&x.slice(s![row..=row, ..]).into_dyn())?;
                    answers
                        .append(ndarray::Axis(0), y.into_dimensionality::<Ix2>().expect("rows").view())
                        .expect("ten outputs each");
                }
                Ok::<_, trainer::Error>(answers.into_dyn())
            })
        });
        let threads: Vec<_> = threads.collect();
        threads.into_iter().map(|t| t.join().expect("no panic")).collect::<Result<_, _>>()
    })?;

    let answers = argmax_rows(&whole.view().into_dimensionality::<Ix2>()?);
    let truth = digits.targets.classes().ok_or("no classes")?;
    let right = answers.iter().zip(truth).filter(|(answer, truth)| **answer == Some(**truth)).count();
    println!("right: {right} of {}", digits.len());
    assert!(right > 1600);
    assert_eq!(model.class_names[7], "7");
    for (i, part) in parts.iter().enumerate() {
        let expected = whole.slice(s![i..;4, ..]);
        assert_eq!(*part, expected.into_dyn(), "one by one the same bits as all at once");
    }
    Ok(())
}

fn raw_pixels(digits: &datasets::Dataset) -> Result<ArrayD<f32>, datasets::Error> {
    let mut x = ArrayD::zeros(vec![digits.len(), 64]);
    let all: Vec<usize> = (0..digits.len()).collect();
    datasets::Gather::new(&digits.features, &Scaling::none())?.rows(&all, &mut x);
    Ok(x)
}
