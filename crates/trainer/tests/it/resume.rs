//! A run that is stopped and resumed takes the very same steps.

use std::ops::ControlFlow;

use datasets::Scaling;
use losses::SoftmaxCrossEntropy;
use tensor_ops::Scalar;
use trainer::{Error, Length, Model, Options, Order, Sgd, Source, Trainer};

use super::support::{all_states, bits, data, network, options, trainer};

fn resumes_at_every_step<T: Scalar>(order: Order)
where
    layers::Sequential: layers::Backprop<T>,
{
    let data = data();
    let states = all_states::<T>(&mut trainer(order, 1), &data);
    assert_eq!(states.len(), 21, "four epochs of five batches");
    let last = bits(states.last().unwrap());
    for (step, state) in states.iter().enumerate() {
        let mut resumed = trainer::<T>(order, 2);
        resumed.restore(state.clone()).unwrap();
        let rest = all_states(&mut resumed, &data);
        assert_eq!(rest.len(), states.len() - step);
        assert_eq!(bits(rest.last().unwrap()), last, "stopped after {step} steps");
    }
}

#[test]
fn a_run_restored_at_any_step_ends_with_the_same_bits() {
    resumes_at_every_step::<f32>(Order::Shuffled);
    resumes_at_every_step::<f32>(Order::Drawn);
    resumes_at_every_step::<f64>(Order::Shuffled);
    resumes_at_every_step::<f64>(Order::Drawn);
}

#[test]
fn a_run_that_is_stopped_goes_on_where_it_was() {
    let data = data();
    let whole = all_states::<f32>(&mut trainer(Order::Shuffled, 1), &data);
    let scaling = Scaling::none();
    let source = Source::new(&data, &scaling).unwrap();
    let mut stopped = trainer::<f32>(Order::Shuffled, 1);
    for stop in [7, 8, 20] {
        let end = stopped.fit_until(&source, Some(&source), |trainer, _, _| {
            let flow =
                if trainer.step_count() == stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
            Ok::<_, Error>(flow)
        });
        assert!(end.unwrap().is_break());
        assert_eq!(bits(&stopped.state()), bits(&whole[stop as usize]));
    }
}

#[test]
fn a_step_that_is_not_finite_is_not_taken_and_names_the_layer() {
    let data = data();
    let scaling = Scaling::none();
    let source = Source::new(&data, &scaling).unwrap();
    let mut diverging = trainer::<f32>(Order::Shuffled, 1);
    let mut state = diverging.state();
    state.arrays.get_mut("parameters/0.weight").unwrap().fill(1e38);
    state.arrays.get_mut("parameters/0.bias").unwrap().fill(3.4e38);
    diverging.restore(state).unwrap();
    let before = bits(&diverging.state());
    let error = diverging.fit(&source, None, |_| {}).unwrap_err().to_string();
    let start = "step 1: the output of layer 0 (affine) is inf, so the step was not taken";
    assert!(error.starts_with(start), "{error}");
    assert_eq!(bits(&diverging.state()), before);
}

#[test]
fn a_last_step_that_leaves_no_numbers_ends_the_training_with_an_error() {
    let (data, scaling) = (data(), Scaling::none());
    let source = Source::new(&data, &scaling).unwrap();
    for steps in [1, 2] {
        let fast = Options { learning_rate: 1e300, length: Length::Steps(steps), ..options(Order::Shuffled) };
        let model = Model::<f32>::new(network(), 1).unwrap();
        let mut trainer = Trainer::new(model, SoftmaxCrossEntropy::default(), Sgd::default(), fast).unwrap();
        let mut told = 0;
        let error = trainer.fit(&source, Some(&source), |_| told += 1).unwrap_err();
        let last = steps == 1;
        assert!(matches!(error, Error::NotFinite { taken, .. } if taken == last), "{error}");
        let start = if last {
            "step 1: 0.weight after the step is "
        } else {
            "step 2: the output of layer 0 (affine) is "
        };
        assert!(error.to_string().starts_with(start), "{error}");
        assert!(error.to_string().ends_with("; lower the learning rate or look at the data"), "{error}");
        assert_eq!(told, 0, "nothing is told of a success");
    }
}

#[test]
fn the_state_of_another_trainer_is_refused_and_changes_nothing() {
    let mut one = trainer::<f64>(Order::Shuffled, 1);
    let before = one.state();
    let message = |state| trainer::<f64>(Order::Shuffled, 1).restore(state).unwrap_err().to_string();

    let mut missing = before.clone();
    missing.arrays.remove("optimizer/velocity/3.weight");
    assert_eq!(
        message(missing.clone()),
        "state, optimizer/velocity/3.weight: expected an array of shape [6, 3], got nothing"
    );
    let mut extra = before.clone();
    extra.arrays.insert("z".into(), ndarray::ArrayD::zeros(vec![1]));
    assert_eq!(message(extra), "state, z: expected nothing of this name, got an array");
    let mut shape = before.clone();
    shape.arrays.insert("parameters/0.bias".into(), ndarray::ArrayD::zeros(vec![7]));
    assert_eq!(message(shape), "state, parameters/0.bias: expected an array of shape [6], got [7]");

    assert!(one.restore(missing).is_err());
    assert_eq!(bits(&one.state()), bits(&before));
}
