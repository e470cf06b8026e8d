//! Recipes and models by the words for them.

use std::error::Error;
use std::path::{Path, PathBuf};

use trainer::recipe::{self, BUILT_IN, Data, Recipe};
use trainer::report::RunFile;

use crate::output::{shown, workspace};
use crate::suggest::{self, Usage};

/// The recipe of this name that comes with the project, or the one in this file.
pub fn recipe(word: &str) -> Result<Recipe, Box<dyn Error>> {
    let path = Path::new(word);
    if let Some(recipe) = Recipe::built_in(word) {
        return Ok(recipe);
    }
    if path.is_dir() {
        let text = format!("{}: expected a recipe, got a folder; name the .toml file in it", shown(path));
        return Err(Usage(text).into());
    }
    if path.extension().is_some() || path.is_file() {
        return Ok(Recipe::load(path)?);
    }
    let known = BUILT_IN.map(|(name, _)| name);
    Err(suggest::unknown("recipe", word, &known, "a recipe of your own is the path of a .toml file").into())
}

/// The folder of data sets unless another is named.
pub fn data_dir(given: Option<&Path>) -> PathBuf {
    given.map_or_else(|| workspace().join("datasets"), PathBuf::from)
}

/// Where the relative paths of a recipe begin: where a person says; for the recipe.toml that a training left, where they
/// began in that training; beside a recipe of one's own; else in the folder of data sets.
pub fn data_root(word: &str, recipe: &Recipe, data: Option<&Path>) -> PathBuf {
    if let Some(dir) = data {
        return dir.to_owned();
    }
    let (path, dir) = (Path::new(word), data_dir(None));
    let left = path.file_name().is_some_and(|name| name == "recipe.toml") && path.is_file();
    let of_run = path.parent().filter(|_| left).and_then(root_of_run);
    let root = match of_run.filter(|root| root.is_dir()) {
        Some(root) => root,
        None if recipe.data.set.is_some() => dir,
        None => recipe::data_root(path, &dir),
    };
    // The folder of `mine.toml` has an empty path.
    if root.as_os_str().is_empty() { PathBuf::from(".") } else { root }
}

/// Where the relative paths of the recipe began in the training that left this folder, if it says so.
pub fn root_of_run(folder: &Path) -> Option<PathBuf> {
    RunFile::load(folder).ok()?.data_root
}

/// Refuses a file that is not there: it was typed as it stands, which is all that there is to say of it.
pub fn file(path: &Path) -> Result<(), Usage> {
    match path.exists() {
        true => Ok(()),
        false => Err(Usage(format!("{}: no such file; the path begins in the current folder", shown(path)))),
    }
}

/// The examples of a recipe.
pub fn load_data(recipe: &Recipe, root: &Path) -> Result<Data, Box<dyn Error>> {
    recipe.load_data(root).map_err(|error| match &recipe.data.set {
        Some(set) if !root.join(set).is_dir() => {
            let shown = shown(root);
            format!(
                "{set} is not in {shown}; `cargo xtask fetch-data {set}` brings it to datasets, or say \
                 --data DIR for a folder that has it"
            )
            .into()
        }
        _ => error.into(),
    })
}

/// The file of a model: this one, or the `model.safetensors` in this folder.
pub fn model(path: &Path) -> Result<PathBuf, Usage> {
    let file = if path.is_dir() { path.join("model.safetensors") } else { path.to_owned() };
    if file.is_file() {
        return Ok(file);
    }
    let what = if path.is_dir() { "no model.safetensors in it" } else { "no such file or folder" };
    Err(Usage(format!(
        "{}: {what}; a model is what `cargo xtask train RECIPE` left in target/train/RECIPE, or a file of your own",
        shown(path)
    )))
}
