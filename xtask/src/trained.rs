//! A trained model and what its training left beside it.

use std::error::Error;
use std::path::{Path, PathBuf};

use datasets::csv::Label as Column;
use trainer::inputs::CsvForm;
use trainer::recipe::{Label, Recipe};
use trainer::{Model, Stored};

use crate::find;
use crate::suggest::Usage;

/// A model file, and the recipe beside it if there is one.
pub struct Trained {
    pub file: PathBuf,
    pub recipe: Option<Recipe>,
    /// Where the relative paths of the recipe's data begin.
    root: Option<PathBuf>,
}

impl Trained {
    /// Finds the model that `path` names.
    pub fn find(path: &Path) -> Result<Self, Box<dyn Error>> {
        let file = find::model(path)?;
        let beside = |name: &str| file.parent().map(|folder| folder.join(name)).filter(|path| path.is_file());
        let recipe = beside("recipe.toml").map(|path| Recipe::load(&path)).transpose()?;
        let root = file.parent().and_then(find::root_of_run);
        Ok(Trained { file, recipe, root })
    }

    pub fn load<T: Stored>(&self) -> Result<Model<T>, trainer::Error> {
        Model::load(&self.file)
    }

    /// Where the data of the training are: in `given`, else where they were.
    pub fn root(&self, given: Option<&Path>) -> PathBuf {
        given.map(Path::to_owned).or_else(|| self.root.clone()).unwrap_or_else(|| find::data_dir(None))
    }

    /// What a CSV file looks like: as the options say, else as in the training.
    pub fn csv_form(&self, options: &CsvOptions) -> Result<CsvForm, Usage> {
        let known = self.recipe.as_ref().and_then(|recipe| recipe.data.csv.as_ref());
        let as_trained = known.map(|csv| match &csv.label {
            Label::First => Column::First,
            Label::Last => Column::Last,
            Label::Column(name) => Column::Named(name.clone()),
            Label::Values(names) => Column::Values(names.clone()),
            Label::LastValues(n) => Column::LastValues(*n),
        });
        let said = options.label.as_deref().map(|word| match word {
            "first" => Column::First,
            "last" => Column::Last,
            name if name.contains(',') => Column::Values(name.split(',').map(str::to_owned).collect()),
            name => Column::Named(name.to_owned()),
        });
        let delimiter = options.delimiter.or(known.map(|csv| csv.delimiter)).unwrap_or(',');
        let ascii = u8::try_from(delimiter).ok().filter(u8::is_ascii);
        let wrong = || Usage(format!("--delimiter: expected one ASCII character, got '{delimiter}'"));
        let delimiter = ascii.ok_or_else(wrong)?;
        let header = match (options.header, options.no_header) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        };
        let label_required = said.is_some();
        Ok(CsvForm { label: said.or(as_trained), label_required, skip_labels: false, header, delimiter })
    }
}

/// What a person can say of a CSV file.
#[derive(Debug, clap::Args)]
pub struct CsvOptions {
    /// Where the label is in the CSV file: first, last or the name of a column; names of several columns, with commas
    /// between them, are values [default: as in the training, else a column label, class, target or y]
    #[arg(long, value_name = "COLUMN", requires = "csv", conflicts_with = "idx")]
    pub label: Option<String>,
    /// The first line of the CSV file is a header, even if all of it is numbers
    #[arg(long, requires = "csv", conflicts_with_all = ["idx", "no_header"])]
    pub header: bool,
    /// The CSV file has no header [default: it has one if a field of the first line is neither a number nor a class]
    #[arg(long, requires = "csv", conflicts_with = "idx")]
    pub no_header: bool,
    /// The character between the fields of the CSV file [default: as in the training, else a comma]
    #[arg(long, value_name = "CHAR", requires = "csv", conflicts_with = "idx")]
    pub delimiter: Option<char>,
}
