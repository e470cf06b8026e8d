//! Whether the last layer gives what the loss takes.

use layers::{Sequential, Spec};
use losses::Loss;
use tensor_ops::Scalar;

use super::Warning;

/// What is to be said of the last layer and the loss together. Of a layer of one's own, which has no written form, nothing
/// is known.
pub fn of_loss<T: Scalar>(network: &Sequential, loss: &dyn Loss<T>) -> Option<Warning> {
    let last = last_layer(network)?;
    let (takes, remedy) = match (loss.kind(), last) {
        ("negative_log_likelihood" | "kullback_leibler", "log_softmax") => return None,
        ("negative_log_likelihood", "softmax") => (
            "log-probabilities",
            "put log_softmax in its place, or leave it out and use softmax_cross_entropy",
        ),
        ("negative_log_likelihood", _) => {
            ("log-probabilities", "add the layer log_softmax at the end, or use softmax_cross_entropy")
        }
        ("kullback_leibler", "softmax") => ("log-probabilities", "put log_softmax in its place"),
        ("kullback_leibler", _) => ("log-probabilities", "add the layer log_softmax at the end"),
        ("softmax_cross_entropy", "softmax") => {
            ("logits", "leave that layer out: the loss has its own softmax")
        }
        ("binary_cross_entropy", "sigmoid") => {
            ("logits", "leave that layer out: the loss has its own sigmoid")
        }
        _ => return None,
    };
    Some(Warning::LastLayer { loss: loss.kind(), takes, last, remedy })
}

/// The kind of the layer that gives the outputs, which may be the last one of chains within chains.
pub(crate) fn last_layer(network: &Sequential) -> Option<&'static str> {
    Some(last_kind(&network.layers().last()?.spec()?))
}

/// The kind of the last layer of a network that is written down.
pub(crate) fn last_kind(spec: &Spec) -> &'static str {
    match spec {
        Spec::Sequential { layers } => layers.last().map_or("sequential", last_kind),
        layer => layer.kind(),
    }
}

#[cfg(test)]
mod tests {
    use layers::Affine;

    use super::*;

    #[test]
    fn a_last_layer_that_the_loss_does_not_take_is_said_with_a_remedy() {
        let of = |last: &str, loss: &dyn Loss<f64>| {
            let chain = Sequential::new(&[2]).push(Affine::new(2, 3)).unwrap();
            let chain = match last {
                "softmax" => chain.push(layers::Softmax).unwrap(),
                "log_softmax" => chain.push(layers::LogSoftmax).unwrap(),
                "sigmoid" => chain.push(layers::Sigmoid).unwrap(),
                _ => chain,
            };
            of_loss(&chain, loss).map(|warning| warning.to_string())
        };
        let cross_entropy = losses::SoftmaxCrossEntropy::default();
        let likelihood = losses::NegativeLogLikelihood::default();
        assert_eq!(of("", &cross_entropy), None);
        assert_eq!(
            of("softmax", &cross_entropy).unwrap(),
            "the loss softmax_cross_entropy takes logits, which the last layer (softmax) does not give; leave that layer \
             out: the loss has its own softmax"
        );
        assert_eq!(of("log_softmax", &likelihood), None);
        let missing = of("", &likelihood).unwrap();
        assert!(missing.contains("(affine)") && missing.contains("add the layer log_softmax"), "{missing}");
        assert!(of("softmax", &likelihood).unwrap().contains("put log_softmax in its place"));
        assert!(of("", &losses::KullbackLeibler::default()).is_some());
        assert!(of("sigmoid", &losses::BinaryCrossEntropy::default()).is_some());
        assert_eq!(of("", &losses::BinaryCrossEntropy::default()), None);
    }
}
