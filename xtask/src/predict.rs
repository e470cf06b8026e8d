//! `cargo xtask predict`: what a trained model says of examples.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use datasets::Dataset;
use serde_json::json;
use trainer::inputs::{CsvForm, PngForm, answer, read_csv, read_idx, read_png, white_of};
use trainer::{Answer, Meaning, Model, Table};

use crate::output::shown;
use crate::trained::{CsvOptions, Trained};
use crate::{Outcome, find, words};

/// Predict with a trained model: the class and its probability for each example, or values.
///
/// The model file holds all that is needed: the scaling of inputs and the names of the classes. Give the inputs as the
/// training data were before scaling.
///
/// A CSV file has the columns that the model was trained on, with or without the label. They are found by their names, in
/// whatever order, if that file and that of the training have headers in which no name occurs twice, else by their position.
/// If there is a label (a column more) it is left out, and a note says which column it was; where it is comes from --label,
/// else from the recipe beside the model, else from a column named label, class, target or y. The first line is a header if
/// one of its fields is neither a number nor a class.
#[derive(Debug, clap::Args)]
#[command(
    override_usage = "cargo xtask predict <MODEL> <--csv <FILE>|--idx <FILE>|--png <FILE>...> [OPTIONS]"
)]
pub struct Args {
    /// The folder of a training, or a .safetensors file
    model: PathBuf,
    #[command(flatten)]
    examples: Examples,
    #[command(flatten)]
    csv_options: CsvOptions,
    /// The number that white has in the training data, for PNG images; black is 0 [default: the number that the model
    /// scales to 1, if it scales by a constant, else 255]
    #[arg(long, value_name = "X", requires = "png", conflicts_with_all = ["csv", "idx"])]
    #[arg(allow_negative_numbers = true, value_parser = words::finite_but_0)]
    white: Option<f64>,
    /// How to print the predictions
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Examples {
    /// Predict for each row of a CSV file, plain or gzip
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Predict for each example of an IDX file, plain or gzip
    #[arg(long, value_name = "FILE")]
    idx: Option<PathBuf>,
    /// Predict for PNG images of the size that the model takes; colour becomes grey unless it takes three channels
    #[arg(long, value_name = "FILE", num_args = 1..)]
    #[arg(conflicts_with_all = ["label", "header", "no_header", "delimiter"])]
    png: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Columns for people
    Table,
    /// CSV with a header
    Csv,
    /// One JSON object a line
    Json,
}

pub fn run(args: &Args) -> Outcome {
    let trained = Trained::find(&args.model)?;
    let model = trained.load::<f64>()?;
    let examples = read(args, &trained, &model)?;
    let answers = answer(&model, &examples)?;
    let pngs = &args.examples.png;
    let name = |row: usize| pngs.get(row).map_or_else(|| row.to_string(), |path| path.display().to_string());
    let what = if pngs.is_empty() { "row" } else { "image" };
    if args.format == Format::Json {
        for (row, answer) in answers.iter().enumerate() {
            println!(
                "{}",
                in_json(what, if pngs.is_empty() { json!(row) } else { json!(name(row)) }, answer, &model)
            );
        }
        return Ok(ExitCode::SUCCESS);
    }
    let head = model.answer_head();
    let cells = |answer: &Option<Answer>| {
        answer.as_ref().map_or_else(|| vec!["not a number".into(); head.len()], Answer::cells)
    };
    let text = !model.classes().is_empty();
    let mut table = Table::new(1 + usize::from(text), [what.to_owned()].into_iter().chain(head.clone()));
    for (row, answer) in answers.iter().enumerate() {
        table.row([name(row)].into_iter().chain(cells(answer)));
    }
    match args.format {
        Format::Csv => print!("{}", table.to_csv()),
        _ => print!("{table}"),
    }
    Ok(ExitCode::SUCCESS)
}

fn read(args: &Args, trained: &Trained, model: &Model<f64>) -> Result<Dataset, Box<dyn std::error::Error>> {
    let Examples { csv, idx, png } = &args.examples;
    csv.iter().chain(idx).chain(png).try_for_each(|path| find::file(path))?;
    if let Some(path) = csv {
        let form = CsvForm { skip_labels: true, ..trained.csv_form(&args.csv_options)? };
        let read = read_csv(model, path, &form)?;
        if let Some(labels) = read.labels {
            eprintln!("note: leaving out {labels} of {}, taken as the label", shown(path));
        }
        return Ok(read.data);
    }
    if let Some(path) = idx {
        return Ok(read_idx(model, path, None)?);
    }
    let white = args.white.unwrap_or_else(|| white_of(&model.scaling));
    let size = trained.recipe.as_ref().and_then(|recipe| recipe.data.image);
    let paths: Vec<&Path> = png.iter().map(PathBuf::as_path).collect();
    Ok(read_png(model, &paths, &PngForm { size, white })?)
}

/// Without an answer, as where numbers are too large for the model, what would be in it is null.
fn in_json(
    what: &str,
    row: serde_json::Value,
    answer: &Option<Answer>,
    model: &Model<f64>,
) -> serde_json::Value {
    let mut object = match answer {
        Some(answer) => serde_json::to_value(answer).expect("answers are plain numbers and texts"),
        None if !model.classes().is_empty() => json!({ "class": null }),
        None if model.meaning == Meaning::YesOrNo => json!({ "probabilities": null }),
        None => json!({ "values": null }),
    };
    object[what] = row;
    object
}
