//! The data sets that ship, and the published ones where they are at hand.

use datasets::csv::{self, Header, Label, NumberType, Options};
use datasets::{Dataset, Features, Set, load, split};

use super::support::{mirror, shipped};

fn counts(data: &Dataset) -> Vec<usize> {
    let mut counts = vec![0; data.n_classes()];
    data.targets.classes().unwrap().iter().for_each(|&class| counts[class] += 1);
    counts
}

fn sum(data: &Dataset) -> u64 {
    let Features::U8(x) = &data.features else { panic!("images are bytes") };
    x.iter().map(|&x| u64::from(x)).sum()
}

#[test]
fn the_digits_that_ship_are_read_whole() {
    let options = Options {
        header: Header::None,
        label: Label::Last,
        numbers: NumberType::U8,
        n_classes: Some(10),
        n_features: Some(64),
        value_range: Some((0.0, 16.0)),
        ..Options::default()
    };
    let data = csv::read(shipped("digits/digits.csv.gz"), &options).unwrap();
    assert_eq!(counts(&data), [178, 182, 177, 183, 181, 182, 181, 179, 174, 180], "as in scikit-learn");
    assert_eq!(sum(&data), 561_718);
    assert_eq!(data.features.repeats(), [], "no digit comes twice");
    let images = data.reshape_features(&[1, 8, 8]).unwrap();
    let labels = images.targets.classes().unwrap();
    let (train, test) = split::stratified(labels, 0.2, 0).unwrap();
    assert_eq!((train.len(), test.len()), (1438, 359));
    assert!(counts(&images.select(&test)).iter().all(|count| (34..=37).contains(count)));
}

#[test]
fn the_16x16_digits_that_ship_are_read_whole() {
    let sets = ["trainset", "evalset"].map(|name| {
        let path = shipped(&format!("digits16/{name}.csv"));
        let named = Label::Named("label".to_owned());
        let first = csv::read(&path, &Options { n_features: Some(256), ..Options::default() }).unwrap();
        let by_name = csv::read(&path, &Options { label: named, ..Options::default() }).unwrap();
        assert_eq!((first.len(), first.n_classes()), (300, 10));
        assert_eq!(first, by_name);
        assert_eq!(first.features.repeats(), [], "no digit comes twice");
        first
    });
    assert_eq!(sets[1].features.shared_with(&sets[0].features), [], "no digit is in both");
}

#[test]
fn the_published_files_are_read_whole() {
    let Some(mirror) = mirror("the_published_files_are_read_whole") else { return };
    let (train, test) = load(Set::Mnist, mirror.join("mnist")).unwrap();
    assert_eq!(
        (train.features.shape(), test.features.shape()),
        (&[60_000, 28, 28][..], &[10_000, 28, 28][..])
    );
    assert_eq!((train.features.repeats(), test.features.shared_with(&train.features)), (vec![], vec![]));
    assert_eq!(counts(&train), [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]);
    assert_eq!(train.targets.classes().unwrap()[..5], [5, 0, 4, 1, 9]);
    let mean = sum(&train) as f64 / (60_000.0 * 784.0 * 255.0);
    assert!((mean - 0.1307).abs() < 5e-5, "{mean}: the mean that everyone uses");
    let (train, test) = load(Set::FashionMnist, mirror.join("fashion-mnist")).unwrap();
    assert_eq!((train.features.repeats(), test.features.shared_with(&train.features)), (vec![], vec![]));
    assert_eq!((counts(&train), counts(&test)), (vec![6000; 10], vec![1000; 10]));
    assert_eq!(train.class_names[train.targets.classes().unwrap()[0]], "Ankle boot");
    let mean = sum(&train) as f64 / (60_000.0 * 784.0 * 255.0);
    assert!((mean - 0.2860).abs() < 5e-5, "{mean}");
}
