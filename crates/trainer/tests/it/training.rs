//! The whole loop.

use datasets::{Dataset, Features, Scaling, Targets};
use layers::{Affine, Embedding, Relu, Sequential};
use losses::{BinaryCrossEntropy, Huber, KullbackLeibler, MeanSquaredError, SoftmaxCrossEntropy};
use ndarray::{Array, Array2, ArrayD, Axis};
use rand::RngExt;
use tensor_ops::random::{Purpose, stream};
use trainer::metrics::{by_label, r2, top_k};
use trainer::{
    Adam, AdamW, Average, Clip, EarlyStopping, Error, Every, Lbfgs, Length, Margin, Meaning, Metric, Model,
    OptimizerSpec, Options, Plateau, Schedule, Sgd, Source, Trainer, evaluate, outputs,
};

fn noise(shape: &[usize], seed: u64) -> ArrayD<f64> {
    let mut rng = stream(seed, Purpose::Other, 0);
    Array::from_shape_simple_fn(shape, || rng.random::<f64>() * 2.0 - 1.0)
}

pub(super) fn network(sizes: &[usize]) -> Sequential {
    let last = sizes.len() - 2;
    sizes.windows(2).enumerate().fold(Sequential::new(&sizes[..1]), |network, (i, pair)| {
        let network = network.push(Affine::new(pair[0], pair[1])).unwrap();
        if i < last { network.push(Relu).unwrap() } else { network }
    })
}

/// 20 points of noise with classes of noise: nothing to learn, only to remember.
pub(super) fn twenty() -> Dataset {
    let labels = (0..20).map(|i| i * 7 % 10).collect();
    Dataset::new(Features::F64(noise(&[20, 8], 1)), Targets::Classes(labels), vec![]).unwrap()
}

/// Targets that are a smooth function of the inputs, with two numbers each.
fn curve(n: usize) -> Dataset {
    let x = noise(&[n, 3], 2);
    let y = Array2::from_shape_fn((n, 2), |(i, j)| {
        let row = x.index_axis(ndarray::Axis(0), i);
        if j == 0 { row[0] * row[1] } else { (2.0 * row[2]).sin() }
    });
    Dataset::new(Features::F64(x), Targets::Values(y), vec![]).unwrap()
}

pub(super) fn options(epochs: u64, batch_size: usize, learning_rate: f64) -> Options {
    let length = Length::Epochs(epochs);
    Options { length, batch_size, learning_rate, evaluate: Every::Epochs(10), seed: 3, ..Options::default() }
}

fn bits(model: &Model<f64>) -> Vec<u64> {
    model.params().iter().flat_map(|p| p.iter().map(|x| x.to_bits())).collect()
}

pub(super) fn largest_difference(a: &Model<f64>, b: &Model<f64>) -> f64 {
    let pairs = a.params().iter().zip(b.params());
    pairs.flat_map(|(a, b)| a.iter().zip(b).map(|(a, b)| (a - b).abs())).fold(0.0, f64::max)
}

#[test]
fn the_loss_of_a_model_that_knows_nothing_is_the_logarithm_of_the_classes() {
    let (data, scaling) = (twenty(), Scaling::none());
    let zeros = Some(layers::Init::Zeros {});
    let model = Model::<f64>::with_init(network(&[8, 10]), &[8], zeros, 1).unwrap();
    let source = Source::new(&data, &scaling).unwrap();
    let evaluation = evaluate(&model, &source, &SoftmaxCrossEntropy::default()).unwrap();
    assert!((evaluation.loss - 10f64.ln()).abs() < 1e-14);
}

#[test]
fn every_optimiser_learns_twenty_examples_by_heart() {
    let (data, scaling) = (twenty(), Scaling::none());
    let source = Source::<f64>::new(&data, &scaling).unwrap();
    for spec in OptimizerSpec::all() {
        let rate = match spec.kind() {
            "sgd" => 1.0,
            "adagrad" => 0.1,
            "adadelta" => 1.0,
            "lion" => 0.002,
            _ => 0.01,
        };
        let model = Model::<f64>::new(network(&[8, 64, 10]), 1).unwrap();
        let loss = Box::new(SoftmaxCrossEntropy::default());
        let options = Options { evaluate: Every::Epochs(1500), ..options(1500, 20, rate) };
        let mut trainer = Trainer::boxed(model, loss, spec.build().unwrap(), options).unwrap();
        trainer.fit(&source, None, |_| {}).unwrap();
        let end = evaluate(trainer.model(), &source, trainer.loss()).unwrap();
        assert!(end.loss < 1e-3, "{}: {}", spec.kind(), end.loss);
        assert_eq!(end.accuracy, Some(1.0));
        let labels = data.targets.classes().unwrap();
        assert_eq!(top_k(&outputs(trainer.model(), &source).unwrap(), labels, 1), Some(1.0));
    }
}

#[test]
fn the_same_seed_gives_the_same_bits() {
    let (data, scaling) = (twenty(), Scaling::none());
    let source = Source::new(&data, &scaling).unwrap();
    let run = |seed| {
        let model = Model::new(network(&[8, 16, 10]), seed).unwrap();
        let options = Options { seed, ..options(5, 7, 0.01) };
        let mut trainer =
            Trainer::new(model, SoftmaxCrossEntropy::default(), Adam::default(), options).unwrap();
        trainer.fit(&source, None, |_| {}).unwrap();
        bits(trainer.model())
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn each_parameter_is_drawn_by_itself() {
    let network = Sequential::new(&[4]).push(Affine::new(4, 4)).unwrap().push(Affine::new(4, 4)).unwrap();
    let model = Model::<f64>::new(network, 1).unwrap();
    assert_ne!(model.params()[0], model.params()[2]);
}

#[test]
fn evaluations_judge_the_average_and_it_is_what_is_kept() {
    let (data, scaling) = (twenty(), Scaling::none());
    let source = Source::new(&data, &scaling).unwrap();
    let model = Model::<f64>::new(network(&[8, 16, 10]), 1).unwrap();
    let options = Options {
        average: Some(Average::Exponential { decay: 0.9 }),
        evaluate: Every::Steps(1),
        ..options(6, 5, 0.1)
    };
    let mut trainer = Trainer::new(model, SoftmaxCrossEntropy::default(), Sgd::default(), options).unwrap();
    let mut path = Vec::new();
    let end = trainer
        .fit_until(&source, Some(&source), |trainer, _, _| {
            path.push(trainer.latest().params()[0][[0, 0]]);
            Ok::<_, Error>(std::ops::ControlFlow::<()>::Continue(()))
        })
        .unwrap();
    assert!(end.is_continue());
    let by_hand = path.iter().copied().reduce(|average, w| 0.9 * average + 0.1 * w).unwrap();
    assert!((trainer.model().params()[0][[0, 0]] - by_hand).abs() < 1e-14);
    let judged = evaluate(trainer.model(), &source, trainer.loss()).unwrap();
    assert_eq!(trainer.history().last().unwrap().test_loss, Some(judged.loss));
    assert!(largest_difference(trainer.model(), trainer.latest()) > 1e-6);
}

#[test]
fn early_stopping_ends_the_run_and_keeps_the_best() {
    // Half of the labels are others: the loss gets worse once the examples are learned by heart.
    let (data, scaling) = (twenty(), Scaling::none());
    let labels = (0..20).map(|i| if i % 2 == 0 { i * 7 % 10 } else { i * 3 % 10 }).collect();
    let others = Dataset::new(data.features.clone(), Targets::Classes(labels), vec![]).unwrap();
    let (source, others) = (Source::new(&data, &scaling).unwrap(), Source::new(&others, &scaling).unwrap());
    let stopping = EarlyStopping { patience: 3, ..EarlyStopping::default() };
    for average in [None, Some(Average::Exponential { decay: 0.5 })] {
        let model = Model::<f64>::new(network(&[8, 64, 10]), 1).unwrap();
        let options = Options {
            average,
            early_stopping: Some(stopping),
            plateau: Some(Plateau { patience: 1, ..Plateau::default() }),
            evaluate: Every::Epochs(1),
            ..options(1000, 20, 0.05)
        };
        let loss = SoftmaxCrossEntropy::default();
        let mut trainer = Trainer::new(model, loss.clone(), Adam::default(), options).unwrap();
        let history = trainer.fit(&source, Some(&others), |_| {}).unwrap();
        let losses: Vec<f64> = history.records.iter().map(|record| record.test_loss.unwrap()).collect();
        let best = losses.iter().copied().fold(f64::INFINITY, f64::min);
        let at = losses.iter().position(|&l| l == best).unwrap();
        assert!(at > 0 && losses.len() == at + 5, "{losses:?}");
        assert_eq!(evaluate(trainer.model(), &others, &loss).unwrap().loss, best);
        assert!(evaluate(trainer.latest(), &others, &loss).unwrap().loss > best);
        let rates: Vec<f64> = history.records.iter().map(|record| record.learning_rate).collect();
        assert!(rates[0] == 0.05 && *rates.last().unwrap() < 0.01, "the plateau lowered the rate: {rates:?}");
        assert_eq!(evaluate(&trainer.into_model(), &others, &loss).unwrap().loss, best);
    }
}

#[test]
fn a_stopped_and_watched_run_resumes_with_the_same_bits() {
    let (data, scaling) = (twenty(), Scaling::none());
    let source = Source::new(&data, &scaling).unwrap();
    let make = || {
        let model = Model::<f64>::new(network(&[8, 16, 10]), 1).unwrap();
        let options = Options {
            schedule: Schedule::Cosine { minimum: 0.0, length: None },
            plateau: Some(Plateau { patience: 0, margin: Margin::Relative(0.2), ..Plateau::default() }),
            early_stopping: Some(EarlyStopping {
                metric: Metric::Accuracy,
                patience: 50,
                ..EarlyStopping::default()
            }),
            average: Some(Average::Equal),
            clip: Some(Clip::Value(0.1)),
            evaluate: Every::Steps(2),
            ..options(5, 6, 0.05)
        };
        Trainer::new(model, SoftmaxCrossEntropy::default(), AdamW::default(), options).unwrap()
    };
    let mut states = Vec::new();
    let mut whole = make();
    let end = whole
        .fit_until(&source, Some(&source), |trainer, _, _| {
            states.push(trainer.state());
            Ok::<_, Error>(std::ops::ControlFlow::<()>::Continue(()))
        })
        .unwrap();
    assert!(end.is_continue());
    for state in [0, 1, 7, 12, states.len() - 1].map(|i| states[i].clone()) {
        let mut resumed = make();
        resumed.restore(state).unwrap();
        resumed.fit(&source, Some(&source), |_| {}).unwrap();
        assert_eq!(resumed.state(), whole.state());
        assert_eq!(bits(resumed.model()), bits(whole.model()));
    }
}

#[test]
fn many_examples_are_predicted_as_each_by_itself() {
    let model = Model::<f64>::new(network(&[3, 8, 2]), 1).unwrap();
    let x = noise(&[600, 3], 5);
    let y = model.predict(&x).unwrap();
    assert_eq!(y.shape(), [600, 2]);
    for i in [0, 255, 256, 511, 512, 599] {
        let one = model.predict(&x.slice_axis(Axis(0), (i..i + 1).into())).unwrap();
        assert_eq!(one, y.slice_axis(Axis(0), (i..i + 1).into()), "example {i}");
    }
    let error = model.predict(&noise(&[600, 4], 5)).unwrap_err().to_string();
    assert_eq!(error, "expected a batch of shape [n, 3], got [600, 4]");
}

#[test]
fn a_regression_is_learned() {
    let (data, scaling) = (curve(200), Scaling::none());
    let source = Source::new(&data, &scaling).unwrap();
    let model = Model::<f64>::new(network(&[3, 32, 32, 2]), 1).unwrap();
    let schedule = Schedule::Cosine { minimum: 0.0, length: None };
    let options = Options { schedule, ..options(200, 20, 0.01) };
    let loss = Huber { delta: 0.5, ..Huber::default() };
    let mut trainer = Trainer::new(model, loss, Adam::default(), options).unwrap();
    let history = trainer.fit(&source, Some(&source), |_| {}).unwrap();
    assert_eq!(history.last().unwrap().train_accuracy, None);
    let y = outputs(trainer.model(), &source).unwrap();
    let explained = r2(&y, data.targets.values().unwrap()).unwrap();
    assert!(explained > 0.99, "{explained}");
}

#[test]
fn several_labels_at_once_are_learned() {
    let x = noise(&[200, 4], 4);
    let t = Array2::from_shape_fn((200, 3), |(i, j)| f64::from(u8::from(x[[i, j]] > x[[i, j + 1]])));
    let data = Dataset::new(Features::F64(x), Targets::Values(t.clone()), vec![]).unwrap();
    let scaling = Scaling::none();
    let source = Source::new(&data, &scaling).unwrap();
    let model = Model::<f32>::new(network(&[4, 24, 3]), 1).unwrap();
    let mut trainer =
        Trainer::new(model, BinaryCrossEntropy::default(), Adam::default(), options(150, 20, 0.02)).unwrap();
    trainer.fit(&source, None, |_| {}).unwrap();
    let matrices = by_label(&outputs(trainer.model(), &source).unwrap(), &t, 0.0);
    for matrix in &matrices {
        assert!(matrix.macro_f1().unwrap() > 0.95, "{matrix:?}");
    }
}

#[test]
fn lbfgs_trains_a_network_to_a_minimum() {
    let (data, scaling) = (curve(100), Scaling::none());
    let source = Source::new(&data, &scaling).unwrap();
    let mut model = Model::<f64>::new(network(&[3, 8, 2]), 1).unwrap();
    let loss = MeanSquaredError::default();
    let before = evaluate(&model, &source, &loss).unwrap().loss;
    let mut path = Vec::new();
    let lbfgs = Lbfgs { max_iterations: 300, ..Lbfgs::default() };
    let minimum = lbfgs.train(&mut model, &loss, &source, |_, value| path.push(value)).unwrap();
    let after = evaluate(&model, &source, &loss).unwrap().loss;
    assert!((after / minimum.value - 1.0).abs() < 1e-12);
    assert!(after < 0.02 * before, "{before} to {after}");
    assert!(path.windows(2).all(|pair| pair[1] <= pair[0]), "each iteration is no worse than the last");
}

#[test]
fn what_cannot_be_watched_is_an_error() {
    let (data, scaling) = (curve(10), Scaling::none());
    let source = Source::new(&data, &scaling).unwrap();
    let model = Model::<f64>::new(network(&[3, 2]), 1).unwrap();
    let stopping = EarlyStopping { metric: Metric::Accuracy, ..EarlyStopping::default() };
    let options = Options { early_stopping: Some(stopping), ..options(1, 10, 0.1) };
    let mut trainer = Trainer::new(model, MeanSquaredError::default(), Sgd::default(), options).unwrap();
    let error = trainer.fit(&source, None, |_| {}).unwrap_err().to_string();
    assert_eq!(
        error,
        "early_stopping: expected the loss to be watched where targets are no classes, got Accuracy"
    );
}

#[test]
fn a_loss_that_refuses_its_targets_says_in_which_step() {
    let (data, scaling) = (curve(10), Scaling::none());
    let source = Source::new(&data, &scaling).unwrap();
    let model = Model::<f64>::new(network(&[3, 2]), 1).unwrap();
    let mut trainer =
        Trainer::new(model, KullbackLeibler::default(), Sgd::default(), options(1, 10, 0.1)).unwrap();
    let error = trainer.fit(&source, None, |_| {}).unwrap_err().to_string();
    assert!(error.starts_with("step 1: row "), "{error}");
}

#[test]
fn an_example_that_does_not_fit_has_its_number_in_the_data_set() {
    let (bad, n) = (70, 100);
    let scaling = Scaling::none();
    let mut words = Array2::from_shape_fn((n, 4), |(i, j)| (i * j % 20) as f64).into_dyn();
    words[[bad, 2]] = 20.0;
    let labels = (0..n).map(|i| i % 3).collect();
    let data = Dataset::new(Features::F64(words), Targets::Classes(labels), vec![]).unwrap();
    let source = Source::new(&data, &scaling).unwrap();
    let embedding = Sequential::new(&[4]).push(Embedding { rows: 20, d: 300 }).unwrap();
    let mut trainer = Trainer::new(
        Model::<f64>::new(embedding.push(Affine::new(1200, 3)).unwrap(), 1).unwrap(),
        SoftmaxCrossEntropy::default(),
        Sgd::default(),
        options(1, n, 0.1),
    )
    .unwrap();
    let named = |error: Error| matches!(error, Error::Index { example, .. } if example == bad);
    assert!(named(evaluate(trainer.model(), &source, trainer.loss()).unwrap_err()));
    assert!(named(trainer.train_step(&source).unwrap_err()));

    let mut targets = Array2::from_elem((n, 2), 0.5);
    targets[[bad, 1]] = 0.6;
    let data = Dataset::new(Features::F64(noise(&[n, 64], 5)), Targets::Values(targets), vec![]).unwrap();
    let source = Source::new(&data, &scaling).unwrap();
    let model = Model::<f64>::new(network(&[64, 64, 2]), 1).unwrap();
    let mut trainer =
        Trainer::new(model, SoftmaxCrossEntropy::default(), Sgd::default(), options(1, n, 0.1)).unwrap();
    let named = |error: Error| error.to_string().contains(&format!("row {bad}:"));
    assert!(named(evaluate(trainer.model(), &source, trainer.loss()).unwrap_err()));
    assert!(named(trainer.train_step(&source).unwrap_err()));
}

#[test]
fn a_trained_model_takes_raw_inputs_and_knows_what_its_outputs_mean() {
    let features = Features::F64(Array::from_shape_fn(vec![30, 1], |i| 100.0 + i[0] as f64));
    let names = vec!["low".to_owned(), "high".to_owned()];
    let labels = (0..30).map(|i| usize::from(i >= 15)).collect();
    let data = Dataset::new(features, Targets::Classes(labels), names.clone()).unwrap();
    let scaling = Scaling::standardise_per_feature(&data).unwrap();
    let source = Source::new(&data, &scaling).unwrap();
    let average = Some(Average::Exponential { decay: 0.9 });
    let early_stopping = Some(EarlyStopping::default());
    for options in [
        options(40, 10, 0.5),
        Options { average, ..options(40, 10, 0.5) },
        Options { early_stopping, average, ..options(40, 10, 0.5) },
    ] {
        let model = Model::new(network(&[1, 2]), 1).unwrap();
        let mut trainer =
            Trainer::new(model, SoftmaxCrossEntropy::default(), Sgd::default(), options).unwrap();
        trainer.fit(&source, Some(&source), |_| {}).unwrap();
        let model = trainer.into_model();
        assert_eq!((&model.scaling, &model.class_names), (&scaling, &names));
        assert_eq!(model.meaning, Meaning::Logits);
        let raw = ndarray::array![[101.0], [128.0]].into_dyn();
        assert_eq!(
            tensor_ops::argmax_rows(&model.predict(&raw).unwrap().into_dimensionality().unwrap()),
            [Some(0), Some(1)]
        );
    }
    // What a model says of itself stays.
    let mut model = Model::new(network(&[1, 2]), 1).unwrap();
    (model.scaling, model.class_names) = (Scaling::by_constant(0.01), vec!["a".into(), "b".into()]);
    let loss = SoftmaxCrossEntropy::default();
    let mut trainer = Trainer::new(model, loss, Sgd::default(), options(1, 10, 0.5)).unwrap();
    trainer.train_step(&source).unwrap();
    assert_eq!(trainer.model().scaling, Scaling::by_constant(0.01));
    assert_eq!(trainer.model().class_names, ["a", "b"]);
}

#[test]
fn a_finished_run_goes_on_when_it_is_given_another_length() {
    let (data, scaling) = (twenty(), Scaling::none());
    let source = Source::new(&data, &scaling).unwrap();
    let trainer = |epochs| {
        let model = Model::new(network(&[8, 10]), 1).unwrap();
        Trainer::new(model, SoftmaxCrossEntropy::default(), Sgd::default(), options(epochs, 5, 0.1)).unwrap()
    };
    let (mut twice, mut once) = (trainer(2), trainer(5));
    twice.fit(&source, None, |_| {}).unwrap();
    twice.fit(&source, None, |_| {}).unwrap();
    assert_eq!(twice.step_count(), 8, "nothing is left to do");
    assert!(twice.set_length(Length::Epochs(0)).is_err());
    twice.set_length(Length::Epochs(5)).unwrap();
    twice.fit(&source, None, |_| {}).unwrap();
    once.fit(&source, None, |_| {}).unwrap();
    assert_eq!(bits(twice.model()), bits(once.model()));
}
