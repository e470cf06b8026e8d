//! Losses as data: what a recipe and a model file hold.

use tensor_ops::Scalar;

use crate::{
    AnyLoss, BinaryCrossEntropy, Error, Hinge, Huber, KullbackLeibler, Loss, MeanAbsoluteError,
    MeanSquaredError, NegativeLogLikelihood, SoftmaxCrossEntropy,
};

macro_rules! specs {
    ($($loss:ident: $about:literal,)*) => {
        /// A loss written down: `{ name = "softmax_cross_entropy", label_smoothing = 0.1 }`.
        ///
        /// The name is the [`kind`](Loss::kind); options left out have their defaults.
        ///
        /// # Examples
        ///
        /// ```
        /// use losses::{Huber, Loss, Spec};
        ///
        /// let loss: Box<dyn Loss<f32>> = Spec::Huber(Huber { delta: 0.5, ..Huber::default() }).build()?;
        /// assert_eq!(loss.kind(), "huber");
        /// assert!(Spec::Huber(Huber { delta: -0.5, ..Huber::default() }).build::<f32>().is_err());
        /// # Ok::<(), losses::Error>(())
        /// ```
        #[derive(Clone, Debug, PartialEq)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        #[cfg_attr(feature = "serde", serde(tag = "name", rename_all = "snake_case"))]
        #[non_exhaustive]
        #[allow(missing_docs, reason = "each variant is the loss of the same name")]
        pub enum Spec {
            $($loss($loss),)*
        }

        impl Spec {
            /// Every loss of this crate with its default options.
            pub fn all() -> Vec<Spec> {
                vec![$(Spec::$loss($loss::default()),)*]
            }

            /// The name in the field's terms: `softmax_cross_entropy`.
            pub fn kind(&self) -> &'static str {
                match self {
                    $(Spec::$loss(loss) => Loss::<f64>::kind(loss),)*
                }
            }

            /// What the loss is, in half a sentence.
            pub fn about(&self) -> &'static str {
                match self {
                    $(Spec::$loss(_) => $about,)*
                }
            }

            /// The loss, once its options are known to make sense.
            ///
            /// # Errors
            ///
            /// [`Error::Option`] if one does not.
            pub fn build<T: Scalar>(&self) -> Result<Box<dyn Loss<T>>, Error> {
                self.check()?;
                Ok(match self {
                    $(Spec::$loss(loss) => Box::new(loss.clone()),)*
                })
            }

            /// The loss over every scalar, as the gradient checker takes it.
            ///
            /// # Errors
            ///
            /// As [`Spec::build`].
            pub fn build_any(&self) -> Result<Box<dyn AnyLoss>, Error> {
                self.check()?;
                Ok(match self {
                    $(Spec::$loss(loss) => Box::new(loss.clone()),)*
                })
            }
        }
    };
}

specs! {
    SoftmaxCrossEntropy: "softmax with cross entropy, from logits: the loss of classifiers",
    NegativeLogLikelihood: "minus the logarithm given to the right class, for networks that end in log_softmax",
    BinaryCrossEntropy: "cross entropy of independent yes-or-no answers, from logits",
    KullbackLeibler: "the divergence of a distribution from another, from logarithms of probabilities",
    Hinge: "the margin by which the right class leads",
    MeanSquaredError: "the squared distance to the target",
    MeanAbsoluteError: "the distance to the target",
    Huber: "squares near the target, distances far from it",
}

impl Spec {
    fn check(&self) -> Result<(), Error> {
        match self {
            Spec::SoftmaxCrossEntropy(loss) => loss.check(),
            Spec::NegativeLogLikelihood(loss) => loss.check(),
            Spec::Hinge(loss) => loss.check(),
            Spec::Huber(loss) => loss.check(),
            Spec::BinaryCrossEntropy(_)
            | Spec::KullbackLeibler(_)
            | Spec::MeanSquaredError(_)
            | Spec::MeanAbsoluteError(_) => Ok(()),
        }
    }
}

#[cfg(all(test, feature = "serde"))]
mod tests {
    use super::*;

    #[test]
    fn every_loss_is_written_under_its_kind_and_read_back() {
        for spec in Spec::all() {
            let text = serde_json::to_string(&spec).unwrap();
            assert!(text.starts_with(&format!("{{\"name\":\"{}\"", spec.kind())), "{text}");
            assert_eq!(serde_json::from_str::<Spec>(&text).unwrap(), spec);
            let name_alone = format!("{{\"name\":\"{}\"}}", spec.kind());
            assert_eq!(serde_json::from_str::<Spec>(&name_alone).unwrap(), spec, "options have defaults");
            let typo = format!("{{\"name\":\"{}\",\"redaction\":\"sum\"}}", spec.kind());
            assert!(serde_json::from_str::<Spec>(&typo).is_err(), "an unknown option is an error");
        }
    }
}
