//! Recipes: everything about a training run in one readable TOML file.
//!
//! ```toml
#![doc = include_str!("../../recipes/digits.toml")]
//! ```
//!
//! `[data]` names a known set (`set = "mnist"`), or CSV files, or IDX files; `[model]` lists the layers, whose input
//! sizes follow from the data; `[loss]`, `[optimizer]` and `[training]` are [`losses::Spec`], [`OptimizerSpec`] and
//! [`Options`] written down.

mod data;
mod place;

use std::path::{Path, PathBuf};

use datasets::{Dataset, Scaling};
use layers::{Init, Spec};
use tensor_ops::Scalar;

pub use data::{CsvFiles, DataSpec, IdxFiles, Label, ScalingSpec};

use crate::warning::last_layer;
use crate::{Error, Meaning, Model, OptimizerSpec, Options, Trainer};

/// The recipes that come with the project: their names and texts.
pub const BUILT_IN: [(&str, &str); 6] = [
    ("digits", include_str!("../../recipes/digits.toml")),
    ("digits16", include_str!("../../recipes/digits16.toml")),
    ("mnist", include_str!("../../recipes/mnist.toml")),
    ("fashion", include_str!("../../recipes/fashion.toml")),
    ("lenet", include_str!("../../recipes/lenet.toml")),
    ("fashion-cnn", include_str!("../../recipes/fashion-cnn.toml")),
];

/// Everything about a training run.
///
/// # Examples
///
/// ```
/// use trainer::recipe::Recipe;
///
/// let recipe = Recipe::built_in("digits").unwrap();
/// assert_eq!(recipe.training.batch_size, 32);
/// let error = Recipe::parse("[data]\nset = 7\n", "mine.toml".as_ref()).unwrap_err();
/// assert!(error.to_string().starts_with("mine.toml:2:7: "));
/// ```
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// One line that says what this is.
    #[serde(default)]
    pub about: String,
    /// The scalar to train in, and to read numbers of CSV files in.
    #[serde(default)]
    pub precision: Precision,
    /// The examples.
    pub data: DataSpec,
    /// The network.
    pub model: ModelSpec,
    /// The loss.
    pub loss: losses::Spec,
    /// The optimiser.
    pub optimizer: OptimizerSpec,
    /// How long, on which batches, at which rate.
    pub training: Options,
}

/// The scalar of a training run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// Single precision.
    #[default]
    F32,
    /// Double precision.
    F64,
}

/// A network and how its weights begin.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSpec {
    /// How all weights begin; without it, as each layer proposes.
    #[serde(default)]
    pub init: Option<Init>,
    /// The layers in order.
    pub layers: Vec<Spec>,
}

/// The examples of a recipe, loaded.
#[derive(Clone, Debug)]
pub struct Data {
    /// To learn from.
    pub train: Dataset,
    /// To be judged by.
    pub test: Dataset,
    /// Taken from the training examples, applied to both.
    pub scaling: Scaling,
    /// The names of the features, if they come from a CSV file whose header has no name twice.
    pub feature_names: Vec<String>,
    /// The names of the values to learn, if they come from a CSV file that has them.
    pub value_names: Vec<String>,
}

impl Recipe {
    /// The recipe of this name that comes with the project.
    #[expect(clippy::missing_panics_doc, reason = "a test parses each of them")]
    pub fn built_in(name: &str) -> Option<Recipe> {
        let (name, text) = BUILT_IN.iter().find(|(known, _)| *known == name)?;
        Some(Recipe::parse(text, name.as_ref()).expect("a test parses each built-in recipe"))
    }

    /// A recipe from a file.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] or [`Error::Recipe`].
    pub fn load(path: &Path) -> Result<Recipe, Error> {
        let text = std::fs::read_to_string(path).map_err(|source| Error::Io {
            path: path.to_owned(),
            action: "read",
            source,
        })?;
        Recipe::parse(&text, path)
    }

    /// A recipe from its text; errors name `path`, the line and the column.
    ///
    /// # Errors
    ///
    /// [`Error::Recipe`] if the text is no TOML, a field is unknown or missing, or a value is of the wrong kind.
    pub fn parse(text: &str, path: &Path) -> Result<Recipe, Error> {
        toml::from_str(text).map_err(|error| {
            let (line, column) = place::place(text, &error).map_or((1, 1), |span| position(text, span.start));
            Error::Recipe { path: path.to_owned(), line, column, message: error.message().to_string() }
        })
    }

    /// The recipe as TOML.
    #[expect(clippy::missing_panics_doc, reason = "tables, texts and numbers, all of which TOML has")]
    pub fn to_toml(&self) -> String {
        toml::to_string_pretty(self).expect("every recipe can be written")
    }

    /// Loads the examples; relative paths are below `root`.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] if a file is missing or wrong, [`Error::Option`] if the fields contradict each other.
    pub fn load_data(&self, root: &Path) -> Result<Data, Error> {
        self.data.load(root, self.precision, self.training.seed)
    }

    /// A model as it begins, for these examples.
    ///
    /// # Errors
    ///
    /// [`Error::Network`] if the layers do not fit the examples or each other.
    pub fn model<T: Scalar>(&self, data: &Data) -> Result<Model<T>, Error> {
        let input = data.train.feature_shape();
        let network = layers::sequential(&self.model.layers, input)?;
        let mut model = Model::with_init(network, input, self.model.init, self.training.seed)?;
        model.scaling = data.scaling.clone();
        model.class_names = data.train.class_names.clone();
        model.feature_names = data.feature_names.clone();
        model.value_names = data.value_names.clone();
        model.meaning = Meaning::of(self.loss.kind(), last_layer(model.network()).unwrap_or_default());
        Ok(model)
    }

    /// A trainer for this model.
    ///
    /// # Errors
    ///
    /// [`Error::Loss`] or [`Error::Option`] if an option makes no sense.
    pub fn trainer<T: Scalar>(&self, model: Model<T>) -> Result<Trainer<T>, Error>
    where
        layers::Sequential: layers::Backprop<T>,
    {
        let loss = self.loss.build().map_err(|source| Error::Loss { step: 0, source })?;
        Trainer::boxed(model, loss, self.optimizer.build()?, self.training.clone())
    }
}

/// Line and column, counted from 1, of a byte of a text.
fn position(text: &str, byte: usize) -> (usize, usize) {
    let before = &text[..byte.min(text.len())];
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|&c| c != '\n').count() + 1;
    (line, column)
}

/// Where the files of a recipe's data are looked for: beside a recipe of one's own, in the data folder for a built-in.
pub fn data_root(recipe: &Path, data_dir: &Path) -> PathBuf {
    match recipe.parent() {
        Some(folder) if recipe.is_file() => folder.to_owned(),
        _ => data_dir.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_recipe_parses_and_survives_being_written() {
        for (name, text) in BUILT_IN {
            let recipe = Recipe::parse(text, name.as_ref()).unwrap();
            assert!(!recipe.about.is_empty());
            assert_eq!(Recipe::parse(&recipe.to_toml(), name.as_ref()).unwrap(), recipe, "{name}");
        }
    }

    #[test]
    fn an_unknown_field_is_an_error_with_its_place() {
        let text = include_str!("../../recipes/digits.toml").replace("momentum", "momentun");
        let error = Recipe::parse(&text, "mine.toml".as_ref()).unwrap_err().to_string();
        assert!(error.starts_with("mine.toml:"), "{error}");
        assert!(error.contains("momentun"), "{error}");
    }

    #[test]
    fn an_error_in_a_part_points_at_the_key_or_the_part() {
        let text = "\
[data]
set = 'mnist'
[model]
init = { name = 'zeros' }
layers = [
    { layer = 'relu' },
    { layer = 'residual', layers = [
        { layer = 'elu', alpha = 1 },
        { layer = 'affine', units = 3 },
    ] },
]
[loss]
name = 'huber'
delta = 1
[optimizer]
name = 'sgd'
[training]
length = { steps = 1 }
schedule = { name = 'constant' }
";
        Recipe::parse(text, "r".as_ref()).unwrap();
        for (right, wrong, place) in [
            ("{ layer = 'relu' }", "{ layer = 'relu', slope = 1 }", "r:6:23: unknown field `slope`"),
            ("{ layer = 'relu' }", "{ layer = 'rely' }", "r:6:5: unknown variant `rely`"),
            ("alpha", "alfa", "r:8:26: unknown field `alfa`"),
            ("units = 3", "units = 'x'", "r:9:9: invalid type: string"),
            ("'zeros'", "'zeros', foo = 1", "r:4:26: unknown field `foo`"),
            ("delta", "delte", "r:14:1: unknown field `delte`"),
            ("'sgd'", "'sdg'", "r:15:1: unknown variant `sdg`"),
            ("'constant'", "'constant', factor = 1", "r:19:33: unknown field `factor`"),
        ] {
            let error = Recipe::parse(&text.replace(right, wrong), "r".as_ref()).unwrap_err().to_string();
            assert!(error.starts_with(place), "{error}, expected {place}");
        }
    }
}
