//! The `safetensors` package of Python reads our models, and we read what it writes.
//!
//! Runs where a Python with `numpy` and `safetensors` is: the one that `TRAINER_PYTHON` names, or `python3`. Says that
//! it is skipped elsewhere, unless `TRAINER_PYTHON` is set: then their absence is a failure.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use layers::{Affine, Backprop, Sequential, Tanh};
use ndarray::{ArrayD, IxDyn};
use trainer::{Model, Stored};

use super::support::{Folder, skipped};

fn call(what: &str, folder: &Path) -> std::io::Result<Output> {
    let python = std::env::var_os("TRAINER_PYTHON").map_or("python3".into(), PathBuf::from);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/safetensors_files.py");
    Command::new(python).arg(script).arg(what).arg(folder).output()
}

/// A folder to meet in, if there is a Python with the packages.
fn meeting(name: &str) -> Option<Folder> {
    let folder = Folder::new(name);
    let check = call("check", &folder.0);
    if check.as_ref().is_ok_and(|output| output.status.success()) {
        return Some(folder);
    }
    assert!(std::env::var_os("TRAINER_PYTHON").is_none(), "TRAINER_PYTHON: {check:?}");
    skipped("exchange with safetensors: no Python with numpy and safetensors; TRAINER_PYTHON may name one");
    None
}

fn succeeds(what: &str, folder: &Path) {
    let output = call(what, folder).unwrap();
    assert!(output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stderr));
}

fn network() -> Sequential {
    let network = Sequential::new(&[6]).push(Affine::new(6, 5)).unwrap().push(Tanh).unwrap();
    network.push(Affine::new(5, 3)).unwrap()
}

fn python_computes_the_same<T: Stored>(tolerance: f64)
where
    Sequential: Backprop<T>,
{
    let Some(folder) = meeting("for-safetensors") else { return };
    let mut model = Model::<T>::new(network(), 1).unwrap();
    for param in model.params_mut() {
        param.mapv_inplace(|v| v + T::from_f64(0.125));
    }
    model.save(folder.0.join("native.safetensors")).unwrap();
    model.save_for_pytorch(folder.0.join("pytorch.safetensors")).unwrap();
    let x = ArrayD::from_shape_fn(IxDyn(&[7, 6]), |i| T::from_f64((i[0] * 6 + i[1]) as f64 / 32.0 - 0.5));
    let y = model.predict(&x).unwrap();
    let numbers = |a: &ArrayD<T>| a.iter().map(|v| v.value()).collect::<Vec<_>>();
    let case = serde_json::json!({"x": numbers(&x), "y": numbers(&y), "tolerance": tolerance});
    std::fs::write(folder.0.join("ours.json"), case.to_string()).unwrap();
    succeeds("read", &folder.0);
}

#[test]
fn the_pip_package_reads_both_layouts_in_both_precisions() {
    python_computes_the_same::<f32>(1e-6);
    python_computes_the_same::<f64>(1e-14);
}

#[test]
fn we_read_what_the_pip_package_writes() {
    let Some(folder) = meeting("from-safetensors") else { return };
    succeeds("write", &folder.0);
    let model = Model::<f64>::load_pytorch(network(), folder.0.join("theirs.safetensors")).unwrap();
    let case: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.0.join("theirs.json")).unwrap()).unwrap();
    let numbers = |key: &str| -> Vec<f64> { serde_json::from_value(case[key].clone()).unwrap() };
    let x = ArrayD::from_shape_vec(IxDyn(&[7, 6]), numbers("x")).unwrap();
    let y = model.predict(&x).unwrap();
    let error = y.iter().zip(numbers("y")).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(error < 1e-14, "outputs differ by {error}");
}
