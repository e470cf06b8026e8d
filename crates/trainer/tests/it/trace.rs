//! A training from inside.

use datasets::Scaling;
use trainer::{Order, Source};

use super::support::{bits, data, trainer};

#[test]
fn a_trace_changes_no_bit_of_the_training() {
    let (data, scaling) = (data(), Scaling::none());
    let source = Source::<f64>::new(&data, &scaling).unwrap();
    let (mut plain, mut traced) = (trainer::<f64>(Order::Shuffled, 2), trainer::<f64>(Order::Shuffled, 2));
    traced.start_trace();
    plain.fit(&source, Some(&source), |_| {}).unwrap();
    traced.fit(&source, Some(&source), |_| {}).unwrap();
    assert_eq!(bits(&plain.state()), bits(&traced.state()));
    assert!(plain.trace().is_none());
}

#[test]
fn norms_are_taken_at_evaluations_and_phases_add_up() {
    let (data, scaling) = (data(), Scaling::none());
    let source = Source::<f64>::new(&data, &scaling).unwrap();
    let mut trainer = trainer::<f64>(Order::Drawn, 2);
    trainer.start_trace();
    let start = std::time::Instant::now();
    let history = trainer.fit(&source, Some(&source), |_| {}).unwrap();
    let time = start.elapsed();
    let trace = trainer.trace().unwrap();
    assert_eq!(trace.names, ["0.weight", "0.bias", "3.weight", "3.bias"], "no statistic among them");
    let steps = |steps: Vec<u64>| steps;
    let recorded = steps(history.records.iter().map(|r| r.step).collect());
    assert_eq!(steps(trace.norms.iter().map(|n| n.step).collect()), recorded);
    for norms in &trace.norms {
        assert!(norms.gradients.iter().chain(&norms.updates).all(|n| *n > 0.0 && n.is_finite()));
    }
    let sum: std::time::Duration = trace.times.iter().sum();
    assert!(trace.times.iter().all(|t| !t.is_zero()) && sum <= time, "{:?}", trace.times);
}
