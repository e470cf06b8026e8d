//! Reads the case files, whose format the README beside each set describes.

use std::path::Path;

use losses::{
    BinaryCrossEntropy, Hinge, Huber, KullbackLeibler, MeanAbsoluteError, MeanSquaredError,
    NegativeLogLikelihood, Reduction, SoftmaxCrossEntropy, Spec, Targets,
};
use ndarray::Array2;
use serde_json::Value;
use tensor_ops::Scalar;

/// The cases of a file below `tests`.
pub(super) fn read(file: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

pub(super) fn name(case: &Value) -> &str {
    case["case"].as_str().unwrap()
}

/// The loss that a case asks for.
pub(super) fn spec(case: &Value) -> Spec {
    let options = &case["loss"];
    let reduction = match options["reduction"].as_str().unwrap() {
        "mean" => Reduction::Mean,
        "sum" => Reduction::Sum,
        other => panic!("{}: reduction {other}", name(case)),
    };
    let number = |key: &str| options[key].as_f64().unwrap_or_else(|| panic!("{}: {key}", name(case)));
    let class_weights = || options["class_weights"].as_array().map_or(vec![], |weights| numbers(weights));
    match options["name"].as_str().unwrap() {
        "softmax_cross_entropy" => Spec::SoftmaxCrossEntropy(SoftmaxCrossEntropy {
            label_smoothing: options["label_smoothing"].as_f64().unwrap_or(0.0),
            class_weights: class_weights(),
            reduction,
        }),
        "negative_log_likelihood" => {
            Spec::NegativeLogLikelihood(NegativeLogLikelihood { class_weights: class_weights(), reduction })
        }
        "binary_cross_entropy_with_logits" => Spec::BinaryCrossEntropy(BinaryCrossEntropy { reduction }),
        "kullback_leibler" => Spec::KullbackLeibler(KullbackLeibler { reduction }),
        "hinge" => {
            let squared = number("power") == 2.0;
            Spec::Hinge(Hinge { margin: number("margin"), squared, reduction })
        }
        "mean_squared_error" => Spec::MeanSquaredError(MeanSquaredError { reduction }),
        "mean_absolute_error" => Spec::MeanAbsoluteError(MeanAbsoluteError { reduction }),
        "huber" => Spec::Huber(Huber { delta: number("delta"), reduction }),
        other => panic!("{}: no such loss: {other}", name(case)),
    }
}

fn numbers(list: &[Value]) -> Vec<f64> {
    list.iter().map(|v| v.as_f64().unwrap()).collect()
}

/// A two-dimensional array of a case.
pub(super) fn array<T: Scalar>(value: &Value) -> Array2<T> {
    let shape: Vec<usize> =
        value["shape"].as_array().unwrap().iter().map(|v| v.as_u64().unwrap() as usize).collect();
    let data = numbers(value["data"].as_array().unwrap()).into_iter().map(T::from_f64).collect();
    Array2::from_shape_vec((shape[0], shape[1]), data).unwrap()
}

/// The targets of a case.
pub(super) enum Target<T> {
    Classes(Vec<usize>),
    Rows(Array2<T>),
}

impl<T: Scalar> Target<T> {
    pub(super) fn of(case: &Value) -> Self {
        match case["target"]["indices"].as_array() {
            Some(indices) => Target::Classes(indices.iter().map(|i| i.as_u64().unwrap() as usize).collect()),
            None => Target::Rows(array(&case["target"])),
        }
    }

    pub(super) fn view(&self) -> Targets<'_, T> {
        match self {
            Target::Classes(labels) => Targets::Classes(labels),
            Target::Rows(rows) => Targets::Rows(rows.view()),
        }
    }
}
