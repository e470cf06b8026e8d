//! `cargo xtask test`: what CI runs.

use std::process::{Command, ExitCode};

use crate::Outcome;

/// Run what CI runs: formatting, lints, tests and docs.
#[derive(Debug, clap::Args)]
pub struct Args {}

const STEPS: [(&str, &[&str]); 4] = [
    ("formatting", &["fmt", "--all", "--check"]),
    (
        "lints",
        &["clippy", "--workspace", "--all-targets", "--all-features", "--locked", "--", "-D", "warnings"],
    ),
    ("tests", &["test", "--workspace", "--all-features", "--locked"]),
    ("docs", &["doc", "--workspace", "--all-features", "--no-deps", "--locked"]),
];

pub fn run(_: &Args) -> Outcome {
    for (name, args) in STEPS {
        eprintln!("==> {name}: cargo {}", args.join(" "));
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let status = Command::new(cargo).args(args).env("RUSTDOCFLAGS", "-D warnings").status()?;
        if !status.success() {
            eprintln!("error: {name} failed; run `cargo {}` to see it alone", args.join(" "));
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}
