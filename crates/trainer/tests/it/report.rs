//! Pictures of runs: what is in the files, not how they look.

mod browser;
mod page;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use datasets::{Dataset, Features, Scaling, Targets};
use layers::{Affine, Sequential};
use losses::{Loss, MeanSquaredError, SoftmaxCrossEntropy};
use ndarray::{Array, Array2};
use roxmltree::{Document, Node};
use trainer::report::{Report, write};
use trainer::{Error, Evaluation, History, Model, Norms, Record, Source, Trace, Warning};

use super::support::Folder;

/// Images of 4 x 4 pixels.
fn images(n: usize, classes: usize, names: Vec<String>) -> Dataset {
    let features =
        Features::U8(Array::from_shape_fn(vec![n, 4, 4], |i| (i[0] * 7 + i[1] * 40 + i[2] * 16) as u8));
    Dataset::new(features, Targets::Classes((0..n).map(|i| i % classes).collect()), names).unwrap()
}

/// Rows of 5 numbers, each with 2 values to learn.
fn values(n: usize) -> Dataset {
    let features = Features::F64(Array::from_shape_fn(vec![n, 5], |i| i[0] as f64 / 3.0 - i[1] as f64));
    Dataset::new(features, Targets::Values(Array2::ones((n, 2))), vec![]).unwrap()
}

fn history(records: usize) -> History {
    let record = |i: usize| Record {
        step: 3 * (i as u64 + 1),
        epoch: 0.3 * (i + 1) as f64,
        learning_rate: 0.1,
        train_loss: 2.0 / (1.0 + i as f64),
        train_accuracy: Some(1.0 - 0.9 / (1.0 + i as f64)),
        test_loss: Some(2.5 / (1.0 + i as f64)),
        test_accuracy: Some(0.9 - 0.8 / (1.0 + i as f64)),
    };
    History { records: (0..records).map(record).collect() }
}

fn history_without_accuracy(records: usize) -> History {
    let mut history = history(records);
    history.records.iter_mut().for_each(|r| (r.train_accuracy, r.test_accuracy) = (None, None));
    history
}

fn trace(steps: usize) -> Trace {
    let norms = |i: usize| Norms { step: i as u64 + 1, gradients: vec![1.0, 0.5], updates: vec![0.1, 0.05] };
    Trace {
        names: vec!["0.weight".into(), "0.bias".into()],
        norms: (0..steps).map(norms).collect(),
        times: [Duration::from_millis(3); 5],
    }
}

/// The files of a report on an untrained model, by name.
fn report(dir: &Path, data: &Dataset, history: &History) -> Result<Vec<(String, String)>, Error> {
    report_with(dir, data, history, None)
}

fn report_with(
    dir: &Path,
    data: &Dataset,
    history: &History,
    image: Option<[usize; 2]>,
) -> Result<Vec<(String, String)>, Error> {
    report_on(dir, [data, data], history, image)
}

fn report_on(
    dir: &Path,
    [data, test]: [&Dataset; 2],
    history: &History,
    image: Option<[usize; 2]>,
) -> Result<Vec<(String, String)>, Error> {
    let scaling = Scaling::by_constant(1.0 / 255.0);
    let source = Source::<f64>::new(data, &scaling)?;
    let test = Source::<f64>::new(test, &scaling)?;
    let network =
        Sequential::new(data.feature_shape()).push(Affine::new(data.features.width(), source.outputs()))?;
    let model = Model::new(network, 3)?;
    let (of_classes, of_values) = (SoftmaxCrossEntropy::default(), MeanSquaredError::default());
    let classes = data.targets.classes().is_some();
    let loss: &dyn Loss<f64> = if classes { &of_classes } else { &of_values };
    let evaluation = Evaluation { loss: 0.25, accuracy: classes.then_some(0.5) };
    let report = Report {
        name: "tried <b>",
        recipe: "about = \"<i>a & b</i>\"\n[training]\nlearning_rate = 0.1\n",
        model: &model,
        loss,
        train: &source,
        test: Some(&test),
        on_train: evaluation,
        on_test: Some(evaluation),
        image,
        history,
        trace: Some(&trace(history.records.len())),
        seconds: 1.5,
        seed: 7,
        data_root: None,
        warnings: &[Warning::LabelsDoNotStartAt0 { least: 1 }],
    };
    let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    let files = write(dir, &report)?;
    Ok(files.iter().map(|path| (name(path), fs::read_to_string(path).unwrap())).collect())
}

fn pictures(test: &str, data: &Dataset, history: &History) -> Vec<(String, String)> {
    report(&Folder::new(test).join("run"), data, history).unwrap()
}

fn file<'f>(files: &'f [(String, String)], name: &str) -> &'f str {
    let found = files.iter().find(|(n, _)| n == name);
    &found.unwrap_or_else(|| panic!("no {name}")).1
}

fn picture<'p>(pictures: &'p [(String, String)], name: &str) -> Document<'p> {
    Document::parse(file(pictures, name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn texts<'d>(node: Node<'d, 'd>) -> Vec<&'d str> {
    node.descendants().filter(|n| n.has_tag_name("text")).filter_map(|n| n.text()).collect()
}

fn element<'d>(document: &'d Document<'d>, id: &str) -> Node<'d, 'd> {
    document.descendants().find(|n| n.attribute("id") == Some(id)).unwrap_or_else(|| panic!("no {id}"))
}

fn with_class<'d>(node: Node<'d, 'd>, class: &str) -> Vec<Node<'d, 'd>> {
    let has = |n: &Node| n.attribute("class").is_some_and(|all| all.split(' ').any(|c| c == class));
    node.descendants().filter(has).collect()
}

#[test]
fn the_pictures_have_titles_axes_units_and_legends() {
    let pictures = pictures("pictures", &images(30, 3, vec![]), &history(5));
    let names: Vec<_> = pictures.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        ["recipe.toml", "history.json", "samples.svg", "histogram.svg", "curves.svg", "report.html",]
    );

    let samples = picture(&pictures, "samples.svg");
    let tiles = samples.descendants().filter(|n| n.has_tag_name("image"));
    assert!(tiles.clone().all(|n| n.attribute("href").unwrap().starts_with("data:image/png;base64,")));
    assert_eq!(tiles.count(), 30);
    assert_eq!(texts(samples.root())[2..6], ["0", "1", "2", "0"]);

    let histogram = picture(&pictures, "histogram.svg");
    assert!(!with_class(histogram.root(), "bar").is_empty());
    assert!(texts(histogram.root()).contains(&"count") && texts(histogram.root()).contains(&"input, scaled"));

    let curves = picture(&pictures, "curves.svg");
    for (id, label) in [("loss", "mean loss"), ("accuracy", "accuracy in %")] {
        let chart = element(&curves, id);
        let texts = texts(chart);
        for expected in [label, "step", "train, while learning", "test", "5 records"] {
            assert!(texts.contains(&expected), "{id}: no {expected} in {texts:?}");
        }
        assert_eq!(chart.descendants().filter(|n| n.has_tag_name("polyline")).count(), 2);
        assert_eq!(with_class(chart, "dot").len(), 10);
        assert!(with_class(chart, "tick").len() > 6);
    }
}

#[test]
fn no_record_and_one_record_are_histories_too() {
    for n in [0, 1] {
        let pictures = pictures(&format!("history{n}"), &images(4, 2, vec![]), &history(n));
        let curves = picture(&pictures, "curves.svg");
        assert_eq!(with_class(curves.root(), "dot").len(), 4 * n);
        assert_eq!(texts(curves.root()).contains(&"no values"), n == 0);
        let text = file(&pictures, "curves.svg");
        assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
    }
}

#[test]
fn a_long_history_is_thinned_and_says_so() {
    let pictures = pictures("long", &images(4, 2, vec![]), &history(20_000));
    let curves = picture(&pictures, "curves.svg");
    let loss = element(&curves, "loss");
    assert!(
        texts(loss).iter().any(|text| text.starts_with("20,000 records; of each pixel column the extremes"))
    );
    let raw = with_class(loss, "raw")[0].attribute("points").unwrap().split(' ').count();
    assert!((600..=1_200).contains(&raw), "{raw} points");
}

#[test]
fn names_cannot_break_out_of_a_picture() {
    let names = vec!["<script>alert(1)</script>".into(), "a & \"b\" '\u{0}\u{ffff}".into()];
    let pictures = pictures("escaped", &images(4, 2, names), &history(2));
    let samples = picture(&pictures, "samples.svg");
    let tips: Vec<_> = samples.descendants().filter_map(|n| n.attribute("data-tip")).collect();
    assert_eq!(tips[..2], ["<script>alert(1)</script>", "a & \"b\" '\u{fffd}\u{fffd}"]);
    assert!(!samples.descendants().any(|n| n.has_tag_name("script")));
}

#[test]
fn values_and_rows_that_are_no_images_have_no_sample_picture() {
    let pictures = pictures("values", &values(6), &history_without_accuracy(3));
    let names: Vec<_> = pictures.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["recipe.toml", "history.json", "histogram.svg", "curves.svg", "report.html"]);
    let curves = picture(&pictures, "curves.svg");
    assert!(!curves.descendants().any(|n| n.attribute("id") == Some("accuracy")));
}

#[test]
fn a_folder_that_cannot_be_made_is_an_error_with_its_path() {
    let parent = Folder::new("blocked");
    fs::write(parent.join("file"), "").unwrap();
    let data = images(4, 2, vec![]);
    let error = report(&parent.join("file/run"), &data, &history(1)).unwrap_err();
    assert!(matches!(error, Error::Io { .. }) && error.to_string().contains("run: cannot make"), "{error}");

    let error = report_with(&parent, &data, &history(1), Some([3, 5])).unwrap_err();
    assert!(matches!(error, Error::Option { option: "image", .. }));
    assert_eq!(fs::read_dir(&*parent).unwrap().count(), 1, "nothing is left behind");
}

#[test]
fn test_examples_that_the_model_does_not_take_are_an_error() {
    let data = images(4, 2, vec![]);
    let turned = data.clone().reshape_features(&[2, 8]).unwrap();
    let wider =
        Dataset::new(Features::F64(Array::zeros(vec![4, 4, 5])), data.targets.clone(), vec![]).unwrap();
    for (test, shape) in [(turned, [2, 8]), (wider, [4, 5])] {
        let error = report_on(&Folder::new("unfit"), [&data, &test], &history(1), None).unwrap_err();
        assert!(matches!(&error, Error::InputShape { got, .. } if *got == shape), "{error}");
    }
}
