//! Runs side by side on one page.

use maud::{Markup, html};

use super::curves::{Time, time};
use super::line_chart::{LineChart, Series, Vertical};
use super::number::{count, percent, seconds, short};
use super::page::{card, chart_card, page, table};
use super::run_file::RunFile;
use crate::{History, Record};

/// A page that shows runs side by side: results, curves, and where their recipes differ. Each run comes with the name
/// by which it is called there, such as the path of its folder.
///
/// # Examples
///
/// ```
/// use trainer::report::compare;
///
/// let page = compare(&[]);
/// assert!(page.starts_with("<!DOCTYPE html>"));
/// ```
pub fn compare(runs: &[(String, RunFile)]) -> String {
    let epochs = runs.iter().all(|(_, run)| time(&run.history) == Time::Epochs);
    let unit = if epochs { Time::Epochs } else { Time::Steps };
    let chart = |id, title: &str, y_label: &str, vertical, value: fn(&Record) -> Option<f64>| {
        let series: Vec<Series> =
            runs.iter().map(|(name, run)| series(name, &run.history, unit, value)).collect();
        let any = series.iter().any(|series| !series.points.is_empty());
        let (title, x_label, y_label) = (title.into(), unit.label().into(), y_label.into());
        any.then(|| LineChart { id, title, x_label, y_label, vertical, series }.draw())
    };
    let charts = [
        chart("test-accuracy", "Test accuracy", "accuracy in %", Vertical::Share, |r| r.test_accuracy),
        chart("test-loss", "Test loss", "mean loss", Vertical::Positive, |r| r.test_loss),
        chart("train-accuracy", "Training accuracy, while learning", "accuracy in %", Vertical::Share, |r| {
            r.train_accuracy
        }),
        chart("train-loss", "Training loss, while learning", "mean loss", Vertical::Positive, |r| {
            Some(r.train_loss)
        }),
        chart("learning-rate", "Learning rate", "learning rate", Vertical::Positive, |r| {
            Some(r.learning_rate)
        }),
    ];
    let mut sections = vec![results(runs)];
    sections.extend(charts.iter().flatten().map(chart_card));
    sections.extend(recipes(runs));
    page("Comparison", &html! { p .note { (runs.len()) " runs" } }, &sections)
}

fn series(name: &str, history: &History, unit: Time, value: fn(&Record) -> Option<f64>) -> Series {
    let points = history.records.iter().filter_map(|r| Some((unit.of(r), value(r)?)));
    Series { name: name.into(), points: points.collect() }
}

fn results(runs: &[(String, RunFile)]) -> Markup {
    let last = |run: &RunFile| run.history.last().copied();
    let rows = runs.iter().map(|(name, run)| {
        let share = |accuracy: Option<f64>| accuracy.map_or("-".into(), percent);
        [
            name.clone(),
            run.name.clone(),
            share(run.test.and_then(|test| test.accuracy)),
            run.test.map_or("-".into(), |test| short(test.loss)),
            share(run.train.accuracy),
            short(run.train.loss),
            count(run.parameters as u64),
            last(run).map_or("-".into(), |r| short(r.epoch)),
            last(run).map_or("-".into(), |r| count(r.step)),
            seconds(run.seconds),
            run.seed.to_string(),
        ]
    });
    let cells = rows.map(|row| row.iter().map(|cell| html! { (cell) }).collect());
    let head = [
        "run",
        "recipe",
        "test accuracy",
        "test loss",
        "train accuracy",
        "train loss",
        "parameters",
        "epochs",
        "steps",
        "training",
        "seed",
    ];
    card(
        "results",
        "Results",
        "the trained models, evaluated on all examples",
        true,
        &table(&head, &cells.collect::<Vec<_>>()),
    )
}

/// The recipes, with the lines that not all of them have marked.
fn recipes(runs: &[(String, RunFile)]) -> Vec<Markup> {
    let shared = |line: &str| runs.iter().all(|(_, run)| run.recipe.lines().any(|other| other == line));
    let section = |(name, run): &(String, RunFile)| {
        let body = html! {
            pre {
                @for line in run.recipe.lines() {
                    @if shared(line) { (line) } @else { mark { (line) } }
                    "\n"
                }
            }
        };
        html! {
            section .card .recipe { h2 { (name) } p .note { "marked: lines that not all runs have" } (body) }
        }
    };
    runs.iter().map(section).collect()
}
