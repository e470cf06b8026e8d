//! What the trained model says of each example.

use datasets::{Dataset, Scaling, Targets};
use layers::views::batched;
use ndarray::{Array2, ArrayD, ArrayView1, Axis};
use tensor_ops::{Scalar, argmax};

use super::number::{percent, short};
use crate::meaning::Score;
use crate::{Error, Meaning, Model, Source};

/// Examples in one forward pass.
const BLOCK: usize = 500;

/// The outputs of the model, a row an example.
///
/// # Errors
///
/// [`Error::Outputs`], [`Error::InputShape`] if the data are not for this model.
pub(super) fn outputs<T: Scalar>(model: &Model<T>, data: &Source<'_, T>) -> Result<Array2<f64>, Error>
where
    layers::Sequential: layers::Backprop<T>,
{
    model.check_fit(data)?;
    // The source scales already.
    let mut model = model.clone();
    model.scaling = Scaling::none();
    let n = model.at_once(BLOCK.min(data.len()));
    let mut predictor = model.predictor(n);
    let mut x = ArrayD::zeros(batched(n, model.input_shape()));
    let mut outputs = Array2::zeros((data.len(), data.outputs()));
    let indices: Vec<usize> = (0..data.len()).collect();
    for block in indices.chunks(n) {
        let mut x = layers::views::head_mut(&mut x, block.len());
        data.inputs(block, &mut x);
        let y = predictor.predict(&x)?;
        for (&i, y) in block.iter().zip(y.outer_iter()) {
            outputs.row_mut(i).iter_mut().zip(&y).for_each(|(to, v)| *to = v.value());
        }
    }
    Ok(outputs)
}

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
    /// Examples, by truth and guess.
    pub(super) confusion: Array2<u64>,
    /// The surest first.
    pub(super) mistakes: Vec<Mistake>,
}

impl Verdict {
    /// None if the targets are no classes.
    pub(super) fn new(outputs: &Array2<f64>, data: &Dataset, meaning: Meaning) -> Option<Verdict> {
        let Targets::Classes(labels) = &data.targets else { return None };
        let k = outputs.ncols();
        let mut confusion = Array2::zeros((k, k));
        let mut mistakes = Vec::new();
        for (example, (row, &truth)) in outputs.rows().into_iter().zip(labels).enumerate() {
            let Some(guess) = argmax(&row) else { continue };
            confusion[[truth, guess]] += 1;
            if guess != truth {
                mistakes.push(Mistake { example, truth, guess, score: meaning.score(row, guess) });
            }
        }
        mistakes.sort_by(|a, b| b.score.value().total_cmp(&a.score.value()));
        Some(Verdict { confusion, mistakes })
    }
}

/// Precision, recall and F1 of a class; none where there is nothing to divide by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct ClassScore {
    pub(super) examples: u64,
    pub(super) precision: Option<f64>,
    pub(super) recall: Option<f64>,
    pub(super) f1: Option<f64>,
}

/// The scores of each class.
pub(super) fn class_scores(confusion: &Array2<u64>) -> Vec<ClassScore> {
    let guessed = confusion.sum_axis(Axis(0));
    let examples = confusion.sum_axis(Axis(1));
    let share = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
    let score = |i: usize| {
        let right = confusion[[i, i]];
        ClassScore {
            examples: examples[i],
            precision: share(right, guessed[i]),
            recall: share(right, examples[i]),
            f1: share(2 * right, guessed[i] + examples[i]),
        }
    };
    (0..confusion.nrows()).map(score).collect()
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

        let scores = class_scores(&verdict.confusion);
        assert_eq!(
            scores[0],
            ClassScore { examples: 2, precision: Some(1.0), recall: Some(0.5), f1: Some(2.0 / 3.0) }
        );
        assert_eq!(scores[1], ClassScore { examples: 0, precision: Some(0.0), recall: None, f1: Some(0.0) });
        assert_eq!(scores[2].precision, None);
    }
}
