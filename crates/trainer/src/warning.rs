//! Warnings: what makes a training go badly although nothing is wrong enough to stop it.
//!
//! They cost a look at a few hundred examples before the training and one more after it; [`of_split`] reads all.

mod last_layer;
mod relus;

use std::fmt;

use layers::views::batched;
use layers::{Backprop, InputKind, Layer, Sequential};
use ndarray::{ArrayD, Axis};
use tensor_ops::Scalar;

pub(crate) use last_layer::last_kind;
#[cfg(any(feature = "recipe", feature = "report"))]
pub(crate) use last_layer::last_layer;
pub use last_layer::of_loss;
pub use relus::of_model;

use crate::table::four_digits;
use crate::{Model, Record, Source, StepReport};

/// Examples that are looked at.
const SAMPLE: usize = 500;
/// The mean size of a feature above which inputs count as not scaled.
const LARGE: f64 = 10.0;
/// Steps whose loss is that of the beginning.
const FIRST_STEPS: u64 = 20;
/// Epochs after which the loss should have moved.
const EPOCHS: f64 = 3.0;
/// The share of the first loss that it should be below by then.
const MOVED: f64 = 0.95;

/// Something about the data or the training that a person should know.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(tag = "warning", rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Warning {
    /// Inputs that are far from 1 in size as the network sees them.
    InputsNotScaled {
        /// The number within an example, counted from 0, that is the largest.
        feature: usize,
        /// The mean of its absolute value.
        size: f64,
    },
    /// The least label is not 0, so that the first classes have no examples.
    LabelsDoNotStartAt0 {
        /// The least label.
        least: usize,
    },
    /// Classes without an example in the training data.
    MissingClasses {
        /// Their names.
        names: Vec<String>,
    },
    /// Test examples with the features of training examples.
    SharedExamples {
        /// How many.
        shared: usize,
        /// Of how many.
        test: usize,
    },
    /// A last layer whose outputs are not what the loss takes.
    LastLayer {
        /// The loss.
        loss: &'static str,
        /// What it takes: `logits`, `log-probabilities`.
        takes: &'static str,
        /// The last layer.
        last: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// The loss is what it was in the beginning.
    LossNotMoving {
        /// The epochs taken.
        epochs: f64,
        /// The mean loss of the first steps.
        first: f64,
        /// The mean loss of the last epoch.
        last: f64,
    },
    /// Rectifiers that are 0 for every example, and get no gradient.
    DeadRelus {
        /// The layer.
        layer: usize,
        /// How many of its units are dead.
        dead: usize,
        /// How many it has.
        units: usize,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Warning::InputsNotScaled { feature, size } => write!(
                f,
                "the inputs are not scaled: number {feature} of an example is {size:.3} in size on average, where \
                 networks learn best from about 1; add `scaling = \"standardise\"` to [data]"
            ),
            Warning::LabelsDoNotStartAt0 { least } => write!(
                f,
                "the labels start at {least}, so the network has outputs for classes 0 to {} that never occur; \
                 subtract {least} from the labels, or name the classes",
                least - 1
            ),
            Warning::MissingClasses { names } => write!(
                f,
                "no training example is of {} {}, so the network cannot learn it; look at the labels and the split",
                if names.len() == 1 { "class" } else { "the classes" },
                names.join(", ")
            ),
            Warning::SharedExamples { shared, test } => write!(
                f,
                "{shared} of {test} test examples are training examples too, so the test flatters; take them out of one \
                 of the two"
            ),
            Warning::LastLayer { loss, takes, last, remedy } => {
                write!(
                    f,
                    "the loss {loss} takes {takes}, which the last layer ({last}) does not give; {remedy}"
                )
            }
            Warning::LossNotMoving { epochs, first, last } => write!(
                f,
                "the loss hardly moves: {} in the first steps, {} after {epochs:.0} epochs; try another learning rate, \
                 and look at the scaling of inputs and the labels",
                four_digits(*first),
                four_digits(*last)
            ),
            Warning::DeadRelus { layer, dead, units } => write!(
                f,
                "layer {layer} (relu): {dead} of {units} units are 0 for every example and learn nothing; lower the \
                 learning rate, scale the inputs, or use leaky_relu"
            ),
        }
    }
}

/// What is to be said of the examples before a model is trained on them.
pub fn of_data<T: Scalar>(model: &Model<T>, train: &Source<'_, T>) -> Vec<Warning>
where
    Sequential: Backprop<T>,
{
    unscaled(model, train).into_iter().chain(classes(train)).collect()
}

/// What is to be said of a training set and a test set together. Scaling and targets do not count.
pub fn of_split<T: Scalar>(train: &Source<'_, T>, test: &Source<'_, T>) -> Option<Warning> {
    let shared = test.dataset().features.shared_with(&train.dataset().features).len();
    (shared > 0).then_some(Warning::SharedExamples { shared, test: test.len() })
}

/// The indices of examples that stand for all, evenly spread.
fn sample<T: Scalar>(data: &Source<'_, T>) -> Vec<usize> {
    (0..data.len()).step_by(data.len().div_ceil(SAMPLE).max(1)).collect()
}

fn inputs<T: Scalar>(data: &Source<'_, T>) -> ArrayD<T> {
    let indices = sample(data);
    let mut x = ArrayD::zeros(batched(indices.len(), data.dataset().feature_shape()));
    data.inputs(&indices, &mut x);
    x
}

fn unscaled<T: Scalar>(model: &Model<T>, train: &Source<'_, T>) -> Option<Warning> {
    let network = model.network();
    let scales_itself = network.layers().first().is_some_and(|layer| layer.kind().ends_with("_norm"));
    if scales_itself || matches!(network.input_kind(), InputKind::Index(_)) {
        return None;
    }
    let x = inputs(train);
    let mut sizes = vec![0.0; x.len() / x.len_of(Axis(0))];
    for example in x.outer_iter() {
        sizes.iter_mut().zip(&example).for_each(|(size, v)| *size += v.value().abs());
    }
    let (feature, sum) = sizes.into_iter().enumerate().max_by(|a, b| a.1.total_cmp(&b.1))?;
    let size = sum / x.len_of(Axis(0)) as f64;
    (size > LARGE).then_some(Warning::InputsNotScaled { feature, size })
}

fn classes<T: Scalar>(train: &Source<'_, T>) -> Option<Warning> {
    let data = train.dataset();
    let mut counts = vec![0_u64; data.n_classes()];
    data.targets.classes()?.iter().for_each(|&label| counts[label] += 1);
    let least = counts.iter().position(|&n| n > 0)?;
    let numbered = data.class_names.iter().enumerate().all(|(i, name)| *name == i.to_string());
    let missing = |&class: &usize| counts[class] == 0;
    let missing: Vec<usize> = (0..counts.len()).filter(missing).collect();
    match missing.len() {
        0 => None,
        n if numbered && n == least => Some(Warning::LabelsDoNotStartAt0 { least }),
        _ => {
            let names = missing.iter().map(|&class| data.class_names[class].clone()).collect();
            Some(Warning::MissingClasses { names })
        }
    }
}

/// Watches whether the loss moves in the first epochs.
///
/// # Examples
///
/// ```
/// use trainer::warning::LossWatch;
/// use trainer::{Record, StepReport};
///
/// let mut watch = LossWatch::default();
/// watch.step(StepReport { loss: 2.3, weight: 1.0, examples: 1, correct: 0 });
/// let record = |epoch, train_loss| Record {
///     step: 1, epoch, learning_rate: 0.1, train_loss, train_accuracy: None, test_loss: None, test_accuracy: None,
/// };
/// assert_eq!(watch.record(&record(2.0, 2.3)), None, "too early to say");
/// assert!(watch.record(&record(3.0, 2.3)).is_some());
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LossWatch {
    steps: u64,
    first: f64,
    records: u64,
    last: f64,
    decided: bool,
}

impl LossWatch {
    /// Takes note of a step; only the first few count.
    pub fn step(&mut self, report: StepReport) {
        if self.steps < FIRST_STEPS {
            self.steps += 1;
            self.first += (report.loss - self.first) / self.steps as f64;
        }
    }

    /// Takes note of a record; returns a warning, at most once, if the loss has not moved by then.
    pub fn record(&mut self, record: &Record) -> Option<Warning> {
        if self.decided || self.steps == 0 || record.epoch <= EPOCHS - 1.0 {
            return None;
        }
        self.records += 1;
        self.last += (record.train_loss - self.last) / self.records as f64;
        if record.epoch < EPOCHS {
            return None;
        }
        self.decided = true;
        let stuck = self.last >= self.first - (1.0 - MOVED) * self.first.abs();
        stuck.then_some(Warning::LossNotMoving { epochs: record.epoch, first: self.first, last: self.last })
    }
}

#[cfg(test)]
mod tests {
    use datasets::{Dataset, Features, Scaling, Targets};
    use layers::{Affine, BatchNorm, Relu};
    use ndarray::Array;

    use super::*;

    /// 20 examples of 2 numbers, of which the second is 5 `scale` in size on average.
    fn data(scale: f64, labels: &[usize], names: &[&str]) -> Dataset {
        let x = Array::from_shape_fn(vec![20, 2], |i| (i[0] as f64 - 10.0) * [0.125, scale][i[1]]);
        let labels = (0..20).map(|i| labels[i % labels.len()]).collect();
        let names = names.iter().map(ToString::to_string).collect();
        Dataset::new(Features::F64(x), Targets::Classes(labels), names).unwrap()
    }

    fn network() -> Sequential {
        let affine = |inputs, units| Affine::new(inputs, units);
        let chain = Sequential::new(&[2]).push(affine(2, 4)).unwrap().push(Relu).unwrap();
        chain.push(affine(4, 3)).unwrap()
    }

    fn warnings(network: Sequential, data: &Dataset, scaling: &Scaling) -> Vec<Warning> {
        of_data(&Model::<f64>::new(network, 1).unwrap(), &Source::new(data, scaling).unwrap())
    }

    #[test]
    fn one_large_feature_is_enough_and_scaling_or_a_norm_helps() {
        let data = data(100.0, &[0, 1, 2], &[]);
        let found = warnings(network(), &data, &Scaling::none());
        assert_eq!(found, [Warning::InputsNotScaled { feature: 1, size: 500.0 }]);
        assert!(found[0].to_string().contains("number 1 of an example is 500.000 in size"), "{}", found[0]);
        assert!(warnings(network(), &data, &Scaling::standardise_per_feature(&data).unwrap()).is_empty());
        let normed = Sequential::new(&[2]).push(BatchNorm::new(2)).unwrap();
        assert!(warnings(normed, &data, &Scaling::none()).is_empty());
    }

    #[test]
    fn labels_from_1_and_missing_classes_are_told_apart() {
        let of = |labels: &[usize], names: &[&str]| {
            warnings(network(), &data(1.0, labels, names), &Scaling::none()).first().map(ToString::to_string)
        };
        let start = of(&[1, 2], &[]).unwrap();
        assert!(
            start.starts_with("the labels start at 1, so the network has outputs for classes 0 to 0"),
            "{start}"
        );
        let missing = of(&[0, 2], &["cat", "dog", "cow"]).unwrap();
        assert!(missing.starts_with("no training example is of class dog,"), "{missing}");
        assert!(of(&[1, 2], &["cat", "dog", "cow"]).unwrap().contains("class cat"));
        assert!(of(&[0, 3], &[]).unwrap().contains("the classes 1, 2"));
        assert_eq!(of(&[0, 1, 2], &[]), None);
    }

    #[test]
    fn examples_in_both_sets_are_counted() {
        let (train, scaling) = (data(1.0, &[0, 1, 2], &[]), Scaling::none());
        let of = |test: &Dataset| {
            let source = |set| Source::<f64>::new(set, &scaling).unwrap();
            of_split(&source(&train), &source(test))
        };
        assert_eq!(of(&train.select(&[3, 4])), Some(Warning::SharedExamples { shared: 2, test: 2 }));
        let other = data(2.0, &[0, 1, 2], &[]);
        assert_eq!(of(&other), Some(Warning::SharedExamples { shared: 1, test: 20 }), "0 times 2 is 0");
        assert_eq!(of(&other.select(&[0, 1])), None);
    }

    #[test]
    fn more_than_half_of_the_rectifiers_dead_is_said_and_half_is_not() {
        let data = data(1.0, &[0, 1, 2], &[]);
        let of = |dead: usize| {
            let mut model = Model::<f64>::new(network(), 1).unwrap();
            let bias = |i: ndarray::IxDyn| if i[0] < dead { -100.0 } else { 100.0 };
            model.params_mut()[1] = Array::from_shape_fn(vec![4], bias);
            of_model(&model, &Source::new(&data, &Scaling::none()).unwrap()).unwrap()
        };
        assert_eq!(of(3), [Warning::DeadRelus { layer: 1, dead: 3, units: 4 }]);
        assert_eq!(of(2), []);
    }

    #[test]
    fn a_loss_that_moves_or_moved_at_once_is_no_warning() {
        let watched = |losses: &[f64]| {
            let mut watch = LossWatch::default();
            (0..FIRST_STEPS).for_each(|_| {
                watch.step(StepReport { loss: losses[0], weight: 1.0, examples: 1, correct: 0 });
            });
            let record = |(i, &train_loss): (usize, &f64)| Record {
                step: i as u64,
                epoch: (i + 1) as f64,
                learning_rate: 0.1,
                train_loss,
                train_accuracy: None,
                test_loss: None,
                test_accuracy: None,
            };
            losses.iter().enumerate().filter_map(|i| watch.record(&record(i))).count()
        };
        assert_eq!(watched(&[2.3, 2.31, 2.29, 2.3, 2.3]), 1, "once");
        assert_eq!(watched(&[2.3, 2.0, 1.9]), 0);
        assert_eq!(watched(&[5.0, 1.0, 1.0, 1.0]), 0, "it has converged");
        assert_eq!(watched(&[2.3, 2.3]), 0, "too early");
        assert_eq!(watched(&[-1.0, -1.0, -1.0]), 1);
        assert_eq!(
            LossWatch::default().record(&Record {
                step: 9,
                epoch: 9.0,
                learning_rate: 0.1,
                train_loss: 1.0,
                train_accuracy: None,
                test_loss: None,
                test_accuracy: None,
            }),
            None,
            "a training that goes on has its first steps behind it"
        );
    }
}
