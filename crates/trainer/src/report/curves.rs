//! The curves of a training.

use super::chart::Chart;
use super::line_chart::{LineChart, Series, Vertical};
use crate::{History, Norms, Record, Trace};

/// Parameters up to which a chart shows all; with more, weights alone, and of these so many.
const PARAMETERS: usize = 8;
const WEIGHTS: usize = 24;

/// All that a history has values for.
pub(super) fn charts(history: &History) -> Vec<Chart> {
    let has_accuracy = history.records.iter().any(|r| r.train_accuracy.or(r.test_accuracy).is_some());
    let accuracy = has_accuracy.then(|| accuracy(history));
    [loss(history)].into_iter().chain(accuracy).collect()
}

/// Loss over time.
fn loss(history: &History) -> Chart {
    let series = vec![
        series(history, "train, while learning", |r| Some(r.train_loss)),
        series(history, "test", |r| r.test_loss),
    ];
    draw("loss", "Loss", "mean loss", Vertical::Positive, history, series)
}

/// Accuracy over time.
fn accuracy(history: &History) -> Chart {
    let series = vec![
        series(history, "train, while learning", |r| r.train_accuracy),
        series(history, "test", |r| r.test_accuracy),
    ];
    draw("accuracy", "Accuracy", "accuracy in %", Vertical::Share, history, series)
}

/// Learning rate over time.
pub(super) fn learning_rate(history: &History) -> Chart {
    let series = vec![series(history, "learning rate", |r| Some(r.learning_rate))];
    draw("learning-rate", "Learning rate", "learning rate", Vertical::Positive, history, series)
}

/// How large gradients and updates are, parameter by parameter.
pub(super) fn norms(trace: &Trace) -> [Chart; 2] {
    let chart = |id, title: &str, y_label: &str, of: fn(&Norms) -> &[f64]| {
        let few = trace.names.len() <= PARAMETERS;
        let shown = trace.names.iter().enumerate().filter(|(_, name)| few || name.ends_with("weight"));
        let series = shown.take(WEIGHTS).map(|(i, name)| Series {
            name: name.clone(),
            points: trace.norms.iter().map(|norms| (norms.step as f64, of(norms)[i])).collect(),
        });
        let series: Vec<_> = series.collect();
        let (title, y_label) = (title.into(), y_label.into());
        LineChart { id, title, x_label: "step".into(), y_label, vertical: Vertical::Positive, series }.draw()
    };
    [
        chart("gradients", "Gradients", "norm of the gradient", |n| &n.gradients),
        chart("updates", "Updates", "norm of the change in a step", |n| &n.updates),
    ]
}

fn series(history: &History, name: &str, value: impl Fn(&Record) -> Option<f64>) -> Series {
    let time = time(history);
    let points = history.records.iter().filter_map(|r| Some((time.of(r), value(r)?)));
    Series { name: name.into(), points: points.collect() }
}

fn draw(
    id: &'static str,
    title: &str,
    y_label: &str,
    vertical: Vertical,
    history: &History,
    series: Vec<Series>,
) -> Chart {
    let series = series.into_iter().filter(|s| !s.points.is_empty()).collect();
    let x_label = time(history).label().into();
    LineChart { id, title: title.into(), x_label, y_label: y_label.into(), vertical, series }.draw()
}

/// What time is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Time {
    Epochs,
    Steps,
}

/// Epochs, if records are at whole ones.
pub(super) fn time(history: &History) -> Time {
    if history.records.iter().all(|r| r.epoch.fract() == 0.0) { Time::Epochs } else { Time::Steps }
}

impl Time {
    pub(super) fn of(self, record: &Record) -> f64 {
        match self {
            Time::Epochs => record.epoch,
            Time::Steps => record.step as f64,
        }
    }

    pub(super) fn label(self) -> &'static str {
        match self {
            Time::Epochs => "epoch",
            Time::Steps => "step",
        }
    }
}
