//! Examples in a CSV file, with or without their labels, with or without a header.

mod columns;

use std::path::Path;

use datasets::Dataset;
use datasets::csv::{Header, Label, NumberType, Options, Reader};
use tensor_ops::Scalar;

use columns::{Columns, in_words};

use super::shaped;
use crate::{Error, Model};

/// What is known of a CSV file beforehand.
#[derive(Clone, Debug, PartialEq)]
pub struct CsvForm {
    /// Where the class or the values are, if the file has them: as in the training, or as a person says.
    pub label: Option<Label>,
    /// Whether the labels must be where `label` says, as when a person says so. Else a file without them there may have
    /// them elsewhere, or none.
    pub label_required: bool,
    /// Whether labels are passed over, whatever they are, as for a prediction.
    pub skip_labels: bool,
    /// Whether the first line is a header. Without an answer it is one if it has a field that is neither a number nor
    /// the name of a class.
    pub header: Option<bool>,
    /// The byte between fields.
    pub delimiter: u8,
}

impl Default for CsvForm {
    fn default() -> Self {
        CsvForm { label: None, label_required: false, skip_labels: false, header: None, delimiter: b',' }
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
/// has them, in the columns that `form` says, else in the column whose name is label, class, target or y. Where `form`
/// says that they are values, a model of classes takes a probability for each class too. Labels are names of classes;
/// where no name is a number, all of them may be indices of classes instead.
///
/// If the model knows the names of its features and the file has a header, the features are found by their names, in
/// whatever order, else by their position. The file is read once, so that it may be a pipe.
///
/// # Errors
///
/// [`Error::Data`] with file, line and column if the file is missing or wrong; [`Error::Input`] if it has another number
/// of columns or other columns, or labels of which it is not known where they are.
pub fn read_csv<T: Scalar>(model: &Model<T>, path: &Path, form: &CsvForm) -> Result<CsvInputs, Error> {
    let mut options = Options {
        delimiter: form.delimiter,
        skip_targets: form.skip_labels,
        header: Header::None,
        numbers: numbers::<T>(),
        n_features: Some(model.input_shape().iter().product()),
        ..Options::default()
    };
    let mut reader = Reader::open(path, &options)?;
    let (line, first) = reader.first_record(options.delimiter)?;
    let classes = model.classes();
    // Nothing at all is a label that is missing rather than a name.
    let is_data =
        |field: &String| field.is_empty() || field.parse::<f64>().is_ok() || classes.contains(field);
    let header = form.header.unwrap_or_else(|| !first.iter().all(is_data));
    if header {
        options.header = Header::Present;
        options.features.clone_from(&model.feature_names);
    }
    let columns = Columns {
        path,
        line,
        first: &first,
        header: header.then_some(&first),
        features: &options.features,
        values: &model.value_names,
        inputs: model.input_shape().iter().product(),
        outputs: model.output_shape().iter().product(),
        has_classes: !classes.is_empty(),
    };
    options.label = columns.label(form)?;
    let labels = (options.label != Label::None).then(|| in_words(&options.label));
    if !matches!(options.label, Label::Values(_) | Label::LastValues(_)) {
        name_classes(&mut options, classes);
    }
    Ok(CsvInputs { data: shaped(model, reader.read(&options)?, path)?, labels })
}

/// What holds the numbers of a file as exactly as the model computes.
fn numbers<T: Scalar>() -> NumberType {
    let exact = T::from_f64(1.0 + f64::EPSILON).value() != 1.0;
    if exact { NumberType::F64 } else { NumberType::F32 }
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
    fn labels_that_are_missing_or_unknown_are_passed_over_where_none_is_wanted() {
        let form = |label, skip_labels| CsvForm { label: Some(label), skip_labels, ..CsvForm::default() };
        for (i, (text, label)) in [
            ("1,2,\n3,4,\n", Label::Last),
            ("1,2,cat\n3,4,\"a, bird\"\n", Label::Last),
            ("kind,a,b\n?,1,2\n,3,4\n", Label::Named("kind".into())),
        ]
        .into_iter()
        .enumerate()
        {
            let read = |skip| {
                read_as(&["cat", "dog"], text, &form(label.clone(), skip), &format!("skip-{i}-{skip}"))
            };
            let found = read(true).unwrap();
            let expected = datasets::Features::F64(ndarray::array![[1.0, 2.0], [3.0, 4.0]].into_dyn());
            assert_eq!(found.data.features, expected, "{text}");
            assert!(found.labels.is_some() && found.data.targets.classes().is_none(), "{text}");
            assert!(read(false).is_err(), "{text}");
        }
    }

    #[test]
    fn a_header_of_numbers_is_one_if_a_person_says_so() {
        let header = CsvForm { header: Some(true), ..CsvForm::default() };
        assert_eq!(read_as(&[], "1,2\n3,4\n", &header, "numbered").unwrap().data.len(), 1);
    }

    #[test]
    fn features_with_names_are_found_by_them_and_others_are_refused() {
        let read = |text: &str, label: Option<Label>, test: &str| {
            let (mut model, path) = case(&["cat", "dog"], text, test);
            model.feature_names = vec!["a".into(), "b".into()];
            let read = read_csv(&model, &path, &CsvForm { label, ..CsvForm::default() });
            std::fs::remove_file(&path).unwrap();
            read.map_err(|error| error.to_string().replace(&path.display().to_string(), "f.csv"))
        };
        let (first, last, named) = (Label::First, Label::Last, Label::Named("kind".into()));
        for (i, (text, label)) in [
            ("1,2\n", None),
            ("a,b\n1,2\n", None),
            ("b,a\n2,1\n", None),
            ("b,a\n2,1\n", Some(last.clone())),
            ("b,kind,a\n2,dog,1\n", Some(first)),
            ("kind,b,a\ndog,2,1\n", Some(last)),
            ("b,a,kind\n2,1,dog\n", Some(named.clone())),
            ("b,class,a\n2,dog,1\n", Some(named)),
        ]
        .into_iter()
        .enumerate()
        {
            let read = read(text, label, &format!("named-{i}")).unwrap();
            let x = datasets::Features::F64(ndarray::array![[1.0, 2.0]].into_dyn());
            assert_eq!(read.data.features, x, "{text}");
            assert!(read.data.targets.classes().is_none_or(|classes| classes == [1]), "{text}");
        }
        for (i, (text, said)) in [
            ("a,c\n1,2\n", "expected a column \"b\", got \"a\", \"c\""),
            ("c,a,y\n1,2,cat\n", "expected a column \"b\", got \"c\", \"a\", \"y\""),
            ("a,b,a\n1,2,cat\n", "expected columns with different names, got \"a\", \"b\", \"a\""),
            (
                &*format!("a,\x1b[2J{}\n1,2\n", "x".repeat(100_000)),
                &*format!("expected a column \"b\", got \"a\", \"\\u{{1b}}[2J{}\"...", "x".repeat(36)),
            ),
        ]
        .into_iter()
        .enumerate()
        {
            let error = read(text, Some(Label::Last), &format!("misnamed-{i}")).unwrap_err();
            assert_eq!(error, format!("f.csv: line 1: {said}"));
        }
    }

    #[test]
    fn a_probability_for_each_class_is_a_label_where_the_training_had_it_so() {
        let names = Label::Values(vec!["p".into(), "q".into()]);
        for (text, label, test) in [
            ("1,2,0.25,0.75\n", Label::LastValues(2), "soft-last"),
            ("a,p,b,q\n1,0.25,2,0.75\n", names.clone(), "soft-named"),
        ] {
            let form = CsvForm { label: Some(label), ..CsvForm::default() };
            let read = read_as(&["cat", "dog"], text, &form, test).unwrap();
            assert_eq!(read.data.targets.values().unwrap(), ndarray::array![[0.25, 0.75]]);
        }
        let form = CsvForm { label: Some(names), ..CsvForm::default() };
        let read = |text, test| read_as(&["cat", "dog"], text, &form, test);
        let hard = read("a,b,label\n1,2,dog\n", "soft-hard").unwrap();
        assert_eq!(hard.data.targets.classes(), Some(&[1][..]), "one label will do");
        let error = read("1,2,3,4,5\n", "soft-wide").unwrap_err();
        assert_eq!(error, "f.csv: line 1: expected 2 columns, or 4 with the values, got 5");
    }

    #[test]
    fn a_label_that_a_person_names_is_there_or_an_error() {
        let error = |label, text, test| {
            let form = CsvForm { label: Some(label), label_required: true, ..CsvForm::default() };
            read_as(&["cat", "dog"], text, &form, test).unwrap_err()
        };
        let nope = || Label::Named("nope".into());
        let listed = "f.csv: line 1: expected a column \"nope\", got \"a\", \"b\", \"label\"";
        assert_eq!(error(nope(), "a,b,label\n1,2,cat\n", "said-name"), listed);
        let bare = "f.csv: line 1: expected a header with a column \"nope\", got no header";
        assert_eq!(error(nope(), "1,2,cat\n", "said-bare"), bare);
        let none = "f.csv: line 1: expected 3 columns with the label, got 2";
        assert_eq!(error(Label::Last, "1,2\n", "said-last"), none);
    }

    #[test]
    fn values_are_targets_of_a_model_without_classes() {
        let last = CsvForm { label: Some(Label::LastValues(2)), ..CsvForm::default() };
        let read = read_as(&[], "1,2,5,6\n3,4,7,8\n", &last, "values").unwrap();
        assert_eq!(read.data.targets.values().unwrap(), ndarray::array![[5.0, 6.0], [7.0, 8.0]]);
        assert_eq!(read.labels.as_deref(), Some("the last 2 columns"));
    }

    #[test]
    fn values_with_names_are_found_by_them() {
        let read = |text: &str, label: Option<Label>, test: &str| {
            let (mut model, path) = case(&[], text, test);
            model.feature_names = vec!["a".into(), "b".into()];
            model.value_names = vec!["y".into(), "z".into()];
            let read = read_csv(&model, &path, &CsvForm { label, ..CsvForm::default() }).unwrap();
            std::fs::remove_file(&path).unwrap();
            read.data
        };
        let last = || Some(Label::LastValues(2));
        for (i, (text, label)) in [
            ("a,b,y,z\n1,2,5,6\n", last()),
            ("a,b,z,y\n1,2,6,5\n", last()),
            ("z,b,y,a\n6,2,5,1\n", last()),
            ("z,b,y,a\n6,2,5,1\n", None),
            ("a,b,p,q\n1,2,5,6\n", last()), // by position, if not by name
            ("1,2,5,6\n", last()),
        ]
        .into_iter()
        .enumerate()
        {
            let data = read(text, label, &format!("value-names-{i}"));
            assert_eq!(data.targets.values().unwrap(), ndarray::array![[5.0, 6.0]], "{text}");
            let x = datasets::Features::F64(ndarray::array![[1.0, 2.0]].into_dyn());
            assert_eq!(data.features, x, "{text}");
        }
        assert_eq!(read("b,a\n2,1\n", None, "value-names-none").targets.values().unwrap().ncols(), 0);
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
        assert_eq!(
            error("a,b,label\n1,2,\"p,\"\"x\"\n", "quoted"),
            "f.csv: line 2, column 3: expected one of the class names, got \"p,\\\"x\"",
            "escaped once"
        );
    }
}
