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
        let mut command = Command::new(cargo);
        command.args(args).env("RUSTDOCFLAGS", "-D warnings");
        // What `cargo run` tells this program about itself. Build scripts ask for it: with it, the builds here and those of
        // a plain `cargo test` would throw each other away.
        let about_us = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
        std::env::vars_os()
            .filter(|(name, _)| name.to_str().is_some_and(about_us))
            .for_each(|(name, _)| _ = command.env_remove(name));
        let status = command.status()?;
        if !status.success() {
            eprintln!("error: {name} failed; run `cargo {}` to see it alone", args.join(" "));
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}
