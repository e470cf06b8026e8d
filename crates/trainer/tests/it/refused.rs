//! Options, optimisers and layers that cannot work: a typed error where a trainer or a model is made, before anything is
//! computed.

use layers::{Affine, Fan, Init, ParamSpec, Sequential};
use losses::MeanSquaredError;
use ndarray::ArrayD;
use trainer::{
    AdaDelta, AdaGrad, Adam, AdamW, Error, Lion, MAX_SLOTS, Model, Optimizer, Options, RmsProp, Sgd, Trainer,
    Update,
};

use super::support::Bystander;

/// What a trainer with this optimiser is refused for.
fn refused(optimizer: impl Optimizer<f64> + 'static) -> String {
    let model = Model::new(Sequential::new(&[2]).push(Affine::new(2, 1)).unwrap(), 1).unwrap();
    let loss = MeanSquaredError::default();
    let error = Trainer::new(model, loss, optimizer, Options::default()).unwrap_err();
    assert!(matches!(error, Error::Option { .. }), "{error:?}");
    error.to_string()
}

#[test]
fn options_of_an_optimiser_that_make_no_sense_are_refused_by_a_trainer() {
    let share = |option, got| format!("{option}: expected a number from 0 and below 1, got {got}");
    let from_0 = |option, got| format!("{option}: expected a finite number from 0, got {got}");
    assert_eq!(refused(Adam { beta1: 1.0, ..Adam::default() }), share("beta1", "1.0"));
    assert_eq!(refused(Adam { beta2: 2.0, ..Adam::default() }), share("beta2", "2.0"));
    assert_eq!(refused(AdamW { beta2: f64::NAN, ..AdamW::default() }), share("beta2", "NaN"));
    assert_eq!(refused(AdamW { weight_decay: -1.0, ..AdamW::default() }), from_0("weight_decay", "-1.0"));
    assert_eq!(refused(RmsProp { alpha: 5.0, ..RmsProp::default() }), share("alpha", "5.0"));
    assert_eq!(refused(AdaDelta { rho: 1.0, ..AdaDelta::default() }), share("rho", "1.0"));
    assert_eq!(refused(AdaGrad { initial: -1.0, ..AdaGrad::default() }), from_0("initial", "-1.0"));
    assert_eq!(refused(Lion { beta1: -0.1, ..Lion::default() }), share("beta1", "-0.1"));
    assert_eq!(refused(Sgd { momentum: -3.0, ..Sgd::default() }), share("momentum", "-3.0"));
    assert_eq!(refused(Sgd { weight_decay: f64::NAN, ..Sgd::default() }), from_0("weight_decay", "NaN"));
    let nesterov = Sgd { nesterov: true, ..Sgd::default() };
    assert_eq!(refused(nesterov), "momentum: expected above 0 for nesterov, got 0.0", "as PyTorch does");
}

/// Somebody's own optimiser, which remembers so much and leaves the parameters as they are.
#[derive(Debug)]
struct Own {
    slots: &'static [&'static str],
    patience: u64,
}

impl Optimizer<f64> for Own {
    fn kind(&self) -> &'static str {
        "own"
    }

    fn slots(&self) -> &'static [&'static str] {
        self.slots
    }

    fn check(&self) -> Result<(), Error> {
        match self.patience {
            0 => Err(Error::Option { option: "patience", expected: "at least 1".into(), got: "0".into() }),
            _ => Ok(()),
        }
    }

    fn update(&self, _: Update, _: &mut [f64], _: &[f64], _: &mut [&mut [f64]]) {}
}

#[test]
fn an_own_optimiser_is_asked_for_its_options() {
    assert_eq!(refused(Own { slots: &[], patience: 0 }), "patience: expected at least 1, got 0");
}

#[test]
fn more_slots_than_there_is_room_for_are_refused() {
    let slots = &["a", "b", "c", "d", "e"];
    assert!(slots.len() > MAX_SLOTS);
    assert_eq!(refused(Own { slots, patience: 1 }), "slots: expected at most 4, got 5");
}

#[test]
fn two_slots_of_one_name_are_refused() {
    let own = Own { slots: &["a", "b", "a"], patience: 1 };
    assert_eq!(refused(own), "slots: expected names that all differ, got a twice");
}

/// A network whose second layer has these parameters.
fn with(params: Vec<ParamSpec>) -> Sequential {
    Sequential::new(&[2]).push(Affine::new(2, 2)).unwrap().push(Bystander(params)).unwrap()
}

#[test]
fn two_parameters_of_one_name_are_refused_however_the_model_is_made() {
    let twice = ["a", "b", "a"].map(|name| ParamSpec::offset(name, &[1], 0.0)).to_vec();
    let error = Model::<f64>::new(with(twice.clone()), 1).unwrap_err();
    assert!(matches!(&error, Error::ParamName { name } if name == "1.a"), "{error:?}");
    assert_eq!(error.to_string(), "parameters: expected names that all differ, got 1.a twice");
    let params = twice.iter().map(|spec| ArrayD::<f64>::zeros(&spec.shape[..])).collect();
    let error = Model::from_parts(Bystander(twice), &[2], params).unwrap_err();
    assert_eq!(error.to_string(), "parameters: expected names that all differ, got a twice");

    let names = ["a", "b"].map(|name| ParamSpec::offset(name, &[1], 0.0)).to_vec();
    let network = with(names.clone()).push(Bystander(names)).unwrap();
    Model::<f64>::new(network, 1).unwrap(); // in another layer, a name is another one
}

#[test]
fn a_parameter_that_cannot_begin_as_its_layer_proposes_is_refused_by_name() {
    let beginning = |init| {
        let spec = ParamSpec { init, ..ParamSpec::weight("a", &[1], Fan { r#in: 1, out: 1 }) };
        vec![ParamSpec::offset("b", &[1], 0.0), spec]
    };
    for (init, expected) in [
        (Init::Normal { std: f64::NAN }, "std finite and from 0, got NaN"),
        (Init::TruncatedNormal { std: -1.0 }, "std finite and from 0, got -1.0"),
        (Init::Constant { value: f64::INFINITY }, "value finite, got inf"),
        (Init::Uniform { low: 1.0, high: 0.0 }, "high from low, which is 1.0, got 0.0"),
        (Init::Orthogonal { gain: f64::NAN }, "gain finite, got NaN"),
    ] {
        let error = Model::<f64>::new(with(beginning(init)), 1).unwrap_err();
        assert!(matches!(error, Error::Network(layers::Error::Option { .. })), "{error:?}");
        assert_eq!(error.to_string(), format!("1.a, init: expected {expected}"));
        let all = Model::<f64>::with_init(with(beginning(init)), &[2], Some(Init::he()), 1);
        all.unwrap(); // all weights begin otherwise
    }
}

#[test]
fn a_parameter_that_no_memory_holds_is_refused_by_name() {
    for units in [usize::MAX, 1 << 31] {
        let network = Sequential::new(&[2]).push(Affine::new(2, units)).unwrap();
        let error = Model::<f32>::new(network, 1).unwrap_err().to_string();
        let expected = "0.weight: expected shape of at most 2147483648 elements, got [2, ";
        assert!(error.contains(expected), "{error}");
    }
}
