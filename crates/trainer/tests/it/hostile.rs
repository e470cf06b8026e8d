//! No bytes make the readers of models and checkpoints panic, nor take more memory than a small multiple of the file,
//! and no damage passes for content.

use layers::{Affine, Sequential};
use proptest::prelude::*;
use trainer::{Layout, Model};

use super::memory::peak;
use super::model_file::{same, small};
use super::support::Folder;

fn good() -> Vec<u8> {
    small::<f32>().to_bytes(Layout::Native).unwrap()
}

/// A file with this header and so many bytes of data.
pub(super) fn file(header: &str, data: usize) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &vec![0; data]].concat()
}

/// Reads it in every way there is; the readers of foreign files have no checksum to rely on.
pub(super) fn read_all(bytes: &[u8]) -> Vec<String> {
    let folder = Folder::new("hostile");
    let path = folder.0.join("model.safetensors");
    std::fs::write(&path, bytes).unwrap();
    let network = || Sequential::new(&[3]).push(Affine::new(3, 2)).unwrap();
    let results = [
        Model::<f32>::from_bytes(bytes).map(drop).map_err(|e| e.to_string()),
        Model::<f32>::load_pytorch(network(), &path).map(drop).map_err(|e| e.to_string()),
        Model::<f64, _>::load_params(network(), &path).map(drop).map_err(|e| e.to_string()),
    ];
    #[cfg(feature = "checkpoint")]
    let results = results
        .into_iter()
        .chain([trainer::Checkpoint::<f32>::from_bytes(bytes).map(drop).map_err(|e| e.to_string())]);
    results.into_iter().filter_map(Result::err).collect()
}

#[test]
fn every_flipped_bit_of_a_model_is_refused_or_changes_nothing() {
    let bytes = good();
    for bit in 0..8 * bytes.len() {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        if let Ok(model) = Model::<f32>::from_bytes(&flipped) {
            assert!(same(&model, &small()), "bit {bit}");
        }
    }
}

#[test]
fn every_byte_of_a_model_set_to_every_value_is_refused_or_changes_nothing() {
    let bytes = good();
    let mut accepted = 0;
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        for value in (0..=255).filter(|&value| value != bytes[at]) {
            changed[at] = value;
            if let Ok(model) = Model::<f32>::from_bytes(&changed) {
                assert!(same(&model, &small()), "byte {at} set to {value}");
                accepted += 1;
            }
        }
    }
    assert_eq!(accepted, 0, "the checksum covers every byte");
}

#[test]
fn every_truncation_and_every_extension_of_a_model_is_refused() {
    let bytes = good();
    for length in 0..bytes.len() {
        assert!(Model::<f32>::from_bytes(&bytes[..length]).is_err(), "{length} bytes");
    }
    for extra in [1, 4, 8, 1000] {
        let longer = [&bytes[..], &vec![0; extra]].concat();
        let error = Model::<f32>::from_bytes(&longer).unwrap_err().to_string();
        assert!(error.starts_with("data: expected 56 bytes, got "), "{error}");
    }
}

#[test]
fn each_malformed_header_has_its_own_message() {
    let info = |rest: &str| format!(r#"{{"0.weight":{{"dtype":"F32",{rest}}}}}"#);
    let huge = u64::MAX;
    let table: [(Vec<u8>, &str); 18] = [
        (vec![], "file: expected 8 bytes, got 0"),
        (vec![1, 0, 0], "file: expected 8 bytes, got 3"),
        (
            u64::MAX.to_le_bytes().into(),
            "header: expected a length of 100000000 at most, got 18446744073709551615",
        ),
        (90_000_000_u64.to_le_bytes().into(), "file: expected 90000008 bytes, got 8"),
        (file("[]", 0), "header: expected it to begin with {"),
        (file("{", 0), "header: EOF while parsing an object"),
        (file("{} {}", 0), "header: trailing characters"),
        (file(r#"{"__metadata__":{"a":1}}"#, 0), "header: invalid type: integer `1`, expected a string"),
        (file(r#"{"__metadata__":{"a":"","a":""}}"#, 0), "header: expected each name once"),
        (
            file(
                r#"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#,
                1,
            ),
            "header: expected each name once",
        ),
        (
            file(&info(r#""shape":[-1],"data_offsets":[0,4]"#), 4),
            "header: invalid value: integer `-1`, expected usize",
        ),
        (
            file(&info(r#""shape":[1],"data_offsets":[0,4],"code":"x""#), 4),
            "header: unknown field `code`, expected one of `dtype`, `shape`, `data_offsets`",
        ),
        (
            file(&info(r#""shape":[4294967296,4294967296],"data_offsets":[0,0]"#), 0),
            "tensor 0.weight: expected a known type and a possible size, got F32 [4294967296, 4294967296]",
        ),
        (
            file(&info(&format!(r#""shape":[0,{huge},2],"data_offsets":[0,0]"#)), 0),
            "tensor 0.weight: expected a known type and a possible size, got F32 [0, 18446744073709551615, 2]",
        ),
        (
            file(&info(&format!(r#""shape":[1],"data_offsets":[4,{huge}]"#)), 8),
            "tensor 0.weight: expected 4 bytes from 0 on for F32 [1], got bytes 4 to 18446744073709551615",
        ),
        (
            file(&info(r#""shape":[1],"data_offsets":[4,0]"#), 8),
            "tensor 0.weight: expected 4 bytes from 0 on for F32 [1], got bytes 4 to 0",
        ),
        (file(&info(r#""shape":[2],"data_offsets":[0,8]"#), 7), "data: expected 8 bytes, got 7"),
        (
            file(
                r#"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}"#,
                3,
            ),
            "tensor b: expected 2 bytes from 2 on for U8 [2], got bytes 1 to 3",
        ),
    ];
    for (bytes, message) in table {
        for got in read_all(&bytes) {
            let got = got.rsplit_once(".safetensors: ").map_or(&*got, |(_, rest)| rest);
            // The place is the parser's business.
            assert_eq!(got.split(" at line ").next(), Some(message));
        }
    }
}

/// The file with other metadata and tensors but a checksum that is right, as a forger would make it.
pub(super) fn forged(change: impl FnOnce(&mut serde_json::Value)) -> Vec<u8> {
    let bytes = good();
    let n = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let mut header: serde_json::Value = serde_json::from_slice(&bytes[8..8 + n]).unwrap();
    header["__metadata__"].as_object_mut().unwrap().remove("sha256");
    change(&mut header);
    header["__metadata__"]["sha256"] = "0".repeat(64).into();
    let mut forged = file(&header.to_string(), 0);
    forged.extend(&bytes[8 + n..]);
    // The reader says which checksum it computed.
    let error = Model::<f32>::from_bytes(&forged).unwrap_err().to_string();
    let digits = error.rsplit(' ').next().unwrap();
    assert_eq!(digits.len(), 64, "{error}");
    header["__metadata__"]["sha256"] = digits.into();
    let end = file(&header.to_string(), 0);
    forged[..end.len()].copy_from_slice(&end);
    forged
}

#[test]
fn a_forged_model_with_a_right_checksum_is_still_checked() {
    let message = |change: &dyn Fn(&mut serde_json::Value)| {
        Model::<f32>::from_bytes(&forged(change)).unwrap_err().to_string()
    };
    let metadata = |key: &'static str, value: &'static str| {
        message(&move |header| header["__metadata__"][key] = value.into())
    };
    assert!(Model::<f32>::from_bytes(&forged(|_| {})).is_ok(), "the forgery itself is sound");
    assert_eq!(
        metadata("format", "trainer-checkpoint"),
        "expected a file of format trainer-model, got trainer-checkpoint"
    );
    for version in ["2", "0", "", "1.0", "-1", "99999999999"] {
        let error = metadata("version", version);
        assert!(error.starts_with("expected format version 1 at most, got "), "{error}");
    }
    let huge = r#"{"layer":"sequential","layers":[{"layer":"affine","units":9223372036854775807}]}"#;
    assert_eq!(
        metadata("network", huge),
        "layer 0 (affine): expected weight of at most 2147483648 elements, got [3, 9223372036854775807]"
    );
    let unknown = r#"{"layer":"sequential","layers":[{"layer":"exec"}]}"#;
    assert!(metadata("network", unknown).starts_with("metadata, network: unknown variant `exec`"));
    assert_eq!(
        metadata("network", r#"{"layer":"relu"}"#),
        "metadata, network: expected a sequential network"
    );
    let other = r#"{"layer":"sequential","layers":[{"layer":"affine","units":7}]}"#;
    assert_eq!(
        metadata("network", other),
        "expected the tensors of the network; not of the network: 2.bias, 2.weight"
    );
    let wider = r#"{"layer":"sequential","layers":[{"layer":"affine","units":7},{"layer":"relu"},{"layer":"affine","units":2}]}"#;
    assert_eq!(metadata("network", wider), "tensor 0.weight: expected shape [3, 7], got shape [3, 2]");
    assert!(
        metadata("network", &*Box::leak("[".repeat(100_000).into_boxed_str())).contains("recursion limit")
    );
    assert!(metadata("input_shape", "[2147483648,2]").contains("expected at most 2147483648 numbers"));
    assert!(metadata("input_shape", "[18446744073709551615,18446744073709551615]").contains("at most"));
    assert!(
        metadata("scaling", r#"{"per-feature":{"shift":[0.0],"factor":[1.0]}}"#)
            .contains("expected 3 features, got 1")
    );
    assert!(metadata("class_names", r#"["one"]"#).contains("expected 2 names, one an output, got 1"));
    assert_eq!(
        metadata("class_names", r#"["p","p"]"#),
        r#"metadata, class_names: expected names that all differ, got "p" twice"#
    );
    let names = metadata("feature_names", r#"["one"]"#);
    assert!(names.contains("expected 3 names, one a number of an input, got 1"), "{names}");
    let names = metadata("value_names", r#"["one"]"#);
    assert!(names.contains("value_names: expected 2 names, one an output, got 1"), "{names}");
    assert!(metadata("layout", "onnx").contains("expected native or pytorch, got onnx"));
}

#[test]
fn half_precision_is_refused_by_name() {
    let folder = Folder::new("half");
    let path = folder.0.join("half.safetensors");
    let header = r#"{"0.weight":{"dtype":"BF16","shape":[2,3],"data_offsets":[0,12]},"0.bias":{"dtype":"F32","shape":[2],"data_offsets":[12,20]}}"#;
    std::fs::write(&path, file(header, 20)).unwrap();
    let network = Sequential::new(&[3]).push(Affine::new(3, 2)).unwrap();
    let error = Model::<f32>::load_pytorch(network, &path).unwrap_err().to_string();
    assert!(error.ends_with("tensor 0.weight: expected type F32 or F64, got type BF16"), "{error}");
}

#[test]
fn memory_stays_within_a_small_multiple_of_the_file() {
    const MIB: usize = 1 << 20;
    let mut tensors = String::from("{");
    while tensors.len() < MIB {
        let n = tensors.len();
        tensors += &format!(r#""{n}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}},"#);
    }
    tensors.pop();
    tensors.push('}');
    let headers = [
        ("many tensors", tensors),
        (
            "many axes",
            format!(
                r#"{{"0.weight":{{"dtype":"F32","shape":[{}1],"data_offsets":[0,4]}}}}"#,
                "1,".repeat(MIB / 2)
            ),
        ),
        (
            "a long name",
            format!(r#"{{"{}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}}}"#, "x".repeat(MIB)),
        ),
        (
            "many texts",
            format!(
                r#"{{"__metadata__":{{{}"z":""}}}}"#,
                (0..MIB / 10).map(|i| format!(r#""{i}":"","#)).collect::<String>()
            ),
        ),
        (
            "brackets",
            format!(
                r#"{{"__metadata__":{{"format":"trainer-model","version":"1","sha256":"x","network":"{}"}}}}"#,
                "[".repeat(MIB)
            ),
        ),
    ];
    for (name, header) in headers {
        let bytes = file(&header, if name == "many axes" { 4 } else { 0 });
        let held = peak(|| drop(Model::<f32>::from_bytes(&bytes)));
        assert!(held < 12 * bytes.len(), "{name}: {held} bytes for {}", bytes.len());
        let folder = Folder::new("memory");
        let path = folder.0.join("model.safetensors");
        std::fs::write(&path, &bytes).unwrap();
        let network = Sequential::new(&[3]).push(Affine::new(3, 2)).unwrap();
        let held = peak(|| drop(Model::<f32>::load_pytorch(network, &path)));
        assert!(held < 14 * bytes.len(), "{name}: {held} bytes for {}", bytes.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(read_all(&bytes).len() >= 3);
    }

    #[test]
    fn arbitrary_headers_are_refused_or_read(header in r#"\{("[ab_]{0,3}":(\{("dtype":"F32",?|"shape":\[(0,)?[0-9,]{0,6}(,18446744073709551615)?\],?|"data_offsets":\[[0-9]{1,3},[0-9]{1,20}\],?){0,3}\}|"[a-z]*"|null|[0-9]+),?){0,3}\}"#, data in 0..40_usize) {
        read_all(&file(&header, data));
    }

    #[test]
    fn damage_in_several_places_never_passes_for_content(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let bytes = good();
        let mut damaged = bytes.clone();
        for (at, value) in damage {
            let at = at.index(bytes.len());
            damaged[at] = value;
        }
        if let Ok(model) = Model::<f32>::from_bytes(&damaged) {
            prop_assert!(same(&model, &small()));
        }
    }

    #[test]
    #[cfg(feature = "npz")]
    fn a_damaged_npz_never_panics(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        length in any::<prop::sample::Index>(),
    ) {
        let mut writer = trainer::npy::NpzWriter::new();
        writer.add("a", &ndarray::array![[1.5_f32, -2.0]].into_dyn()).unwrap();
        writer.add("b", &ndarray::array![1.0_f32].into_dyn()).unwrap();
        let mut bytes = writer.into_bytes().unwrap();
        for (at, value) in damage {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let truncated = bytes[..length.index(bytes.len())].to_vec();
        for bytes in [bytes, truncated] {
            let Ok(mut file) = trainer::npy::Npz::from_bytes(bytes) else { continue };
            file.names().iter().for_each(|name| drop(file.array::<f32>(name)));
        }
    }

    #[test]
    fn networks_with_arbitrary_sizes_never_panic(
        kind in prop::sample::select(vec!["affine", "conv2d", "conv1d", "conv_transpose2d", "max_pool2d", "avg_pool2d", "reshape", "group_norm", "layer_norm"]),
        sizes in prop::collection::vec(prop::sample::select(vec![0_u64, 1, 2, 3, 5, 7, 255, 32_768, 32_769, 16_777_215, 16_777_216, 2_147_483_648, 2_147_483_649, 1 << 40, u64::MAX]), 12),
        input in prop::collection::vec(prop::sample::select(vec![0_u64, 1, 2, 3, 8, 200, 4096]), 0..4),
    ) {
        let pair = |i: usize| serde_json::json!([sizes[i], sizes[i + 1]]);
        let window = serde_json::json!({"kernel": pair(0), "stride": pair(2), "padding": pair(4)});
        let mut layer = match kind {
            "affine" => serde_json::json!({"units": sizes[0]}),
            "reshape" => serde_json::json!({"shape": sizes[..3]}),
            "group_norm" => serde_json::json!({"groups": sizes[0]}),
            "layer_norm" => serde_json::json!({"axes": sizes[0]}),
            "conv1d" => serde_json::json!({"filters": sizes[0], "kernel": sizes[1], "stride": sizes[2], "padding": sizes[3], "dilation": sizes[4], "groups": sizes[5]}),
            _ => window,
        };
        if kind.ends_with("2d") && kind.starts_with("conv") {
            layer["filters"] = sizes[6].into();
            layer["dilation"] = pair(7);
            layer["groups"] = sizes[9].into();
        }
        layer["layer"] = kind.into();
        let network = serde_json::json!({"layer": "sequential", "layers": [layer.clone(), layer]}).to_string();
        let bytes = forged(|header| {
            header["__metadata__"]["network"] = network.into();
            header["__metadata__"]["input_shape"] = serde_json::json!(input).to_string().into();
        });
        drop(Model::<f32>::from_bytes(&bytes));
    }
}
