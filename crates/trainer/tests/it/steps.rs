//! Single steps: what a batch in parts, a sum, noise, frozen groups and clipping make of them.

use datasets::{Dataset, Features, Scaling, Targets};
use layers::{Affine, Dropout, Sequential};
use losses::{NegativeLogLikelihood, Reduction, SoftmaxCrossEntropy};
use ndarray::Array;
use trainer::{Clip, Group, Model, Options, Sgd, Source, Trainer, evaluate};

use super::training::{largest_difference, network, options, twenty};

#[test]
fn several_passes_take_the_step_of_one() {
    let (data, scaling) = (twenty(), Scaling::none());
    let source = Source::new(&data, &scaling).unwrap();
    let class_weights: Vec<f64> = (0..10).map(|i| f64::from(i) / 5.0).collect();
    let plain = SoftmaxCrossEntropy::default();
    let weighted = SoftmaxCrossEntropy { class_weights: class_weights.clone(), ..plain.clone() };
    let sum = SoftmaxCrossEntropy { reduction: Reduction::Sum, ..plain.clone() };
    let likelihood = NegativeLogLikelihood { class_weights, ..NegativeLogLikelihood::default() };
    let losses = [plain, weighted, sum].map(losses::Spec::SoftmaxCrossEntropy);
    for loss in losses.into_iter().chain([losses::Spec::NegativeLogLikelihood(likelihood)]) {
        let steps = |pass_size| {
            let model = Model::new(network(&[8, 16, 10]), 1).unwrap();
            let options = Options { pass_size, ..options(1, 20, 0.1) };
            let optimizer = Box::new(Sgd::default());
            let mut trainer = Trainer::boxed(model, loss.build().unwrap(), optimizer, options).unwrap();
            let reports = [(); 3].map(|()| trainer.train_step(&source).unwrap());
            (reports, trainer.into_model())
        };
        let (whole, model) = steps(None);
        for pass_size in [1, 6, 10, 50] {
            let (in_parts, from_parts) = steps(Some(pass_size));
            for (report, whole) in in_parts.iter().zip(&whole) {
                assert!((report.loss / whole.loss - 1.0).abs() < 1e-12, "{loss:?} {pass_size}");
                assert_eq!((report.examples, report.correct), (whole.examples, whole.correct));
            }
            assert!(largest_difference(&model, &from_parts) < 1e-13, "{loss:?} {pass_size}");
        }
    }
}

#[test]
fn a_sum_takes_the_step_of_a_mean_times_the_batch_and_is_told_as_a_mean() {
    let (data, scaling) = (twenty(), Scaling::none());
    let source = Source::new(&data, &scaling).unwrap();
    let run = |reduction, rate| {
        let loss = SoftmaxCrossEntropy { reduction, ..SoftmaxCrossEntropy::default() };
        let model = Model::<f64>::new(network(&[8, 10]), 1).unwrap();
        let mut trainer = Trainer::new(model, loss, Sgd::default(), options(1, 4, rate)).unwrap();
        let evaluated = evaluate(trainer.model(), &source, trainer.loss()).unwrap().loss;
        let told = trainer.train_step(&source).unwrap().loss;
        ([evaluated, told], trainer.into_model())
    };
    let (sums, by_sum) = run(Reduction::Sum, 0.1);
    let (means, by_mean) = run(Reduction::Mean, 0.4);
    assert!(sums.iter().zip(means).all(|(sum, mean)| (sum / mean - 1.0).abs() < 1e-14), "{sums:?} {means:?}");
    assert!(largest_difference(&by_sum, &by_mean) < 1e-15);
}

#[test]
fn a_record_tells_the_mean_of_all_examples_though_the_last_batch_is_smaller() {
    let (data, scaling) = (twenty().select(&[0, 1, 2, 3, 4]), Scaling::none());
    let source = Source::new(&data, &scaling).unwrap();
    let model = Model::<f64>::new(network(&[8, 10]), 1).unwrap();
    let mut trainer =
        Trainer::new(model, SoftmaxCrossEntropy::default(), Sgd::default(), options(1, 4, 0.0)).unwrap();
    let history = trainer.fit(&source, None, |_| {}).unwrap();
    let whole = evaluate(trainer.model(), &source, trainer.loss()).unwrap();
    let record = history.last().unwrap();
    assert!((record.train_loss / whole.loss - 1.0).abs() < 1e-12, "{record:?} {whole:?}");
    assert_eq!((record.epoch, record.train_accuracy), (1.0, whole.accuracy));
}

#[test]
fn each_step_and_each_pass_of_a_step_has_noise_of_its_own() {
    let scaling = Scaling::none();
    let losses = |rows: usize| {
        let x = Features::F64(Array::from_shape_fn(vec![rows, 64], |i| (i[1] as f64).cos()));
        let names = ["a", "b", "c"].map(String::from).to_vec();
        let data = Dataset::new(x, Targets::Classes(vec![0; rows]), names).unwrap();
        let source = Source::new(&data, &scaling).unwrap();
        let network = Sequential::new(&[64]).push(Dropout { p: 0.5 }).unwrap();
        let model = Model::<f64>::new(network.push(Affine::new(64, 3)).unwrap(), 1).unwrap();
        let options = Options { pass_size: Some(1), ..options(2, rows, 0.0) };
        let mut trainer =
            Trainer::new(model, SoftmaxCrossEntropy::default(), Sgd::default(), options).unwrap();
        [(); 2].map(|()| trainer.train_step(&source).unwrap().loss)
    };
    let (one, two) = (losses(1), losses(2));
    assert!((one[0] - one[1]).abs() > 1e-6, "{one:?}");
    assert!((one[0] - two[0]).abs() > 1e-6, "the second pass is not the first once more: {one:?} {two:?}");
}

#[test]
fn frozen_groups_stay_and_clipping_bounds_the_step() {
    let (data, scaling) = (twenty(), Scaling::none());
    let source = Source::new(&data, &scaling).unwrap();
    let changes = |slow: f64, clip| {
        let model = Model::<f64>::new(network(&[8, 16, 10]), 1).unwrap();
        let before = model.clone();
        let groups = vec![
            Group { names: "0.*".into(), frozen: Some(true), ..Group::default() },
            Group { names: "2.bias".into(), rate: Some(slow), ..Group::default() },
        ];
        let options = Options { groups, clip, ..options(1, 20, 0.5) };
        let mut trainer =
            Trainer::new(model, SoftmaxCrossEntropy::default(), Sgd::default(), options).unwrap();
        trainer.fit(&source, None, |_| {}).unwrap();
        [0, 1, 2, 3]
            .map(|i| (&trainer.model().params()[i] - &before.params()[i]).mapv(|d| d * d).sum().sqrt() / 0.5)
    };
    let [_, _, weight, bias] = changes(1.0, None);
    // Only what is trained counts in the norm, though it be at a rate of 0.
    let norm = weight.hypot(bias);
    for limit in [1e-3, 2.0 * norm] {
        let moved = changes(0.0, Some(Clip::Norm(limit)));
        assert_eq!([moved[0], moved[1], moved[3]], [0.0; 3]);
        let expected = weight * (limit / (norm + 1e-6)).min(1.0);
        assert!((moved[2] / expected - 1.0).abs() < 1e-9, "{limit}: {} {expected}", moved[2]);
    }
}
