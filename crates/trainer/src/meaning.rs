//! What the outputs of a model mean, and what follows from them.

use ndarray::{ArrayRef2, ArrayView1};
use tensor_ops::{Scalar, argmax};

use crate::Model;

/// What the outputs of a model mean; a model file keeps it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Meaning {
    /// Not known. Where there are classes, the largest output wins.
    #[default]
    Unknown,
    /// Softmax makes probabilities of them.
    Logits,
    /// Logarithms of probabilities.
    LogProbabilities,
    /// Probabilities.
    Probabilities,
    /// Each by itself: the sigmoid makes the probability of yes of it.
    YesOrNo,
    /// Numbers, such as a regression gives.
    Values,
}

impl Meaning {
    /// What outputs are that are trained by the loss of this kind and come from a last layer of this kind.
    ///
    /// # Examples
    ///
    /// ```
    /// use trainer::Meaning;
    ///
    /// assert_eq!(Meaning::of("softmax_cross_entropy", "affine"), Meaning::Logits);
    /// assert_eq!(Meaning::of("mean_squared_error", "softmax"), Meaning::Probabilities);
    /// assert_eq!(Meaning::of("huber", "affine"), Meaning::Values);
    /// ```
    pub fn of(loss: &str, last_layer: &str) -> Self {
        match (loss, last_layer) {
            ("softmax_cross_entropy", _) => Meaning::Logits,
            ("binary_cross_entropy", _) => Meaning::YesOrNo,
            (_, "log_softmax") => Meaning::LogProbabilities,
            (_, "softmax") => Meaning::Probabilities,
            ("mean_squared_error" | "mean_absolute_error" | "huber", _) => Meaning::Values,
            _ => Meaning::Unknown,
        }
    }

    /// The probability that this row of outputs gives to a class; `None` if its outputs say nothing of probabilities.
    pub fn probability(self, row: ArrayView1<'_, f64>, class: usize) -> Option<f64> {
        match self {
            Meaning::Logits => {
                // Not by `log_sum_exp`: beside logits of 1e20, the logarithm of a sum of few would be lost.
                let largest = row.fold(f64::NEG_INFINITY, |m, &x| m.max(x));
                Some((row[class] - largest).exp() / row.fold(0.0, |sum, x| sum + (x - largest).exp()))
            }
            Meaning::LogProbabilities => Some(row[class].exp()),
            Meaning::Probabilities => Some(row[class]),
            Meaning::YesOrNo => Some(sigmoid(row[class])),
            Meaning::Unknown | Meaning::Values => None,
        }
    }

    /// How sure this row of outputs is of a class.
    pub(crate) fn score(self, row: ArrayView1<'_, f64>, class: usize) -> Score {
        self.probability(row, class).map_or(Score::Output(row[class]), Score::Probability)
    }

    /// The outputs as they compare with targets that are rows of numbers: probabilities where they stand for some.
    #[cfg(feature = "train")]
    pub(crate) fn comparable(self, outputs: ndarray::Array2<f64>) -> ndarray::Array2<f64> {
        match self {
            Meaning::Logits => {
                let mut probabilities = outputs.clone();
                tensor_ops::softmax_rows(&outputs, &mut probabilities);
                probabilities
            }
            Meaning::LogProbabilities => outputs.mapv_into(f64::exp),
            _ => outputs,
        }
    }
}

fn sigmoid(x: f64) -> f64 {
    if x < 0.0 { x.exp() / (1.0 + x.exp()) } else { 1.0 / (1.0 + (-x).exp()) }
}

/// What a model says of one example.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(untagged))]
pub enum Answer {
    /// It is of this class.
    Class {
        /// The name of the class.
        class: String,
        /// Its index.
        index: usize,
        /// How sure the model is of it.
        #[cfg_attr(feature = "serde", serde(flatten))]
        score: Score,
    },
    /// How probable a yes is, for each of several labels.
    Labels {
        /// From 0 to 1.
        probabilities: Vec<f64>,
    },
    /// Numbers.
    Values {
        /// As the network gives them.
        values: Vec<f64>,
    },
}

/// How sure a model is of a class.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Score {
    /// How probable it holds the class.
    Probability(f64),
    /// The output of the class, which is no probability.
    Output(f64),
}

impl Score {
    /// The number alone.
    pub fn value(self) -> f64 {
        let (Score::Probability(x) | Score::Output(x)) = self;
        x
    }
}

impl Answer {
    /// The answer as text, a cell a number.
    pub fn cells(&self) -> Vec<String> {
        let four = |x: &f64| format!("{x:.4}");
        match self {
            Answer::Class { class, score, .. } => vec![class.clone(), four(&score.value())],
            Answer::Labels { probabilities } => probabilities.iter().map(four).collect(),
            Answer::Values { values } => values.iter().map(|value| format!("{value}")).collect(),
        }
    }
}

impl<T: Scalar, N> Model<T, N> {
    /// The names of the classes; the numbers from 0 if there are none but the outputs are those of classes; empty if the
    /// outputs are no classes.
    pub fn classes(&self) -> Vec<String> {
        use Meaning::{LogProbabilities, Logits, Probabilities};
        match self.meaning {
            Logits | LogProbabilities | Probabilities if self.class_names.is_empty() => {
                (0..self.output_shape().iter().product()).map(|class: usize| class.to_string()).collect()
            }
            _ => self.class_names.clone(),
        }
    }

    /// What each row of outputs says, by [`Model::meaning`]; `None` for one with an output that is not a number.
    ///
    /// # Examples
    ///
    /// ```
    /// use layers::{Affine, Sequential};
    /// use ndarray::array;
    /// use trainer::{Meaning, Model};
    ///
    /// let mut model = Model::<f64>::new(Sequential::new(&[4]).push(Affine::new(4, 2))?, 42)?;
    /// model.meaning = Meaning::Logits;
    /// model.class_names = vec!["cat".into(), "dog".into()];
    /// let answers = model.answers(&array![[0.0, 9f64.ln()]]);
    /// assert_eq!(answers[0].as_ref().unwrap().cells(), ["dog", "0.9000"]);
    /// # Ok::<(), trainer::Error>(())
    /// ```
    pub fn answers(&self, outputs: &ArrayRef2<T>) -> Vec<Option<Answer>> {
        let classes = self.classes();
        let answer = |row: ArrayView1<'_, T>| {
            let row = row.mapv(|v| v.value());
            if row.iter().any(|v| v.is_nan()) {
                return None;
            }
            if !classes.is_empty() {
                let index = argmax(&row)?;
                let score = self.meaning.score(row.view(), index);
                let class = classes.get(index).cloned().unwrap_or_else(|| index.to_string());
                return Some(Answer::Class { class, index, score });
            }
            Some(match self.meaning {
                Meaning::YesOrNo => Answer::Labels { probabilities: row.mapv(sigmoid).to_vec() },
                _ => Answer::Values { values: row.to_vec() },
            })
        };
        outputs.rows().into_iter().map(answer).collect()
    }

    /// The names of the cells of an [`Answer`] of this model.
    pub fn answer_head(&self) -> Vec<String> {
        let numbered =
            |what| (0..self.output_shape().iter().product()).map(move |i: usize| format!("{what} {i}"));
        let unknown = matches!(self.meaning, Meaning::Unknown | Meaning::Values);
        match self.meaning {
            _ if !self.classes().is_empty() => {
                vec!["class".into(), if unknown { "output" } else { "probability" }.into()]
            }
            _ if !self.value_names.is_empty() => self.value_names.clone(),
            Meaning::YesOrNo => numbered("label").collect(),
            _ => numbered("value").collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use layers::{Affine, Sequential};
    use ndarray::array;

    use super::*;

    fn model(meaning: Meaning, names: &[&str]) -> Model<f64> {
        let network = Sequential::new(&[1]).push(Affine::new(1, 2)).unwrap();
        let mut model = Model::new(network, 1).unwrap();
        (model.meaning, model.class_names) = (meaning, names.iter().map(ToString::to_string).collect());
        model
    }

    fn cells(meaning: Meaning, names: &[&str], row: [f64; 2]) -> Vec<String> {
        let answers = model(meaning, names).answers(&array![row]);
        answers[0].as_ref().map(Answer::cells).unwrap_or_default()
    }

    #[test]
    fn outputs_are_read_as_what_they_mean() {
        let (a, b) = (0.25f64.ln(), 0.75f64.ln());
        for (meaning, row) in [
            (Meaning::Logits, [a + 700.0, b + 700.0]),
            (Meaning::LogProbabilities, [a, b]),
            (Meaning::Probabilities, [0.25, 0.75]),
            (Meaning::YesOrNo, [-900.0, 3f64.ln()]),
            (Meaning::Unknown, [0.1, 0.75]),
        ] {
            assert_eq!(cells(meaning, &["x", "y"], row), ["y", "0.7500"], "{meaning:?}");
        }
        let score = |meaning| match &model(meaning, &["x", "y"]).answers(&array![[0.1, 0.75]])[0] {
            Some(Answer::Class { score, .. }) => *score,
            other => panic!("{other:?}"),
        };
        assert_eq!(score(Meaning::Unknown), Score::Output(0.75));
        assert_eq!(score(Meaning::Probabilities), Score::Probability(0.75));
        assert_eq!(cells(Meaning::YesOrNo, &[], [-900.0, 900.0]), ["0.0000", "1.0000"]);
        assert_eq!(cells(Meaning::Values, &[], [-1.5, 1e20]), ["-1.5", "100000000000000000000"]);
        assert_eq!(cells(Meaning::Logits, &[], [1.0, 0.0])[0], "0", "classes without names are numbers");
        assert!(cells(Meaning::Logits, &[], [f64::NAN, 0.0]).is_empty());
        assert_eq!(cells(Meaning::Logits, &[], [1e300, 1e300])[1], "0.5000");
    }

    #[test]
    fn only_a_log_softmax_gives_logarithms_of_probabilities() {
        for loss in ["negative_log_likelihood", "kullback_leibler"] {
            assert_eq!(Meaning::of(loss, "log_softmax"), Meaning::LogProbabilities);
            assert_eq!(Meaning::of(loss, "affine"), Meaning::Unknown);
        }
    }

    #[test]
    fn the_head_has_a_name_for_each_cell() {
        for (meaning, names) in
            [(Meaning::Logits, &["a", "b"][..]), (Meaning::YesOrNo, &[]), (Meaning::Values, &[])]
        {
            assert_eq!(model(meaning, names).answer_head().len(), cells(meaning, names, [0.5, 0.25]).len());
        }
        assert_eq!(model(Meaning::Unknown, &["a", "b"]).answer_head(), ["class", "output"]);
    }
}
