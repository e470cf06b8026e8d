//! `cargo xtask list`: what there is to choose from.

use std::process::ExitCode;

use trainer::recipe::{BUILT_IN, Recipe};
use trainer::{OptimizerSpec, Schedule};

use crate::Outcome;

/// List the recipes that come with the project, and what a recipe may name: layers, losses, optimisers, schedules.
#[derive(Debug, clap::Args)]
pub struct Args {}

pub fn run(_: &Args) -> Outcome {
    let about = |name| Recipe::built_in(name).map(|recipe| recipe.about).unwrap_or_default();
    section("recipes (cargo xtask train RECIPE)", BUILT_IN.map(|(name, _)| (name, about(name))));
    section("layers", layers::Spec::all().iter().map(|spec| (spec.kind(), spec.about())));
    section("losses", losses::Spec::all().iter().map(|spec| (spec.kind(), spec.about())));
    section("optimisers", OptimizerSpec::all().iter().map(|spec| (spec.kind(), spec.about())));
    section("schedules", Schedule::all().iter().map(|schedule| (schedule.kind(), schedule.about())));
    Ok(ExitCode::SUCCESS)
}

fn section<A: std::fmt::Display>(title: &str, entries: impl IntoIterator<Item = (&'static str, A)>) {
    println!("{title}:");
    for (name, about) in entries {
        println!("  {name:<24} {about}");
    }
}
