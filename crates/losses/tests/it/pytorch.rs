//! Values and gradients of PyTorch, to 1e-10.

use std::collections::BTreeSet;

use losses::Spec;
use ndarray::Array2;

use super::cases::{Target, array, name, read, spec};

const TOLERANCE: f64 = 1e-10;

const FILES: [&str; 4] = ["elementwise", "negative_log_likelihood", "rows", "softmax_cross_entropy"];

fn all_cases() -> impl Iterator<Item = serde_json::Value> {
    FILES.iter().flat_map(|file| read(&format!("pytorch/{file}.jsonl")))
}

#[test]
fn values_and_gradients_are_those_of_pytorch() {
    for case in all_cases() {
        let loss = spec(&case).build::<f64>().unwrap();
        let (x, target) = (array::<f64>(&case["x"]), Target::of(&case));
        let upstream = case["upstream"].as_f64().unwrap();
        let mut dx = Array2::from_elem(x.dim(), f64::NAN);
        let value = loss.value_and_gradient(&x, target.view(), upstream, &mut dx).unwrap();

        let expected = case["value"].as_f64().unwrap();
        assert!(
            (value - expected).abs() <= TOLERANCE * expected.abs(),
            "{}: expected {expected}, got {value}",
            name(&case)
        );
        let alone = loss.value(&x, target.view()).unwrap();
        assert!((alone - value).abs() <= 1e-15 * value.abs(), "{}: with and without gradient", name(&case));

        // Relative to the largest element: where a small one is the difference of large ones, both round.
        let expected = array::<f64>(&case["dx"]);
        let largest = expected.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
        for (at, (&found, &expected)) in dx.iter().zip(&expected).enumerate() {
            assert!(
                (found - expected).abs() <= TOLERANCE * largest,
                "{}: element {at} of dx: expected {expected}, got {found}",
                name(&case)
            );
        }
    }
}

#[test]
fn every_loss_has_a_case() {
    let tested: BTreeSet<_> = all_cases().map(|case| spec(&case).kind()).collect();
    let all: BTreeSet<_> = Spec::all().iter().map(Spec::kind).collect();
    assert_eq!(tested, all);
}
