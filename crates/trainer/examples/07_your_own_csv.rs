//! A CSV file of your own: `cargo run --release -p trainer --example 07_your_own_csv`
//!
//! From a file to named answers. The file is made here, so that the example needs nothing: points of a square, and
//! whether each is in the ring around its middle.

#![allow(clippy::print_stdout, reason = "an example shows what it found")]

use std::fmt::Write;

use datasets::{Scaling, csv, split};
use layers::{Affine, Relu, Sequential};
use losses::SoftmaxCrossEntropy;
use ndarray::{Array2, Ix2, array};
use tensor_ops::{argmax, softmax_rows};
use trainer::metrics::ConfusionMatrix;
use trainer::{Adam, Length, Model, Options, Source, Trainer, evaluate, outputs};

const CLASSES: [&str; 2] = ["outside", "ring"];

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::temp_dir().join(format!("ring-{}.csv", std::process::id()));
    std::fs::write(&path, ring()?)?;

    // Say what the file looks like; nothing is guessed. Here the class has a column and names; `csv::Label::First` with
    // numbers from 0 is the default, `csv::Label::Values` are numbers to predict.
    let options = csv::Options {
        label: csv::Label::Named("where".into()),
        class_names: CLASSES.map(String::from).to_vec(),
        ..csv::Options::default()
    };
    let data = csv::read(&path, &options)?;
    std::fs::remove_file(&path)?;
    println!("{} points, {} features, classes {:?}", data.len(), data.feature_shape()[0], data.class_names);

    // Nothing is skipped either: a wrong line is an error that says where.
    let error = csv::parse(b"x,y,where\n1,2,ring\n3,4,rong\n", &options).unwrap_err();
    println!("a typing error: {error}");
    assert!(error.to_string().starts_with("line 3, column 3: "), "{error}");

    // A fifth for the test, each class in proportion. The scaling is learned from the training part alone.
    let (train, test) = split::stratified(data.targets.classes().ok_or("no classes")?, 0.2, 42)?;
    let (train, test) = (data.select(&train), data.select(&test));
    let scaling = Scaling::standardise_per_feature(&train)?;
    let (train, test) = (Source::<f32>::new(&train, &scaling)?, Source::new(&test, &scaling)?);

    let network = Sequential::new(&[2]).push(Affine::new(2, 32))?.push(Relu)?.push(Affine::new(32, 2))?;
    let options = Options { length: Length::Epochs(40), learning_rate: 0.01, ..Options::default() };
    let model = Model::new(network, 42)?;
    let mut trainer = Trainer::new(model, SoftmaxCrossEntropy::default(), Adam::default(), options)?;
    trainer.fit(&train, None, |_| {})?;

    let result = evaluate(trainer.model(), &test, trainer.loss())?;
    let answers = outputs(trainer.model(), &test)?;
    let confusion = ConfusionMatrix::of(&answers, test.dataset().targets.classes().ok_or("no classes")?);
    let accuracy = result.accuracy.ok_or("no classes")?;
    println!("test accuracy {accuracy:.3}; truth by answer:\n{}", confusion.counts());
    assert!(accuracy > 0.95);

    // In training the model has taken over scaling and names: it answers in the units and words of the file.
    let model = trainer.into_model();
    for (point, expected) in [([50.0, 50.0], "outside"), ([80.0, 50.0], "ring"), ([3.0, 97.0], "outside")] {
        let logits = model.predict(&array![point].into_dyn())?.into_dimensionality::<Ix2>()?;
        let mut probabilities = Array2::zeros(logits.dim());
        softmax_rows(&logits, &mut probabilities);
        let class = argmax(&logits.row(0)).ok_or("not a number")?;
        println!("{point:?}: {} ({:.1} %)", model.class_names[class], 100.0 * probabilities[[0, class]]);
        assert_eq!(model.class_names[class], expected);
    }
    Ok(())
}

/// A grid of points from 0 to 100, and whether each is between 20 and 40 from the middle.
fn ring() -> Result<String, std::fmt::Error> {
    let mut text = String::from("x,y,where\n");
    for (x, y) in (0..1600).map(|i| (i / 40 * 5 / 2, i % 40 * 5 / 2)) {
        let distance = f64::from((x - 50) * (x - 50) + (y - 50) * (y - 50)).sqrt();
        let class = CLASSES[usize::from((20.0..40.0).contains(&distance))];
        writeln!(text, "{x},{y},{class}")?;
    }
    Ok(text)
}
