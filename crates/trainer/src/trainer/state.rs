//! The state of training: all that the steps to come depend on beside the options, the data and the seed.

use std::collections::BTreeMap;

use layers::Backprop;
use ndarray::ArrayD;
use tensor_ops::{Scalar, aligned_copy};

use super::{StepReport, Trainer};
use crate::{Error, History, PlateauState, StoppingState};

/// What [`Trainer::state`](crate::Trainer::state) gives and [`Trainer::restore`](crate::Trainer::restore) takes.
///
/// There is no state of a random generator: the batch of a step and the noise in it are functions of the seed and the
/// number of the step.
#[derive(Clone, Debug, PartialEq)]
pub struct State<T> {
    /// `parameters/0.weight`, `optimizer/velocity/0.weight`, and so on; with the options of that name also
    /// `average/0.weight`, and `best/0.weight` once there is a record.
    pub arrays: BTreeMap<String, ArrayD<T>>,
    /// Everything else.
    pub progress: Progress,
}

/// How far training is.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Progress {
    /// Steps taken.
    pub step: u64,
    /// The records so far.
    pub history: History,
    /// What happened since the last record.
    pub since: Since,
    /// What [`Options::plateau`](crate::Options::plateau) remembers.
    #[cfg_attr(feature = "serde", serde(default))] // checkpoints are older
    pub plateau: PlateauState,
    /// What [`Options::early_stopping`](crate::Options::early_stopping) remembers, beside the arrays `best/...`.
    #[cfg_attr(feature = "serde", serde(default))]
    pub stopping: StoppingState,
}

/// Sums over the batches since the last record.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(from = "WrittenSince"))]
pub struct Since {
    #[cfg_attr(feature = "serde", serde(with = "crate::exact"))]
    loss: f64,
    weight: f64,
    examples: usize,
    correct: usize,
}

/// [`Since`] in a checkpoint, which may be from before losses had weights: then each example weighed 1.
#[cfg(feature = "serde")]
#[derive(serde::Deserialize)]
struct WrittenSince {
    #[serde(with = "crate::exact")]
    loss: f64,
    weight: Option<f64>,
    examples: usize,
    correct: usize,
}

#[cfg(feature = "serde")]
impl From<WrittenSince> for Since {
    fn from(written: WrittenSince) -> Self {
        let WrittenSince { loss, weight, examples, correct } = written;
        Since { loss, weight: weight.unwrap_or(examples as f64), examples, correct }
    }
}

impl Since {
    pub(crate) fn add(&mut self, step: StepReport) {
        self.loss += step.loss * step.weight;
        self.weight += step.weight;
        self.examples += step.examples;
        self.correct += step.correct;
    }

    /// The mean loss of an example; 0 if all were of classes that weigh nothing.
    pub fn loss(&self) -> f64 {
        if self.weight == 0.0 { 0.0 } else { self.loss / self.weight }
    }

    /// The share of examples that were right; 0 before the first.
    pub fn accuracy(&self) -> f64 {
        if self.examples == 0 { 0.0 } else { self.correct as f64 / self.examples as f64 }
    }
}

impl<T: Scalar, N: Backprop<T>> Trainer<T, N> {
    /// Everything that the steps to come depend on beside the options, the data and the seed.
    ///
    /// A trainer of the same model, loss, optimiser and options that takes it over by [`Trainer::restore`] goes on with
    /// the very same steps, bit for bit.
    pub fn state(&self) -> State<T> {
        let mut arrays = BTreeMap::new();
        for ((spec, param), slots) in self.model.specs().iter().zip(self.model.params()).zip(&self.slots) {
            arrays.insert(format!("parameters/{}", spec.name), param.clone());
            for (slot, array) in self.optimizer.slots().iter().zip(slots) {
                arrays.insert(format!("optimizer/{slot}/{}", spec.name), array.clone());
            }
        }
        let others = [("average", &self.average), ("best", &self.best)];
        for (what, model) in others.into_iter().filter_map(|(what, model)| Some((what, model.as_ref()?))) {
            for (spec, param) in model.specs().iter().zip(model.params()) {
                arrays.insert(format!("{what}/{}", spec.name), param.clone());
            }
        }
        State { arrays, progress: self.progress.clone() }
    }

    /// Goes back, or ahead, to a state.
    ///
    /// # Errors
    ///
    /// [`Error::State`] if it is the state of another network or optimiser; the trainer is then as it was.
    pub fn restore(&mut self, state: State<T>) -> Result<(), Error> {
        let State { mut arrays, progress } = state;
        // There is a best only once there is a record.
        let has_best =
            self.options.early_stopping.is_some() && arrays.keys().any(|name| name.starts_with("best/"));
        let (specs, likes) = (self.model.specs(), self.model.params());
        let mut all = |what: &str| -> Result<Vec<_>, Error> {
            let named = specs.iter().zip(likes);
            named.map(|(spec, like)| take(&mut arrays, format!("{what}/{}", spec.name), like)).collect()
        };
        let params = all("parameters")?;
        let average = self.average.is_some().then(|| all("average")).transpose()?;
        let best = has_best.then(|| all("best")).transpose()?;
        let mut slots = Vec::new();
        for (spec, old) in specs.iter().zip(&self.slots) {
            let named = self.optimizer.slots().iter().zip(old);
            let named =
                named.map(|(slot, old)| take(&mut arrays, format!("optimizer/{slot}/{}", spec.name), old));
            slots.push(named.collect::<Result<_, _>>()?);
        }
        if let Some(name) = arrays.keys().next() {
            return Err(Error::State {
                name: name.clone(),
                expected: "nothing of this name".into(),
                got: "an array".into(),
            });
        }
        let with = |params| self.model.with_params(params);
        (self.average, self.best) = (average.map(with), best.map(with));
        self.model = self.model.with_params(params);
        self.memory.model_has_changed();
        self.slots = slots;
        self.progress = progress;
        Ok(())
    }
}

/// The array of this name, which has to have the shape of `like`.
fn take<T: Scalar>(
    arrays: &mut BTreeMap<String, ArrayD<T>>,
    name: String,
    like: &ArrayD<T>,
) -> Result<ArrayD<T>, Error> {
    let got = match arrays.remove(&name) {
        Some(array) if array.shape() == like.shape() => return Ok(aligned_copy(&array)),
        Some(array) => format!("{:?}", array.shape()),
        None => "nothing".into(),
    };
    Err(Error::State { name, expected: format!("an array of shape {:?}", like.shape()), got })
}
