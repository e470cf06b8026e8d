//! A network with convolutions, and the format of MNIST: `cargo run --release -p trainer --example 08_convolutions`
//!
//! An affine layer sees a row of numbers and cannot know which pixels are neighbours. A convolution looks at small windows
//! with the same few weights everywhere, so it finds a stroke wherever it is.

#![allow(clippy::print_stdout, reason = "an example shows what it found")]

use datasets::{Dataset, Features, Scaling, csv, idx, split};
use layers::{Affine, Conv2d, MaxPool2d, Relu, Sequential};
use losses::SoftmaxCrossEntropy;
use ndarray::Array1;
use trainer::{Length, Model, Options, Sgd, Source, Trainer, evaluate, summary};

const DIGITS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../datasets/digits/digits.csv.gz");

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    // 1,797 digits of 8x8 pixels. For MNIST or Fashion-MNIST run `cargo xtask fetch-data`, and write
    // `let (train, test) = datasets::load(datasets::Set::FashionMnist, "datasets/fashion-mnist")?;`
    let digits = through_idx(&read_digits()?)?;
    assert_eq!(digits.feature_shape(), [8, 8]);

    // A convolution takes images as channels, rows, columns. Grey has one channel.
    let digits = digits.reshape_features(&[1, 8, 8])?;
    let (train, test) = split::stratified(digits.targets.classes().ok_or("no classes")?, 0.2, 42)?;
    let (train, test) = (digits.select(&train), digits.select(&test));
    let scaling = Scaling::by_constant(1.0 / 16.0);
    let (train, test) = (Source::<f32>::new(&train, &scaling)?, Source::new(&test, &scaling)?);

    // Eight filters of 3x3, padded so that the image keeps its size; of each 2x2 the largest; sixteen filters more. The
    // affine layer at the end takes the 16 x 4 x 4 numbers as one row.
    let same = [1, 1];
    let network = Sequential::new(&[1, 8, 8])
        .push(Conv2d { padding: same, ..Conv2d::new(1, 8, [3, 3]) })?
        .push(Relu)?
        .push(MaxPool2d::new([2, 2]))?
        .push(Conv2d { padding: same, ..Conv2d::new(8, 16, [3, 3]) })?
        .push(Relu)?
        .push(Affine::new(16 * 4 * 4, 10))?;
    for row in summary(&network) {
        println!("{:10} {:12} {:4} parameters", row.kind, format!("{:?}", row.output), row.parameters);
    }

    let options = Options { length: Length::Epochs(8), learning_rate: 0.05, ..Options::default() };
    let sgd = Sgd { momentum: 0.9, ..Sgd::default() };
    let mut trainer = Trainer::new(Model::new(network, 42)?, SoftmaxCrossEntropy::default(), sgd, options)?;
    trainer.fit(&train, Some(&test), |record| {
        println!("epoch {}  test accuracy {:.3}", record.epoch, record.test_accuracy.unwrap_or(0.0));
    })?;
    let accuracy = evaluate(trainer.model(), &test, trainer.loss())?.accuracy.ok_or("no classes")?;
    assert!(accuracy > 0.96, "{accuracy}");
    Ok(())
}

/// 64 grey values from 0 to 16, then the digit; no line of names.
fn read_digits() -> Result<Dataset, datasets::Error> {
    let options = csv::Options {
        header: csv::Header::None,
        label: csv::Label::Last,
        numbers: csv::NumberType::U8,
        ..csv::Options::default()
    };
    csv::read(DIGITS, &options)?.reshape_features(&[8, 8])
}

/// The same digits, written and read in the format of MNIST: a file of images and a file of labels.
fn through_idx(digits: &Dataset) -> Result<Dataset, Box<dyn std::error::Error>> {
    let Features::U8(images) = &digits.features else { return Err("expected bytes".into()) };
    let labels = digits.targets.classes().ok_or("no classes")?.iter().map(|&label| label as u8);
    let (mut image_file, mut label_file) = (Vec::new(), Vec::new());
    idx::write(&mut image_file, &idx::Data::U8(images.clone()))?;
    idx::write(&mut label_file, &idx::Data::U8(labels.collect::<Array1<u8>>().into_dyn()))?;

    // Two zeros, 8 for bytes, 3 axes, then each axis in four bytes, the largest first: 1797 = 7 · 256 + 5.
    assert_eq!(image_file[..16], [0, 0, 8, 3, 0, 0, 7, 5, 0, 0, 0, 8, 0, 0, 0, 8]);
    let options = idx::Options::default();
    let read = idx::dataset(idx::parse(&image_file, &options)?, idx::parse(&label_file, &options)?, vec![])?;
    assert_eq!(&read, digits);
    Ok(read)
}
