//! `cargo xtask bench`: how long whole tasks take, how good what comes out is, and how much memory that needs.
//!
//! Each work runs in a process of its own, so that its peak memory is its own.

mod checking;
mod instructions;
mod measure;
mod predicting;
mod reading;
mod training;
mod works;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use serde_json::Value;

use crate::output::{percent, shown, workspace};
use crate::{Outcome, suggest};
use measure::seconds;
use works::{WORKS, Work};

/// Measure whole tasks on real data: time, what came of it, and peak memory.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The works to run, w1 to w9; all if none is named
    #[arg(value_name = "WORK")]
    works: Vec<String>,
    /// Threads to compute with; reading files has threads of its own
    #[arg(long, value_name = "N", default_value = "2")]
    threads: NonZeroUsize,
    /// How often each work is done, 5 times at least
    #[arg(long, value_name = "N", default_value = "5", value_parser = clap::value_parser!(u32).range(5..))]
    repeats: u32,
    /// The folder of the downloaded data sets
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print one JSON object a line and nothing else
    #[arg(long)]
    json: bool,
    /// Count the instructions of kernels and steps under valgrind instead, and fail if there are more than allowed
    #[arg(long, conflicts_with_all = ["works", "json"])]
    instructions: bool,
    /// Allow what is counted now
    #[arg(long, requires = "instructions")]
    set_limits: bool,
    /// Do the work in this very process
    #[arg(long, hide = true)]
    inside: bool,
    /// Do what is to be counted, NAME:TIMES
    #[arg(long, hide = true)]
    count: Option<String>,
}

impl Args {
    fn data(&self) -> PathBuf {
        self.data.clone().unwrap_or_else(|| workspace().join("datasets"))
    }
}

pub fn run(args: &Args) -> Outcome {
    if let Some(case) = &args.count {
        return instructions::inside(case);
    }
    if args.instructions {
        return instructions::run(args.set_limits);
    }
    let known = WORKS.map(|work| work.name);
    let works = args.works.iter().map(|name| WORKS.iter().find(|work| work.name == name).ok_or(name));
    let works: Vec<&Work> = match works.collect() {
        Ok(works) => works,
        Err(name) => {
            let help = "crates/trainer/docs/benchmarks.md describes them";
            return Err(suggest::unknown("work", name, &known, help).into());
        }
    };
    if args.inside {
        works.iter().try_for_each(|work| inside(work, args))?;
        return Ok(ExitCode::SUCCESS);
    }
    let works = if works.is_empty() { WORKS.iter().collect() } else { works };
    if !args.json {
        println!("{}", row(["work", "threads", "median", "best", "per", "test acc.", "peak memory", "what"]));
    }
    let mut complete = true;
    for work in works {
        complete &= outside(work, args)?;
    }
    // What nobody asked for by name may be missing.
    Ok(if complete || args.works.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Does the work here and prints what was measured.
fn inside(work: &Work, args: &Args) -> Result<(), Box<dyn std::error::Error>> {
    tensor_ops::pool::set_threads(args.threads.get());
    let measured = (work.run)(&args.data(), args.repeats)?;
    println!("{}", measured.to_json(work, args.threads.get()));
    Ok(())
}

/// Has the work done by a process of its own and shows what that prints; false if the data are not there.
fn outside(work: &Work, args: &Args) -> Result<bool, Box<dyn std::error::Error>> {
    let data = args.data();
    if let Some(set) = work.needs.filter(|set| !data.join(set.name()).is_dir()) {
        let folder = shown(&data);
        eprintln!(
            "{}: skipped, {set} is not in {folder}; `cargo xtask fetch-data {set}` brings it to datasets, and --data names another folder",
            work.name
        );
        return Ok(false);
    }
    (work.prepare)(&data)?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["bench", work.name, "--inside", "--threads", &args.threads.to_string()]);
    command.args(["--repeats", &args.repeats.to_string(), "--data"]).arg(data);
    let output = command.stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("{} failed", work.name).into());
    }
    let line = String::from_utf8(output.stdout)?;
    if args.json {
        print!("{line}");
    } else {
        println!("{}", shown_row(work, &serde_json::from_str(&line)?));
    }
    Ok(true)
}

fn shown_row(work: &Work, measured: &Value) -> String {
    let number = |key: &str| measured[key].as_f64();
    let time = |key| number(key).map_or("-".into(), seconds);
    let peak = number("peak_mib").map_or("-".into(), |mib| format!("{mib:.0} MiB"));
    row([
        work.name,
        &measured["threads"].to_string(),
        &time("median_s"),
        &time("best_s"),
        work.unit,
        &percent(number("test_acc")),
        &peak,
        work.about,
    ])
}

fn row([work, threads, median, best, unit, accuracy, peak, about]: [&str; 8]) -> String {
    format!("{work:<4}  {threads:>7}  {median:>9}  {best:>9}  {unit:<10}  {accuracy:>9}  {peak:>11}  {about}")
}
