//! Pictures of runs: what is in the files, not how they look.

use std::fs;
use std::path::PathBuf;

use datasets::{Dataset, Features, Scaling, Targets};
use ndarray::{Array, Array2};
use roxmltree::{Document, Node};
use trainer::report::{Report, write};
use trainer::{Error, History, Record, Source};

/// A folder of its own for each test, empty.
fn folder(test: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(test);
    let _ = fs::remove_dir_all(&path);
    path
}

fn images(n: usize, classes: usize, names: Vec<String>) -> Dataset {
    let features =
        Features::U8(Array::from_shape_fn(vec![n, 4, 4], |i| (i[0] * 7 + i[1] * 40 + i[2] * 16) as u8));
    Dataset::new(features, Targets::Classes((0..n).map(|i| i % classes).collect()), names).unwrap()
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

fn pictures(test: &str, data: &Dataset, history: &History) -> Vec<(String, String)> {
    let scaling = Scaling::by_constant(1.0 / 255.0);
    let train = Source::<f64>::new(data, &scaling).unwrap();
    let files = write(&folder(test), &Report { train: &train, image: None, history }).unwrap();
    let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    files.iter().map(|path| (name(path), fs::read_to_string(path).unwrap())).collect()
}

fn picture<'p>(pictures: &'p [(String, String)], name: &str) -> Document<'p> {
    let (_, text) = pictures.iter().find(|(n, _)| n == name).unwrap_or_else(|| panic!("no {name}"));
    Document::parse(text).unwrap_or_else(|error| panic!("{name}: {error}"))
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
    assert_eq!(names, ["samples.svg", "histogram.svg", "curves.svg"]);

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
        let text = &pictures.iter().find(|(name, _)| name == "curves.svg").unwrap().1;
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
    let features = Features::F64(Array::from_shape_fn(vec![6, 5], |i| i[0] as f64 / 3.0));
    let data = Dataset::new(features, Targets::Values(Array2::ones((6, 2))), vec![]).unwrap();
    let mut history = history(3);
    history.records.iter_mut().for_each(|r| (r.train_accuracy, r.test_accuracy) = (None, None));
    let pictures = pictures("values", &data, &history);
    let names: Vec<_> = pictures.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["histogram.svg", "curves.svg"]);
    let curves = picture(&pictures, "curves.svg");
    assert!(!curves.descendants().any(|n| n.attribute("id") == Some("accuracy")));
}

#[test]
fn a_folder_that_cannot_be_made_is_an_error_with_its_path() {
    let parent = folder("blocked");
    fs::create_dir_all(&parent).unwrap();
    fs::write(parent.join("file"), "").unwrap();
    let (data, scaling) = (images(4, 2, vec![]), Scaling::none());
    let train = Source::<f32>::new(&data, &scaling).unwrap();
    let report = Report { train: &train, image: None, history: &history(1) };
    let error = write(&parent.join("file/run"), &report).unwrap_err();
    assert!(matches!(error, Error::Io { .. }) && error.to_string().contains("run: cannot make"), "{error}");

    let error = write(&parent, &Report { image: Some([3, 5]), ..report }).unwrap_err();
    assert!(matches!(error, Error::Option { option: "image", .. }));
    assert_eq!(fs::read_dir(&parent).unwrap().count(), 1, "nothing is left behind");
}
