//! PyTorch reads our models and we read PyTorch's.
//!
//! The exchange runs where a Python with `torch` and `safetensors` is: the one that `TORCH_PYTHON` names, or `python3`. It
//! says that it is skipped elsewhere, unless `TORCH_PYTHON` is set: then its absence is a failure. A model that PyTorch
//! wrote is in `tests/pytorch` and read in any case.

use std::path::{Path, PathBuf};
use std::process::Command;

use layers::{Sequential, Spec};
use ndarray::{ArrayD, IxDyn};
use rand::RngExt;
use tensor_ops::random::{Purpose, stream};
use trainer::{Model, Stored};

use super::support::{Folder, skipped};

/// The network of tests/python/pytorch.py.
fn network() -> Sequential {
    let layers = r#"[
        {"layer": "conv2d", "filters": 4, "kernel": [3, 3], "padding": [1, 1]},
        {"layer": "batch_norm"},
        {"layer": "relu"},
        {"layer": "conv_transpose2d", "filters": 6, "kernel": [2, 2], "stride": [2, 2]},
        {"layer": "group_norm", "groups": 3},
        {"layer": "max_pool2d", "kernel": [2, 2]},
        {"layer": "sequential", "layers": [
            {"layer": "flatten"},
            {"layer": "affine", "units": 10},
            {"layer": "layer_norm"},
            {"layer": "leaky_relu", "slope": 0.01}
        ]},
        {"layer": "affine", "units": 3}
    ]"#;
    let layers: Vec<Spec> = serde_json::from_str(layers).unwrap();
    layers::sequential(&layers, &[1, 6, 6]).unwrap()
}

/// The Python to use, if there is one with the packages.
fn python() -> Option<PathBuf> {
    let named = std::env::var_os("TORCH_PYTHON").map(PathBuf::from);
    let python = named.clone().unwrap_or_else(|| "python3".into());
    let check = Command::new(&python).arg(script()).arg("check").output();
    match check {
        Ok(output) if output.status.success() => Some(python),
        Ok(output) if named.is_some() => panic!("{}", String::from_utf8_lossy(&output.stderr)),
        Err(error) if named.is_some() => panic!("{}: {error}", python.display()),
        _ => {
            skipped("exchange with PyTorch: no Python with torch and safetensors; TORCH_PYTHON may name one");
            None
        }
    }
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/pytorch.py")
}

fn call(python: &Path, what: &str, folder: &Path) {
    let output = Command::new(python).arg(script()).arg(what).arg(folder).output().unwrap();
    assert!(output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A model with no number at its initial value.
fn ours<T: Stored>() -> Model<T>
where
    Sequential: layers::Backprop<T>,
{
    let mut model = Model::<T>::new(network(), 1).unwrap();
    for (i, param) in model.params_mut().iter_mut().enumerate() {
        let mut rng = stream(2, Purpose::Other, i as u64);
        param.mapv_inplace(|_| T::from_f64(0.1 + rng.random::<f64>()));
    }
    model
}

fn writes_for_pytorch<T: Stored>(python: &Path, tolerance: f64)
where
    Sequential: layers::Backprop<T>,
{
    let folder = Folder::new("ours");
    let model = ours::<T>();
    model.save_for_pytorch(folder.0.join("ours.safetensors")).unwrap();
    let mut rng = stream(3, Purpose::Other, 0);
    let x = ArrayD::from_shape_fn(IxDyn(&[5, 1, 6, 6]), |_| T::from_f64(f64::from(rng.random::<f32>())));
    let y = model.predict(&x).unwrap();
    let numbers = |a: &ArrayD<T>| a.iter().map(|v| v.value()).collect::<Vec<_>>();
    let case = serde_json::json!({"x": numbers(&x), "y": numbers(&y), "tolerance": tolerance});
    std::fs::write(folder.0.join("ours.json"), case.to_string()).unwrap();
    call(python, "read", &folder.0);
}

#[test]
fn pytorch_reads_our_models_and_computes_the_same() {
    let Some(python) = python() else { return };
    writes_for_pytorch::<f32>(&python, 2e-5);
    writes_for_pytorch::<f64>(&python, 1e-12);
}

#[test]
fn we_read_models_of_pytorch_and_compute_the_same() {
    let Some(python) = python() else { return };
    let folder = Folder::new("theirs");
    call(&python, "write", &folder.0);
    reads_theirs(&folder.0);
}

#[test]
fn we_read_the_model_that_pytorch_once_wrote() {
    reads_theirs(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pytorch"));
}

fn reads_theirs(folder: &Path) {
    let model = Model::<f64>::load_pytorch(network(), folder.join("theirs.safetensors")).unwrap();
    let case: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.join("theirs.json")).unwrap()).unwrap();
    let numbers = |key: &str| -> Vec<f64> { serde_json::from_value(case[key].clone()).unwrap() };
    let x = ArrayD::from_shape_vec(IxDyn(&[5, 1, 6, 6]), numbers("x")).unwrap();
    let y = model.predict(&x).unwrap();
    let error = y.iter().zip(numbers("y")).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(error < 1e-12, "outputs differ by {error}");
}
