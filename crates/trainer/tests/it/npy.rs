//! Arrays in numpy's formats.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use ndarray::{Array, ArrayD, ShapeBuilder};
use proptest::prelude::*;
use trainer::npy::{self, Npz, NpzWriter, Number};

use super::memory::peak;
use super::support::{Folder, skipped};

fn round_trip<A: Number + PartialEq + std::fmt::Debug>(numbers: &[A]) {
    for shape in [vec![6], vec![2, 3], vec![1, 6, 1], vec![3, 2]] {
        let array = ArrayD::from_shape_vec(shape.clone(), numbers.to_vec()).unwrap();
        assert_eq!(npy::parse::<A>(&npy::to_bytes(&array)).unwrap(), array);
        let transposed = array.t();
        assert_eq!(npy::parse::<A>(&npy::to_bytes(&transposed)).unwrap(), transposed);
    }
    let single = ArrayD::from_elem(vec![], numbers[0]);
    assert_eq!(npy::parse::<A>(&npy::to_bytes(&single)).unwrap(), single);
    let empty = ArrayD::from_shape_vec(vec![0, 3], vec![]).unwrap();
    assert_eq!(npy::parse::<A>(&npy::to_bytes(&empty)).unwrap(), empty);
}

#[test]
fn arrays_of_every_type_come_back_as_they_were() {
    round_trip(&[0.0, -0.0, 1.5, f32::MAX, f32::INFINITY, 1e-45]);
    round_trip(&[0.0, -0.0, 0.1, f64::MAX, f64::NEG_INFINITY, 5e-324]);
    round_trip(&[0_u8, 1, 2, 127, 128, 255]);
    round_trip(&[0_u16, 1, 2, 256, 32_768, u16::MAX]);
    round_trip(&[0_u32, 1, 2, 256, 1 << 31, u32::MAX]);
    round_trip(&[0_u64, 1, 2, 256, 1 << 63, u64::MAX]);
    round_trip(&[0_i8, 1, -1, 127, -128, 5]);
    round_trip(&[0_i16, 1, -1, 256, i16::MIN, i16::MAX]);
    round_trip(&[0_i32, 1, -1, 256, i32::MIN, i32::MAX]);
    round_trip(&[0_i64, 1, -1, 256, i64::MIN, i64::MAX]);
}

/// A file with this header and data.
fn file(version: u8, header: &str, data: &[u8]) -> Vec<u8> {
    let length = (header.len() as u32).to_le_bytes();
    let length = if version == 1 { &length[..2] } else { &length[..] };
    [b"\x93NUMPY", &[version, 0][..], length, header.as_bytes(), data].concat()
}

#[test]
fn either_byte_order_and_either_order_of_axes_is_read() {
    let expected = Array::from_shape_vec((2, 3), vec![1_i16, 2, 3, 4, 5, 6]).unwrap().into_dyn();
    let in_memory: [i16; 6] = [1, 4, 2, 5, 3, 6];
    let big: Vec<u8> = in_memory.iter().flat_map(|x| x.to_be_bytes()).collect();
    for version in [1, 2, 3] {
        let bytes = file(version, "{'descr': '>i2', 'fortran_order': True, 'shape': (2, 3), }\n", &big);
        let array = npy::parse::<i16>(&bytes).unwrap();
        assert_eq!(array, expected);
        assert!(!array.is_standard_layout(), "nothing is moved");
    }
    let columns = Array::from_shape_vec((2, 3).f(), in_memory.to_vec()).unwrap().into_dyn();
    assert_eq!(npy::parse::<i16>(&npy::to_bytes(&columns)).unwrap(), expected);
}

#[test]
fn each_unsound_file_has_its_own_message() {
    let good = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n";
    let with = |shape: &str| file(1, &good.replace("(2,)", shape), &[0; 8]);
    let table = [
        (vec![], "header: expected it to begin with \\x93NUMPY"),
        (b"\x93NUMPY\x01".to_vec(), "file: expected 8 bytes, got 7"),
        (b"\x93NUMPY\x04\x00\x00\x00\x00\x00".to_vec(), "header: expected version 1.0 to 3.0, got 4.0"),
        (
            b"\x93NUMPY\x02\x00\xff\xff\xff\xff".to_vec(),
            "header: expected at most 65536 bytes, got 4294967295",
        ),
        (b"\x93NUMPY\x01\x00\xff\x00".to_vec(), "file: expected 265 bytes, got 10"),
        (file(1, good, &[0; 7]), "data: expected 8 bytes, got 7"),
        (file(1, good, &[0; 9]), "data: expected 8 bytes, got 9"),
        (with("(4611686018427387904, 4)"), "header: expected a possible shape, got [4611686018427387904, 4]"),
        (with("(0, 4611686018427387904, 4611686018427387904)"), "data: expected 0 bytes, got 8"),
        (file(1, &good.replace("<f4", "<f8"), &[0; 16]), "header: expected numbers of type f4, got <f8"),
        (file(1, &good.replace("<f4", "|O"), &[0; 16]), "header: expected numbers of type f4, got |O"),
    ];
    for (bytes, message) in table {
        assert_eq!(npy::parse::<f32>(&bytes).unwrap_err().to_string(), message);
    }
    let empty = file(1, &good.replace("(2,)", "(0, 4611686018427387904, 4611686018427387904)"), &[]);
    assert!(npy::parse::<f32>(&empty).unwrap_err().to_string().contains("expected a possible shape"));
}

#[test]
fn a_huge_shape_on_a_tiny_file_allocates_next_to_nothing() {
    let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000000,), }\n";
    let held = peak(|| assert!(npy::parse::<u8>(&file(1, header, &[0; 100])).is_err()));
    assert!(held < 4096, "{held}");
}

/// An archive with this entry.
fn packed(name: &str, content: &[u8]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    archive.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
    archive.write_all(content).unwrap();
    archive.finish().unwrap().into_inner()
}

#[test]
fn an_entry_of_an_archive_is_unpacked_as_far_as_its_header_says() {
    let n = 32 << 20;
    let mut writer = NpzWriter::new();
    writer.add("x", &ArrayD::<u8>::zeros(vec![n])).unwrap();
    let good = writer.into_bytes().unwrap();
    assert!(good.len() < n / 500);
    let mut archive = Npz::from_bytes(good.clone()).unwrap();
    let held = peak(|| assert!(archive.array::<f64>("x").is_err()));
    assert!(held < 1 << 20, "another type: {held} bytes");
    // The same zeros behind headers that ask for less, by an archive of the same tool.
    for (shape, message) in [
        ("(5,)", "data: expected 40 bytes, got "),
        ("(9223372036854775807, 8)", "header: expected a possible shape"),
        ("(1000000000, 8)", "tensor x: expected at most 4294967296 bytes, got a shape of [1000000000, 8]"),
    ] {
        let header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}\n");
        let bytes = packed("x.npy", &file(1, &header, &vec![0; n]));
        let mut archive = Npz::from_bytes(bytes).unwrap();
        let mut said = String::new();
        let held = peak(|| said = archive.array::<f64>("x").unwrap_err().to_string());
        assert!(said.starts_with(message), "{said}");
        assert!(held < 1 << 20, "{shape}: {held} bytes");
    }
}

#[test]
fn an_archive_that_is_damaged_is_refused() {
    let mut writer = NpzWriter::new();
    writer.add("x", &ArrayD::from_elem(vec![50], 3.25_f64)).unwrap();
    assert!(writer.add("x", &ArrayD::from_elem(vec![1], 1_u8)).is_err(), "each name once");
    let mut writer = NpzWriter::new();
    let x = ArrayD::from_shape_fn(vec![50], |i| (i[0] * i[0]) as f64 / 7.0);
    writer.add("x", &x).unwrap();
    let bytes = writer.into_bytes().unwrap();
    let read = |bytes: Vec<u8>| Npz::from_bytes(bytes).and_then(|mut file| file.array::<f64>("x"));
    assert_eq!(read(bytes.clone()).unwrap(), x);
    for bit in 0..8 * bytes.len() {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        if let Ok(array) = read(flipped) {
            assert_eq!(array, x, "bit {bit}");
        }
    }
    for length in 0..bytes.len() {
        assert!(read(bytes[..length].to_vec()).is_err(), "{length} bytes");
    }
    let error = Npz::from_bytes(bytes).unwrap().array::<f64>("y").unwrap_err().to_string();
    assert!(error.starts_with("tensor y: "), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(npy::parse::<f32>(&bytes).is_err());
        let _ = Npz::from_bytes(bytes).map(|mut file| {
            file.names().iter().for_each(|name| drop(file.array::<u8>(name)));
        });
    }

    #[test]
    fn arbitrary_headers_never_panic(header in r"[{}(),:'\x22L 0-9]{0,6}('descr'|'shape'|'fortran_order'|True|False|'<f4'|[{}(),: 0-9]){0,14}", n in 0..9_usize) {
        drop(npy::parse::<f32>(&file(1, &header, &vec![0; n])));
    }
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/numpy_files.py")
}

#[test]
fn numpy_reads_our_arrays_and_we_read_numpys() {
    let named = std::env::var_os("TRAINER_PYTHON").map(PathBuf::from);
    let python = named.clone().unwrap_or_else(|| "python3".into());
    let call = |what: &str, folder: &Path| Command::new(&python).arg(script()).arg(what).arg(folder).output();
    let folder = Folder::new("numpy");
    if !call("write", &folder.0).is_ok_and(|output| output.status.success()) {
        assert!(named.is_none(), "{} has no numpy", python.display());
        return skipped("exchange with numpy: no Python with numpy; TRAINER_PYTHON may name one");
    }
    // numpy.arange(24).reshape(2, 3, 4) in every type, byte order and order of axes.
    macro_rules! same {
        ($($type:ty)*) => {$(
            let expected = Array::from_shape_fn((2, 3, 4), |(i, j, k)| (12 * i + 4 * j + k) as $type).into_dyn();
            for order in ["little", "big"] {
                for axes in ["C", "F"] {
                    let name = format!("{}-{order}-{axes}.npy", stringify!($type));
                    assert_eq!(npy::read::<$type>(folder.0.join(&name)).unwrap(), expected, "{name}");
                }
            }
            for archive in ["stored.npz", "packed.npz"] {
                let array = Npz::open(folder.0.join(archive)).unwrap().array::<$type>(stringify!($type)).unwrap();
                assert_eq!(array, expected, "{archive}");
            }
            npy::write(folder.0.join(concat!("ours-", stringify!($type), ".npy")), &expected).unwrap();
            let mut writer = NpzWriter::new();
            writer.add("x", &expected).unwrap();
            writer.save(folder.0.join(concat!("ours-", stringify!($type), ".npz"))).unwrap();
        )*};
    }
    same!(u8 u16 u32 u64 i8 i16 i32 i64 f32 f64);
    assert_eq!(npy::read::<f64>(folder.0.join("scalar.npy")).unwrap(), ArrayD::from_elem(vec![], 2.5));
    assert_eq!(npy::read::<f32>(folder.0.join("empty.npy")).unwrap().shape(), [0, 5]);
    for (name, kind) in
        [("objects", "|O"), ("complex", "<c16"), ("half", "<f2"), ("text", "<U3"), ("truths", "|b1")]
    {
        let error = npy::read::<f64>(folder.0.join(format!("{name}.npy"))).unwrap_err().to_string();
        assert!(error.ends_with(&format!("expected numbers of type f8, got {kind}")), "{error}");
    }
    let output = call("read", &folder.0).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
