//! A report as text.

use std::fmt::{Display, Formatter, Result};

use super::{Failure, Report};

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        writeln!(f, "{}: {}", self.subject, self.verdict())?;
        let width = self.tensors.iter().map(|t| t.name.len()).max().unwrap_or(0).max("tensor".len());
        let title = ["checked", "skipped", "zero", "dual", "differences", "f32"];
        let [checked, skipped, zero, dual, differences, single] = title;
        writeln!(
            f,
            "  {:width$}  {checked:>8}  {skipped:>8}  {zero:>8}  {dual:>11}  {differences:>11}  {single:>11}",
            "tensor"
        )?;
        for t in &self.tensors {
            writeln!(
                f,
                "  {:width$}  {:>8}  {:>8}  {:>8}  {:>11.1e}  {:>11.1e}  {:>11.1e}",
                t.name,
                t.checked,
                t.skipped,
                t.zero,
                t.max_dual_error,
                t.max_difference_error,
                t.max_single_error
            )?;
        }
        self.reasons.iter().try_for_each(|reason| writeln!(f, "  note: {reason}"))?;
        self.failures.iter().try_for_each(|failure| write!(f, "{failure}"))
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "  FAIL {}", self.check)?;
        if !self.place.is_empty() {
            write!(f, " ({})", self.place)?;
        }
        write!(f, ": {}", self.tensor)?;
        if let Some(worst) = &self.worst {
            write!(f, "{:?}: got {:e}, expected {:e}, ", worst.index, worst.got, worst.expected)?;
            write!(f, "error {:.1e} above {:.0e}", worst.error, self.tolerance)?;
            if worst.beyond > 1 {
                write!(f, ", {} elements", worst.beyond)?;
            }
        }
        if !self.note.is_empty() {
            write!(f, "; {}", self.note)?;
        }
        writeln!(f)?;
        for (step, error) in &self.steps {
            writeln!(f, "       step {step:.0e}: error {error:.1e}")?;
        }
        Ok(())
    }
}
