//! Values of the operator tests of ONNX in f32, to 1e-5.

use super::cases::{Target, array, name, read, spec};

#[test]
fn values_are_those_of_onnx() {
    let cases = read("onnx/cases.jsonl");
    assert!(cases.len() >= 20, "{} cases", cases.len());
    for case in cases {
        let loss = spec(&case).build::<f32>().unwrap();
        let value = loss.value(&array::<f32>(&case["x"]), Target::of(&case).view()).unwrap();
        let expected = case["value"].as_f64().unwrap();
        assert!(
            (value - expected).abs() <= 1e-5 * expected.abs(),
            "{}: expected {expected}, got {value}",
            name(&case)
        );
    }
}
