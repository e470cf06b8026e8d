//! Weights of classes, 0 among them.

use datasets::{Dataset, Features, Scaling, Targets};
use layers::{Affine, Sequential};
use losses::{NegativeLogLikelihood, Reduction, SoftmaxCrossEntropy};
use ndarray::Array;
use trainer::{Error, Lbfgs, Length, Model, Options, Order, Sgd, Source, Trainer, evaluate, outputs};

fn data(labels: &[usize]) -> Dataset {
    let x = Array::from_shape_fn(vec![labels.len(), 3], |i| ((i[0] * 5 + i[1] * 3) % 7) as f64 / 7.0);
    let names = vec!["a".into(), "b".into()];
    Dataset::new(Features::F64(x), Targets::Classes(labels.to_vec()), names).unwrap()
}

fn model() -> Model<f64> {
    Model::new(Sequential::new(&[3]).push(Affine::new(3, 2)).unwrap(), 1).unwrap()
}

fn loss(weights: &[f64]) -> SoftmaxCrossEntropy {
    SoftmaxCrossEntropy { class_weights: weights.to_vec(), ..SoftmaxCrossEntropy::default() }
}

fn trainer(weights: &[f64], batch_size: usize, pass_size: Option<usize>, order: Order) -> Trainer<f64> {
    let options = Options { length: Length::Epochs(3), batch_size, pass_size, order, ..Options::default() };
    Trainer::new(model(), loss(weights), Sgd::default(), options).unwrap()
}

#[test]
fn a_batch_that_weighs_nothing_changes_nothing_and_training_goes_on() {
    let scaling = Scaling::none();
    let labels = [0, 0, 1, 0, 0, 1, 0, 0, 0, 1];
    let (data, ones) = (data(&labels), data(&[0; 10]));
    let [source, nothing] = [&data, &ones].map(|data| Source::new(data, &scaling).unwrap());
    for order in [Order::Shuffled, Order::Drawn] {
        for (batch_size, pass_size) in [(1, None), (2, Some(1)), (4, Some(3))] {
            let mut trainer = trainer(&[0.0, 1.0], batch_size, pass_size, order);
            let history = trainer.fit(&source, Some(&source), |_| {}).unwrap();
            let record = history.last().unwrap();
            assert!(record.train_loss > 0.0 && record.test_loss.unwrap() > 0.0);
            assert!(trainer.model().params().iter().flatten().all(|p| p.is_finite()));
            assert_ne!(trainer.model().params(), model().params());
        }
        let mut trainer = trainer(&[0.0, 1.0], 3, Some(2), order);
        let report = trainer.train_step(&nothing).unwrap();
        assert_eq!((report.loss, report.weight, report.examples), (0.0, 0.0, 3));
        assert_eq!(trainer.model().params(), model().params());
        let history = trainer.fit(&nothing, Some(&nothing), |_| {}).unwrap();
        let record = history.last().unwrap();
        assert_eq!((record.train_loss, record.test_loss), (0.0, Some(0.0)));
        assert_eq!(trainer.model().params(), model().params());
    }
    assert_eq!(evaluate(&model(), &nothing, &loss(&[0.0, 1.0])).unwrap().loss, 0.0);
    let mut model = model();
    let minimum = Lbfgs::default().train(&mut model, &loss(&[0.0, 1.0]), &nothing, |_, _| {}).unwrap();
    assert_eq!(minimum.value, 0.0);
}

#[test]
fn weights_for_other_classes_are_refused_though_the_first_batch_weighs_nothing() {
    let (data, scaling) = (data(&[0; 6]), Scaling::none());
    let source = Source::new(&data, &scaling).unwrap();
    for weights in [&[0.0][..], &[0.0, 0.0, 1.0]] {
        let refused = |error: Error| {
            let error = error.to_string();
            assert!(error.contains("class_weights: expected one for each of 2 classes"), "{error}");
        };
        refused(trainer(weights, 1, None, Order::Shuffled).train_step(&source).unwrap_err());
        refused(evaluate(&model(), &source, &loss(weights)).unwrap_err());
        let sum = NegativeLogLikelihood { class_weights: weights.to_vec(), reduction: Reduction::Sum };
        refused(evaluate(&model(), &source, &sum).unwrap_err());
        let search = Lbfgs::default().train(&mut model(), &loss(weights), &source, |_, _| {});
        refused(search.map(drop).unwrap_err());
    }
}

#[test]
fn rows_that_weigh_nothing_still_count_by_smoothing_however_a_batch_is_cut() {
    let labels: Vec<usize> = (0..64).map(|i| usize::from(i == 40)).collect();
    let (data, scaling) = (data(&labels), Scaling::none());
    let source = Source::new(&data, &scaling).unwrap();
    let loss = SoftmaxCrossEntropy { label_smoothing: 0.1, ..loss(&[0.0, 1.0]) };
    let outputs = outputs(&model(), &source).unwrap();
    let exact: f64 = losses::Loss::value(&loss, &outputs, losses::Targets::Classes(&labels)).unwrap();
    let found = evaluate(&model(), &source, &loss).unwrap().loss;
    assert!((found - exact).abs() < 1e-12 * exact, "{found} {exact}");
    let search = Lbfgs { max_iterations: 0, ..Lbfgs::default() };
    let start = search.train(&mut model(), &loss, &source, |_, _| {}).unwrap().value;
    assert!((start - exact).abs() < 1e-12 * exact, "{start} {exact}");
    let step = |pass_size| {
        let options = Options { batch_size: 64, pass_size, ..Options::default() };
        let mut trainer = Trainer::new(model(), loss.clone(), Sgd::default(), options).unwrap();
        let told = trainer.train_step(&source).unwrap().loss;
        assert!((told - exact).abs() < 1e-12 * exact, "{told} {exact}");
        trainer.model().params()[0].clone()
    };
    let whole = step(None);
    for pass_size in [1, 5, 63] {
        let apart = (step(Some(pass_size)) - &whole).mapv(f64::abs);
        assert!(apart.iter().all(|d| *d < 1e-12), "passes of {pass_size}: {apart}");
    }
}

#[test]
fn passes_that_weigh_nothing_take_no_part_in_a_step() {
    let (data, scaling) = (data(&[0, 0, 1, 0, 0, 1, 0, 0, 0, 1]), Scaling::none());
    let source = Source::new(&data, &scaling).unwrap();
    let trained = |pass_size| {
        let mut trainer = trainer(&[0.0, 1.0], 2, pass_size, Order::Shuffled);
        trainer.fit(&source, None, |_| {}).unwrap();
        trainer.into_model()
    };
    for (one, whole) in trained(Some(1)).params().iter().zip(trained(None).params()) {
        assert!((one - whole).iter().all(|d| d.abs() < 1e-14), "{one} {whole}");
    }
}
