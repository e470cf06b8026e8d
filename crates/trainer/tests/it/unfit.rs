//! Data that are not for the model: a typed error before anything is computed, at every entry.

use datasets::{Dataset, Features, Scaling, Targets};
use layers::{Affine, Embedding, Flatten, Sequential};
use losses::{MeanSquaredError, SoftmaxCrossEntropy};
use ndarray::{Array, Array2};
use trainer::{Adam, Error, Length, Model, Options, Order, Source, Trainer, evaluate, outputs};

/// Ten examples of this shape, of so many classes.
fn classes(shape: &[usize], classes: usize) -> Dataset {
    let x = Array::from_shape_fn([&[10], shape].concat(), |i| (i[0] * 7 + i[1] * 3) as f64 / 70.0);
    let labels = (0..10).map(|i| i % classes).collect();
    Dataset::new(Features::F64(x), Targets::Classes(labels), vec![]).unwrap()
}

fn values(width: usize) -> Dataset {
    let data = classes(&[2, 2], 2);
    Dataset::new(data.features, Targets::Values(Array2::from_elem((10, width), 0.5)), vec![]).unwrap()
}

fn model() -> Model<f64> {
    let network = Sequential::new(&[2, 2]).push(Flatten).unwrap();
    Model::new(network.push(Affine::new(4, 2)).unwrap(), 1).unwrap()
}

fn options() -> Options {
    Options { length: Length::Steps(4), batch_size: 4, ..Options::default() }
}

fn trainer() -> Trainer<f64> {
    Trainer::new(model(), SoftmaxCrossEntropy::default(), Adam::default(), options()).unwrap()
}

#[test]
fn data_of_another_shape_are_refused_by_every_entry() {
    let scaling = Scaling::none();
    let good = classes(&[2, 2], 2);
    let good = Source::new(&good, &scaling).unwrap();
    for shape in [&[2, 4][..], &[3, 3], &[1, 2], &[4], &[4, 1], &[1, 2, 2]] {
        let bad = classes(shape, 2);
        let bad = Source::new(&bad, &scaling).unwrap();
        let refused = |result: Result<(), Error>| match result.unwrap_err() {
            Error::InputShape { expected, got } => {
                assert_eq!((&expected[..], &got[..]), (&[2, 2][..], shape))
            }
            other => panic!("{other}"),
        };
        refused(evaluate(&model(), &bad, &SoftmaxCrossEntropy::default()).map(drop));
        refused(outputs(&model(), &bad).map(drop));
        for (train, test) in [(&good, &bad), (&bad, &good)] {
            let mut trainer = trainer();
            refused(trainer.fit(train, Some(test), |_| {}).map(drop));
            assert_eq!(trainer.step_count(), 0, "before work begins");
        }
        let mut trainer = trainer();
        refused(trainer.train_step(&bad).map(drop));
        trainer.train_step(&good).unwrap();
        refused(trainer.train_step(&bad).map(drop));
        assert_eq!(trainer.step_count(), 1);
        trainer.train_step(&good).unwrap();
    }
}

#[test]
fn targets_of_another_width_are_refused_by_every_entry_that_looks_at_them() {
    let scaling = Scaling::none();
    let good = classes(&[2, 2], 2);
    let good = Source::new(&good, &scaling).unwrap();
    for (bad, width) in [(classes(&[2, 2], 3), 3), (values(3), 3), (values(1), 1)] {
        let bad = Source::new(&bad, &scaling).unwrap();
        let refused = |result: Result<(), Error>| match result.unwrap_err() {
            Error::Outputs { expected, got } => assert_eq!((expected, got), (width, 2)),
            other => panic!("{other}"),
        };
        refused(evaluate(&model(), &bad, &SoftmaxCrossEntropy::default()).map(drop));
        assert_eq!(outputs(&model(), &bad).unwrap().dim(), (10, 2), "which looks at no target");
        let mut trainer = trainer();
        refused(trainer.fit(&good, Some(&bad), |_| {}).map(drop));
        trainer.train_step(&good).unwrap();
        refused(trainer.train_step(&bad).map(drop));
    }
}

#[test]
fn targets_of_another_kind_between_steps_are_taken_as_in_the_first() {
    let scaling = Scaling::none();
    let (labels, rows) = (classes(&[2, 2], 2), values(2));
    let [labels, rows] = [&labels, &rows].map(|data| Source::new(data, &scaling).unwrap());
    let mut trainer = trainer();
    for data in [&labels, &rows, &labels] {
        trainer.train_step(data).unwrap(); // the loss takes both
    }
    let mut trainer = Trainer::new(model(), MeanSquaredError::default(), Adam::default(), options()).unwrap();
    trainer.train_step(&rows).unwrap();
    let refused = trainer.train_step(&labels).unwrap_err();
    assert!(matches!(refused, Error::Loss { step: 2, .. }), "{refused}");
    trainer.train_step(&rows).unwrap();
}

#[test]
fn other_data_in_between_leave_the_steps_on_the_first_as_they_were() {
    let scaling = Scaling::none();
    let (many, few) = (classes(&[2, 2], 2), classes(&[2, 2], 2).select(&[0, 1, 2]));
    let [many, few] = [&many, &few].map(|data| Source::new(data, &scaling).unwrap());
    let run = |order, between: bool| {
        let options = Options { order, batch_size: 8, ..options() };
        let mut trainer =
            Trainer::new(model(), SoftmaxCrossEntropy::default(), Adam::default(), options).unwrap();
        trainer.train_step(&many).unwrap();
        let state = trainer.state();
        if between {
            trainer.train_step(&few).unwrap();
            trainer.restore(state).unwrap();
        }
        trainer.train_step(&many).unwrap();
        trainer.model().params().to_vec()
    };
    for order in [Order::Drawn, Order::Shuffled] {
        assert_eq!(run(order, true), run(order, false), "{order:?}");
    }
}

#[cfg(feature = "recipe")]
#[test]
fn a_recipe_whose_test_set_has_another_shape_is_an_error_that_names_both() {
    let folder = std::env::temp_dir().join(format!("trainer-test-{}-unfit", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let idx = |name: &str, shape: &[u32]| {
        let mut bytes = vec![0, 0, 8, shape.len() as u8];
        shape.iter().for_each(|axis| bytes.extend(axis.to_be_bytes()));
        bytes.extend((0..shape.iter().product()).map(|i| (i % 2) as u8));
        std::fs::write(folder.join(name), bytes).unwrap();
    };
    idx("train", &[20, 2, 2]);
    idx("labels", &[20]);
    let idx_files = trainer::recipe::IdxFiles {
        train: "train".into(),
        train_labels: "labels".into(),
        test: Some("test".into()),
        test_labels: Some("labels".into()),
        classes: vec![],
    };
    let mut recipe = trainer::recipe::Recipe::built_in("digits").unwrap();
    recipe.data = trainer::recipe::DataSpec { idx: Some(idx_files), ..Default::default() };
    for (shape, refused) in [([20, 2, 4], Some("[2, 4]")), ([20, 4, 1], Some("[4, 1]")), ([20, 2, 2], None)] {
        idx("test", &shape);
        let error = recipe.load_data(&folder).err().map(|error| error.to_string());
        let expected =
            |got| format!("data: expected test examples of shape [2, 2], as those to learn from, got {got}");
        assert_eq!(error, refused.map(expected));
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_shuffled_batch_takes_no_more_memory_than_there_are_examples() {
    let (data, scaling) = (classes(&[2, 2], 2), Scaling::none());
    let source = Source::new(&data, &scaling).unwrap();
    let run = |batch_size, pass_size| {
        let options = Options { batch_size, pass_size, ..options() };
        let mut trainer =
            Trainer::new(model(), SoftmaxCrossEntropy::default(), Adam::default(), options).unwrap();
        trainer.fit(&source, None, |_| {}).unwrap();
        trainer.model().params().to_vec()
    };
    for huge in [100_000_000, usize::MAX / 2, usize::MAX] {
        assert_eq!(run(huge, None), run(10, None), "{huge}");
        assert_eq!(run(huge, Some(huge)), run(10, None), "{huge}");
        assert_eq!(run(huge, Some(4)), run(10, Some(4)), "{huge}");
    }
}

#[test]
fn a_drawn_batch_that_no_memory_can_hold_is_an_error() {
    let (data, scaling) = (classes(&[2, 2], 2), Scaling::none());
    let source = Source::new(&data, &scaling).unwrap();
    for batch_size in [1 << 56, usize::MAX / 2, usize::MAX] {
        for pass_size in [None, Some(1)] {
            let options = Options { batch_size, pass_size, order: Order::Drawn, ..options() };
            let mut trainer =
                Trainer::new(model(), SoftmaxCrossEntropy::default(), Adam::default(), options).unwrap();
            let error = trainer.train_step(&source).unwrap_err().to_string();
            assert_eq!(
                error,
                format!("batch_size: expected a batch that fits into memory, got {batch_size}")
            );
        }
    }
}

#[test]
fn a_prediction_looks_at_indices_as_the_network_gets_them() {
    let network = Sequential::new(&[1]).push(Embedding::new(4, 2)).unwrap();
    let mut model = Model::<f64>::new(network, 1).unwrap();
    model.scaling = Scaling::by_constant(0.5);
    let x = |n: usize, wrong: usize, value: f64| {
        Array::from_shape_fn(vec![n, 1], |i| if i[0] == wrong { value } else { 6.0 })
    };
    assert!(model.predict(&x(3, 0, 4.0)).is_ok(), "4 halved is the number of a row");
    for n in [3, 1000] {
        match model.predict(&x(n, n - 1, 1.0)).unwrap_err() {
            Error::Index { example, bound, got } => assert_eq!((example, bound, got), (n - 1, 4, 0.5)),
            other => panic!("{other}"),
        }
    }
}

#[test]
fn what_is_no_batch_is_refused_in_words_that_help() {
    let message = |shape: &[usize]| model().predict(&Array::zeros(shape.to_vec())).unwrap_err().to_string();
    assert_eq!(
        message(&[2, 2]),
        "expected a batch of shape [n, 2, 2], got [2, 2]; one example is a batch too, of shape [1, 2, 2]"
    );
    assert_eq!(message(&[3, 4]), "expected a batch of shape [n, 2, 2], got [3, 4]");
    assert_eq!(message(&[]), "expected a batch of shape [n, 2, 2], got []");
    let model = model();
    let mut predictor = model.predictor(2);
    let error = predictor.predict(&Array::zeros(vec![3, 2, 2])).unwrap_err().to_string();
    assert_eq!(error, "expected a batch of shape [n up to 2, 2, 2], got [3, 2, 2]");
}
