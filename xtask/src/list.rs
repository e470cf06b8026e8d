//! `cargo xtask list`: what there is to choose from.

use std::process::ExitCode;

use trainer::recipe::{BUILT_IN, Recipe};

use crate::Outcome;

/// List the recipes that come with the project.
#[derive(Debug, clap::Args)]
pub struct Args {}

pub fn run(_: &Args) -> Outcome {
    println!("recipes (cargo xtask train RECIPE):");
    for (name, _) in BUILT_IN {
        let about = Recipe::built_in(name).map(|recipe| recipe.about).unwrap_or_default();
        println!("  {name:<12} {about}");
    }
    Ok(ExitCode::SUCCESS)
}
