//! The line that shows how a training is doing, and the lines that stay of its epochs.

use std::fmt::Write;
use std::io::IsTerminal;

use console::Term;
use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use trainer::{Record, four_digits};

use crate::output::percent;

/// Lines that stay of a run, about.
const LINES: u64 = 60;

/// A line for each epoch, or in a long run for every so many; below them, in a terminal, a bar that moves with each step.
pub(super) struct Live {
    talks: bool,
    bar: ProgressBar,
    steps: u64,
    epochs: u64,
    epochs_a_line: u64,
    /// How many times so many epochs have their line.
    told: u64,
}

impl Live {
    /// For a training that has `done` steps of `steps` behind it.
    pub(super) fn new(talks: bool, done: u64, steps: u64, steps_per_epoch: u64) -> Self {
        let bar = match talks && std::io::stderr().is_terminal() {
            true => ProgressBar::new(steps).with_style(style(Term::stderr().size().1)).with_position(done),
            false => ProgressBar::hidden(),
        };
        bar.reset_eta(); // the rate is that of this run
        let epochs = steps.div_ceil(steps_per_epoch.max(1));
        let epochs_a_line = epochs.div_ceil(LINES).max(1);
        let told = done / steps_per_epoch.max(1) / epochs_a_line;
        Live { talks, bar, steps, epochs, epochs_a_line, told }
    }

    /// Takes note of a step.
    pub(super) fn step(&self, step: u64) {
        self.bar.set_position(step);
    }

    /// Shows a record; it stays as a line if it is the first after so many epochs, or the last.
    pub(super) fn record(&mut self, record: &Record) {
        let over = record.epoch as u64 / self.epochs_a_line;
        let stays = self.talks && (over > self.told || record.step == self.steps);
        if !stays && self.bar.is_hidden() {
            return;
        }
        let results = results(record);
        if stays {
            self.told = over;
            let width = self.epochs.to_string().len() + 3;
            self.suspend(|| println!("epoch {:>width$.2}/{}  {results}", record.epoch, self.epochs));
        }
        self.bar.set_message(results);
    }

    /// Prints above the bar.
    pub(super) fn suspend(&self, print: impl FnOnce()) {
        self.bar.suspend(print);
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// `loss 0.2901  accuracy 91.03 %  test loss 0.2544  accuracy 92.48 %  learning rate 0.05`
fn results(record: &Record) -> String {
    let accuracy =
        |share: Option<f64>| share.map_or(String::new(), |_| format!("  accuracy {}", percent(share)));
    let mut text = format!("loss {}{}", four_digits(record.train_loss), accuracy(record.train_accuracy));
    if let Some(loss) = record.test_loss {
        let _ = write!(text, "  test loss {}{}", four_digits(loss), accuracy(record.test_accuracy));
    }
    // Three digits, without those that a schedule's arithmetic leaves behind.
    let rate: f64 = format!("{:.2e}", record.learning_rate).parse().unwrap_or(record.learning_rate);
    let _ = match rate < 1e-4 {
        true => write!(text, "  learning rate {rate:e}"),
        false => write!(text, "  learning rate {rate}"),
    };
    text
}

/// The columns of a terminal in which all of the bar's line has room; in fewer it would wrap, and stay where it was.
const WIDE: u16 = 60;

/// Its colours are off where the terminal has none, and with `NO_COLOR`.
fn style(columns: u16) -> ProgressStyle {
    let rate = |state: &ProgressState, out: &mut dyn Write| {
        let _ = write!(out, "{:.0} steps/s", state.per_sec());
    };
    ProgressStyle::with_template(template(columns)).expect("a well-formed template").with_key("rate", rate)
}

fn template(columns: u16) -> &'static str {
    match columns {
        WIDE.. => "{bar:16.cyan} {percent:>3} %  {rate}  {eta} left  {wide_msg}",
        _ => "{percent:>3} %  {wide_msg}",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrow_terminal_has_a_line_that_it_has_room_for() {
        // What has a width of its own: 16 for the bar, 3 for the share, up to 17 and 4 for rate and time.
        let room = |columns| {
            let widths =
                [("{bar:16.cyan}", 16), ("{percent:>3}", 3), ("{rate}", 17), ("{eta}", 4), ("{wide_msg}", 0)];
            let fill = |text: String, (key, width): (&str, usize)| text.replace(key, &"x".repeat(width));
            widths.into_iter().fold(template(columns).to_owned(), fill).len()
        };
        assert!([20, 40, 59, 60, 200].iter().all(|&columns| room(columns) <= usize::from(columns)));
        assert!(template(60).contains("bar") && template(59).contains("wide_msg"));
    }

    #[test]
    fn a_long_run_has_a_line_for_every_so_many_epochs() {
        let live = |done, steps| {
            let live = Live::new(true, done, steps, 3);
            (live.epochs_a_line, live.told)
        };
        assert_eq!(
            [live(0, 30), live(15, 180), live(0, 181), live(600, 10_000)],
            [(1, 0), (1, 5), (2, 0), (56, 3)]
        );
    }

    #[test]
    fn a_record_without_accuracy_or_test_set_shows_what_it_has() {
        let mut record = Record {
            step: 5,
            epoch: 1.0,
            learning_rate: 0.1 * 0.3,
            train_loss: 0.25,
            train_accuracy: None,
            test_loss: None,
            test_accuracy: None,
        };
        assert_eq!(results(&record), "loss 0.2500  learning rate 0.03");
        (record.train_accuracy, record.test_loss, record.test_accuracy) = (Some(0.5), Some(1.0), Some(0.75));
        assert_eq!(
            results(&record),
            "loss 0.2500  accuracy 50.00 %  test loss 1.0000  accuracy 75.00 %  learning rate 0.03"
        );
    }
}
