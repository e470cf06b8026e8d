//! L-BFGS takes the iterations of PyTorch's.

use std::convert::Infallible;

use serde_json::Value;
use trainer::Lbfgs;

use super::cases::{name, number, numbers, read, tensors};

/// The objective of a case: the value, and the gradient into the second argument.
fn objective(case: &Value) -> impl FnMut(&[f64], &mut [f64]) -> Result<f64, Infallible> {
    let quadratic = case["objective"] == "quadratic";
    let (a, b) = match quadratic {
        true => (tensors(&case["a"]), numbers(&case["b"])),
        false => (vec![], vec![]),
    };
    move |x, g| {
        if !quadratic {
            let (u, v) = (1.0 - x[0], x[1] - x[0] * x[0]);
            (g[0], g[1]) = (-2.0 * u - 400.0 * x[0] * v, 200.0 * v);
            return Ok(u * u + 100.0 * v * v);
        }
        let ax: Vec<f64> = a.iter().map(|row| row.iter().zip(x).map(|(a, x)| a * x).sum()).collect();
        g.iter_mut().zip(ax.iter().zip(&b)).for_each(|(g, (ax, b))| *g = ax - b);
        Ok(x.iter().zip(ax.iter().zip(&b)).map(|(x, (ax, b))| 0.5 * x * ax - b * x).sum())
    }
}

#[test]
fn iterations_are_those_of_pytorch() {
    let cases = read("lbfgs.jsonl");
    assert!(cases.len() >= 6);
    for case in cases {
        let options = &case["optimizer"];
        let (trajectory, values) = (tensors(&case["trajectory"]), numbers(&case["values"]));
        let lbfgs = Lbfgs {
            max_iterations: trajectory.len() as u64,
            history: options["history_size"].as_u64().unwrap() as usize,
            rate: number(options, "lr"),
            line_search: options["line_search"] == "strong_wolfe",
            gradient_tolerance: 1e-12,
            change_tolerance: 0.0,
        };
        let mut path = Vec::new();
        let mut x = numbers(&case["start"]);
        let minimum =
            lbfgs.minimise(&mut x, objective(&case), |x, value| path.push((x.to_vec(), value))).unwrap();
        assert!(path.len() >= trajectory.len() - 2, "{}: {minimum:?}", name(&case));
        for (k, (x, value)) in path.iter().enumerate() {
            // A start one rounding away moves PyTorch's own path by up to 1e-13, relative to the whole of x.
            let size = trajectory[k].iter().fold(0.0, |m: f64, x| m.max(x.abs()));
            for (found, expected) in x.iter().zip(&trajectory[k]) {
                let error = (found - expected).abs();
                assert!(error <= 1e-12 * size, "{}, {k}: expected {expected}, got {found}", name(&case));
            }
            let error = (value - values[k]).abs();
            assert!(error <= 1e-12 * values[k].abs().max(1.0), "{}, {k}: value {value}", name(&case));
        }
        // PyTorch, called for one iteration at a time, evaluates anew at the start of each; and without a line search
        // not at the end of the last.
        if path.len() == trajectory.len() {
            let (theirs, steps) = (case["evaluations"].as_u64().unwrap(), trajectory.len() as u64);
            let expected = if lbfgs.line_search { theirs - (steps - 1) } else { theirs + 1 };
            assert_eq!(minimum.evaluations, expected, "{}", name(&case));
        }
    }
}
