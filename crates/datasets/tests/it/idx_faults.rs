//! One small file a fault of IDX and gzip, and the error it must give.

use datasets::{Error, idx};

use super::support::{Folder, gzip};

const LABELS: [u8; 11] = [0, 0, 0x08, 1, 0, 0, 0, 3, 7, 2, 1];

fn message(bytes: &[u8]) -> String {
    let folder = Folder::new();
    let path = folder.file("data", bytes);
    let error = idx::read(&path, &idx::Options { max_bytes: 1 << 20 }).unwrap_err();
    assert!(matches!(error, Error::In { .. }), "the path is named");
    assert_eq!(error.to_string(), format!("{}: {}", path.display(), error.fault()));
    error.fault().to_string()
}

fn changed(at: usize, byte: u8) -> Vec<u8> {
    let mut bytes = LABELS.to_vec();
    bytes[at] = byte;
    bytes
}

#[test]
fn each_fault_of_an_idx_file_has_its_own_error() {
    let billions = [0, 0, 0x08, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255];
    let with = |more: &[u8]| [&LABELS[..], more].concat();
    let faults: Vec<(Vec<u8>, &str)> = vec![
        (vec![], "idx header: expected 4 bytes, got 0"),
        (LABELS[..3].to_vec(), "idx header: expected 4 bytes, got 3"),
        (LABELS[..6].to_vec(), "idx header: expected 8 bytes, got 6"),
        (LABELS[..10].to_vec(), "idx array: expected 11 bytes, got 10"),
        (with(&[0, 0]), "idx: expected the end after 11 bytes, got 2 more or above"),
        (
            b"<!DOCTYPE html>".to_vec(),
            "idx byte 0: expected 00 00, got [3c, 21, 44, 4f], which looks like an HTML or XML page",
        ),
        (
            b"PK\x03\x04....".to_vec(),
            "idx byte 0: expected 00 00, got [50, 4b, 03, 04], which looks like a zip archive",
        ),
        (b"5,0,0,0,12".to_vec(), "idx byte 0: expected 00 00, got [35, 2c, 30, 2c], which looks like text"),
        (changed(1, 1), "idx byte 0: expected 00 00, got [00, 01, 08, 01]"),
        (changed(2, 0x0A), "idx byte 2: expected a type of 08, 09, 0b, 0c, 0d or 0e, got 0a"),
        (vec![0, 0, 8, 2, 0, 0, 0, 3, 0, 0, 0, 0], "idx axis 1: expected a length above 0, got 0"),
        (changed(4, 1), "idx header: expected at most 1048576 bytes, got shape [16777219] of 1-byte numbers"),
        (
            billions.to_vec(),
            "idx header: expected at most 1048576 bytes, got shape [4294967295, 4294967295, 4294967295] of 1-byte numbers",
        ),
        // 2^32 times 2^32 is 0 in 64 bits; so is a shape whose first axis alone is 0.
        (
            [&[0, 0, 8, 4][..], &[128, 0, 0, 0].repeat(4)].concat(),
            "idx header: expected at most 1048576 bytes, got shape [2147483648, 2147483648, 2147483648, 2147483648] of 1-byte numbers",
        ),
        (
            [&[0, 0, 8, 4, 0, 0, 0, 0][..], &[128, 0, 0, 0].repeat(3)].concat(),
            "idx header: expected at most 1048576 bytes, got shape [0, 2147483648, 2147483648, 2147483648] of 1-byte numbers",
        ),
        (gzip(&gzip(&LABELS)), "idx byte 0: expected 00 00, got [1f, 8b, 08, 00], which is gzip inside gzip"),
        (gzip(&[]), "idx header: expected 4 bytes, got 0"),
        (gzip(&LABELS[..10]), "idx array: expected 11 bytes, got 10"),
        (gzip(&with(&[0])), "idx: expected the end after 11 bytes, got 1 more or above"),
        (
            gzip(&changed(5, 1)),
            "idx header: expected at most 31992 bytes, got shape [65539] of 1-byte numbers",
        ),
    ];
    for (bytes, expected) in faults {
        assert_eq!(message(&bytes), expected, "{bytes:02x?}");
    }
}

#[test]
fn each_fault_of_a_gzip_file_has_its_own_error() {
    let good = gzip(&LABELS);
    let end = good.len();
    let flipped = |at: usize| good.iter().enumerate().map(|(i, b)| b ^ u8::from(i == at)).collect::<Vec<_>>();
    let with = |more: &[u8]| [&good[..], more].concat();
    let truncated = "gzip: expected more data, got the end of the file";
    let trailing = "gzip: expected the end of the file or a further member, got other bytes";
    let corrupt = "gzip: corrupt gzip stream does not have a matching checksum";
    for cut in [1, 4, 8, 12] {
        assert_eq!(message(&good[..end - cut]), truncated, "{cut} bytes cut");
    }
    for at in end - 8..end {
        assert_eq!(message(&flipped(at)), corrupt, "byte {at}: checksum or length");
    }
    assert_eq!(message(&flipped(2)), "gzip: invalid gzip header");
    for junk in [&b"junk"[..], &[0; 512]] {
        assert_eq!(message(&with(junk)), trailing);
    }
}

#[test]
fn members_one_after_another_are_one_file() {
    let members = [gzip(&LABELS[..5]), gzip(&[]), gzip(&LABELS[5..])].concat();
    let data = idx::parse(&members, &idx::Options::default()).unwrap();
    assert_eq!(data, idx::Data::U8(ndarray::array![7, 2, 1].into_dyn()));
}

#[test]
fn an_array_of_no_examples_is_an_empty_array() {
    let none = [0, 0, 0x0D, 2, 0, 0, 0, 0, 0, 0, 0, 5];
    let data = idx::parse(&none, &idx::Options::default()).unwrap();
    assert_eq!(data.shape(), [0, 5]);
}

#[test]
fn shapes_that_would_not_be_read_are_not_written() {
    let write = |shape: &[usize]| {
        let mut file = vec![];
        let data = idx::Data::F64(ndarray::ArrayD::zeros(shape));
        let written = idx::write(&mut file, &data).map_err(|error| error.to_string());
        match &written {
            Ok(()) => assert_eq!(idx::parse(&file, &idx::Options::default()).unwrap(), data),
            Err(_) => assert!(file.is_empty(), "{file:?}"),
        }
        written
    };
    for shape in [&[][..], &[0], &[2, 1], &[0, 3]] {
        assert_eq!(write(shape), Ok(()), "{shape:?}");
    }
    for (shape, expected) in [
        (&[3, 0][..], "idx axis 1: expected a length above 0, got 0"),
        (&[0, 2, 0], "idx axis 2: expected a length above 0, got 0"),
        (
            &[0, 1 << 31, 1 << 31],
            "idx header: expected at most 9223372036854775807 bytes, got shape [0, 2147483648, 2147483648] of 8-byte numbers",
        ),
        (&[0, 1 << 32], "idx: expected axes below 2^32, and 255 at most"),
        (&[1; 256], "idx: expected axes below 2^32, and 255 at most"),
    ] {
        assert_eq!(write(shape).unwrap_err(), expected);
    }
}

#[test]
fn features_and_labels_that_do_not_fit_are_errors_with_the_file() {
    let folder = Folder::new();
    let images = folder.file("images", &[0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 1, 5, 6]);
    let load = |labels: &[u8], names: &[&str]| {
        let labels = folder.file("labels", labels);
        let names = names.iter().map(|&name| name.to_owned()).collect();
        let error = idx::load(&images, labels, names, &idx::Options::default()).unwrap_err();
        assert!(error.to_string().contains("labels: "), "{error}");
        error.fault().to_string()
    };
    assert_eq!(load(&LABELS, &[]), "targets: expected 2, one an example, got 3");
    assert_eq!(
        load(&[0, 0, 8, 1, 0, 0, 0, 2, 0, 2], &["a", "b"]),
        "label 1: expected a class below 2, got 2"
    );
    assert_eq!(
        load(&[0, 0, 9, 1, 0, 0, 0, 2, 0, 255], &["a", "b"]),
        "label 1: expected a class below 2, got -1"
    );
    assert_eq!(load(&[0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0], &[]), "labels: expected a rank of 1, got 2");
    let million = [&[0, 0, 0x0C, 1, 0, 0, 0, 2, 0, 0, 0, 0][..], &1_000_000_i32.to_be_bytes()].concat();
    assert_eq!(
        load(&million, &[]),
        "labels: expected classes below 10000 where their number is not given, got 1000000"
    );
    let nan = [&[0, 0, 0x0D, 1, 0, 0, 0, 2, 0, 0, 0, 0][..], &f32::NAN.to_be_bytes()].concat();
    let scalar = [0, 0, 0x0D, 0, 0, 0, 0, 0];
    assert_eq!(message_of_dataset(&nan), "example 1: expected finite numbers");
    let features = idx::parse(&nan, &idx::Options::default()).unwrap();
    let error = idx::dataset(features, idx::Data::U8(ndarray::array![0, 1].into_dyn()), vec![]).unwrap_err();
    assert_eq!(error.to_string(), "example 1: expected finite numbers", "in the features");
    assert_eq!(message_of_dataset(&scalar), "labels: expected a rank of 1 or 2, got 0");
}

fn message_of_dataset(labels: &[u8]) -> String {
    let parse = |bytes: &[u8]| idx::parse(bytes, &idx::Options::default()).unwrap();
    let features = parse(&[0, 0, 8, 1, 0, 0, 0, 2, 5, 6]);
    idx::dataset(features, parse(labels), vec![]).unwrap_err().to_string()
}
