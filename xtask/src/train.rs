//! `cargo xtask train`: a recipe in, a trained model out.

mod keep;
mod say;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use layers::{Backprop, Sequential};
use trainer::recipe::{Precision, Recipe};
use trainer::report::{self, Report};
use trainer::{Length, Source, Stored, evaluate};

use crate::output::{shown, workspace};
use crate::{Outcome, find};

/// Train a network by a recipe, and see how good it gets.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A recipe's name (see `cargo xtask list`) or the path of a recipe of your own
    #[arg(default_value = "digits")]
    recipe: String,
    /// Train for so many epochs
    #[arg(long, value_name = "N", conflicts_with = "steps")]
    epochs: Option<u64>,
    /// Train for so many steps
    #[arg(long, value_name = "N")]
    steps: Option<u64>,
    /// The seed of weights, split and order
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// The learning rate
    #[arg(long, value_name = "X")]
    lr: Option<f64>,
    /// Examples in a batch
    #[arg(long, value_name = "N")]
    batch_size: Option<usize>,
    /// Threads to compute with; the results do not depend on it
    #[arg(long, value_name = "N")]
    threads: Option<std::num::NonZeroUsize>,
    /// The folder of data sets
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The folder for what comes out [default: target/train/RECIPE]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write a checkpoint after each so many steps, into OUT/checkpoints; the last two are kept
    #[arg(long, value_name = "N")]
    checkpoint_every: Option<std::num::NonZeroU64>,
    /// Go on from the last checkpoint in OUT/checkpoints, with the same recipe, options and data
    #[arg(long)]
    resume: bool,
    /// Print the result alone
    #[arg(long, short)]
    quiet: bool,
    /// Print one JSON object a line and nothing else
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Outcome {
    let mut recipe = find::recipe(&args.recipe)?;
    args.change(&mut recipe);
    if let Some(threads) = args.threads {
        tensor_ops::pool::set_threads(threads.get());
    }
    let run = Run { args, recipe: &recipe, name: name(Path::new(&args.recipe)) };
    match recipe.precision {
        Precision::F32 => run.train::<f32>(),
        Precision::F64 => run.train::<f64>(),
    }
}

/// `digits`, or the file name of a recipe of one's own.
fn name(recipe: &Path) -> String {
    recipe.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

impl Args {
    fn change(&self, recipe: &mut Recipe) {
        let options = &mut recipe.training;
        options.length = match (self.epochs, self.steps) {
            (Some(epochs), _) => Length::Epochs(epochs),
            (_, Some(steps)) => Length::Steps(steps),
            _ => options.length,
        };
        options.seed = self.seed.unwrap_or(options.seed);
        options.learning_rate = self.lr.unwrap_or(options.learning_rate);
        options.batch_size = self.batch_size.unwrap_or(options.batch_size);
    }
}

struct Run<'a> {
    args: &'a Args,
    recipe: &'a Recipe,
    name: String,
}

impl Run<'_> {
    fn train<T: Stored>(&self) -> Outcome
    where
        Sequential: Backprop<T>,
    {
        let root = find::data_root(&self.args.recipe, self.recipe, self.args.data.as_deref());
        let data = find::load_data(self.recipe, &root)?;
        let model = self.recipe.model::<T>(&data)?;
        self.say_start(&model, &data);
        let one_hot = self.recipe.data.one_hot;
        let train = Source::new(&data.train, &data.scaling)?.with_one_hot(one_hot);
        let test = Source::new(&data.test, &data.scaling)?.with_one_hot(one_hot);
        let mut trainer = self.recipe.trainer(model)?;

        let out = self.out();
        let keeper = self.keeper(&out, &data)?;
        if self.args.resume {
            let found = keeper.restore(&mut trainer)?;
            found.refused.iter().for_each(|refused| self.say_refused(refused));
            self.say_resumed(&found.path, trainer.step_count());
        }
        trainer.start_trace();

        let progress = self.progress(&trainer, train.len());
        let start = Instant::now();
        let end = trainer.fit_until(&train, Some(&test), |trainer, _, record| {
            record.into_iter().for_each(|record| self.say_record(&progress, record));
            keeper.after_step(trainer)
        });
        let time = start.elapsed();
        progress.finish_and_clear();
        if let ControlFlow::Break(checkpoint) = end.map_err(|error| keeper.explain(error))? {
            self.say_interrupted(trainer.step_count(), checkpoint.as_deref());
            return Ok(ExitCode::from(130));
        }

        let on_train = evaluate(trainer.model(), &train, trainer.loss())?;
        let on_test = evaluate(trainer.model(), &test, trainer.loss())?;
        let history = trainer.history().clone();
        let report = Report {
            name: &self.name,
            recipe: &self.recipe.to_toml(),
            model: trainer.model(),
            loss: trainer.loss(),
            train: &train,
            test: Some(&test),
            on_train,
            on_test: Some(on_test),
            image: self.recipe.data.image,
            history: &history,
            trace: trainer.trace(),
            seconds: time.as_secs_f64(),
            seed: self.recipe.training.seed,
        };
        report::write(&out, &report)?;
        trainer.model().save(out.join("model.safetensors"))?;
        self.say_done(&trainer, time, train.len(), on_train, on_test);
        if !self.args.json {
            println!("model.safetensors, report.html and pictures in {}", shown(&out));
        }
        Ok(ExitCode::SUCCESS)
    }

    fn out(&self) -> PathBuf {
        let default = || workspace().join("target/train").join(&self.name);
        self.args.out.clone().unwrap_or_else(default)
    }
}
