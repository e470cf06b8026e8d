//! Outputs that the operator tests of ONNX expect, in f32 to 1e-5.

use super::cases::read;

const TOLERANCE: [f64; 2] = [1e-5, 1e-6];

#[test]
fn outputs_are_those_of_onnx() {
    let cases = read("onnx/cases.jsonl");
    assert_eq!(cases.len(), 133);
    for case in cases {
        let results = case.run::<f32>();
        case.compare("y", &results.y, &case.y, TOLERANCE);
        for (name, expected) in &case.after {
            let after = results.after.iter().find(|(found, _)| found == name);
            case.compare(&format!("{name} after"), &after.expect("a parameter").1, expected, TOLERANCE);
        }
    }
}
