//! The `[data]` of a recipe.

use std::path::{Path, PathBuf};

use datasets::{Dataset, Scaling, Set, Targets, csv, idx, split};

use super::{Data, Precision};
use crate::Error;
use crate::model::first_repeated;

/// Where the examples are and how they are prepared: exactly one of `set`, `csv` and `idx`.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataSpec {
    /// A set that can be downloaded: `mnist` or `fashion-mnist`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set: Option<String>,
    /// CSV files of one's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub csv: Option<CsvFiles>,
    /// IDX files of one's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idx: Option<IdxFiles>,
    /// Without test files: the part of the examples that is kept for the test, a fifth if not stated. Classes keep
    /// their shares.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_fraction: Option<f64>,
    /// What is done to the numbers.
    pub scaling: ScalingSpec,
    /// The shape that an example has for the network: `[1, 28, 28]` for a convolution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shape: Option<Vec<usize>>,
    /// Height and width, if a row of numbers is an image: for pictures only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<[usize; 2]>,
    /// Give the loss one-hot rows instead of class indices.
    pub one_hot: bool,
}

/// CSV files and what their columns are.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CsvFiles {
    /// The file to learn from; plain or gzip.
    pub train: PathBuf,
    /// The file to be judged by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<PathBuf>,
    /// Whether the first line names the columns. If no two names are the same, the columns of the test file, and of files
    /// to predict for, are found by these names; else by their position.
    #[serde(default = "yes")]
    pub header: bool,
    /// Which column is the class, or which are the values.
    #[serde(default)]
    pub label: Label,
    /// The character between fields.
    #[serde(default = "comma")]
    pub delimiter: char,
    /// The names of the classes, if the labels are names or should have some.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
}

/// Which columns of a CSV file are targets.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Label {
    /// The class is in the first column.
    #[default]
    First,
    /// The class is in the last column.
    Last,
    /// The class is in the column of this name.
    Column(String),
    /// Values, not classes: the columns of these names.
    Values(Vec<String>),
    /// Values, not classes: so many last columns.
    LastValues(usize),
}

/// IDX files: examples and labels.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdxFiles {
    /// The examples to learn from; plain or gzip.
    pub train: PathBuf,
    /// Their labels.
    pub train_labels: PathBuf,
    /// The examples to be judged by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<PathBuf>,
    /// Their labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_labels: Option<PathBuf>,
    /// The names of the classes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
}

/// What is done to the numbers of each example.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScalingSpec {
    /// Nothing.
    #[default]
    None,
    /// Times a constant.
    Constant(f64),
    /// By the mean and deviation of all training numbers.
    Standardise,
    /// By the mean and deviation of each feature.
    StandardisePerFeature,
}

const TEST_FRACTION: f64 = 0.2;

fn yes() -> bool {
    true
}

fn comma() -> char {
    ','
}

impl DataSpec {
    pub(super) fn load(&self, root: &Path, precision: Precision, seed: u64) -> Result<Data, Error> {
        self.check()?;
        let (mut feature_names, mut value_names) = (vec![], vec![]);
        let (train, test) = match (&self.set, &self.csv, &self.idx) {
            (Some(name), None, None) => {
                let set = name.parse::<Set>()?;
                let (train, test) = datasets::load(set, root.join(set.name()))?;
                (train, Some(test))
            }
            (None, Some(files), None) => {
                let (train, test, columns) = files.load(root, precision)?;
                if let csv::Label::Values(names) = columns.label {
                    value_names = names;
                }
                feature_names = columns.features;
                (train, test)
            }
            (None, None, Some(files)) => files.load(root)?,
            _ => return Err(Error::option("data", "exactly one of set, csv and idx", self.sources())),
        };
        let (train, test) = match (test, self.test_fraction) {
            (Some(test), None) => (train, test),
            (None, fraction) => divide(&train, fraction.unwrap_or(TEST_FRACTION), seed)?,
            (Some(_), Some(_)) => {
                return Err(Error::option("data", "test files or a test_fraction", "both"));
            }
        };
        let (train, test) = match &self.shape {
            Some(shape) => (train.reshape_features(shape)?, test.reshape_features(shape)?),
            None => (train, test),
        };
        if train.feature_shape() != test.feature_shape() {
            let expected =
                format!("test examples of shape {:?}, as those to learn from", train.feature_shape());
            return Err(Error::option("data", &expected, test.feature_shape()));
        }
        let scaling = match self.scaling {
            ScalingSpec::None => Scaling::none(),
            ScalingSpec::Constant(factor) => Scaling::by_constant(factor),
            ScalingSpec::Standardise => Scaling::standardise(&train)?,
            ScalingSpec::StandardisePerFeature => Scaling::standardise_per_feature(&train)?,
        };
        Ok(Data { train, test, scaling, feature_names, value_names })
    }

    /// What can be seen to be wrong before any file is read.
    fn check(&self) -> Result<(), Error> {
        if let ScalingSpec::Constant(factor) = self.scaling
            && !factor.is_finite()
        {
            return Err(Error::option("scaling", "a finite constant", factor));
        }
        let names = self.csv.as_ref().map(|csv| &csv.classes).or(self.idx.as_ref().map(|idx| &idx.classes));
        match names.and_then(|names| first_repeated(names)) {
            Some(name) => Err(Error::option("classes", "names that all differ", format!("{name} twice"))),
            None => Ok(()),
        }
    }

    /// The shape of an example where it is known without reading any: stated, or of a known set.
    pub fn known_shape(&self) -> Option<Vec<usize>> {
        let of_set = || self.set.as_ref()?.parse::<Set>().ok().map(|_| vec![28, 28]);
        self.shape.clone().or_else(of_set)
    }

    /// The files of one's own that are read, as the recipe names them.
    pub fn files(&self) -> Vec<&Path> {
        let of_csv = self.csv.iter().flat_map(|files| [Some(&files.train), files.test.as_ref()]);
        let of_idx = self.idx.iter().flat_map(|files| {
            [Some(&files.train), Some(&files.train_labels), files.test.as_ref(), files.test_labels.as_ref()]
        });
        of_csv.chain(of_idx).flatten().map(PathBuf::as_path).collect()
    }

    fn sources(&self) -> Vec<&'static str> {
        let given = [("set", self.set.is_some()), ("csv", self.csv.is_some()), ("idx", self.idx.is_some())];
        given.into_iter().filter_map(|(name, given)| given.then_some(name)).collect()
    }
}

/// Stratified for classes, plain for values.
fn divide(all: &Dataset, test_fraction: f64, seed: u64) -> Result<(Dataset, Dataset), Error> {
    let (train, test) = match &all.targets {
        Targets::Classes(labels) => split::stratified(labels, test_fraction, seed)?,
        Targets::Values(_) => split::holdout(all.len(), test_fraction, seed)?,
    };
    Ok((all.select(&train), all.select(&test)))
}

impl CsvFiles {
    /// The training examples, the test examples if they have a file, and how their columns were found, by name if they
    /// have names.
    fn load(
        &self,
        root: &Path,
        precision: Precision,
    ) -> Result<(Dataset, Option<Dataset>, csv::Options), Error> {
        let mut options = self.options(precision)?;
        let mut reader = csv::Reader::open(root.join(&self.train), &options)?;
        let named = match self.header {
            true => by_name(&reader.first_record(options.delimiter)?.1, &options.label),
            false => None,
        };
        let train = reader.read(&options)?;
        // The test file is to have the columns and classes of the training file, whichever of them occur in it.
        options.n_features = Some(train.features.width());
        options.n_classes = Some(train.n_classes()).filter(|&n| n > 0);
        if let Some((features, label)) = named {
            (options.features, options.label) = (features, label);
        }
        let test = self.test.as_ref().map(|test| csv::read(root.join(test), &options)).transpose()?;
        Ok((train, test, options))
    }

    fn options(&self, precision: Precision) -> Result<csv::Options, Error> {
        let delimiter = u8::try_from(self.delimiter).ok().filter(u8::is_ascii);
        let delimiter =
            delimiter.ok_or_else(|| Error::option("delimiter", "one ASCII character", self.delimiter))?;
        Ok(csv::Options {
            header: if self.header { csv::Header::Present } else { csv::Header::None },
            label: match &self.label {
                Label::First => csv::Label::First,
                Label::Last => csv::Label::Last,
                Label::Column(name) => csv::Label::Named(name.clone()),
                Label::Values(names) => csv::Label::Values(names.clone()),
                Label::LastValues(n) => csv::Label::LastValues(*n),
            },
            delimiter,
            numbers: match precision {
                Precision::F32 => csv::NumberType::F32,
                Precision::F64 => csv::NumberType::F64,
            },
            class_names: self.classes.clone(),
            ..csv::Options::default()
        })
    }
}

/// The names of the features, and the targets by name; none if two columns have the same name, which are known by their
/// position alone.
fn by_name(header: &[String], label: &csv::Label) -> Option<(Vec<String>, csv::Label)> {
    if first_repeated(header).is_some() {
        return None;
    }
    let (targets, values) = match label {
        csv::Label::First => (header.get(..1)?, false),
        csv::Label::Last => (header.get(header.len().checked_sub(1)?..)?, false),
        csv::Label::LastValues(n) => (header.get(header.len().checked_sub(*n)?..)?, true),
        csv::Label::Named(name) => (std::slice::from_ref(name), false),
        csv::Label::Values(names) => (&names[..], true),
        csv::Label::None => (&[][..], true),
    };
    let features = header.iter().filter(|name| !targets.contains(name)).cloned().collect();
    let label =
        if values { csv::Label::Values(targets.to_vec()) } else { csv::Label::Named(targets[0].clone()) };
    Some((features, label))
}

impl IdxFiles {
    fn load(&self, root: &Path) -> Result<(Dataset, Option<Dataset>), Error> {
        let load = |examples: &Path, labels: &Path, classes: &[String]| {
            idx::load(root.join(examples), root.join(labels), classes.to_vec(), &idx::Options::default())
        };
        let train = load(&self.train, &self.train_labels, &self.classes)?;
        match (&self.test, &self.test_labels) {
            (Some(test), Some(labels)) => {
                let test = load(test, labels, &train.class_names)?;
                Ok((train, Some(test)))
            }
            (None, None) => Ok((train, None)),
            _ => Err(Error::option("idx", "both test and test_labels, or neither", "one of them")),
        }
    }
}
