//! Every loss of this crate with the options in which it is checked.
//!
//! `cargo test` and `cargo xtask gradcheck` walk this list; a loss that is not in it fails the tests.

use tensor_ops::gradcheck::{Report, Settings};

use crate::gradcheck::{Draw, check};
use crate::{
    AnyLoss, BinaryCrossEntropy, Hinge, Huber, KullbackLeibler, MeanAbsoluteError, MeanSquaredError,
    NegativeLogLikelihood, Reduction, SoftmaxCrossEntropy,
};

/// A loss, the width of the outputs, and the targets on which it is checked.
#[derive(Debug)]
pub struct Case {
    /// What is checked: `softmax cross entropy, classes`.
    pub name: &'static str,
    /// The loss.
    pub loss: Box<dyn AnyLoss>,
    /// Columns of the outputs.
    pub width: usize,
    /// How the targets are drawn.
    pub draw: Draw,
}

fn case(name: &'static str, loss: impl AnyLoss + 'static, width: usize, draw: Draw) -> Case {
    Case { name, loss: Box::new(loss), width, draw }
}

impl Case {
    /// Checks the loss.
    pub fn check(&self, settings: &Settings) -> Report {
        Report { subject: self.name.into(), ..check(&*self.loss, self.width, self.draw, settings) }
    }
}

/// All cases.
pub fn cases() -> Vec<Case> {
    let sum = Reduction::Sum;
    vec![
        case("softmax cross entropy, classes", SoftmaxCrossEntropy::default(), 5, Draw::Classes),
        case("softmax cross entropy, rows", SoftmaxCrossEntropy::default(), 4, Draw::Distributions),
        case(
            "softmax cross entropy, sum",
            SoftmaxCrossEntropy { reduction: sum, ..Default::default() },
            3,
            Draw::Classes,
        ),
        case("softmax cross entropy, smoothed", smoothed(), 4, Draw::Classes),
        case("softmax cross entropy, weighted", weighted(), 3, Draw::Classes),
        case("negative log likelihood", NegativeLogLikelihood::default(), 4, Draw::Classes),
        case("negative log likelihood, weighted", weighted_likelihood(Reduction::Mean), 3, Draw::Classes),
        case("negative log likelihood, weighted sum", weighted_likelihood(sum), 3, Draw::Classes),
        case("binary cross entropy", BinaryCrossEntropy::default(), 4, Draw::Unit),
        case("binary cross entropy, sum", BinaryCrossEntropy { reduction: sum }, 1, Draw::Unit),
        case("Kullback-Leibler", KullbackLeibler::default(), 4, Draw::Distributions),
        case("Kullback-Leibler, sum", KullbackLeibler { reduction: sum }, 3, Draw::Distributions),
        case("mean squared error", MeanSquaredError::default(), 4, Draw::Real),
        case("mean squared error, sum", MeanSquaredError { reduction: sum }, 1, Draw::Real),
        case("mean absolute error", MeanAbsoluteError::default(), 4, Draw::Real),
        case("mean absolute error, sum", MeanAbsoluteError { reduction: sum }, 2, Draw::Real),
        case("Huber", Huber::default(), 4, Draw::Real),
        case("Huber, narrow", Huber { delta: 0.1, ..Huber::default() }, 3, Draw::Real),
        case("Huber, sum", Huber { reduction: sum, ..Huber::default() }, 2, Draw::Real),
        case("hinge", Hinge::default(), 4, Draw::Classes),
        case("hinge, sum", Hinge { reduction: sum, ..Hinge::default() }, 3, Draw::Classes),
        case("hinge, squared", Hinge { squared: true, margin: 0.5, ..Hinge::default() }, 4, Draw::Classes),
    ]
}

fn smoothed() -> SoftmaxCrossEntropy {
    SoftmaxCrossEntropy { label_smoothing: 0.1, ..SoftmaxCrossEntropy::default() }
}

fn weighted_likelihood(reduction: Reduction) -> NegativeLogLikelihood {
    NegativeLogLikelihood { class_weights: vec![0.5, 2.0, 1.0], reduction }
}

fn weighted() -> SoftmaxCrossEntropy {
    SoftmaxCrossEntropy { class_weights: vec![0.5, 2.0, 1.0], ..SoftmaxCrossEntropy::default() }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use tensor_ops::gradcheck::Verdict;

    use super::*;

    #[test]
    fn every_case_passes() {
        let reports: Vec<_> = cases().iter().map(|case| case.check(&Settings::default())).collect();
        let bad: String =
            reports.iter().filter(|r| r.verdict() != Verdict::Pass).map(ToString::to_string).collect();
        assert!(bad.is_empty(), "\n{bad}");
    }

    #[test]
    fn every_loss_of_the_crate_is_registered() {
        let type_name = |case: &Case| {
            let text = format!("{:?}", case.loss);
            text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned()
        };
        let registered: BTreeSet<String> = cases().iter().map(type_name).collect();
        let mut found = BTreeSet::new();
        for entry in
            fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).expect("readable sources")
        {
            let path = entry.expect("readable sources").path();
            let source = fs::read_to_string(&path).unwrap_or_default();
            let code = source.split("#[cfg(test)]").next().unwrap_or_default();
            found.extend(code.lines().filter_map(|line| {
                let (_, name) = line.strip_prefix("impl<T: Scalar>")?.split_once(" Loss<T> for ")?;
                Some(name.split(|c: char| !c.is_alphanumeric()).next()?.to_owned())
            }));
        }
        assert!(found.contains("SoftmaxCrossEntropy"), "the scan finds losses: {found:?}");
        let missing: Vec<_> = found.difference(&registered).collect();
        assert!(missing.is_empty(), "losses without a case in registry.rs: {missing:?}");
    }
}
