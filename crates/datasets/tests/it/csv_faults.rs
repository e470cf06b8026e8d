//! One small file a fault of CSV, and the error it must give; and what is not a fault.

use datasets::csv::{self, Header, Label, NumberType, Options};
use datasets::{Dataset, Error, Features, Targets};
use ndarray::array;

use super::support::{Folder, gzip};

fn digits() -> Options {
    Options { n_classes: Some(10), value_range: Some((0.0, 255.0)), ..Options::default() }
}

fn headless() -> Options {
    Options { header: Header::None, ..digits() }
}

fn message(text: &[u8], options: &Options) -> String {
    let folder = Folder::new();
    let path = folder.file("data.csv", text);
    let error = csv::read(&path, options).unwrap_err();
    assert!(matches!(error, Error::In { .. }), "the path is named");
    error.fault().to_string()
}

#[test]
fn each_fault_of_a_csv_file_has_its_own_error() {
    let faults: &[(&[u8], &str)] = &[
        (b"", "csv: expected at least one record, got none"),
        (b"\n\n", "csv: expected at least one record, got none"),
        (b"label,a\n", "csv: expected at least one record after the header, got none"),
        (b"label,a\n1,2\n3\n", "line 3: expected 2 fields, got 1"),
        (b"label,a\n\n1,2\r\n\r3,4,5\n", "line 5: expected 2 fields, got 3"),
        (b"label,a\n1,2,\n", "line 2: expected 2 fields, got 3: there is a delimiter at the end of the line"),
        (b"label,a\n1,\n", "line 2, column 2: expected a finite number, got \"\""),
        (b"label,a\n1,nan\n", "line 2, column 2: expected a finite number, got \"nan\""),
        (b"label,a\n1,inf\n", "line 2, column 2: expected a finite number, got \"inf\""),
        (
            b"label,a\n1,1e39\n",
            "line 2, column 2: expected a number of at most 3.4e38, which f32 can hold, got \"1e39\"",
        ),
        (b"label,a\n1,12x\n", "line 2, column 2: expected a finite number, got \"12x\""),
        (b"label,a\n1,256\n", "line 2, column 2: expected a number from 0 to 255, got 256"),
        (b"label,a\n1,-0.5\n", "line 2, column 2: expected a number from 0 to 255, got -0.5"),
        (b"label,a\n10,2\n", "line 2, column 1: expected a class below 10, got \"10\""),
        (b"label,a\n-1,2\n", "line 2, column 1: expected a class below 10, got \"-1\""),
        (b"label,a\n6.5,2\n", "line 2, column 1: expected a class below 10, got \"6.5\""),
        (b"label,a\n,2\n", "line 2, column 1: expected a class below 10, got \"\""),
        (b"label,a\n1e30,2\n", "line 2, column 1: expected a class below 10, got \"1e30\""),
        (
            b"label,a\n1,\"2\n3,4\n",
            "line 2, column 2: expected a closing quote on the same line, got the end of the line",
        ),
        (
            b"label,\"a\n1,2\n",
            "line 1, column 2: expected a closing quote on the same line, got the end of the line",
        ),
        (b"label,a\n1,\"2\"3\n", "line 2, column 2: expected quotes only around a whole field"),
        (b"label,a\n1,2\"\n", "line 2, column 2: expected quotes only around a whole field"),
        (b"label,a\n1,2\x00\n", "line 2, column 2: expected UTF-8 text without zero bytes, got 2\\0"),
        (b"label,a\n1,\xff\n", "line 2, column 2: expected UTF-8 text without zero bytes, got \u{fffd}"),
        (
            b"\xff\xfel\0a\0",
            "line 1, column 1: expected UTF-8 text without zero bytes, got a UTF-16 byte order mark",
        ),
        (
            b"5,0,0,3\n4,0,1,2\n",
            "line 1: expected a header, got numbers that do not rise; if the file has no header, say so",
        ),
        (b"label\n1\n", "line 1: expected at least one column of features, got none"),
    ];
    for (text, expected) in faults {
        assert_eq!(message(text, &digits()), *expected, "{}", text.escape_ascii());
        assert_eq!(message(&gzip(text), &digits()), *expected, "gzip of {}", text.escape_ascii());
    }
    let hint =
        "line 1, column 1: expected a class below 10, got \"label\"; if the first line is a header, say so";
    assert_eq!(message(b"label,a\n1,2\n", &headless()), hint);
    assert_eq!(
        message(&gzip(b"label,a\n1,2\n")[..20], &digits()),
        "gzip: expected more data, got the end of the file"
    );
}

#[test]
fn faults_that_options_bring_have_their_errors() {
    let text = b"label,a,a\n1,2,3\n";
    let with = |label: Label| Options { label, ..digits() };
    let named = |name: &str| with(Label::Named(name.to_owned()));
    assert_eq!(message(text, &named("class")), "header: expected a column \"class\", got label, a, a");
    assert_eq!(message(text, &named("a")), "header: expected one column \"a\", got several");
    let wide = Options { n_features: Some(256), ..digits() };
    assert_eq!(message(text, &wide), "line 1: expected 257 fields, got 3");
    let little = Options { max_bytes: 10, ..digits() };
    assert_eq!(message(text, &little), "csv: expected at most 10 bytes of text, got more");
    let bytes = Options { numbers: NumberType::U8, value_range: None, ..digits() };
    let expected = "line 2, column 2: expected a whole number from 0 to 255, got \"256\"";
    assert_eq!(message(b"label,a\n1,256\n", &bytes), expected);
    let names = Options { class_names: vec!["cat".into(), "dog".into()], n_classes: None, ..digits() };
    assert_eq!(
        message(b"label,a\ncow,1\n", &names),
        "line 2, column 1: expected one of the class names, got \"cow\""
    );
    let unbounded = Options { n_classes: None, ..digits() };
    assert_eq!(
        message(b"label,a\n4000000000,1\n", &unbounded),
        "line 2, column 1: expected a class below 10000, got \"4000000000\""
    );
    assert_eq!(
        message(b"label,a\ncat,1\n", &unbounded),
        "line 2, column 1: expected a class below 10000, got \"cat\"; classes that are words are listed in class_names"
    );

    let values = |names: &[&str]| with(Label::Values(names.iter().map(|&n| n.to_owned()).collect()));
    let refused = [
        Options { delimiter: b'1', ..digits() },
        Options { delimiter: b'\n', ..digits() },
        Options { delimiter: b'e', ..digits() },
        Options { value_range: Some((1.0, 0.0)), ..digits() },
        Options { value_range: Some((f64::NAN, 0.0)), ..digits() },
        Options { class_names: vec!["cat".into()], ..digits() },
        Options { header: Header::None, ..named("label") },
        Options { header: Header::None, ..values(&["a"]) },
        values(&["a", "a"]),
    ];
    for options in refused {
        assert!(message(text, &options).starts_with("csv options: expected "), "{options:?}");
    }
}

#[test]
fn no_line_is_longer_than_the_limit_not_even_a_header() {
    let short_lines = Options { max_line_bytes: 4, ..digits() };
    let too_long: [(&[u8], u64); 3] =
        [(b"l,a\n1,2\n1,234\n", 3), (b"label,x\n1,2\n", 1), (b"\r\n10,20\n", 2)];
    for (text, line) in too_long {
        assert_eq!(message(text, &short_lines), format!("line {line}: expected at most 4 bytes, got more"));
    }
    assert_eq!(parse(b"l,ab\r\n1,23", &short_lines).len(), 1, "line ends do not count");
}

#[test]
fn classes_that_are_too_many_or_have_one_name_are_refused() {
    let text = b"label,x\na,1\n";
    let named = |names: &[&str], label: Label| Options {
        class_names: names.iter().map(|&name| name.to_owned()).collect(),
        label,
        ..Options::default()
    };
    assert_eq!(
        message(text, &named(&["a", "b", "a"], Label::First)),
        "csv options: expected class names that all differ, got \"a\" twice"
    );
    let values = named(&["a", "a"], Label::Values(vec!["x".to_owned()]));
    assert_eq!(
        message(text, &values),
        "line 2, column 1: expected a finite number, got \"a\"",
        "where there are no classes, their names do not matter"
    );
    for n in [1_000_001, usize::MAX] {
        let many = Options { n_classes: Some(n), ..Options::default() };
        assert_eq!(message(text, &many), format!("csv options: expected at most 1000000 classes, got {n}"));
    }
    let most = Options { n_classes: Some(1_000_000), ..Options::default() };
    assert_eq!(parse(b"label,x\n999999,1\n", &most).n_classes(), 1_000_000);
}

fn parse(text: &[u8], options: &Options) -> Dataset {
    csv::parse(text, options).unwrap_or_else(|error| panic!("{}: {error}", text.escape_ascii()))
}

#[test]
fn what_is_not_a_fault_reads_the_same() {
    let expected = parse(b"label,a,b\n1,2,3\n0,4,5\n", &digits());
    assert_eq!(expected.features, Features::F32(array![[2.0, 3.0], [4.0, 5.0]].into_dyn()));
    assert_eq!(expected.targets, Targets::Classes(vec![1, 0]));
    assert_eq!(expected.n_classes(), 10);
    let same: &[&[u8]] = &[
        b"label,a,b\n1,2,3\n0,4,5",
        b"label,a,b\r\n1,2,3\r\n0,4,5\r\n",
        b"label,a,b\r1,2,3\r0,4,5",
        b"\xEF\xBB\xBFlabel,a,b\n1,2,3\n0,4,5\n",
        b"\nlabel,a,b\n\n\n1,2,3\n\n0,4,5\n\n",
        b"\"label\",\"a,a\",b\n\"1\",\"2\", 3\n0 ,\t4\t,5.0\n",
        b"label,a,b\n1.000,+2,3.\n0e0,0.4e1,50e-1\n",
        b"label,0,1\n1,2,3\n0,4,5\n",
        b"0,1,2\n1,2,3\n0,4,5\n",
    ];
    for text in same {
        assert_eq!(parse(text, &digits()), expected, "{}", text.escape_ascii());
        assert_eq!(parse(&gzip(text), &digits()), expected);
    }
    let tabs = Options { delimiter: b'\t', ..digits() };
    assert_eq!(parse(b"label\ta\tb\n1\t2\t3\n0\t 4\t5\n", &tabs), expected);
    let last = Options { label: Label::Last, ..headless() };
    assert_eq!(parse(b"2,3,1\n4,5,0\n", &last), expected);
    let named = Options { label: Label::Named("y".to_owned()), ..digits() };
    assert_eq!(parse(b"a,y,b\n2,1,3\n4,0,5\n", &named), expected);
    let bytes = parse(b"label,a,b\n1,2,3\n0,4,255\n", &Options { numbers: NumberType::U8, ..digits() });
    assert_eq!(bytes.features, Features::U8(array![[2, 3], [4, 255]].into_dyn()));
    let names = Options { class_names: vec!["cat".into(), "dog".into()], n_classes: None, ..digits() };
    assert_eq!(parse(b"label,a,b\ndog,2,3\ncat,4,5\n", &names).targets, expected.targets);
}

#[test]
fn a_range_is_that_of_the_numbers_as_they_are_written() {
    for numbers in [NumberType::F32, NumberType::F64] {
        let within = |low, high, field: &str| {
            let options = Options { numbers, value_range: Some((low, high)), ..headless() };
            csv::parse(format!("1,{field}\n").as_bytes(), &options).map_err(|error| error.to_string())
        };
        // In single precision, 0.7 is rounded down, 0.1 and the last one up.
        for field in ["0.7", "\"0.7\"", " 7e-1", "1"] {
            within(0.7, 1.0, field).unwrap();
        }
        within(0.0, 0.1, "0.1").unwrap();
        within(0.0, 16_777_219.0, "16777219").unwrap();
        let error = within(0.7, 1.0, "0.69999999").unwrap_err();
        assert_eq!(error, "line 1, column 2: expected a number from 0.7 to 1, got 0.69999999");
        let error = within(0.0, 0.1, "0.1000000001").unwrap_err();
        assert_eq!(error, "line 1, column 2: expected a number from 0 to 0.1, got 0.1000000001");
    }
}

#[test]
fn several_named_columns_are_values_in_the_order_asked_for() {
    let values = Label::Values(vec!["v".to_owned(), "u".to_owned()]);
    let options = Options { label: values, numbers: NumberType::F64, ..Options::default() };
    let data = parse(b"u,x,v\n1e300,2,3\n", &options);
    assert_eq!(data.targets, Targets::Values(array![[3.0, 1e300]]));
    assert_eq!(data.features, Features::F64(array![[2.0]].into_dyn()));
    let last = Options { label: Label::LastValues(2), header: Header::None, ..Options::default() };
    assert_eq!(parse(b"1,-2.5,3\n", &last).targets, Targets::Values(array![[-2.5, 3.0]]));
    let none = Options { label: Label::None, header: Header::None, ..Options::default() };
    let data = parse(b"1,2\n3,4\n", &none);
    assert_eq!((data.feature_shape(), data.targets.values().unwrap().dim()), (&[2][..], (2, 0)));
    assert_eq!(
        message(b"u,x,v\n1,2,nan\n", &options),
        "line 2, column 3: expected a finite number, got \"nan\""
    );
}
