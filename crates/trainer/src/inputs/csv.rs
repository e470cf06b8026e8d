//! Examples in a CSV file, with or without their labels, with or without a header.

use std::path::Path;

use datasets::Dataset;
use datasets::csv::{Header, Label, NumberType, Options, Reader};
use tensor_ops::Scalar;

use super::shaped;
use crate::{Error, Model};

/// Names of columns that hold the class, where nothing else is said.
const LABEL_NAMES: [&str; 4] = ["label", "class", "target", "y"];

/// What is known of a CSV file beforehand.
#[derive(Clone, Debug, PartialEq)]
pub struct CsvForm {
    /// Where the class or the values are, if the file has them: as in the training, or as a person says.
    pub label: Option<Label>,
    /// Whether the first line is a header. Without an answer it is one if it has a field that is neither a number nor
    /// the name of a class.
    pub header: Option<bool>,
    /// The byte between fields.
    pub delimiter: u8,
}

impl Default for CsvForm {
    fn default() -> Self {
        CsvForm { label: None, header: None, delimiter: b',' }
    }
}

/// Examples of a CSV file.
#[derive(Clone, Debug, PartialEq)]
pub struct CsvInputs {
    /// The examples. Where the file has no labels, their targets are rows of no values.
    pub data: Dataset,
    /// Where the labels were, in words, if the file has them.
    pub labels: Option<String>,
}

/// Reads examples for a model that takes d numbers.
///
/// A file with d columns has no labels. One with as many more as there are targets (one for a class, one for each value)
/// has them, in the columns that `form` says, else in the column whose name is label, class, target or y. Labels are names
/// of classes; where no name is a number, all of them may be indices of classes instead. The file is read once, so that
/// it may be a pipe.
///
/// # Errors
///
/// [`Error::Data`] with file, line and column if the file is missing or wrong; [`Error::Input`] if it has another number
/// of columns, or labels of which it is not known where they are.
pub fn read_csv<T: Scalar>(model: &Model<T>, path: &Path, form: &CsvForm) -> Result<CsvInputs, Error> {
    let mut options = Options {
        delimiter: form.delimiter,
        header: Header::None,
        numbers: numbers::<T>(),
        ..Options::default()
    };
    let mut reader = Reader::open(path, &options)?;
    let (line, first) = reader.first_record(options.delimiter)?;
    let classes = model.classes();
    let is_data = |field: &String| field.parse::<f64>().is_ok() || classes.contains(field);
    if form.header.unwrap_or_else(|| !first.iter().all(is_data)) {
        options.header = Header::Present;
    }
    let inputs: usize = model.input_shape().iter().product();
    let targets = if classes.is_empty() { model.output_shape().iter().product() } else { 1 };
    let wrong = |got: String| Error::Input {
        path: path.to_owned(),
        at: format!("line {line}: "),
        expected: format!(
            "{inputs} columns, or {} with the {}",
            inputs + targets,
            if classes.is_empty() { "values" } else { "label" }
        ),
        got,
    };
    options.label = if first.len() == inputs {
        Label::None
    } else if first.len() == inputs + targets {
        let header = (options.header == Header::Present).then_some(&first[..]);
        place(form.label.as_ref(), header, &classes, targets)
            .ok_or_else(|| wrong(format!("{}, of which it is not known where the labels are", first.len())))?
    } else {
        return Err(wrong(first.len().to_string()));
    };
    options.n_features = Some(inputs);
    let labels = (options.label != Label::None).then(|| in_words(&options.label));
    name_classes(&mut options, classes);
    let data = reader.read(&options)?;
    Ok(CsvInputs { data: shaped(model, data, path)?, labels })
}

/// What holds the numbers of a file as exactly as the model computes.
fn numbers<T: Scalar>() -> NumberType {
    let exact = T::from_f64(1.0 + f64::EPSILON).value() != 1.0;
    if exact { NumberType::F64 } else { NumberType::F32 }
}

/// Which columns are the targets: as said, as far as this file can have it, else by their name.
fn place(said: Option<&Label>, header: Option<&[String]>, classes: &[String], n: usize) -> Option<Label> {
    let by_name = |name: &String| header.is_some_and(|header| header.contains(name));
    match said {
        // Names are of use in a file with a header alone.
        Some(Label::Named(name)) if by_name(name) => said.cloned(),
        Some(Label::Values(names)) if names.iter().all(by_name) => said.cloned(),
        Some(Label::Named(_) | Label::Values(_) | Label::None) | None => {
            let known = |name: &&String| LABEL_NAMES.iter().any(|label| name.eq_ignore_ascii_case(label));
            let name = header?.iter().find(known)?.clone();
            Some(if classes.is_empty() && n == 1 { Label::Values(vec![name]) } else { Label::Named(name) })
                .filter(|_| n == 1)
        }
        Some(Label::Last) if classes.is_empty() => Some(Label::LastValues(n)),
        said => said.cloned(),
    }
}

fn in_words(label: &Label) -> String {
    match label {
        Label::First => "the first column".into(),
        Label::Last | Label::LastValues(1) => "the last column".into(),
        Label::LastValues(n) => format!("the last {n} columns"),
        Label::Named(name) => format!("the column {name:?}"),
        Label::Values(names) => {
            let names: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
            format!("the column{} {}", if names.len() == 1 { "" } else { "s" }, names.join(", "))
        }
        Label::None => "no column".into(),
    }
}

/// Labels are names of classes; where no name is a number, they may be indices of classes throughout.
fn name_classes(options: &mut Options, classes: Vec<String>) {
    let numbered = classes.iter().enumerate().all(|(i, name)| *name == i.to_string());
    if numbered {
        options.n_classes = Some(classes.len()).filter(|&n| n > 0);
    } else {
        options.class_indices = !classes.iter().any(|name| name.parse::<f64>().is_ok());
        options.class_names = classes;
    }
}

#[cfg(test)]
mod tests {
    use layers::{Affine, Sequential};

    use super::*;
    use crate::Meaning;

    /// A model of 2 inputs, and a file.
    fn case(names: &[&str], text: &str, test: &str) -> (Model<f64>, std::path::PathBuf) {
        let outputs = names.len().max(2);
        let network = Sequential::new(&[2]).push(Affine::new(2, outputs)).unwrap();
        let mut model = Model::new(network, 1).unwrap();
        model.class_names = names.iter().map(ToString::to_string).collect();
        model.meaning = if names.is_empty() { Meaning::Values } else { Meaning::Logits };
        let path = std::env::temp_dir().join(format!("trainer-inputs-{}-{test}.csv", std::process::id()));
        std::fs::write(&path, text).unwrap();
        (model, path)
    }

    fn read_as(names: &[&str], text: &str, form: &CsvForm, test: &str) -> Result<CsvInputs, String> {
        let (model, path) = case(names, text, test);
        let read = read_csv(&model, &path, form)
            .map_err(|error| error.to_string().replace(&path.display().to_string(), "f.csv"));
        std::fs::remove_file(&path).unwrap();
        read
    }

    #[test]
    fn header_and_label_are_recognised_where_they_are_there() {
        let last = CsvForm { label: Some(Label::Last), ..CsvForm::default() };
        let auto = CsvForm::default();
        for (i, (text, form, labels)) in [
            ("1,2\n3,4\n", &auto, None),
            ("a,b\n1,2\n3,4\n", &last, None),
            ("a,label,b\n1,cat,2\n3,dog,4\n", &auto, Some(vec![0, 1])),
            ("1,2,cat\n3,4,dog\n", &last, Some(vec![0, 1])),
            ("1,2,1\n3,4,0\n", &last, Some(vec![1, 0])),
        ]
        .into_iter()
        .enumerate()
        {
            let read = read_as(&["cat", "dog"], text, form, &format!("known-{i}")).unwrap();
            assert_eq!(read.data.len(), 2, "{text}");
            assert_eq!(read.data.targets.classes().map(<[usize]>::to_vec), labels, "{text}");
            let datasets::Features::F64(x) = &read.data.features else { panic!("as the model") };
            assert_eq!(x.iter().copied().collect::<Vec<_>>(), [1.0, 2.0, 3.0, 4.0], "{text}");
        }
    }

    #[test]
    fn values_are_targets_of_a_model_without_classes() {
        let last = CsvForm { label: Some(Label::LastValues(2)), ..CsvForm::default() };
        let read = read_as(&[], "1,2,5,6\n3,4,7,8\n", &last, "values").unwrap();
        assert_eq!(read.data.targets.values().unwrap(), ndarray::array![[5.0, 6.0], [7.0, 8.0]]);
        assert_eq!(read.labels.as_deref(), Some("the last 2 columns"));
    }

    #[test]
    fn what_is_not_known_is_an_error_with_file_and_line() {
        let auto = CsvForm::default();
        let error = |text, test| read_as(&["cat", "dog"], text, &auto, test).unwrap_err();
        assert_eq!(
            error("\n1,2,3,4\n", "wide"),
            "f.csv: line 2: expected 2 columns, or 3 with the label, got 4"
        );
        assert_eq!(
            error("1,2,0\n", "where"),
            "f.csv: line 1: expected 2 columns, or 3 with the label, got 3, of which it is not known where the labels are"
        );
        let last = CsvForm { label: Some(Label::Last), ..CsvForm::default() };
        let mixed = |text, test| read_as(&["cat", "dog"], text, &last, test).unwrap_err();
        assert_eq!(
            mixed("1,2,1\n3,4,cat\n", "index-first"),
            "f.csv: line 2, column 3: expected a class below 2, got \"cat\""
        );
        assert_eq!(
            mixed("1,2,cat\n3,4,1\n", "name-first"),
            "f.csv: line 2, column 3: expected one of the class names, got \"1\""
        );
        assert_eq!(error("1,2\n3,4,5\n", "ragged"), "f.csv: line 2: expected 2 fields, got 3");
        assert_eq!(
            error("a,b,label\n1,2,cow\n", "class"),
            "f.csv: line 2, column 3: expected one of the class names, got \"cow\""
        );
    }
}
