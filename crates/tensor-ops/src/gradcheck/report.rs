//! What a check found.

use ndarray::ArrayRefD;

use super::Floor;

/// The outcome of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every tensor was compared with references that are not all zero, and nothing disagreed.
    Pass,
    /// Something disagreed.
    Fail,
    /// Nothing disagreed, but of some tensor nothing was compared or every reference is zero: no evidence.
    Unchecked,
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Verdict::Pass => "pass",
            Verdict::Fail => "fail",
            Verdict::Unchecked => "unchecked",
        })
    }
}

/// What was compared with what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Check {
    /// Each derivative with that by dual numbers.
    Exact,
    /// ⟨v, Ju⟩ by dual numbers with ⟨Jᵀv, u⟩ by the backward pass.
    Projection,
    /// Each derivative with 5-point differences.
    Differences,
    /// The references of a trainable tensor are not zero and its gradient is.
    NoGradient,
    /// Jᵀ(αv + βw) with α Jᵀv + β Jᵀw.
    Linearity,
    /// Jᵀ0 with 0.
    ZeroCotangent,
    /// A second backward pass with the first.
    Repeat,
    /// Gradients that started from noise with noise + gradient.
    Accumulation,
    /// Gradients that were set, whatever their arrays held, with those that were added to zeros.
    Anew,
    /// Outputs that started as not-a-number with outputs that started as zero.
    Unwritten,
    /// Inputs, parameters and cotangent after the passes with before.
    Unchanged,
    /// Arrays of other memory layouts with contiguous ones.
    Layout,
    /// A batch in the cache of a larger one with the same in its own.
    PartialBatch,
    /// A batch without examples: nothing changes.
    EmptyBatch,
    /// A pass after other passes through the same cache with one through a fresh cache.
    Reuse,
    /// The derivative at a kink with the slopes on both sides.
    Kink,
    /// Parameter gradients without dx with those beside it.
    WithoutDx,
    /// Several threads with one.
    Threads,
    /// Parameters after `absorb` with before; statistics from one cache with those from another.
    Absorb,
    /// f32 with f64.
    SinglePrecision,
    /// Large, tiny and zero inputs: finite, and the exact derivative.
    Extremes,
    /// The gradient of a batch with the sum over its examples.
    BatchSum,
    /// The shapes that both passes take with those that the layer states.
    Shapes,
    /// Second derivatives with their mirror image.
    SecondOrder,
    /// The passes run to their end on shapes that the layer accepts.
    Panic,
}

impl Check {
    /// All of them.
    pub const ALL: [Check; 25] = [
        Check::Exact,
        Check::Projection,
        Check::Differences,
        Check::NoGradient,
        Check::Linearity,
        Check::ZeroCotangent,
        Check::Repeat,
        Check::Accumulation,
        Check::Anew,
        Check::Unwritten,
        Check::Unchanged,
        Check::Layout,
        Check::PartialBatch,
        Check::EmptyBatch,
        Check::Reuse,
        Check::Kink,
        Check::WithoutDx,
        Check::Threads,
        Check::Absorb,
        Check::SinglePrecision,
        Check::Extremes,
        Check::BatchSum,
        Check::Shapes,
        Check::SecondOrder,
        Check::Panic,
    ];

    /// What disagreed, in a few words.
    pub fn name(self) -> &'static str {
        match self {
            Check::Exact => "dual numbers",
            Check::Projection => "dual projections",
            Check::Differences => "5-point differences",
            Check::NoGradient => "gradient missing",
            Check::Linearity => "linearity in dy",
            Check::ZeroCotangent => "zero dy",
            Check::Repeat => "backward twice",
            Check::Accumulation => "gradients added to",
            Check::Anew => "gradients set anew",
            Check::Unwritten => "every element written",
            Check::Unchanged => "arguments unchanged",
            Check::Layout => "memory layouts",
            Check::PartialBatch => "partial batch",
            Check::EmptyBatch => "empty batch",
            Check::Reuse => "cache used before",
            Check::Kink => "slopes at a kink",
            Check::WithoutDx => "without dx",
            Check::Threads => "number of threads",
            Check::Absorb => "statistics absorbed",
            Check::SinglePrecision => "f32 against f64",
            Check::Extremes => "extreme inputs",
            Check::BatchSum => "sum over examples",
            Check::Shapes => "shapes",
            Check::SecondOrder => "symmetric second derivatives",
            Check::Panic => "no panic",
        }
    }
}

impl std::fmt::Display for Check {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// The worst element of a comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct Disagreement {
    /// Its position in the tensor.
    pub index: Vec<usize>,
    /// What the pass under check computed.
    pub got: f64,
    /// What the reference says.
    pub expected: f64,
    /// The error, as [`relative_error`](super::relative_error) measures it.
    pub error: f64,
    /// How many elements are beyond the tolerance.
    pub beyond: usize,
}

/// A comparison that went wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// What was compared with what.
    pub check: Check,
    /// Under which circumstances: `train, batch of 7`.
    pub place: String,
    /// Of which tensor: `x`, `weight`.
    pub tensor: String,
    /// The worst element, if the failure is one of numbers.
    pub worst: Option<Disagreement>,
    /// What the error had to be below.
    pub tolerance: f64,
    /// What else helps to find the mistake; empty if nothing.
    pub note: String,
    /// For differences: steps and the error of the central difference at each. Of a right derivative it falls a
    /// hundredfold with a tenth of the step until rounding takes over; of a wrong one it stays.
    pub steps: Vec<(f64, f64)>,
}

/// What was compared of one tensor, over all circumstances of the check.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tensor {
    /// Its name.
    pub name: String,
    /// Elements compared with an exact derivative, counted once for each circumstance.
    pub checked: usize,
    /// Of these, elements that differences could not check because a kink was near.
    pub skipped: usize,
    /// Of these, elements whose exact derivative is zero.
    pub zero: usize,
    /// The largest error against dual numbers.
    pub max_dual_error: f64,
    /// The largest error against differences.
    pub max_difference_error: f64,
    /// The largest error of f32 against f64.
    pub max_single_error: f64,
}

/// What a check found: a table when printed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// What was checked.
    pub subject: String,
    /// One row a tensor, in the order of the function's variables.
    pub tensors: Vec<Tensor>,
    /// What went wrong: for each check and tensor the worst.
    pub failures: Vec<Failure>,
    /// Why the tolerances are looser than the project's, or a check was left out.
    pub reasons: Vec<String>,
    /// The regions of the [pool](crate::pool) that were shared where several threads were held against one.
    pub shared_regions: u64,
}

impl Report {
    /// A report without findings, whose verdict is `unchecked`.
    pub fn new(subject: impl Into<String>) -> Self {
        Report { subject: subject.into(), ..Report::default() }
    }

    /// The verdict.
    pub fn verdict(&self) -> Verdict {
        let evidence = |t: &Tensor| t.checked > t.zero;
        if !self.failures.is_empty() {
            Verdict::Fail
        } else if self.tensors.is_empty() || !self.tensors.iter().all(evidence) {
            Verdict::Unchecked
        } else {
            Verdict::Pass
        }
    }

    /// The row of a tensor, new if need be.
    pub fn tensor(&mut self, name: &str) -> &mut Tensor {
        let position = self.tensors.iter().position(|t| t.name == name).unwrap_or_else(|| {
            self.tensors.push(Tensor { name: name.into(), ..Tensor::default() });
            self.tensors.len() - 1
        });
        &mut self.tensors[position]
    }

    /// Elements compared with an exact derivative.
    pub fn checked(&self) -> usize {
        self.tensors.iter().map(|t| t.checked).sum()
    }

    /// Elements that differences could not check.
    pub fn skipped(&self) -> usize {
        self.tensors.iter().map(|t| t.skipped).sum()
    }

    /// Elements whose exact derivative is zero.
    pub fn zero(&self) -> usize {
        self.tensors.iter().map(|t| t.zero).sum()
    }

    /// The largest error against dual numbers.
    pub fn max_dual_error(&self) -> f64 {
        self.tensors.iter().map(|t| t.max_dual_error).fold(0.0, f64::max)
    }

    /// The largest error against differences.
    pub fn max_difference_error(&self) -> f64 {
        self.tensors.iter().map(|t| t.max_difference_error).fold(0.0, f64::max)
    }

    /// Notes a failure; of one check and tensor only the worst is kept.
    pub fn fail(&mut self, failure: Failure) {
        let error = |f: &Failure| f.worst.as_ref().map_or(f64::INFINITY, |w| w.error);
        let same = |f: &&mut Failure| f.check == failure.check && f.tensor == failure.tensor;
        match self.failures.iter_mut().find(same) {
            Some(known) if error(known) < error(&failure) => *known = failure,
            Some(_) => {}
            None => self.failures.push(failure),
        }
    }

    /// Notes a failure that is not one of numbers.
    pub fn fail_with(&mut self, check: Check, place: &str, tensor: &str, note: impl Into<String>) {
        self.fail(Failure {
            check,
            place: place.into(),
            tensor: tensor.into(),
            worst: None,
            tolerance: 0.0,
            note: note.into(),
            steps: Vec::new(),
        });
    }
}

/// What is being compared, and how closely.
#[derive(Clone, Copy, Debug)]
pub struct Comparison<'a> {
    /// What with what.
    pub check: Check,
    /// Under which circumstances.
    pub place: &'a str,
    /// Of which tensor.
    pub tensor: &'a str,
    /// The floor of the measure.
    pub floor: Floor,
    /// What the error has to be below.
    pub tolerance: f64,
}

impl Comparison<'_> {
    /// Compares a tensor with its reference, notes a failure beyond the tolerance, and returns the largest error.
    ///
    /// # Panics
    ///
    /// If the shapes differ.
    pub fn of(&self, got: &ArrayRefD<f64>, reference: &ArrayRefD<f64>, report: &mut Report) -> f64 {
        let worst = self.floor.compare(got, reference, self.tolerance);
        let error = worst.as_ref().map_or(0.0, |w| w.error);
        if error > self.tolerance {
            report.fail(self.failure(worst, ""));
        }
        error
    }

    /// The failure of this comparison.
    pub fn failure(&self, worst: Option<Disagreement>, note: impl Into<String>) -> Failure {
        Failure {
            check: self.check,
            place: self.place.into(),
            tensor: self.tensor.into(),
            worst,
            tolerance: self.tolerance,
            note: note.into(),
            steps: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    fn checked(checked: usize, zero: usize) -> Report {
        let mut report = Report::new("test");
        *report.tensor("x") = Tensor { name: "x".into(), checked, zero, ..Tensor::default() };
        report
    }

    #[test]
    fn a_pass_needs_evidence_for_every_tensor() {
        assert_eq!(Report::new("nothing").verdict(), Verdict::Unchecked);
        assert_eq!(checked(0, 0).verdict(), Verdict::Unchecked);
        assert_eq!(checked(5, 5).verdict(), Verdict::Unchecked);
        let mut report = checked(5, 4);
        assert_eq!(report.verdict(), Verdict::Pass);
        report.tensor("bias");
        assert_eq!(report.verdict(), Verdict::Unchecked);
    }

    #[test]
    fn the_worst_failure_of_a_check_and_tensor_is_kept() {
        let mut report = checked(5, 0);
        let reference = array![1.0].into_dyn();
        let floor = Floor(0.0);
        let exact = |tensor| Comparison { check: Check::Exact, place: "", tensor, floor, tolerance: 1e-3 };
        for got in [1.1, 1.5, 1.2] {
            exact("x").of(&array![got].into_dyn(), &reference, &mut report);
        }
        exact("w").of(&array![2.0].into_dyn(), &reference, &mut report);
        let got: Vec<_> = report.failures.iter().map(|f| f.worst.as_ref().unwrap().got).collect();
        assert_eq!(got, [1.5, 2.0]);
        assert_eq!(report.verdict(), Verdict::Fail);
    }
}
