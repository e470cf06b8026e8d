//! `cargo xtask eval`: how good a trained model is.

use std::path::PathBuf;
use std::process::ExitCode;

use datasets::Dataset;
use layers::{Backprop, Sequential};
use serde_json::{Value, json};
use trainer::inputs::{read_csv, read_idx};
use trainer::metrics::ConfusionMatrix;
use trainer::recipe::Precision;
use trainer::{Assessment, Model, Scores, Source, Stored, assess};

use crate::suggest::Usage;
use crate::trained::{CsvOptions, Trained};
use crate::{Outcome, find};

/// Judge a trained model: loss, accuracy, each class, the confusion matrix.
///
/// Of each class precision, recall and F1; of values that are no classes, how far they are off.
///
/// Without --csv and --idx, on the test set of the training: as the recipe.toml beside the model says, split by the same
/// seed. Other data are given as the training data were before scaling; the model file holds the scaling and the names of
/// the classes. The loss is that of the recipe; for a model without one beside it, none is shown.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder of a training, or a .safetensors file
    model: PathBuf,
    /// The folder in which the data of the recipe are [default: where they were in the training]
    #[arg(long, value_name = "DIR", conflicts_with_all = ["csv", "idx"])]
    data: Option<PathBuf>,
    /// Judge on a CSV file with labels, plain or gzip
    #[arg(long, value_name = "FILE", conflicts_with = "idx")]
    csv: Option<PathBuf>,
    #[command(flatten)]
    csv_options: CsvOptions,
    /// Judge on an IDX file
    #[arg(long, value_name = "EXAMPLES", requires = "labels")]
    idx: Option<PathBuf>,
    /// The IDX file of their labels
    #[arg(long, value_name = "LABELS", requires = "idx", conflicts_with = "csv")]
    labels: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Outcome {
    let trained = Trained::find(&args.model)?;
    let assessment = match trained.recipe.as_ref().map_or(Precision::F64, |recipe| recipe.precision) {
        Precision::F32 => assessed::<f32>(args, &trained)?,
        Precision::F64 => assessed::<f64>(args, &trained)?,
    };
    match args.json {
        true => println!("{}", in_json(&assessment)),
        false => print!("{assessment}"),
    }
    Ok(ExitCode::SUCCESS)
}

fn assessed<T: Stored>(args: &Args, trained: &Trained) -> Result<Assessment, Box<dyn std::error::Error>>
where
    Sequential: Backprop<T>,
{
    args.csv.iter().chain(&args.idx).chain(&args.labels).try_for_each(|path| find::file(path))?;
    let model = trained.load::<T>()?;
    let data = examples(args, trained, &model)?;
    let one_hot = trained.recipe.as_ref().is_some_and(|recipe| recipe.data.one_hot);
    let source = Source::new(&data, &model.scaling)?.with_one_hot(one_hot);
    let loss = trained.recipe.as_ref().map(|recipe| recipe.loss.build::<T>()).transpose()?;
    Ok(assess(&model, &source, loss.as_deref())?)
}

fn examples<T: Stored>(
    args: &Args,
    trained: &Trained,
    model: &Model<T>,
) -> Result<Dataset, Box<dyn std::error::Error>> {
    if let Some(path) = &args.csv {
        let read = read_csv(model, path, &trained.csv_form(&args.csv_options)?)?;
        return match read.labels {
            Some(_) => Ok(read.data),
            None => Err(format!(
                "{}: expected labels to judge by, got as many columns as the model has inputs; `cargo xtask predict` \
                 needs no labels",
                path.display()
            )
            .into()),
        };
    }
    if let Some(path) = &args.idx {
        return Ok(read_idx(model, path, args.labels.as_deref())?);
    }
    let Some(recipe) = &trained.recipe else {
        let file = trained.file.display();
        let help = "there is no recipe.toml beside it to name the test data; say --csv FILE or --idx EXAMPLES --labels LABELS";
        return Err(Usage(format!("{file}: {help}")).into());
    };
    let root = trained.root(args.data.as_deref());
    let data = find::load_data(recipe, &root).map_err(|error| {
        format!("{error}; --data DIR names the folder in which the data of the recipe are")
    })?;
    Ok(data.test)
}

fn in_json(assessment: &Assessment) -> Value {
    let mut object = json!({
        "examples": assessment.examples, "loss": assessment.loss, "accuracy": assessment.accuracy(),
    });
    let scored = |key: &str, name: Value, matrix: &ConfusionMatrix, class: usize| {
        json!({
            key: name, "examples": matrix.support(class), "precision": matrix.precision(class),
            "recall": matrix.recall(class), "f1": matrix.f1(class),
        })
    };
    match &assessment.scores {
        Scores::Classes { names, confusion } => {
            let name = |class: usize| names.get(class).cloned().unwrap_or_else(|| class.to_string());
            let classes = (0..confusion.classes()).map(|i| scored("class", json!(name(i)), confusion, i));
            object["classes"] = classes.collect();
            let rows = confusion.counts().rows().into_iter().map(|row| json!(row.to_vec()));
            object["confusion"] = rows.collect();
        }
        Scores::Labels { names, confusions } => {
            let labels = names.iter().zip(confusions).map(|(name, m)| scored("label", json!(name), m, 1));
            object["labels"] = labels.collect();
        }
        Scores::Values { mean_absolute_error, root_mean_squared_error, r2 } => {
            object["mean_absolute_error"] = json!(mean_absolute_error);
            object["root_mean_squared_error"] = json!(root_mean_squared_error);
            object["r2"] = json!(r2);
        }
        _ => {}
    }
    object
}
