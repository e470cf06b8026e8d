//! `cargo xtask summary`: a network as a table.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use trainer::recipe::Recipe;
use trainer::{Model, Summary};

use crate::{Outcome, find};

/// Show the layers of a network: what each gives, holds and costs.
///
/// The output is the shape for one example; parameters are what training changes; multiply-adds are the products of weights
/// and inputs in the forward pass of one example.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A recipe's name or file; or a model: a .safetensors file or the folder of a training
    #[arg(value_name = "RECIPE-or-MODEL")]
    network: String,
    /// The folder in which the data of a recipe are, if its inputs are known from them alone
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

pub fn run(args: &Args) -> Outcome {
    let path = Path::new(&args.network);
    let is_model = path.is_dir() || path.extension().is_some_and(|extension| extension == "safetensors");
    let summary = match Recipe::built_in(&args.network) {
        None if is_model => Summary::new(Model::<f64>::load(find::model(path)?)?.network()),
        _ => of_recipe(args)?,
    };
    print!("{summary}");
    Ok(ExitCode::SUCCESS)
}

fn of_recipe(args: &Args) -> Result<Summary, Box<dyn std::error::Error>> {
    let recipe = find::recipe(&args.network)?;
    let input = match recipe.data.known_shape() {
        Some(shape) => shape,
        None => {
            let root = find::data_root(&args.network, &recipe, args.data.as_deref());
            find::load_data(&recipe, &root)?.train.feature_shape().to_vec()
        }
    };
    Ok(Summary::new(&layers::sequential(&recipe.model.layers, &input)?))
}
