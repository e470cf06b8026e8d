//! Proof that the gradient of a loss is the derivative of its value.
//!
//! ```
//! use losses::SoftmaxCrossEntropy;
//! use losses::gradcheck::{Draw, Settings, Verdict, check};
//!
//! let report = check(&SoftmaxCrossEntropy::default(), 5, Draw::Classes, &Settings::default());
//! assert_eq!(report.verdict(), Verdict::Pass, "{report}");
//! ```
//!
//! It works unchanged on a loss of your own: implement [`Loss<T>`](crate::Loss) for every `T: Scalar`. What is checked
//! is what `layers::gradcheck` checks of a layer, as far as it has a meaning for a number: the derivative against dual
//! numbers and against differences, with an upstream derivative other than 1; second derivatives; gradients that
//! overwrite whatever was there; memory layouts; f32 against f64; large, tiny and zero inputs; slopes on both sides of a
//! kink; and that value and gradient refuse the same targets with the same error.

mod promises;
mod subject;
#[cfg(test)]
mod tests;

pub use tensor_ops::gradcheck::{Check, Failure, Report, Settings, Tensor, Tolerances, Verdict};
use tensor_ops::gradcheck::{check_derivatives, check_second_order};
use tensor_ops::pool;

use self::promises::Promises;
use self::subject::Subject;
use crate::AnyLoss;

/// How the targets of a check are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Draw {
    /// Class indices.
    Classes,
    /// Rows of probabilities that sum to 1.
    Distributions,
    /// Rows of 0 and 1 and of numbers between.
    Unit,
    /// Rows of any numbers.
    Real,
}

/// Checks a loss on outputs of the given width, with targets that are drawn as it takes them.
pub fn check(loss: &dyn AnyLoss, width: usize, draw: Draw, settings: &Settings) -> Report {
    // Comparisons are seen on the calling thread alone; see `tensor_ops::branches`.
    pool::with_threads(1, || {
        let mut report = Report::new(crate::Loss::<f64>::kind(loss));
        for &n in &settings.batches {
            let subject = Subject::new(loss, [n, width], draw, settings);
            if let Err(error) = subject.value(&subject.x) {
                report.fail_with(Check::Shapes, &subject.place(), "x", error.to_string());
                return report;
            }
            check_derivatives(&subject, &subject.place(), settings, &mut report);
            check_second_order(&subject, &subject.place(), settings, &mut report);
            Promises { subject: &subject, settings, place: subject.place() }.check(&mut report);
        }
        report
    })
}
