//! `cargo xtask gradcheck`: is every backward pass the derivative of its forward pass?

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use layers::gradcheck::planted::{Outcome as Judged, plants};
use losses::{SoftmaxCrossEntropy, Targets};
use ndarray::{ArrayD, Axis};
use serde_json::json;
use trainer::gradcheck::{
    Case, Network, Report, Settings, Verdict, cases, check_recipe, generated_rows, leaky_networks, run_all,
    three_rows, two_layer_model,
};
use trainer::recipe::Recipe;

use crate::output::{duration, workspace};
use crate::{Outcome, find, suggest};

/// Check every gradient against exact derivatives and against differences.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Check what has this word in its name alone
    #[arg(long, value_name = "WORD")]
    filter: Option<String>,
    /// Check the network of a recipe with its loss, after 20 steps of training
    #[arg(long, value_name = "NAME", conflicts_with_all = ["filter", "self_test"])]
    recipe: Option<String>,
    /// The folder in which the data of the recipe are [default: that of the recipe, or datasets]
    #[arg(long, value_name = "DIR", requires = "recipe")]
    data: Option<PathBuf>,
    /// Check the checker: every known mistake must be caught and no right layer blamed
    #[arg(long, conflicts_with = "filter")]
    self_test: bool,
    /// Print one JSON object a line and nothing else
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Outcome {
    let start = Instant::now();
    let reports = match &args.recipe {
        Some(name) => vec![of_recipe(name, args.data.as_deref())?],
        None if args.self_test => return Ok(self_test(args.json)),
        None => {
            let word = args.filter.as_deref().unwrap_or_default();
            let chosen: Vec<Case> = cases().into_iter().filter(|case| case.name.contains(word)).collect();
            if chosen.is_empty() {
                let known = cases();
                let known: Vec<&str> = known.iter().map(|case| case.name.as_str()).collect();
                let help = "a filter is any part of a name";
                return Err(suggest::unknown("check", word, &known, help).into());
            }
            walk(&chosen, args.json)
        }
    };
    if args.recipe.is_some() {
        reports.iter().for_each(|report| say(report, start.elapsed(), args.json));
    }
    say_done(&reports, start.elapsed(), args.json);
    if args.filter.is_none() && args.recipe.is_none() && !args.json {
        notebooks()?;
    }
    let good = reports.iter().all(|report| report.verdict() == Verdict::Pass);
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs the checks with a bar, and prints a row for each as it comes.
fn walk(chosen: &[Case], json: bool) -> Vec<Report> {
    if !json {
        println!("{HEAD}");
    }
    let bar = bar(chosen.len(), json);
    let reports = run_all(chosen, &Settings::default(), |report, time| {
        bar.suspend(|| say(report, time, json));
        bar.inc(1);
    });
    bar.finish_and_clear();
    reports
}

fn bar(n: usize, json: bool) -> ProgressBar {
    if json || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len}  {elapsed}");
    ProgressBar::new(n as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

const HEAD: &str = "verdict    case                                                       checked  skipped     dual     \
                    diff       time";

fn say(report: &Report, time: Duration, json: bool) {
    if json {
        let line = json!({
            "case": report.subject, "verdict": report.verdict().to_string(),
            "max_dual_error": report.max_dual_error(), "max_difference_error": report.max_difference_error(),
            "checked": report.checked(), "skipped": report.skipped(),
        });
        return println!("{line}");
    }
    println!(
        "{:<9}  {:<55} {:>10} {:>8}  {:>7.1e}  {:>7.1e} {:>10}",
        report.verdict(),
        report.subject,
        report.checked(),
        report.skipped(),
        report.max_dual_error(),
        report.max_difference_error(),
        duration(time)
    );
    if report.verdict() != Verdict::Pass {
        print!("{report}");
    }
}

fn say_done(reports: &[Report], time: Duration, json: bool) {
    let count = |verdict| reports.iter().filter(|report| report.verdict() == verdict).count();
    let (failed, unchecked) = (count(Verdict::Fail), count(Verdict::Unchecked));
    let worst = reports.iter().max_by(|a, b| a.max_dual_error().total_cmp(&b.max_dual_error()));
    let max_dual_error = worst.map_or(0.0, Report::max_dual_error);
    if json {
        let line = json!({
            "event": "done", "cases": reports.len(), "failed": failed, "unchecked": unchecked,
            "max_dual_error": max_dual_error, "seconds": time.as_secs_f64(),
        });
        return println!("{line}");
    }
    if let Some(worst) = worst {
        println!("\nworst: {worst}");
    }
    let cases = reports.len();
    println!("{cases} cases, {failed} failed, {unchecked} unchecked, in {}", duration(time));
}

/// The report on a recipe's network.
fn of_recipe(name: &str, data: Option<&Path>) -> Result<Report, Box<dyn std::error::Error>> {
    let recipe = find::recipe(name)?;
    let data = find::load_data(&recipe, &find::data_root(name, &recipe, data))?;
    let report = check_recipe(&recipe, &data, &Settings::default())?;
    Ok(Report { subject: format!("recipe: {name}"), ..report })
}

/// Lets the checker judge layers with a known mistake.
fn self_test(json: bool) -> ExitCode {
    let settings = Settings::default();
    let plants = plants();
    let bar = bar(plants.len(), json);
    let mut good = 0;
    for plant in &plants {
        let outcome = plant.judge(&settings);
        good += usize::from(outcome.is_right());
        bar.suspend(|| say_judged(&outcome, json));
        bar.inc(1);
    }
    bar.finish_and_clear();
    let wrong = plants.len() - good;
    if json {
        println!("{}", json!({ "event": "done", "cases": plants.len(), "failed": wrong }));
    } else {
        println!("\n{} mistakes, {good} caught and their right twins passed, {wrong} not", plants.len());
    }
    if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn say_judged(outcome: &Judged, json: bool) {
    let by: Vec<_> = outcome.caught_by.iter().map(|check| check.name()).collect();
    let verdict = match (by.is_empty(), &outcome.blamed) {
        (_, Some(_)) => "blamed the right layer",
        (true, None) => "GOT AWAY",
        (false, None) => "caught",
    };
    if json {
        return println!("{}", json!({ "case": outcome.name, "verdict": verdict, "caught_by": by }));
    }
    println!("{verdict:<9}  {:<52} {}", outcome.name, by.join(", "));
    if let Some(report) = &outcome.blamed {
        print!("{report}");
    }
}

/// The checks that the notebooks make.
fn notebooks() -> Result<(), Box<dyn std::error::Error>> {
    let (x, labels, whence) = rows();
    let model = two_layer_model(1)?;
    let loss = SoftmaxCrossEntropy::default();
    let network = Network::new(&model, &x, Targets::Classes(&labels), &loss)?;
    println!("\nthe notebook's check: 784-50-10, three rows ({whence}), central differences with step 1e-4");
    let start = Instant::now();
    for (difference, name) in three_rows(&network).iter().zip(["W1", "b1", "W2", "b2"]) {
        println!(
            "  {name}  mean absolute difference {:.1e} over {} elements",
            difference.mean, difference.elements
        );
    }
    let found = leaky_networks(100, 1)?;
    println!(
        "100 random leaky networks of 10-20-4 units on 100 rows: {} elements agree, {} disagree, {} skipped at a kink ({})",
        found.agree,
        found.disagree,
        found.skipped,
        duration(start.elapsed())
    );
    Ok(())
}

/// Three rows of MNIST if it is there, else generated ones; their classes; and which.
fn rows() -> (ArrayD<f64>, Vec<usize>, &'static str) {
    let mnist = || {
        let recipe = Recipe::built_in("mnist")?;
        let data = recipe.load_data(&workspace().join("datasets")).ok()?;
        let source = trainer::Source::<f64>::new(&data.train, &data.scaling).ok()?;
        let mut x = ArrayD::zeros([&[3], data.train.feature_shape()].concat());
        source.inputs(&[0, 1, 2], &mut x);
        let labels = data.train.targets.classes()?[..3].to_vec();
        let x = x.into_shape_with_order(vec![3, 784]).ok()?;
        Some((x, labels))
    };
    match mnist() {
        Some((x, labels)) if x.len_of(Axis(0)) == 3 => (x, labels, "of MNIST"),
        _ => {
            let (x, labels) = generated_rows();
            (x, labels, "generated, as MNIST is not downloaded")
        }
    }
}
