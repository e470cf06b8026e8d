//! The rates of each schedule are those of PyTorch, to 1e-12; and what watches a run does what PyTorch's does.

use std::collections::BTreeSet;

use serde_json::Value;
use trainer::{Anneal, Length, Margin, Metric, OneCycle, Plateau, PlateauState, RunLength, Schedule};

use super::cases::{assert_close, name, number, numbers, read};

/// The schedule that PyTorch's options ask for, and the length of its run.
fn schedule(options: &Value) -> (Schedule, u64) {
    let get = |key| number(options, key);
    let steps = |key: &str| Length::Steps(options[key].as_u64().unwrap());
    let schedule = match options["name"].as_str().unwrap() {
        "constant" => Schedule::Constant {},
        "step" => Schedule::Step { every: steps("step_size"), factor: get("gamma") },
        "multi_step" => {
            let at = numbers(&options["milestones"]).into_iter().map(|t| Length::Steps(t as u64)).collect();
            Schedule::MultiStep { at, factor: get("gamma") }
        }
        "exponential" => Schedule::Exponential { every: Length::Steps(1), factor: get("gamma") },
        "cosine" => Schedule::Cosine { minimum: get("eta_min"), length: Some(steps("t_max")) },
        "cosine_restarts" => Schedule::CosineRestarts {
            first: steps("t_0"),
            multiply: options["t_mult"].as_u64().unwrap(),
            minimum: get("eta_min"),
        },
        "linear" => Schedule::Linear {
            from: get("start_factor"),
            to: get("end_factor"),
            length: Some(steps("total_iters")),
        },
        "warm_up" => Schedule::WarmUp {
            length: steps("total_iters"),
            from: get("start_factor"),
            then: Box::new(schedule(&options["then"]).0),
        },
        "one_cycle" => {
            let cycle = OneCycle {
                rise: get("pct_start"),
                start_divisor: get("div_factor"),
                end_divisor: get("final_div_factor"),
                anneal: match options["anneal_strategy"].as_str().unwrap() {
                    "cos" => Anneal::Cosine,
                    "linear" => Anneal::Linear,
                    other => panic!("anneal {other}"),
                },
                three_phases: options["three_phase"].as_bool().unwrap(),
                length: None,
            };
            return (Schedule::OneCycle(cycle), options["total_steps"].as_u64().unwrap());
        }
        other => panic!("no such schedule: {other}"),
    };
    (schedule, 1000)
}

#[test]
fn rates_are_those_of_pytorch() {
    for case in read("schedules.jsonl") {
        let (schedule, total) = schedule(&case["schedule"]);
        let run = RunLength { total, epoch: 1 };
        let expected = numbers(&case["lr"]);
        let base = number(&case, "base_lr");
        let rates: Vec<f64> = (0..expected.len() as u64).map(|t| schedule.rate(base, t, run)).collect();
        assert_close(&rates, &expected, name(&case));
    }
}

#[test]
fn every_schedule_has_a_case() {
    let tested: BTreeSet<_> =
        read("schedules.jsonl").iter().map(|case| schedule(&case["schedule"]).0.kind()).collect();
    let all: BTreeSet<_> = Schedule::all().iter().map(Schedule::kind).collect();
    assert_eq!(tested, all);
}

#[test]
fn a_plateau_lowers_the_rate_when_that_of_pytorch_does() {
    let cases = read("plateaus.jsonl");
    assert!(cases.len() >= 7);
    for case in cases {
        let options = &case["schedule"];
        let threshold = number(options, "threshold");
        let plateau = Plateau {
            metric: match options["mode"].as_str().unwrap() {
                "min" => Metric::Loss,
                "max" => Metric::Accuracy,
                other => panic!("mode {other}"),
            },
            factor: number(options, "factor"),
            patience: options["patience"].as_u64().unwrap(),
            margin: match options["threshold_mode"].as_str().unwrap() {
                "rel" => Margin::Relative(threshold),
                "abs" => Margin::Absolute(threshold),
                other => panic!("threshold mode {other}"),
            },
            cooldown: options["cooldown"].as_u64().unwrap(),
            minimum: number(options, "min_lr"),
        };
        let base = number(&case, "base_lr");
        let mut state = PlateauState::default();
        let mut rates = vec![plateau.rate(base, &state)];
        for metric in numbers(&case["metrics"]) {
            plateau.observe(metric, &mut state);
            rates.push(plateau.rate(base, &state));
        }
        // PyTorch leaves the rate alone where it would change by less than its eps.
        let least = number(options, "eps");
        let expected = numbers(&case["lr"]);
        for (i, (found, expected)) in rates.iter().zip(&expected).enumerate() {
            let near = (found - expected).abs() <= 1e-12 * expected || expected.max(*found) <= 10.0 * least;
            assert!(near, "{}, {i}: expected {expected}, got {found}", name(&case));
        }
    }
}

#[test]
fn the_minimum_of_a_plateau_lifts_no_rate_that_the_schedule_has_lower() {
    let plateau = Plateau { minimum: 0.1, patience: 0, ..Plateau::default() };
    let mut state = PlateauState::default();
    assert_eq!(plateau.rate(0.01, &state), 0.01);
    [1.0, 1.0].into_iter().for_each(|loss| plateau.observe(loss, &mut state));
    assert_eq!([0.5, 5.0, 0.01].map(|rate| plateau.rate(rate, &state)), [0.1, 0.5, 0.01]);
}
