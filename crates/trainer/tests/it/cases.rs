//! Reads the case files of PyTorch, whose format the README beside them describes.

use std::path::Path;

use serde_json::Value;

/// The cases of a file below `tests/pytorch`.
pub(super) fn read(file: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pytorch").join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

pub(super) fn name(case: &Value) -> &str {
    case["case"].as_str().unwrap()
}

pub(super) fn number(value: &Value, key: &str) -> f64 {
    value[key].as_f64().unwrap_or_else(|| panic!("expected a number {key} in {value}"))
}

pub(super) fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

/// A list of tensors, each flat.
pub(super) fn tensors(value: &Value) -> Vec<Vec<f64>> {
    value.as_array().unwrap().iter().map(numbers).collect()
}

/// That two lists agree to 1e-12, each element relative to itself.
#[track_caller]
pub(super) fn assert_close(found: &[f64], expected: &[f64], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        let error = (found - expected).abs();
        assert!(error <= 1e-12 * expected.abs(), "{what}, element {i}: expected {expected}, got {found}");
    }
}
