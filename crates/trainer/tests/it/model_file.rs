//! Models in files.

use datasets::Scaling;
use layers::{Affine, AvgPool2d, Init, Layer, Relu, Sequential, Spec};
use ndarray::{Array, ArrayD};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use trainer::{Error, Layout, Model, Stored};

use super::support::{self, Folder, golden};

/// 3 → 2 → 2 with numbers that every precision holds, a scaling for each feature and two names.
pub(super) fn small<T: Stored>() -> Model<T>
where
    Sequential: layers::Backprop<T>,
{
    let network = Sequential::new(&[3]).push(Affine::new(3, 2)).unwrap().push(Relu).unwrap();
    let network = network.push(Affine::new(2, 2)).unwrap();
    let params = network.params().into_iter().enumerate().map(|(i, spec)| {
        let numbers = (0..spec.len()).map(|j| T::from_f64(i as f64 - j as f64 / 8.0));
        ArrayD::from_shape_vec(spec.shape.clone(), numbers.collect()).unwrap()
    });
    let params = params.collect();
    let mut model = Model::from_parts(network, &[3], params).unwrap();
    model.scaling = Scaling::PerFeature { shift: vec![0.5, 0.1, 0.0], factor: vec![1.0, 2.0, 0.1] };
    model.class_names = vec!["no".into(), "yes, \"quoted\" and ünïcode".into()];
    model
}

pub(super) fn same<T: Stored>(a: &Model<T>, b: &Model<T>) -> bool {
    a.params() == b.params()
        && a.network().spec() == b.network().spec()
        && a.input_shape() == b.input_shape()
        && a.scaling == b.scaling
        && a.class_names == b.class_names
}

fn x<T: Stored>() -> ArrayD<T> {
    Array::from_shape_fn(vec![4, 3], |i| T::from_f64(i[0] as f64 - i[1] as f64 / 3.0)).into_dyn()
}

#[test]
fn a_saved_model_is_loaded_with_everything_that_belongs_to_it() {
    let folder = Folder::new("model");
    let path = folder.0.join("model.safetensors");
    let model = small::<f32>();
    model.save(&path).unwrap();
    let loaded = Model::<f32>::load(&path).unwrap();
    assert!(same(&loaded, &model));
    assert_eq!(loaded.predict(&x()).unwrap(), model.predict(&x()).unwrap());
    assert_eq!(folder.names(), ["model.safetensors"]);
    small::<f64>().save(&path).unwrap();
    assert!(same(&Model::<f64>::load(&path).unwrap(), &small()));
}

#[test]
fn a_network_with_long_windows_and_a_tall_table_is_loaded_again() {
    let pool = Spec::AvgPool2d {
        kernel: [1, 40_000],
        stride: None,
        padding: [0, 0],
        ceil: false,
        count_include_pad: true,
    };
    let table = Spec::Embedding { rows: 16_700_000, d: 1 };
    for (spec, input) in [(pool, &[1, 1, 40_000][..]), (table, &[2])] {
        let network = layers::sequential(&[spec], input).unwrap();
        let model = Model::<f32>::with_init(network, input, Some(Init::Zeros {}), 1).unwrap();
        let bytes = model.to_bytes(Layout::Native).unwrap();
        assert!(same(&Model::<f32>::from_bytes(&bytes).unwrap(), &model));
    }
}

#[test]
fn a_network_that_could_not_be_loaded_is_not_saved() {
    let network = Sequential::new(&[1, 9, 9]).push(AvgPool2d::new([1, 1])).unwrap();
    let wide = AvgPool2d { stride: [1 << 32, 1], ..AvgPool2d::new([1, 1]) };
    let model = Model::<f32>::new(network.push(wide).unwrap(), 1).unwrap();
    let error = model.to_bytes(Layout::Native).unwrap_err().to_string();
    assert_eq!(error, "layer 1 (avg_pool2d): expected stride of at most 2147483648, got 4294967296");
}

#[test]
fn classes_that_could_not_be_loaded_are_not_saved() {
    let mut model = small::<f32>();
    for (names, got) in [
        (&["p", "p"][..], r#"expected names that all differ, got "p" twice"#),
        (&["p"], "expected 2 names, one an output, got 1"),
    ] {
        model.class_names = names.iter().map(ToString::to_string).collect();
        let error = model.to_bytes(Layout::Native).unwrap_err().to_string();
        assert_eq!(error, format!("metadata, class_names: {got}"));
    }
}

#[test]
fn the_same_model_gives_the_same_bytes() {
    for layout in [Layout::Native, Layout::PyTorch] {
        assert_eq!(small::<f32>().to_bytes(layout).unwrap(), small::<f32>().to_bytes(layout).unwrap());
    }
}

#[test]
fn a_model_is_loaded_in_either_precision() {
    let single = small::<f32>().to_bytes(Layout::Native).unwrap();
    let double = small::<f64>().to_bytes(Layout::Native).unwrap();
    assert!(same(&Model::<f64>::from_bytes(&single).unwrap(), &small()));
    assert!(same(&Model::<f32>::from_bytes(&double).unwrap(), &small()));

    let mut large = small::<f64>();
    large.params_mut()[0][[1, 1]] = 1e39;
    let error = Model::<f32>::from_bytes(&large.to_bytes(Layout::Native).unwrap()).unwrap_err();
    assert_eq!(error.to_string(), "tensor 0.weight, element 3: expected a finite number, got inf");
}

#[test]
fn the_reference_implementation_reads_our_files() {
    let bytes = small::<f32>().to_bytes(Layout::Native).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let weight = file.tensor("0.weight").unwrap();
    assert_eq!((weight.dtype(), weight.shape()), (Dtype::F32, &[3, 2][..]));
    let numbers: Vec<f32> = weight.data().as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect();
    assert_eq!(numbers, small::<f32>().params()[0].iter().copied().collect::<Vec<_>>());
    let (n, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
    let metadata = metadata.metadata().clone().unwrap();
    assert_eq!(
        metadata["network"],
        r#"{"layer":"sequential","layers":[{"layer":"affine","units":2},{"layer":"relu"},{"layer":"affine","units":2}]}"#
    );
    assert_eq!((n + 8) % 8, 0, "the data are aligned");
    let transposed = small::<f32>().to_bytes(Layout::PyTorch).unwrap();
    assert_eq!(SafeTensors::deserialize(&transposed).unwrap().tensor("0.weight").unwrap().shape(), [2, 3]);
}

#[test]
fn files_of_the_reference_implementation_are_read() {
    let folder = Folder::new("foreign");
    let path = folder.0.join("foreign.safetensors");
    let bytes = |numbers: &[f64]| numbers.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
    let (w, b) = (bytes(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), bytes(&[7.0, 8.0]));
    let view = |shape: &[usize], data| TensorView::new(Dtype::F64, shape.to_vec(), data).unwrap();
    let file = [("0.weight", view(&[2, 3], &w)), ("0.bias", view(&[2], &b))];
    std::fs::write(&path, safetensors::serialize(file, None).unwrap()).unwrap();

    let network = || Sequential::new(&[3]).push(Affine::new(3, 2)).unwrap();
    let model = Model::<f32>::load_pytorch(network(), &path).unwrap();
    assert_eq!(model.params()[0], ndarray::array![[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]].into_dyn());
    assert_eq!(model.params()[1], ndarray::array![7.0, 8.0].into_dyn());
    let error = Model::<f32>::load(&path).unwrap_err().to_string();
    let expected = "expected a file of format trainer-model, got a file without a format";
    assert_eq!(error, format!("{}: {expected}", path.display()));
}

#[test]
fn both_layouts_hold_the_same_model() {
    let folder = Folder::new("layouts");
    let path = folder.0.join("model.safetensors");
    small::<f32>().save_for_pytorch(&path).unwrap();
    assert!(same(&Model::<f32>::load(&path).unwrap(), &small()));
    let network = small::<f32>().network().spec().unwrap();
    let layers::Spec::Sequential { layers } = network else { panic!("a chain") };
    let network = layers::sequential(&layers, &[3]).unwrap();
    assert_eq!(Model::<f32>::load_pytorch(network, &path).unwrap().params(), small::<f32>().params());
}

#[test]
fn the_layout_of_pytorch_reaches_into_every_container() {
    let layers = r#"[
        {"layer": "residual", "layers": [{"layer": "affine", "units": 2}, {"layer": "prelu", "slopes": 1}]},
        {"layer": "concat", "branches": [
            {"layer": "affine", "units": 2},
            {"layer": "sequential", "layers": [{"layer": "affine", "units": 2}, {"layer": "batch_norm"}]}
        ]}
    ]"#;
    let layers: Vec<layers::Spec> = serde_json::from_str(layers).unwrap();
    let model = Model::<f32>::new(layers::sequential(&layers, &[2]).unwrap(), 1).unwrap();
    let bytes = model.to_bytes(Layout::PyTorch).unwrap();
    assert!(same(&Model::<f32>::from_bytes(&bytes).unwrap(), &model));
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let mut names = file.names();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "0.0.bias",
            "0.0.weight",
            "0.1.weight",
            "1.0.bias",
            "1.0.weight",
            "1.1.0.bias",
            "1.1.0.weight",
            "1.1.1.bias",
            "1.1.1.running_mean",
            "1.1.1.running_var",
            "1.1.1.weight",
        ]
    );
    for name in ["0.0.weight", "1.0.weight", "1.1.0.weight"] {
        let i = model.specs().iter().position(|spec| spec.name == name).unwrap();
        let expected: Vec<u8> = model.params()[i].t().iter().flat_map(|x| x.to_le_bytes()).collect();
        assert_eq!(
            file.tensor(name).unwrap().data(),
            expected,
            "{name} is square, and transposed all the same"
        );
    }
}

#[test]
fn a_network_with_a_layer_of_ones_own_keeps_its_parameters() {
    let folder = Folder::new("own");
    let path = folder.0.join("own.safetensors");
    let model = Model::<f32>::new(support::network(), 3).unwrap();
    let error = model.save(&path).unwrap_err().to_string();
    assert_eq!(
        error,
        "layer 2 (jitter): expected a layer that can be written down, got one whose `spec` is none"
    );
    assert!(folder.names().is_empty(), "nothing is written");
    model.save_params(&path).unwrap();
    let loaded = Model::<f32, _>::load_params(support::network(), &path).unwrap();
    assert_eq!(loaded.params(), model.params());
    let error = Model::<f32>::load(&path).unwrap_err().to_string();
    assert!(error.ends_with("use `Model::load_params`"), "{error}");
    let other = Sequential::new(&[4]).push(Affine::new(4, 6)).unwrap();
    let error = Model::<f32, _>::load_params(other, &path).unwrap_err().to_string();
    assert!(
        error.ends_with("expected the tensors of the network; not of the network: 2.mean, 3.bias, 3.weight"),
        "{error}"
    );
}

#[test]
fn parameters_that_are_not_finite_are_not_written() {
    let folder = Folder::new("nan");
    let path = folder.0.join("model.safetensors");
    small::<f32>().save(&path).unwrap();
    let mut model = small::<f32>();
    model.params_mut()[2][[1, 0]] = f32::INFINITY;
    let error = model.save(&path).unwrap_err();
    assert_eq!(error.to_string(), "tensor 2.weight, element 2: expected a finite number, got inf");
    assert!(same(&Model::<f32>::load(&path).unwrap(), &small()), "the old file is as it was");
}

#[test]
fn a_missing_file_is_named() {
    let error = Model::<f32>::load("nowhere/model.safetensors").unwrap_err();
    assert!(matches!(error, Error::Io { .. }));
    assert!(error.to_string().starts_with("nowhere/model.safetensors: cannot read: "), "{error}");
}

#[test]
fn the_names_of_features_and_values_are_kept_and_may_be_missing() {
    let mut model = small::<f32>();
    let names = |model: &Model<f32>| {
        let read = Model::<f64>::from_bytes(&model.to_bytes(Layout::Native).unwrap()).unwrap();
        let Model { feature_names, value_names, .. } = read.convert::<f32>();
        [feature_names, value_names]
    };
    assert_eq!(names(&model), [const { Vec::<String>::new() }; 2]);
    model.feature_names = vec!["a".into(), "b, \"c\"".into(), String::new()];
    assert_eq!(names(&model), [model.feature_names.clone(), vec![]]);
    model.value_names = vec!["y".into(), "z".into()];
    assert_eq!(names(&model), [model.feature_names.clone(), model.value_names.clone()]);
    model.class_names.clear();
    assert_eq!(model.answer_head(), ["y", "z"]);

    model.value_names.pop();
    let error = model.to_bytes(Layout::Native).unwrap_err().to_string();
    assert!(error.contains("value_names: expected 2 names, one an output, got 1"), "{error}");
}

#[test]
fn what_no_reader_would_take_is_not_written() {
    let error = |model: &Model<f32>| model.to_bytes(Layout::Native).unwrap_err().to_string();
    let mut model = small::<f32>();
    model.scaling = Scaling::Uniform { shift: f64::NAN, factor: 1.0 };
    assert!(error(&model).contains("scaling: expected finite numbers, got NaN"), "{}", error(&model));
    model.scaling = Scaling::PerFeature { shift: vec![0.0], factor: vec![1.0] };
    assert!(error(&model).contains("scaling: expected 3 features, got 1"), "{}", error(&model));

    let nest = |chain, _| Sequential::new(&[3]).push(chain).unwrap();
    let nested = |depth| (0..depth).fold(Sequential::new(&[3]).push(Affine::new(3, 2)).unwrap(), nest);
    let shallow = Model::<f32>::new(nested(40), 1).unwrap();
    Model::<f32>::from_bytes(&shallow.to_bytes(Layout::Native).unwrap()).unwrap();
    let deep = Model::<f32>::new(nested(100), 1).unwrap();
    assert!(error(&deep).contains("network: recursion limit exceeded"), "{}", error(&deep));
}

#[test]
fn models_of_version_1_are_still_read() {
    let file = golden("model-v1.safetensors", &small::<f32>().to_bytes(Layout::Native).unwrap());
    assert!(same(&Model::<f32>::from_bytes(&file).unwrap(), &small()));
    let file = golden("model-v1-pytorch.safetensors", &small::<f64>().to_bytes(Layout::PyTorch).unwrap());
    assert!(same(&Model::<f64>::from_bytes(&file).unwrap(), &small()));
}
