//! Optimisers as data: what a recipe holds.

use tensor_ops::Scalar;

use super::{AdaDelta, AdaGrad, Adam, AdamW, Lion, Optimizer, RmsProp, Sgd};
use crate::Error;

macro_rules! specs {
    ($($name:literal $optimizer:ident $about:literal,)*) => {
        /// An optimiser written down: `{ name = "adam", beta1 = 0.8 }`.
        ///
        /// The name is the [`kind`](Optimizer::kind); options left out have their defaults.
        ///
        /// # Examples
        ///
        /// ```
        /// use trainer::{Optimizer, OptimizerSpec, Sgd};
        ///
        /// let optimizer = OptimizerSpec::Sgd(Sgd { momentum: 0.9, ..Sgd::default() }).build::<f32>()?;
        /// assert_eq!(optimizer.slots(), ["velocity"]);
        /// # Ok::<(), trainer::Error>(())
        /// ```
        #[derive(Clone, Debug, PartialEq)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        #[cfg_attr(feature = "serde", serde(tag = "name"))]
        #[non_exhaustive]
        #[allow(missing_docs, reason = "each variant is the optimiser of the same name")]
        pub enum Spec {
            $(
                #[cfg_attr(feature = "serde", serde(rename = $name))]
                $optimizer($optimizer),
            )*
        }

        impl Spec {
            /// Every optimiser that a [`Trainer`](crate::Trainer) takes, with its default options.
            pub fn all() -> Vec<Spec> {
                vec![$(Spec::$optimizer($optimizer::default()),)*]
            }

            /// The name in the field's terms: `sgd`.
            pub fn kind(&self) -> &'static str {
                match self {
                    $(Spec::$optimizer(_) => $name,)*
                }
            }

            /// What the optimiser is, in half a sentence.
            pub fn about(&self) -> &'static str {
                match self {
                    $(Spec::$optimizer(_) => $about,)*
                }
            }

            /// The optimiser, once its options are known to make sense.
            ///
            /// # Errors
            ///
            /// [`Error::Option`] if one does not.
            pub fn build<T: Scalar>(&self) -> Result<Box<dyn Optimizer<T>>, Error> {
                Ok(match *self {
                    $(Spec::$optimizer(optimizer) => {
                        Optimizer::<T>::check(&optimizer)?;
                        Box::new(optimizer)
                    })*
                })
            }
        }
    };
}

specs! {
    "sgd" Sgd "stochastic gradient descent, with momentum if asked for",
    "adagrad" AdaGrad "a rate of its own for each element, by all its gradients so far",
    "rmsprop" RmsProp "a rate of its own for each element, by the recent size of its gradients",
    "adadelta" AdaDelta "steps in the units of the parameter, without a rate to choose",
    "adam" Adam "momentum, with a rate of its own for each element",
    "adamw" AdamW "adam with a decay of its own",
    "lion" Lion "the sign of a momentum",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_the_kind_and_the_slots_are_not_too_many() {
        for spec in Spec::all() {
            let optimizer = spec.build::<f32>().unwrap();
            assert_eq!(optimizer.kind(), spec.kind());
            assert!(optimizer.slots().len() <= crate::MAX_SLOTS);
        }
    }

    #[test]
    fn options_that_make_no_sense_are_refused() {
        let error = Spec::Adam(Adam { beta2: 1.0, ..Adam::default() }).build::<f32>().unwrap_err();
        assert_eq!(error.to_string(), "beta2: expected a number from 0 and below 1, got 1.0");
        let error = Spec::Sgd(Sgd { nesterov: true, ..Sgd::default() }).build::<f32>().unwrap_err();
        assert_eq!(error.to_string(), "momentum: expected above 0 for nesterov, got 0.0");
    }

    #[cfg(feature = "recipe")]
    #[test]
    fn every_optimiser_is_written_under_its_kind_and_read_back() {
        for spec in Spec::all() {
            let text = toml::to_string(&spec).unwrap();
            assert!(text.contains(&format!("name = \"{}\"", spec.kind())), "{text}");
            assert_eq!(toml::from_str::<Spec>(&text).unwrap(), spec);
            let name_alone = format!("name = \"{}\"", spec.kind());
            assert_eq!(toml::from_str::<Spec>(&name_alone).unwrap(), spec, "options have defaults");
            assert!(toml::from_str::<Spec>(&format!("{name_alone}\nmomentun = 1.0")).is_err());
        }
    }
}
