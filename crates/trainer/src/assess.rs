//! A model judged on a data set in full: class by class, label by label, or by how far values are off.

use std::fmt;

use layers::Backprop;
use losses::Loss;
use tensor_ops::Scalar;

use crate::metrics::{ConfusionMatrix, by_label, mean_absolute_error, r2, root_mean_squared_error};
use crate::table::{count, four_digits};
use crate::{Error, Meaning, Model, Source, Table, evaluate, outputs};

/// How a model does on a data set; prints itself as tables.
#[derive(Clone, Debug, PartialEq)]
pub struct Assessment {
    /// How many examples there were.
    pub examples: usize,
    /// The mean loss of an example; none if the loss is not known.
    pub loss: Option<f64>,
    /// By what the targets are.
    pub scores: Scores,
}

/// The metrics that fit the targets.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Scores {
    /// Of classes.
    Classes {
        /// Their names.
        names: Vec<String>,
        /// Which was taken for which.
        confusion: ConfusionMatrix,
    },
    /// Of several labels that may hold at once.
    Labels {
        /// Their names: numbers from 0 if the model has none.
        names: Vec<String>,
        /// Of each a matrix of no and yes.
        confusions: Vec<ConfusionMatrix>,
    },
    /// Of values. Where the outputs are those of classes, the values are a probability for each, and it is by the
    /// probabilities that the model gives that it is judged.
    Values {
        /// See [`mean_absolute_error`].
        mean_absolute_error: Option<f64>,
        /// See [`root_mean_squared_error`].
        root_mean_squared_error: Option<f64>,
        /// See [`r2`].
        r2: Option<f64>,
    },
}

/// Judges a model on data that are scaled as it needs.
///
/// # Errors
///
/// [`Error::InputShape`] or [`Error::Outputs`] if the data are not for this model, [`Error::Loss`] if the loss refuses the
/// targets.
///
/// # Examples
///
/// ```
/// use datasets::{Dataset, Features, Targets};
/// use layers::{Affine, Sequential};
/// use losses::SoftmaxCrossEntropy;
/// use ndarray::array;
/// use trainer::{Model, Source, assess};
///
/// let mut model = Model::<f64>::new(Sequential::new(&[2]).push(Affine::new(2, 2))?, 42)?;
/// model.params_mut()[0].assign(&array![[1.0, 0.0], [0.0, 1.0]].into_dyn()); // the larger input wins
/// let features = Features::F64(array![[2.0, 1.0], [1.0, 2.0], [3.0, 1.0]].into_dyn());
/// let data = Dataset::new(features, Targets::Classes(vec![0, 1, 1]), vec!["left".into(), "right".into()])?;
/// let source = Source::new(&data, &model.scaling)?;
/// let assessment = assess(&model, &source, Some(&SoftmaxCrossEntropy::default()))?;
/// assert_eq!(assessment.accuracy(), Some(2.0 / 3.0));
/// assert!(assessment.to_string().contains("right"));
/// # Ok::<(), trainer::Error>(())
/// ```
pub fn assess<T: Scalar, N: Backprop<T>>(
    model: &Model<T, N>,
    data: &Source<'_, T>,
    loss: Option<&dyn Loss<T>>,
) -> Result<Assessment, Error> {
    model.check_fit(data)?;
    let loss = loss.map(|loss| evaluate(model, data, loss).map(|found| found.loss)).transpose()?;
    let outputs = outputs(model, data)?;
    let scores = match &data.dataset().targets {
        datasets::Targets::Classes(labels) => Scores::Classes {
            names: if model.class_names.is_empty() {
                &data.dataset().class_names
            } else {
                &model.class_names
            }
            .clone(),
            confusion: ConfusionMatrix::of(&outputs, labels),
        },
        datasets::Targets::Values(values) if model.meaning == Meaning::YesOrNo => {
            let names = match model.value_names.is_empty() {
                true => (0..values.ncols()).map(|label| label.to_string()).collect(),
                false => model.value_names.clone(),
            };
            Scores::Labels { names, confusions: by_label(&outputs, values, 0.0) }
        }
        datasets::Targets::Values(values) => {
            let outputs = model.meaning.comparable(outputs.mapv(T::value));
            Scores::Values {
                mean_absolute_error: mean_absolute_error(&outputs, values),
                root_mean_squared_error: root_mean_squared_error(&outputs, values),
                r2: r2(&outputs, values),
            }
        }
    };
    Ok(Assessment { examples: data.len(), loss, scores })
}

impl Assessment {
    /// The share of examples that are right; of labels, the share of all single answers. None of values.
    pub fn accuracy(&self) -> Option<f64> {
        match &self.scores {
            Scores::Classes { confusion, .. } => confusion.accuracy(),
            Scores::Labels { confusions, .. } => {
                let sum: Option<f64> = confusions.iter().map(ConfusionMatrix::accuracy).sum();
                sum.filter(|_| !confusions.is_empty()).map(|sum| sum / confusions.len() as f64)
            }
            Scores::Values { .. } => None,
        }
    }
}

/// `97.22 %`
fn percent(share: Option<f64>) -> String {
    share.map_or("-".into(), |share| format!("{:.2} %", 100.0 * share))
}

fn number(x: Option<f64>) -> String {
    x.map_or("-".into(), four_digits)
}

/// A row of a table of classes or labels.
fn scored(name: String, matrix: &ConfusionMatrix, class: usize) -> [String; 5] {
    let [precision, recall, f1] =
        [matrix.precision(class), matrix.recall(class), matrix.f1(class)].map(percent);
    [name, count(matrix.support(class)), precision, recall, f1]
}

const HEAD: [&str; 4] = ["examples", "precision", "recall", "F1"];

impl fmt::Display for Assessment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "examples  {}", count(self.examples as u64))?;
        if let Some(loss) = self.loss {
            writeln!(f, "loss      {}", four_digits(loss))?;
        }
        if let Some(accuracy) = self.accuracy() {
            writeln!(f, "accuracy  {}", percent(Some(accuracy)))?;
        }
        match &self.scores {
            Scores::Classes { names, confusion } => classes(f, names, confusion),
            Scores::Labels { names, confusions } => {
                let mut table = Table::new(1, [&["label"][..], &HEAD].concat());
                for (name, matrix) in names.iter().zip(confusions) {
                    table.row(scored(name.clone(), matrix, 1));
                }
                write!(f, "\n{table}")
            }
            &Scores::Values { mean_absolute_error, root_mean_squared_error, r2 } => {
                writeln!(f, "mean absolute error      {}", number(mean_absolute_error))?;
                writeln!(f, "root mean squared error  {}", number(root_mean_squared_error))?;
                writeln!(f, "R2                       {}", number(r2))
            }
        }
    }
}

fn classes(f: &mut fmt::Formatter<'_>, names: &[String], confusion: &ConfusionMatrix) -> fmt::Result {
    let name = |class: usize| names.get(class).cloned().unwrap_or_else(|| class.to_string());
    let all = 0..confusion.classes();
    let mut table = Table::new(1, [&["class"][..], &HEAD].concat());
    for class in all.clone() {
        table.row(scored(name(class), confusion, class));
    }
    let mean = [confusion.macro_precision(), confusion.macro_recall(), confusion.macro_f1()].map(percent);
    let total: u64 = all.clone().map(|class| confusion.support(class)).sum();
    table.row(["mean".to_owned(), count(total)].into_iter().chain(mean));
    write!(f, "\n{table}\n")?;

    writeln!(f, "confusion matrix: a row is the true class, a column the predicted one")?;
    let mut table = Table::new(1, std::iter::once(String::new()).chain(all.clone().map(name)));
    for truth in all.clone() {
        let counts = all.clone().map(|guess| count(confusion.counts()[[truth, guess]]));
        table.row(std::iter::once(name(truth)).chain(counts));
    }
    write!(f, "{table}")
}
