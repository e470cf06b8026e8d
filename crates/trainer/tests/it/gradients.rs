//! Clipping and averages are those of PyTorch, to 1e-12.

use layers::ParamSpec;
use ndarray::ArrayD;
use serde_json::Value;
use trainer::{Average, Clip};

use super::cases::{assert_close, name, number, read, tensors};

fn arrays(case: &Value, data: &Value) -> Vec<ArrayD<f64>> {
    let shapes = case["shapes"].as_array().unwrap();
    let shape = |s: &Value| -> Vec<usize> {
        s.as_array().unwrap().iter().map(|n| n.as_u64().unwrap() as usize).collect()
    };
    let both = shapes.iter().zip(tensors(data));
    both.map(|(s, data)| ArrayD::from_shape_vec(shape(s), data).unwrap()).collect()
}

fn flat(arrays: &[ArrayD<f64>]) -> Vec<f64> {
    arrays.iter().flat_map(|a| a.iter().copied()).collect()
}

#[test]
fn clipped_gradients_and_norms_are_those_of_pytorch() {
    let cases = read("clipping.jsonl");
    assert!(cases.len() >= 6);
    for case in cases {
        let limit = number(&case["clip"], "limit");
        let clip = match case["clip"]["name"].as_str().unwrap() {
            "global_norm" => Clip::Norm(limit),
            "value" => Clip::Value(limit),
            other => panic!("clip {other}"),
        };
        let mut grads = arrays(&case, &case["gradients"]);
        let norm = clip.apply(&mut grads, |_| true);
        if let Some(expected) = case["norm"].as_f64() {
            assert_close(&[norm], &[expected], name(&case));
        }
        assert_close(&flat(&grads), &flat(&arrays(&case, &case["clipped"])), name(&case));
    }
}

#[test]
fn averages_are_those_of_pytorch() {
    let cases = read("averages.jsonl");
    assert!(cases.len() >= 3);
    for case in cases {
        let average = match case["average"]["name"].as_str().unwrap() {
            "ema" => Average::Exponential { decay: number(&case["average"], "decay") },
            "equal" => Average::Equal,
            other => panic!("average {other}"),
        };
        let steps = case["params"].as_array().unwrap();
        let first = arrays(&case, &steps[0]);
        let specs: Vec<_> = first.iter().map(|p| ParamSpec::offset("p", p.shape(), 0.0)).collect();
        let mut averaged: Vec<ArrayD<f64>> = first.iter().map(|p| ArrayD::zeros(p.raw_dim())).collect();
        for (t, params) in (1..).zip(steps) {
            average.update(t, &specs, &arrays(&case, params), &mut averaged);
            let expected = arrays(&case, &case["averages"][t as usize - 1]);
            assert_close(&flat(&averaged), &flat(&expected), &format!("{}, step {t}", name(&case)));
        }
    }
}
