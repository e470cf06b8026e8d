//! Training takes nothing from the allocator after its first steps, and its bits do not depend on the threads.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::process::Command;

use datasets::{Dataset, Features, Scaling, Targets};
use layers::{
    Affine, BatchNorm, Concat, Conv2d, Dropout, Flatten, Gelu, LayerNorm, MaxPool2d, Relu, Residual,
    Sequential,
};
use losses::SoftmaxCrossEntropy;
use ndarray::ArrayD;
use tensor_ops::pool;
use trainer::{
    AdaDelta, AdaGrad, Adam, AdamW, Average, Clip, Every, Length, Lion, Model, Optimizer, Options,
};
use trainer::{RmsProp, Sgd, Source, Trainer, evaluate};

use super::memory::peak;

/// Images of 12 by 12 cells, enough of them that the work of a step is worth sharing.
fn images() -> Dataset {
    let n = 120;
    let pixel = |i: ndarray::IxDyn| ((i[0] * 7 + i[2] * i[3]) % 23) as f32 / 11.0 - 1.0;
    let features = Features::F32(ArrayD::from_shape_fn(vec![n, 1, 12, 12], pixel));
    Dataset::new(features, Targets::Classes((0..n).map(|i| i % 10).collect()), vec![]).unwrap()
}

/// Something of everything that cuts its work into parts; its batches stay whole.
fn convolutional() -> Sequential {
    let block = Sequential::new(&[16, 4, 4])
        .push(Conv2d { padding: [1, 1], groups: 2, ..Conv2d::new(16, 16, [3, 3]) })
        .and_then(|block| block.push(BatchNorm::new(16)))
        .unwrap();
    let network = Sequential::new(&[1, 12, 12])
        .push(Conv2d::new(1, 16, [5, 5]))
        .and_then(|network| network.push(Relu))
        .and_then(|network| network.push(MaxPool2d::new([2, 2])))
        .and_then(|network| network.push(Residual::new(block)))
        .and_then(|network| network.push(Flatten))
        .and_then(|network| network.push(Dropout { p: 0.2 }))
        .and_then(|network| network.push(Affine::new(256, 200)))
        .and_then(|network| network.push(LayerNorm::new(&[200])))
        .and_then(|network| network.push(Gelu::default()))
        .and_then(|network| network.push(Affine::new(200, 10)));
    network.unwrap()
}

/// A network whose batches are cut into shares.
fn dense() -> Sequential {
    let network = Sequential::new(&[1, 12, 12])
        .push(Flatten)
        .and_then(|network| network.push(Dropout { p: 0.2 }))
        .and_then(|network| network.push(Affine::new(144, 100)))
        .and_then(|network| network.push(LayerNorm::new(&[100])))
        .and_then(|network| network.push(Relu))
        .and_then(|network| network.push(Affine::new(100, 10)));
    network.unwrap()
}

/// A network of branches side by side.
fn branched() -> Sequential {
    let branch = || Sequential::new(&[144]).push(Affine::new(144, 50)).and_then(|branch| branch.push(Relu));
    let branches = Concat::new(&[144]).push(branch().unwrap()).and_then(|both| both.push(branch().unwrap()));
    let network = Sequential::new(&[1, 12, 12])
        .push(Flatten)
        .and_then(|network| network.push(branches.unwrap()))
        .and_then(|network| network.push(Affine::new(100, 10)));
    network.unwrap()
}

/// Rows of 784 bytes, too many for a cache, and a network whose first product is shared by blocks of its weight if a batch
/// has at most 196 of them.
fn wide() -> (Dataset, Sequential) {
    let n = 1400;
    let features = Features::U8(ArrayD::from_shape_fn(vec![n, 784], |i| ((i[0] * 7 + i[1] * 3) % 251) as u8));
    let data = Dataset::new(features, Targets::Classes((0..n).map(|i| i % 10).collect()), vec![]).unwrap();
    let network = Sequential::new(&[784]).push(Affine::new(784, 128)).and_then(|network| network.push(Relu));
    (data, network.and_then(|network| network.push(Affine::new(128, 10))).unwrap())
}

/// A training of [`wide`], by batches of 256 and at the end of an epoch one of 120.
fn wide_trainer(network: Sequential) -> Trainer<f32> {
    let options = Options { batch_size: 256, length: Length::Epochs(2), ..Options::default() };
    let model = Model::new(network, 3).unwrap();
    Trainer::new(model, SoftmaxCrossEntropy::default(), Sgd::default(), options).unwrap()
}

fn trainer(network: Sequential, optimizer: Box<dyn Optimizer<f32>>) -> Trainer<f32> {
    let options = Options {
        length: Length::Steps(100),
        batch_size: 60,
        learning_rate: 0.01,
        clip: Some(Clip::Norm(1.0)),
        ..Options::default()
    };
    let model = Model::new(network, 3).unwrap();
    Trainer::boxed(model, Box::new(SoftmaxCrossEntropy::default()), optimizer, options).unwrap()
}

#[test]
fn a_step_after_the_first_epoch_allocates_nothing() {
    let (data, scaling) = (images(), Scaling::by_constant(0.5));
    let source = Source::new(&data, &scaling).unwrap();
    let optimizers: [Box<dyn Optimizer<f32>>; 7] = [
        Box::new(Sgd { momentum: 0.9, ..Sgd::default() }),
        Box::new(AdaGrad::default()),
        Box::new(RmsProp::default()),
        Box::new(AdaDelta::default()),
        Box::new(Adam::default()),
        Box::new(AdamW::default()),
        Box::new(Lion::default()),
    ];
    let networks = [convolutional, dense, branched].into_iter().cycle();
    for (optimizer, network) in optimizers.into_iter().zip(networks) {
        let name = optimizer.kind();
        let mut trainer = trainer(network(), optimizer);
        for threads in [1, 2] {
            pool::with_threads(threads, || {
                for _ in 0..2 {
                    trainer.train_step(&source).unwrap();
                }
                for step in 3..6 {
                    let held = peak(|| {
                        trainer.train_step(&source).unwrap();
                    });
                    assert_eq!(held, 0, "{name}, {threads} threads, step {step}: bytes allocated");
                }
            });
        }
    }
}

#[test]
fn a_smaller_batch_allocates_nothing_though_its_product_is_shared_in_another_way() {
    let (data, network) = wide();
    let scaling = Scaling::by_constant(1.0 / 255.0);
    let source = Source::new(&data, &scaling).unwrap();
    let mut trainer = wide_trainer(network);
    for step in 1..=12 {
        let held = pool::with_threads(2, || {
            peak(|| {
                trainer.train_step(&source).unwrap();
            })
        });
        assert!(step < 3 || held == 0, "step {step}: {held} bytes allocated");
    }
}

/// Not a test of its own: what the test below runs in a process of its own.
#[test]
#[ignore = "the child of another test"]
#[expect(clippy::print_stdout, reason = "the parent reads it")]
fn child_that_trains() {
    let (data, scaling) = (images(), Scaling::by_constant(0.5));
    let source = Source::new(&data, &scaling).unwrap();
    let mut hash = DefaultHasher::new();
    for network in [convolutional(), dense()] {
        let mut trainer = trainer(network, Box::new(Adam::default()));
        for _ in 0..5 {
            trainer.train_step(&source).unwrap().loss.to_bits().hash(&mut hash);
        }
        trainer.model().params().iter().flatten().for_each(|p| p.to_bits().hash(&mut hash));
        let evaluation = evaluate(trainer.model(), &source, trainer.loss()).unwrap();
        evaluation.loss.to_bits().hash(&mut hash);
    }
    let (data, network) = wide();
    let source = Source::new(&data, &scaling).unwrap();
    let mut trainer = wide_trainer(network);
    trainer.fit(&source, None, |_| {}).unwrap();
    trainer.model().params().iter().flatten().for_each(|p| p.to_bits().hash(&mut hash));
    println!("threads {}, hash {:016x}", pool::threads(), hash.finish());
}

#[test]
fn one_to_four_threads_train_to_the_same_bits() {
    let hash = |threads: usize| {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "it::threads::child_that_trains", "--ignored", "--nocapture"])
            .env("TENSOR_OPS_THREADS", threads.to_string())
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let line = text.lines().find_map(|line| line.split_once(&format!("threads {threads}, hash ")));
        line.unwrap_or_else(|| panic!("{threads} threads: no hash in {text}")).1.to_owned()
    };
    let one = hash(1);
    for threads in [1, 2, 3, 4] {
        assert_eq!(hash(threads), one, "{threads} threads");
    }
}

#[test]
fn what_is_evaluated_between_steps_is_the_same_on_two_threads() {
    let (data, scaling) = (images(), Scaling::by_constant(0.5));
    let source = Source::new(&data, &scaling).unwrap();
    let history = |threads: usize, average: Option<Average>| {
        let options = Options {
            length: Length::Steps(20),
            evaluate: Every::Steps(1),
            batch_size: 60,
            learning_rate: 0.01,
            average,
            ..Options::default()
        };
        let model = Model::<f32>::new(dense(), 3).unwrap();
        let mut trainer =
            Trainer::new(model, SoftmaxCrossEntropy::default(), Adam::default(), options).unwrap();
        pool::with_threads(threads, || trainer.fit(&source, Some(&source), |_| {}).unwrap())
    };
    for average in [None, Some(Average::Exponential { decay: 0.9 })] {
        let one = history(1, average);
        assert_eq!(one.records.len(), 20);
        assert!(one.records[19].test_loss < one.records[0].test_loss);
        assert_eq!(history(2, average), one);
    }
}

#[test]
fn threads_and_parameters_may_change_between_steps() {
    let (data, scaling) = (images(), Scaling::by_constant(0.5));
    let source = Source::new(&data, &scaling).unwrap();
    let steps = |trainer: &mut Trainer<f32>, threads: &[usize]| {
        for &threads in threads {
            pool::with_threads(threads, || trainer.train_step(&source).unwrap());
        }
    };
    let mut steady = trainer(dense(), Box::new(Adam::default()));
    let mut changing = trainer(dense(), Box::new(Adam::default()));
    steps(&mut steady, &[1; 6]);
    steps(&mut changing, &[1, 2, 2]);
    let state = changing.state();
    steps(&mut changing, &[1, 2, 1]);
    assert_eq!(changing.model().params(), steady.model().params());
    steps(&mut changing, &[2, 2]);
    changing.restore(state).unwrap();
    steps(&mut changing, &[2, 1, 2]);
    assert_eq!(changing.model().params(), steady.model().params());
}
