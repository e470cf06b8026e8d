//! A parameter without a gradient is an error, and one whose gradient is 0 is none.

use datasets::{Dataset, Features, Scaling, Targets};
use layers::{
    Affine, Backprop, Cache, Dropout, Embedding, Error, Flatten, Layer, ParamSpec, Relu, Saved, Sequential,
};
use losses::MeanSquaredError;
use ndarray::{Array2, ArrayD, ArrayRefD};
use tensor_ops::Scalar;
use trainer::{Model, Options, Sgd, Source, StepReport, Trainer};

/// y = w x, whose backward pass forgets w.
#[derive(Debug)]
struct Forgetful;

impl Layer for Forgetful {
    fn kind(&self) -> &'static str {
        "forgetful"
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>, Error> {
        Ok(input.to_vec())
    }

    fn params(&self) -> Vec<ParamSpec> {
        vec![ParamSpec::offset("factor", &[1], 1.0)]
    }
}

impl<T: Scalar> Backprop<T> for Forgetful {
    fn forward(&self, params: &[ArrayD<T>], x: &ArrayRefD<T>, y: &mut ArrayRefD<T>, _: &mut Cache<T>) {
        y.assign(x);
        y.map_inplace(|y| *y *= params[0][0]);
    }

    fn backward(
        &self,
        params: &[ArrayD<T>],
        _: Saved<'_, T>,
        dy: &ArrayRefD<T>,
        dx: Option<&mut ArrayRefD<T>>,
        _: &mut [ArrayD<T>],
    ) {
        let Some(dx) = dx else { return };
        dx.assign(dy);
        dx.map_inplace(|dx| *dx *= params[0][0]);
    }
}

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
    let network = Sequential::new(&[1]).push(Affine::new(1, 1)).unwrap().push(Forgetful).unwrap();
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
