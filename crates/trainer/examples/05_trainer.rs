//! The same with `Sequential` and `Trainer`: `cargo run --release -p trainer --example 05_trainer`
//!
//! What example 04 wrote out: the network is a value, the loop is the trainer's. The same seed gives the same digits right.

#![allow(clippy::print_stdout, reason = "an example shows what it found")]

use datasets::{Scaling, csv};
use layers::{Affine, Init, Relu, Sequential};
use losses::SoftmaxCrossEntropy;
use trainer::{Every, Length, Model, Options, Order, Sgd, Source, Trainer, evaluate, summary};

const DIGITS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../datasets/digits16");

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let train = csv::read(format!("{DIGITS}/trainset.csv"), &csv::Options::default())?;
    let test = csv::read(format!("{DIGITS}/evalset.csv"), &csv::Options::default())?;
    let raw = Scaling::none();
    let (train, test) = (Source::<f32>::new(&train, &raw)?, Source::new(&test, &raw)?);

    // Shapes are checked here, not in the middle of a training: `push` fails for a layer that does not fit.
    let network =
        Sequential::new(&[256]).push(Affine::new(256, 50))?.push(Relu)?.push(Affine::new(50, 10))?;
    for row in summary(&network) {
        println!("{:7} {:?}  {} parameters", row.kind, row.output, row.parameters);
    }

    // A model is a network and its numbers.
    let model = Model::<f32>::with_init(network, &[256], Some(Init::Normal { std: 0.01 }), 0)?;
    assert_eq!(model.n_trainable(), 256 * 50 + 50 + 50 * 10 + 10);

    let options = Options {
        length: Length::Steps(600),
        batch_size: 100,
        order: Order::Drawn, // with replacement; unless told, each example comes once an epoch
        learning_rate: 0.005,
        evaluate: Every::Steps(100),
        seed: 0,
        ..Options::default()
    };
    let mut trainer = Trainer::new(model, SoftmaxCrossEntropy::default(), Sgd::default(), options)?;
    let history = trainer.fit(&train, Some(&test), |record| {
        let accuracy = record.test_accuracy.unwrap_or(0.0);
        println!("step {:3}  loss {:.4}  test accuracy {:.3}", record.step, record.train_loss, accuracy);
    })?;

    let result = evaluate(trainer.model(), &test, trainer.loss())?;
    let correct = (result.accuracy.ok_or("no classes")? * test.len() as f64).round();
    println!("right: {correct} of {}", test.len());
    assert_eq!(history.records.len(), 6);
    assert!((233.0..=239.0).contains(&correct), "as in example 04");
    Ok(())
}
