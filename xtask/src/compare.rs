//! `cargo xtask compare`: runs side by side in one page.

use std::path::PathBuf;
use std::process::ExitCode;

use trainer::report::{self, RUN_FILE, RunFile};
use trainer::write_atomically;

use crate::Outcome;
use crate::output::{percent, shown, workspace};
use crate::suggest::Usage;

/// Show runs side by side in one page: results, curves, and where their recipes differ.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folders of runs, as `train` wrote them; what else is named is left out
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// The page [default: target/train/compare.html]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub fn run(args: &Args) -> Outcome {
    // As of `target/train/*`, where the page of an earlier comparison lies among the runs.
    let (folders, others): (Vec<_>, Vec<_>) = args.runs.iter().partition(|path| path.join(RUN_FILE).exists());
    if folders.is_empty() {
        let named = others.iter().map(|path| shown(path)).collect::<Vec<_>>().join(", ");
        let help = "a run is a folder that `cargo xtask train --out DIR` wrote";
        return Err(Usage(format!("{named}: expected runs, got none with a {RUN_FILE}; {help}")).into());
    }
    for path in others {
        eprintln!("note: leaving out {}, which is no run: it has no {RUN_FILE}", shown(path));
    }
    let load = |path: &PathBuf| RunFile::load(path).map(|run| (shown(path), run));
    let runs = folders.into_iter().map(load).collect::<Result<Vec<_>, _>>()?;
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
