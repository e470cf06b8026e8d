//! What there is to choose from.

use super::support::{empty_folder, prints};

#[test]
fn everything_that_a_recipe_may_name_is_listed_with_a_line() {
    let listed = prints(&empty_folder("list"), &["list"]);
    let layers = layers::Spec::all();
    let losses = losses::Spec::all();
    let optimisers = trainer::OptimizerSpec::all();
    let schedules = trainer::Schedule::all();
    let names = (trainer::recipe::BUILT_IN.iter().map(|(name, _)| *name))
        .chain(layers.iter().map(|spec| spec.kind()))
        .chain(losses.iter().map(|spec| spec.kind()))
        .chain(optimisers.iter().map(|spec| spec.kind()))
        .chain(schedules.iter().map(|schedule| schedule.kind()));
    for name in names {
        let is_told = |line: &str| {
            line.strip_prefix(&format!("  {name} ")).is_some_and(|about| !about.trim().is_empty())
        };
        assert!(listed.lines().any(is_told), "{name}:\n{listed}");
    }
}
