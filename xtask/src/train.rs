//! `cargo xtask train`: a recipe in, a trained model out.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use layers::{Backprop, Sequential};
use serde_json::json;
use tensor_ops::Scalar;
use trainer::recipe::{self, BUILT_IN, Data, Precision, Recipe};
use trainer::report::{self, Report};
use trainer::{Evaluation, Length, Record, Source, Trainer, evaluate};

use crate::output::{duration, percent, shown, workspace};
use crate::{Outcome, suggest};

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
    /// Print the result alone
    #[arg(long, short)]
    quiet: bool,
    /// Print one JSON object a line and nothing else
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Outcome {
    let path = Path::new(&args.recipe);
    let mut recipe = match Recipe::built_in(&args.recipe) {
        Some(recipe) => recipe,
        None if path.extension().is_some() || path.is_file() => Recipe::load(path)?,
        None => {
            let known = BUILT_IN.map(|(name, _)| name);
            let help = "a recipe of your own is the path of a .toml file";
            return Ok(suggest::unknown("recipe", &args.recipe, &known, help));
        }
    };
    args.change(&mut recipe);
    if let Some(threads) = args.threads {
        tensor_ops::pool::set_threads(threads.get());
    }
    let run = Run { args, recipe: &recipe, name: name(path) };
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
    fn train<T: Scalar>(&self) -> Outcome
    where
        Sequential: Backprop<T>,
    {
        let data = self.load_data()?;
        let model = self.recipe.model::<T>(&data)?;
        self.say_start(&model, &data);
        let one_hot = self.recipe.data.one_hot;
        let train = Source::new(&data.train, &data.scaling)?.with_one_hot(one_hot);
        let test = Source::new(&data.test, &data.scaling)?.with_one_hot(one_hot);
        let mut trainer = self.recipe.trainer(model)?;

        trainer.start_trace();

        let progress = self.progress(&trainer, train.len());
        let start = Instant::now();
        let history = trainer.fit(&train, Some(&test), |record| self.say_record(&progress, record))?;
        let time = start.elapsed();
        progress.finish_and_clear();

        let on_train = evaluate(trainer.model(), &train, trainer.loss())?;
        let on_test = evaluate(trainer.model(), &test, trainer.loss())?;
        let out = self.out();
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
        self.say_done(&trainer, time, train.len(), on_train, on_test);
        if !self.args.json {
            println!("pictures and report.html in {}", shown(&out));
        }
        Ok(ExitCode::SUCCESS)
    }

    fn load_data(&self) -> Result<Data, Box<dyn std::error::Error>> {
        let data_dir = self.args.data.clone().unwrap_or_else(|| workspace().join("datasets"));
        let root = recipe::data_root(Path::new(&self.args.recipe), &data_dir);
        let root = if self.recipe.data.set.is_some() { &data_dir } else { &root };
        self.recipe.load_data(root).map_err(|error| match &self.recipe.data.set {
            Some(set) if !root.join(set).is_dir() => {
                format!("{set} is not in {}; `cargo xtask fetch-data {set}` brings it there", shown(root))
                    .into()
            }
            _ => error.into(),
        })
    }

    fn out(&self) -> PathBuf {
        let default = || workspace().join("target/train").join(&self.name);
        self.args.out.clone().unwrap_or_else(default)
    }

    fn talks(&self) -> bool {
        !self.args.quiet && !self.args.json
    }

    fn say_start<T: Scalar>(&self, model: &trainer::Model<T>, data: &Data) {
        if self.args.json {
            let (train, test) = (data.train.len(), data.test.len());
            return emit(json!({
                "event": "start", "recipe": self.name, "seed": self.recipe.training.seed,
                "train_examples": train, "test_examples": test, "parameters": model.n_trainable(),
            }));
        }
        if !self.talks() {
            return;
        }
        println!("{}: {}", self.name, self.recipe.about);
        println!("{} training examples, {} test examples", data.train.len(), data.test.len());
        let network = model.network();
        for (i, layer) in network.layers().iter().enumerate() {
            let params: usize = layer.params().iter().map(|p| p.len()).sum();
            println!(
                "  {i:>2} {:<12} {:<14} {params:>9}",
                layer.kind(),
                format!("{:?}", network.shape(i + 1))
            );
        }
        println!("{} parameters", model.n_trainable());
    }

    fn progress<T: Scalar>(&self, trainer: &Trainer<T>, n: usize) -> ProgressBar
    where
        Sequential: Backprop<T>,
    {
        if !self.talks() || !std::io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let template = "{bar:30} {pos}/{len} steps  {elapsed} < {eta}  {msg}";
        let style = ProgressStyle::with_template(template).expect("a well-formed template");
        ProgressBar::new(trainer.options().total_steps(n)).with_style(style)
    }

    fn say_record(&self, progress: &ProgressBar, record: &Record) {
        if self.args.json {
            let mut object = serde_json::to_value(record).expect("records are plain numbers");
            object["event"] = "record".into();
            return emit(object);
        }
        let line = format!(
            "epoch {:>6.2}  loss {:.4}  accuracy {}  test loss {:.4}  accuracy {}",
            record.epoch,
            record.train_loss,
            percent(record.train_accuracy),
            record.test_loss.unwrap_or(f64::NAN),
            percent(record.test_accuracy),
        );
        progress.set_position(record.step);
        progress.set_message(line.clone());
        if self.talks() && progress.is_hidden() {
            println!("{line}");
        }
    }

    fn say_done<T: Scalar>(
        &self,
        trainer: &Trainer<T>,
        time: Duration,
        n: usize,
        on_train: Evaluation,
        on_test: Evaluation,
    ) where
        Sequential: Backprop<T>,
    {
        let steps = trainer.step_count();
        let epochs = steps as f64 / trainer.options().steps_per_epoch(n) as f64;
        if self.args.json {
            return emit(json!({
                "event": "done", "recipe": self.name, "seed": trainer.options().seed,
                "train_accuracy": on_train.accuracy, "test_accuracy": on_test.accuracy,
                "train_loss": on_train.loss, "test_loss": on_test.loss,
                "epochs": epochs, "steps": steps, "seconds": time.as_secs_f64(),
            }));
        }
        println!("train  loss {:.4}  accuracy {}", on_train.loss, percent(on_train.accuracy));
        println!("test   loss {:.4}  accuracy {}", on_test.loss, percent(on_test.accuracy));
        let each = Duration::from_secs_f64(time.as_secs_f64() / epochs.max(f64::MIN_POSITIVE));
        println!("{steps} steps, {epochs:.2} epochs in {}, {} an epoch", duration(time), duration(each));
    }
}

fn emit(object: serde_json::Value) {
    println!("{object}");
}
