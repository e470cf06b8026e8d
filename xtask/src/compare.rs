//! `cargo xtask compare`: runs side by side in one page.

use std::path::PathBuf;
use std::process::ExitCode;

use trainer::report::{self, RunFile};
use trainer::write_atomically;

use crate::Outcome;
use crate::output::{percent, shown, workspace};

/// Show runs side by side in one page: results, curves, and where their recipes differ.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folders of runs, as `train` wrote them
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// The page [default: target/train/compare.html]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub fn run(args: &Args) -> Outcome {
    let load = |path: &PathBuf| match RunFile::load(path) {
        Ok(run) => Ok((shown(path), run)),
        Err(error) => Err(format!("{error}; a run is a folder that `cargo xtask train --out DIR` wrote")),
    };
    let runs = args.runs.iter().map(load).collect::<Result<Vec<_>, _>>()?;
    let page = report::compare(&runs);
    let out = args.out.clone().unwrap_or_else(|| workspace().join("target/train/compare.html"));
    if let Some(folder) = out.parent() {
        std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    write_atomically(&out, |file| file.write_all(page.as_bytes()))?;
    for (name, run) in &runs {
        println!("{name}: test accuracy {}", percent(run.test.and_then(|test| test.accuracy)));
    }
    println!("side by side in {}", shown(&out));
    Ok(ExitCode::SUCCESS)
}
