//! No bytes make a loader panic, and what it accepts it can write and read again.

use datasets::csv::{self, Header, Label, NumberType, Options};
use datasets::{Dataset, Features, Targets, idx};
use ndarray::{Array, ArrayD};
use proptest::prelude::*;

use super::support::gzip;

/// A small good file of each type, and the header's length.
fn good_idx() -> Vec<(Vec<u8>, usize)> {
    let numbers = Array::from_shape_fn(vec![3, 2, 2], |i| (i[0] * 4 + i[1] * 2 + i[2]) as u8);
    let every = [
        idx::Data::U8(numbers.clone()),
        idx::Data::I8(numbers.mapv(|x| x as i8 - 5)),
        idx::Data::I16(numbers.mapv(|x| i16::from(x) * -2900)),
        idx::Data::I32(numbers.mapv(|x| i32::from(x) << 27)),
        idx::Data::F32(numbers.mapv(|x| f32::from(x) / 3.0)),
        idx::Data::F64(numbers.mapv(|x| f64::from(x) / 3.0)),
    ];
    let write = |data: &idx::Data| {
        let mut bytes = vec![];
        idx::write(&mut bytes, data).unwrap();
        assert_eq!(&idx::parse(&bytes, &idx::Options::default()).unwrap(), data, "round trip");
        (bytes, 16)
    };
    every.iter().map(write).collect()
}

#[test]
fn every_truncation_of_an_idx_file_is_an_error() {
    for (bytes, _) in good_idx() {
        let packed = gzip(&bytes);
        for file in [&bytes, &packed] {
            for length in 0..file.len() {
                assert!(idx::parse(&file[..length], &idx::Options::default()).is_err(), "{length} bytes");
            }
        }
    }
}

#[test]
fn every_flipped_bit_of_an_idx_header_is_an_error_or_the_type_of_the_same_size() {
    for (bytes, header) in good_idx() {
        let good = idx::parse(&bytes, &idx::Options::default()).unwrap();
        for bit in 0..8 * header {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            if let Ok(data) = idx::parse(&flipped, &idx::Options::default()) {
                assert_eq!(bit / 8, 2, "only the type can change without a trace, bit {bit}");
                assert_eq!(data.shape(), good.shape());
            }
        }
    }
}

#[test]
fn every_flipped_bit_of_a_packed_file_is_an_error_or_changes_nothing() {
    let (bytes, _) = good_idx().swap_remove(0);
    let packed = gzip(&bytes);
    let good = idx::parse(&bytes, &idx::Options::default()).unwrap();
    for bit in 0..8 * packed.len() {
        let mut flipped = packed.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        if let Ok(data) = idx::parse(&flipped, &idx::Options::default()) {
            assert_eq!(data, good, "bit {bit}: time, system and the like are not data");
        }
    }
}

#[test]
fn every_truncation_of_a_csv_file_keeps_whole_records_or_is_an_error() {
    let text = b"label,a,b\n1,20,3\n0,4,\"5\"\n";
    let whole = csv::parse(text, &Options::default()).unwrap();
    for length in 0..text.len() {
        if let Ok(data) = csv::parse(&text[..length], &Options::default()) {
            assert!(data.len() <= whole.len() && data.feature_shape() == [2], "{length} bytes");
        }
    }
    let packed = gzip(text);
    for length in 0..packed.len() {
        let data = csv::parse(&packed[..length], &Options::default());
        assert!(length == 0 || data.is_err(), "a packed file is whole or refused: {length} bytes");
    }
}

fn any_options() -> impl Strategy<Value = Options> {
    let header = prop_oneof![Just(Header::None), Just(Header::Present)];
    let label = prop_oneof![
        Just(Label::First),
        Just(Label::Last),
        Just(Label::None),
        (0_usize..4).prop_map(Label::LastValues),
        Just(Label::Named("a".to_owned())),
        Just(Label::Values(vec!["a".to_owned(), "b".to_owned()])),
    ];
    let numbers = prop_oneof![Just(NumberType::U8), Just(NumberType::F32), Just(NumberType::F64)];
    let delimiter = prop_oneof![Just(b','), Just(b'\t'), Just(b' '), any::<u8>()];
    (header, label, numbers, delimiter).prop_map(|(header, label, numbers, delimiter)| Options {
        header,
        label,
        numbers,
        delimiter,
        ..Options::default()
    })
}

fn check(data: &Dataset) {
    assert_eq!(data.features.len(), data.targets.len());
    if let Targets::Classes(labels) = &data.targets {
        assert!(labels.iter().all(|&label| label < data.n_classes()));
    }
    let finite = match &data.features {
        Features::F32(x) => x.iter().all(|x| x.is_finite()),
        Features::F64(x) => x.iter().all(|x| x.is_finite()),
        _ => true,
    };
    assert!(finite);
}

fn mutated(good: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<prop::sample::Index>(), any::<u8>(), 0..3_u8);
    prop::collection::vec(change, 1..6).prop_map(move |changes| {
        let mut bytes = good.clone();
        for (place, byte, kind) in changes {
            let at = place.index(bytes.len().max(1)).min(bytes.len().saturating_sub(1));
            match kind {
                _ if bytes.is_empty() => bytes.push(byte),
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => drop(bytes.remove(at)),
            }
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), options in any_options()) {
        let _ = idx::parse(&bytes, &idx::Options::default());
        let _ = idx::parse(&[&[0, 0, 8, 1], &bytes[..]].concat(), &idx::Options::default());
        let _ = idx::parse(&[&[0x1f, 0x8b, 8, 0], &bytes[..]].concat(), &idx::Options::default());
        if let Ok(data) = csv::parse(&bytes, &options) {
            check(&data);
        }
    }

    #[test]
    fn arbitrary_text_of_numbers_never_panics(
        text in "([0-9]{0,9}|a|b|-?[0-9]\\.[0-9]e?[0-9]|[ \t\",\r\n\0é.]){0,40}",
        options in any_options(),
    ) {
        if let Ok(data) = csv::parse(text.as_bytes(), &options) {
            check(&data);
        }
    }

    #[test]
    fn mutations_of_good_files_never_panic(
        text in mutated(b"label,a,b\n1,20,3\n0,4,\"5\"\r\n3,-1.5,2e3\n".to_vec()),
        packed in mutated(gzip(b"label,a,b\n1,20,3\n0,4,5\n")),
        array in mutated(good_idx().swap_remove(4).0),
    ) {
        for bytes in [&text, &packed] {
            if let Ok(data) = csv::parse(bytes, &Options::default()) {
                check(&data);
            }
        }
        let _ = idx::parse(&array, &idx::Options::default());
    }

    #[test]
    fn csv_read_again_is_the_same(
        rows in prop::collection::vec((0_usize..5, any::<[f32; 3]>(), any::<[f64; 2]>()), 1..20),
    ) {
        let finite = |x: f64| if x.is_finite() { x } else { 0.5 };
        let n = rows.len();
        let single: Vec<f32> = rows.iter().flat_map(|r| r.1).map(|x| finite(f64::from(x)) as f32).collect();
        let values: Vec<f64> = rows.iter().flat_map(|r| r.2).map(finite).collect();
        let labels = rows.iter().map(|r| r.0).collect();
        let features = Features::F32(ArrayD::from_shape_vec(vec![n, 3], single).unwrap());
        let classes = Dataset::new(features.clone(), Targets::Classes(labels), vec![]).unwrap();
        let mut text = vec![];
        csv::write(&mut text, &classes).unwrap();
        prop_assert_eq!(csv::parse(&text, &Options::default()).unwrap(), classes);

        let targets = Targets::Values(Array::from_shape_vec((n, 2), values).unwrap());
        let regression = Dataset::new(features, targets, vec![]).unwrap();
        let label = Label::Values(vec!["y0".to_owned(), "y1".to_owned()]);
        text.clear();
        csv::write(&mut text, &regression).unwrap();
        prop_assert_eq!(csv::parse(&text, &Options { label, ..Options::default() }).unwrap(), regression);
    }
}
