#![doc = include_str!("../../docs/gradient_checking.md")]

mod contract;
mod kinks;
mod layouts;
mod numbers;
mod passes;
pub mod planted;
mod quiet;
mod reuse;
mod shapes;
mod subject;

pub use tensor_ops::gradcheck::{Check, Failure, Report, Settings, Tensor, Tolerances, Verdict};
use tensor_ops::gradcheck::{check_derivatives, check_second_order};
use tensor_ops::pool;

use self::contract::Baseline;
use self::kinks::check_kinks;
use self::layouts::check_layouts;
use self::numbers::{check_batch_sum, check_extremes, check_single};
use self::passes::Checked;
use self::quiet::quietly;
use self::reuse::{check_empty, check_reuse};
use self::shapes::check_shapes;
use self::subject::Subject;
use crate::{AnyLayer, Mode};

/// Examples of a large batch: more than any vector or tile of rows holds.
const MANY: usize = 67;

/// Checks a layer for inputs of the given shape of one example.
///
/// The layer is checked in training and in inference, for each number of examples that the settings name and for a batch of
/// 67, at points and with parameters drawn from their seed. A layer whose `output_shape` refuses the shape fails.
///
/// Everything runs on the calling thread, but for the check that several threads give the same bits as one.
pub fn check(layer: &dyn AnyLayer, input: &[usize], settings: &Settings) -> Report {
    // Comparisons are seen on the calling thread alone; see `tensor_ops::branches`.
    pool::with_threads(1, || check_on_one_thread(layer, input, settings))
}

fn check_on_one_thread(layer: &dyn AnyLayer, input: &[usize], settings: &Settings) -> Report {
    let mut report = Report::new(layer.kind());
    if let Err(error) = layer.output_shape(input) {
        report.fail_with(Check::Shapes, "", "x", error.to_string());
        return report;
    }
    for mode in [Mode::Train, Mode::Infer] {
        // Of many examples, projections take in all, and the sum over examples holds each to itself alone.
        let few = Settings { samples: 2, projections: 2, ..settings.clone() };
        let many = (!settings.batches.is_empty()).then_some((MANY, &few)); // without any batch there is no check
        let batches = settings.batches.iter().map(|&n| (n, settings)).chain(many);
        for (n, settings) in batches {
            let run = || check_batch(&Subject::new(layer, input, n, mode, settings), settings, &mut report);
            if let Err(message) = quietly(run) {
                report.fail_with(
                    Check::Panic,
                    &format!("{mode:?}, batch of {n}").to_lowercase(),
                    "x",
                    message,
                );
            }
        }
        let run = || {
            let n = if layer.mixes_examples() { 2 } else { 1 };
            let subject = Subject::new(layer, input, n, mode, settings);
            check_empty(&subject, settings, &mut report);
            check_extremes(&subject, settings, &mut report);
            check_kinks(&subject, settings, &mut report);
            check_shapes(&subject, &mut report);
        };
        if let Err(message) = quietly(run) {
            report.fail_with(Check::Panic, &format!("{mode:?}").to_lowercase(), "x", message);
        }
    }
    report
}

/// What is checked in each mode with each number of examples.
fn check_batch(subject: &Subject<'_>, settings: &Settings, report: &mut Report) {
    check_derivatives(subject, &subject.place(), settings, report);
    check_second_order(subject, &subject.place(), settings, report);
    check_promises::<f64>(subject, settings, report);
    check_promises::<f32>(subject, settings, report);
    check_single(subject, settings, report);
}

/// What is checked in each precision, without derivatives.
fn check_promises<T: Checked>(subject: &Subject<'_>, settings: &Settings, report: &mut Report) {
    let baseline = Baseline::<T>::new(subject, settings);
    baseline.check_contract(report);
    check_reuse(&baseline, report);
    check_layouts(&baseline, report);
    check_batch_sum(&baseline, report);
}
