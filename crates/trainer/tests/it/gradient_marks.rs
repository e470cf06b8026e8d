//! A parameter without a gradient is an error, and one whose gradient is 0 is none.

use datasets::{Dataset, Features, Scaling, Targets};
use layers::{Affine, Dropout, Embedding, Flatten, ParamSpec, Relu, Sequential};
use losses::MeanSquaredError;
use ndarray::Array2;
use trainer::{Model, Options, Sgd, Source, StepReport, Trainer};

use super::support::Bystander;

/// The first step of a network that takes one row number.
fn first_step(network: Sequential, seed: u64) -> Result<StepReport, trainer::Error> {
    let x = Features::F64(Array2::from_shape_fn((20, 1), |(i, _)| (i % 5) as f64).into_dyn());
    let y = Targets::Values(Array2::from_shape_fn((20, 1), |(i, _)| i as f64 - 10.0));
    let data = Dataset::new(x, y, vec![]).unwrap();
    let scaling = Scaling::none();
    let options = Options { batch_size: 1, seed, ..Options::default() };
    let model = Model::<f64>::new(network, seed).unwrap();
    let mut trainer = Trainer::new(model, MeanSquaredError::default(), Sgd::default(), options).unwrap();
    trainer.train_step(&Source::new(&data, &scaling).unwrap())
}

#[test]
fn a_parameter_that_the_backward_pass_forgets_is_an_error() {
    let forgetful = Bystander(vec![ParamSpec::offset("factor", &[1], 1.0)]);
    let network = Sequential::new(&[1]).push(Affine::new(1, 1)).unwrap().push(forgetful).unwrap();
    let error = first_step(network, 0).unwrap_err().to_string();
    assert!(error.starts_with("parameter 1.factor receives no gradient"), "{error}");
}

#[test]
fn units_that_are_dead_in_the_first_step_are_no_error() {
    // Of one number, so that the gradient of a dead unit is -0 in all elements for about a quarter of the seeds.
    let rows = || Sequential::new(&[1]).push(Embedding::new(5, 1)).unwrap().push(Flatten).unwrap();
    for seed in 0..40 {
        first_step(rows().push(Relu).unwrap().push(Affine::new(1, 1)).unwrap(), seed).unwrap();
        let dropout = Dropout { p: 0.5 };
        first_step(rows().push(dropout).unwrap().push(Affine::new(1, 1)).unwrap(), seed).unwrap();
    }
}
