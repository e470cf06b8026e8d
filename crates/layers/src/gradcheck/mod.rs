//! Proof that a layer's backward pass is the derivative of its forward pass, and that it keeps its other promises.
//!
//! One call checks a layer of this crate or of yours:
//!
//! ```
//! use layers::Affine;
//! use layers::gradcheck::{Settings, Verdict, check};
//!
//! let report = check(&Affine::new(5, 3), &[5], &Settings::default());
//! assert_eq!(report.verdict(), Verdict::Pass, "{report}");
//! ```

mod passes;
mod subject;

pub use tensor_ops::gradcheck::{Check, Failure, Report, Settings, Tensor, Tolerances, Verdict};
use tensor_ops::gradcheck::{check_derivatives, check_second_order};

use self::subject::Subject;
use crate::{AnyLayer, Mode};

/// Checks a layer for inputs of the given shape of one example.
///
/// The layer is checked in training and in inference, for each number of examples that the settings name, at points and
/// with parameters drawn from their seed. A layer whose `output_shape` refuses the shape fails.
pub fn check(layer: &dyn AnyLayer, input: &[usize], settings: &Settings) -> Report {
    let mut report = Report::new(layer.kind());
    if let Err(error) = layer.output_shape(input) {
        report.fail_with(Check::Shapes, "", "x", error.to_string());
        return report;
    }
    for mode in [Mode::Train, Mode::Infer] {
        for &n in &settings.batches {
            let subject = Subject::new(layer, input, n, mode, settings);
            check_derivatives(&subject, &subject.place(), settings, &mut report);
            check_second_order(&subject, &subject.place(), settings, &mut report);
        }
    }
    report
}
