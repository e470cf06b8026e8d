//! What the trained model says of each example.

use datasets::{Dataset, Targets};
use ndarray::{Array2, ArrayView1};
use tensor_ops::argmax;

use super::number::{percent, short};
use crate::Meaning;
use crate::meaning::Score;
use crate::metrics::ConfusionMatrix;

/// An example that was taken for another class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Mistake {
    pub(super) example: usize,
    pub(super) truth: usize,
    pub(super) guess: usize,
    pub(super) score: Score,
}

impl Mistake {
    /// What [`shown`](Self::shown) shows.
    pub(super) fn how_sure(&self) -> &'static str {
        match self.score {
            Score::Probability(_) => "confidence",
            Score::Output(_) => "output",
        }
    }

    pub(super) fn shown(&self) -> String {
        match self.score {
            Score::Probability(x) => percent(x),
            Score::Output(x) => short(x),
        }
    }
}

/// How a classifier does, class by class.
#[derive(Clone, Debug)]
pub(super) struct Verdict {
    pub(super) confusion: ConfusionMatrix,
    /// The surest first.
    pub(super) mistakes: Vec<Mistake>,
}

impl Verdict {
    /// None if the targets are no classes.
    pub(super) fn new(outputs: &Array2<f64>, data: &Dataset, meaning: Meaning) -> Option<Verdict> {
        let Targets::Classes(labels) = &data.targets else { return None };
        let mut mistakes = Vec::new();
        for (example, (row, &truth)) in outputs.rows().into_iter().zip(labels).enumerate() {
            // Outputs that are no numbers are no guess, of which the confusion matrix takes account.
            let Some(guess) = argmax(&row) else { continue };
            if guess != truth {
                mistakes.push(Mistake { example, truth, guess, score: meaning.score(row, guess) });
            }
        }
        mistakes.sort_by(|a, b| b.score.value().total_cmp(&a.score.value()));
        Some(Verdict { confusion: ConfusionMatrix::of(outputs, labels), mistakes })
    }
}

/// The examples whose values are missed by most: index and root mean square error.
pub(super) fn worst_values(outputs: &Array2<f64>, data: &Dataset, n: usize) -> Vec<(usize, f64)> {
    let Targets::Values(values) = &data.targets else { return Vec::new() };
    let error = |(row, target): (ArrayView1<'_, f64>, ArrayView1<'_, f64>)| {
        let squares = row.iter().zip(target).map(|(y, t)| (y - t).powi(2)).sum::<f64>();
        (squares / row.len().max(1) as f64).sqrt()
    };
    let pairs = outputs.rows().into_iter().zip(values.rows());
    let mut errors: Vec<(usize, f64)> = pairs.map(error).enumerate().collect();
    errors.sort_by(|a, b| b.1.total_cmp(&a.1));
    errors.truncate(n);
    errors
}

#[cfg(test)]
mod tests {
    use datasets::Features;
    use ndarray::{Array, array};

    use super::*;

    #[test]
    fn mistakes_come_with_truth_guess_and_confidence_the_surest_first() {
        let logits = array![[0.0, 2.0, 0.0], [0.0, 9.0, 0.0], [5.0, 0.0, 0.0]];
        let x = Features::F32(Array::zeros(vec![3, 1]));
        let names = ["a", "b", "c"].map(str::to_owned).to_vec();
        let data = Dataset::new(x, Targets::Classes(vec![0, 2, 0]), names).unwrap();
        let verdict = Verdict::new(&logits, &data, Meaning::Logits).unwrap();
        let [first, second] = verdict.mistakes[..] else { panic!("two mistakes") };
        assert_eq!((first.example, first.truth, first.guess), (1, 2, 1));
        assert_eq!((second.example, second.truth, second.guess), (0, 0, 1));
        assert!((second.score.value() - 2_f64.exp() / (2_f64.exp() + 2.0)).abs() < 1e-12);
    }
}
