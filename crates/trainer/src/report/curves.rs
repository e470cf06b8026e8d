//! The curves of a training.

use super::chart::Chart;
use super::line_chart::{LineChart, Series, Vertical};
use crate::{History, Record};

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
fn time(history: &History) -> Time {
    if history.records.iter().all(|r| r.epoch.fract() == 0.0) { Time::Epochs } else { Time::Steps }
}

impl Time {
    fn of(self, record: &Record) -> f64 {
        match self {
            Time::Epochs => record.epoch,
            Time::Steps => record.step as f64,
        }
    }

    fn label(self) -> &'static str {
        match self {
            Time::Epochs => "epoch",
            Time::Steps => "step",
        }
    }
}
