//! `cargo xtask train`: a recipe in, a trained model out.

mod keep;
mod live;
mod say;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use layers::{Backprop, Sequential};
use tensor_ops::Scalar;
use trainer::recipe::{Precision, Recipe};
use trainer::report::{self, FILES, Report};
use trainer::warning::{self, LossWatch};
use trainer::{Error, Length, Source, Stored, Trainer, Warning, evaluate};

use keep::Keeper;

use crate::output::{shown, workspace};
use crate::suggest::Usage;
use crate::{Outcome, find, words};

/// Train a network by a recipe, and see how good it gets.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A recipe's name (see `cargo xtask list`) or the path of a recipe of your own
    #[arg(default_value = "digits")]
    recipe: String,
    /// Train for so many epochs
    #[arg(long, value_name = "N", conflicts_with = "steps", value_parser = clap::value_parser!(u64).range(1..))]
    #[arg(allow_negative_numbers = true)]
    epochs: Option<u64>,
    /// Train for so many steps
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    #[arg(allow_negative_numbers = true)]
    steps: Option<u64>,
    /// The seed of weights, split and order
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    seed: Option<u64>,
    /// The learning rate
    #[arg(long, value_name = "X", allow_negative_numbers = true, value_parser = words::finite_from_0)]
    lr: Option<f64>,
    /// Examples in a batch
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    batch_size: Option<std::num::NonZeroUsize>,
    /// Threads to compute with; the results do not depend on it
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    threads: Option<std::num::NonZeroUsize>,
    /// The folder in which the data of the recipe are [default: that of the recipe, or datasets]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The folder for what comes out [default: target/train/RECIPE]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write a checkpoint after each so many steps, into OUT/checkpoints; the last two are kept
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    checkpoint_every: Option<std::num::NonZeroU64>,
    /// Go on from the last checkpoint in OUT/checkpoints, with the same recipe, options and data
    #[arg(long)]
    resume: bool,
    /// Print nothing but errors
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
        options.batch_size = self.batch_size.map_or(options.batch_size, usize::from);
    }
}

/// The name of the trained model.
const MODEL: &str = "model.safetensors";

struct Run<'a> {
    args: &'a Args,
    recipe: &'a Recipe,
    name: String,
}

/// The examples of a run, and where they are from.
struct Sets<'a, T: Scalar> {
    root: PathBuf,
    train: Source<'a, T>,
    test: Source<'a, T>,
}

/// What a training took, and what there is to be warned of.
struct Fitted {
    time: Duration,
    warnings: Vec<Warning>,
}

impl Run<'_> {
    fn train<T: Stored>(&self) -> Outcome
    where
        Sequential: Backprop<T>,
    {
        let root = find::data_root(&self.args.recipe, self.recipe, self.args.data.as_deref());
        let out = self.out();
        self.spare_inputs(&out, &root)?;
        let data = find::load_data(self.recipe, &root)?;
        report::check_image(data.train.feature_shape(), self.recipe.data.image)?;
        let model = self.recipe.model::<T>(&data)?;
        let keeper = self.keeper(&out, &data)?;
        self.say_start(&model, &data);
        let one_hot = self.recipe.data.one_hot;
        let train = Source::new(&data.train, &data.scaling)?.with_one_hot(one_hot);
        let test = Source::new(&data.test, &data.scaling)?.with_one_hot(one_hot);
        let sets = Sets { root, train, test };
        let mut trainer = self.recipe.trainer(model)?;

        if self.args.resume {
            let found = keeper.restore(&mut trainer)?;
            found.refused.iter().for_each(|refused| self.say_refused(refused));
            self.say_resumed(&found.path, trainer.step_count());
        }
        trainer.start_trace();
        match self.fit(&mut trainer, &sets, &keeper)? {
            ControlFlow::Continue(fitted) => self.finish(&trainer, &sets, fitted, &out),
            ControlFlow::Break(checkpoint) => {
                self.say_interrupted(trainer.step_count(), &checkpoint);
                Ok(ExitCode::from(130))
            }
        }
    }

    /// Trains to the end, or until it is interrupted.
    fn fit<T: Stored>(
        &self,
        trainer: &mut Trainer<T>,
        sets: &Sets<'_, T>,
        keeper: &Keeper<'_>,
    ) -> Result<ControlFlow<PathBuf, Fitted>, Box<dyn std::error::Error>>
    where
        Sequential: Backprop<T>,
    {
        let mut warnings = warning::of_data(trainer.model(), &sets.train);
        warnings.extend(warning::of_loss(trainer.model().network(), trainer.loss()));
        if self.recipe.data.set.is_none() {
            // The published sets are known to share nothing, and to look again would take a moment.
            warnings.extend(warning::of_split(&sets.train, &sets.test));
        }
        warnings.iter().for_each(|warning| self.say_warning(warning));
        let mut watch = LossWatch::default();
        let from_the_start = trainer.step_count() == 0;

        let mut live = self.live(trainer, sets.train.len());
        let start = Instant::now();
        let end = trainer.fit_until(&sets.train, Some(&sets.test), |trainer, report, record| {
            if from_the_start {
                watch.step(report);
            }
            if let Some(record) = record {
                self.say_record(&mut live, record);
                let found = watch.record(record);
                found.iter().for_each(|warning| live.suspend(|| self.say_warning(warning)));
                warnings.extend(found);
            }
            live.step(trainer.step_count());
            let end = keeper.after_step(trainer);
            keeper.moved().iter().for_each(|to| live.suspend(|| self.say_moved(to)));
            end
        });
        let time = start.elapsed();
        live.finish();
        if let ControlFlow::Break(checkpoint) = end.map_err(|error| keeper.explain(error))? {
            return Ok(ControlFlow::Break(checkpoint));
        }
        let dead = warning::of_model(trainer.model(), &sets.train)?;
        dead.iter().for_each(|warning| self.say_warning(warning));
        warnings.extend(dead);
        Ok(ControlFlow::Continue(Fitted { time, warnings }))
    }

    /// Evaluates, writes what the training leaves, and says so.
    fn finish<T: Stored>(
        &self,
        trainer: &Trainer<T>,
        sets: &Sets<'_, T>,
        fitted: Fitted,
        out: &Path,
    ) -> Outcome
    where
        Sequential: Backprop<T>,
    {
        let Sets { root, train, test } = sets;
        // First of all: it took the time, and no fault of an evaluation, a picture or a page may lose it.
        let file = out.join(MODEL);
        trainer.model().save(&file)?;
        let saved = |error: &dyn std::fmt::Display| format!("{error}; the model is in {}", shown(&file));
        let on_train = evaluate(trainer.model(), train, trainer.loss()).map_err(|error| saved(&error))?;
        if !on_train.loss.is_finite() {
            // Of numbers all of which are finite; the next step would have found it.
            let (step, what) = (trainer.step_count(), "the loss after the step".into());
            return Err(saved(&Error::NotFinite { step, what, value: on_train.loss, taken: true }).into());
        }
        let on_test = evaluate(trainer.model(), test, trainer.loss()).map_err(|error| saved(&error))?;
        let report = Report {
            name: &self.name,
            recipe: &self.recipe.to_toml(),
            model: trainer.model(),
            loss: trainer.loss(),
            train,
            test: Some(test),
            on_train,
            on_test: Some(on_test),
            image: self.recipe.data.image,
            history: trainer.history(),
            trace: trainer.trace(),
            seconds: fitted.time.as_secs_f64(),
            seed: self.recipe.training.seed,
            data_root: Some(&std::path::absolute(root)?),
            warnings: &fitted.warnings,
        };
        report::write(out, &report).map_err(|error| saved(&error))?;
        self.say_done(trainer, fitted.time, train.len(), on_train, on_test);
        if self.talks() {
            println!("model.safetensors, report.html and pictures in {}", shown(out));
        }
        Ok(ExitCode::SUCCESS)
    }

    /// That nothing of what is read lies where something will be written.
    fn spare_inputs(&self, out: &Path, root: &Path) -> Result<(), Usage> {
        let recipe = [PathBuf::from(&self.args.recipe)];
        let recipe = recipe.into_iter().filter(|_| Recipe::built_in(&self.args.recipe).is_none());
        let read = recipe.chain(self.recipe.data.files().into_iter().map(|file| root.join(file)));
        let real = |path: &Path| path.canonicalize().ok();
        let written: Vec<_> = FILES.iter().chain(&[MODEL]).filter_map(|name| real(&out.join(name))).collect();
        match read.into_iter().find(|path| real(path).is_some_and(|path| written.contains(&path))) {
            None => Ok(()),
            Some(path) => Err(Usage(format!(
                "{}: this file would be written over by the training, which reads it; --out names another folder",
                shown(&path)
            ))),
        }
    }

    fn out(&self) -> PathBuf {
        let default = || workspace().join("target/train").join(&self.name);
        self.args.out.clone().unwrap_or_else(default)
    }
}
