//! Outputs, gradients and statistics of PyTorch, in f64 to 1e-10.

use std::collections::BTreeSet;

use super::cases::{Case, kind, kinds, read};

const TOLERANCE: [f64; 2] = [1e-10, 1e-14];

const FILES: [&str; 6] = ["activations", "containers", "convolutions", "dense", "norms", "pools"];

fn all_cases() -> impl Iterator<Item = Case> {
    FILES.iter().flat_map(|file| read(&format!("pytorch/{file}.jsonl")))
}

#[test]
fn outputs_gradients_and_statistics_are_those_of_pytorch() {
    for case in all_cases() {
        let results = case.run::<f64>();
        case.compare("y", &results.y, &case.y, TOLERANCE);
        if let Some(dx) = &case.dx {
            case.compare("dx", &results.dx, dx, TOLERANCE);
        }
        for (name, expected) in &case.dparams {
            let grad = results.grads.iter().find(|(found, _)| found == name);
            case.compare(&format!("gradient of {name}"), &grad.expect("a parameter").1, expected, TOLERANCE);
        }
        for (name, expected) in &case.after {
            let after = results.after.iter().find(|(found, _)| found == name);
            case.compare(&format!("{name} after"), &after.expect("a parameter").1, expected, TOLERANCE);
        }
    }
}

#[test]
fn every_layer_has_a_case() {
    let tested: BTreeSet<_> = all_cases().map(|case| kind(&case.layer)).collect();
    let missing: Vec<_> = kinds().into_iter().filter(|kind| !tested.contains(kind)).collect();
    assert!(missing.is_empty(), "layers without a case from PyTorch: {missing:?}");
}
