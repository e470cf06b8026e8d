//! Ten steps of each optimiser are those of PyTorch, to 1e-12.

use std::collections::BTreeSet;

use serde_json::Value;
use trainer::{AdaDelta, AdaGrad, Adam, AdamW, Lion, OptimizerSpec, RmsProp, Sgd, Update};

use super::cases::{assert_close, name, number, read, tensors};

/// The optimiser that PyTorch's options ask for.
fn spec(options: &Value) -> OptimizerSpec {
    let get = |key| number(options, key);
    let flag = |key: &str| options[key].as_bool().unwrap();
    let beta = |i: usize| options["betas"][i].as_f64().unwrap();
    let weight_decay = get("weight_decay");
    match options["name"].as_str().unwrap() {
        "sgd" => {
            OptimizerSpec::Sgd(Sgd { momentum: get("momentum"), nesterov: flag("nesterov"), weight_decay })
        }
        "adagrad" => OptimizerSpec::AdaGrad(AdaGrad {
            rate_decay: get("lr_decay"),
            initial: get("initial_accumulator_value"),
            epsilon: get("eps"),
            weight_decay,
        }),
        "rmsprop" => OptimizerSpec::RmsProp(RmsProp {
            alpha: get("alpha"),
            epsilon: get("eps"),
            centered: flag("centered"),
            momentum: get("momentum"),
            weight_decay,
        }),
        "adadelta" => {
            OptimizerSpec::AdaDelta(AdaDelta { rho: get("rho"), epsilon: get("eps"), weight_decay })
        }
        "adam" => OptimizerSpec::Adam(Adam {
            beta1: beta(0),
            beta2: beta(1),
            epsilon: get("eps"),
            amsgrad: flag("amsgrad"),
            weight_decay,
        }),
        "adamw" => OptimizerSpec::AdamW(AdamW {
            beta1: beta(0),
            beta2: beta(1),
            epsilon: get("eps"),
            amsgrad: flag("amsgrad"),
            weight_decay,
        }),
        "lion" => OptimizerSpec::Lion(Lion { beta1: beta(0), beta2: beta(1), weight_decay }),
        other => panic!("no such optimiser: {other}"),
    }
}

#[test]
fn ten_steps_are_those_of_pytorch() {
    for case in read("optimizers.jsonl") {
        let optimizer = spec(&case["optimizer"]).build::<f64>().unwrap();
        let mut params = tensors(&case["params"]);
        let zeros = |p: &Vec<f64>| vec![vec![0.0; p.len()]; optimizer.slots().len()];
        let mut slots: Vec<_> = params.iter().map(zeros).collect();
        let gradients = case["gradients"].as_array().unwrap();
        assert_eq!(gradients.len(), 10);
        for (t, gradient) in (1..).zip(gradients) {
            for (i, gradient) in tensors(gradient).iter().enumerate() {
                let rate = number(&case["optimizer"], "lr");
                let at = Update { t, rate, decays: case["decays"][i].as_bool().unwrap() };
                let mut slots: Vec<_> = slots[i].iter_mut().map(|slot| &mut slot[..]).collect();
                optimizer.update(at, &mut params[i], gradient, &mut slots);
            }
            let expected = tensors(&case["trajectory"][t as usize - 1]);
            let what = format!("{}, step {t}", name(&case));
            assert_close(&params.concat(), &expected.concat(), &what);
        }
    }
}

#[test]
fn every_optimiser_has_a_case() {
    let tested: BTreeSet<_> =
        read("optimizers.jsonl").iter().map(|case| spec(&case["optimizer"]).kind()).collect();
    let all: BTreeSet<_> = OptimizerSpec::all().iter().map(OptimizerSpec::kind).collect();
    assert_eq!(tested, all);
}
