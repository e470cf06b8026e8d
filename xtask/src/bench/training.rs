//! Works that train: a recipe, loaded and trained as `cargo xtask train` does it, with the evaluation outside of the
//! time.

use std::ops::ControlFlow;
use std::path::Path;

use trainer::recipe::{Data, Recipe};
use trainer::{Length, Source, Trainer, evaluate};

use super::measure::{Error, Measured, peak_mib, time};
use crate::output::workspace;

/// A recipe with its examples.
pub(super) struct Task {
    recipe: Recipe,
    pub data: Data,
}

impl Task {
    /// The recipe in this text; what does not ship with the project is in `data`.
    pub(super) fn load(text: &str, data: &Path) -> Result<Self, Error> {
        let recipe = Recipe::parse(text, "work.toml".as_ref())?;
        let shipped = workspace().join("datasets");
        let data = recipe.load_data(if recipe.data.set.is_some() { data } else { &shipped })?;
        Ok(Task { recipe, data })
    }

    /// Trains for `repeats` times the length of the recipe, and says how long each took.
    pub(super) fn train(&self, repeats: u32) -> Result<(Trainer<f32>, Vec<f64>), Error> {
        let model = self.recipe.model::<f32>(&self.data)?;
        let train = Source::new(&self.data.train, &self.data.scaling)?;
        let unit = self.recipe.training.total_steps(train.len());
        let mut recipe = self.recipe.clone();
        recipe.training.length = Length::Steps(unit * u64::from(repeats));
        let mut trainer = recipe.trainer(model)?;
        let one = |_| {
            time(|| {
                let end: ControlFlow<()> = trainer.fit_until(&train, None, |trainer, _, _| {
                    let complete = trainer.step_count().is_multiple_of(unit);
                    Ok::<_, Error>(if complete { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
                })?;
                Ok(end)
            })
        };
        let times = (0..repeats).map(one).collect::<Result<_, _>>()?;
        Ok((trainer, times))
    }
}

pub(super) fn run(recipe: &str, data: &Path, repeats: u32) -> Result<Measured, Error> {
    let task = Task::load(recipe, data)?;
    let (trainer, times) = task.train(repeats)?;
    let test = Source::new(&task.data.test, &task.data.scaling)?;
    let test_acc = evaluate(trainer.model(), &test, trainer.loss())?.accuracy;
    Ok(Measured { times, test_acc, peak_mib: peak_mib() })
}
