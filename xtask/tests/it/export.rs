//! `cargo xtask export` on a briefly trained model of each recipe: onnxruntime computes what we compute, on the whole
//! test set.
//!
//! `ONNX_PYTHON` and `python3` as in the tests of `trainer`. `DATASETS_DIR` names a folder with MNIST and Fashion-MNIST
//! if they are not in `datasets/`.

use std::path::{Path, PathBuf};
use std::process::Command;

use datasets::Scaling;
use ndarray::ArrayD;
use serde_json::{Value, json};
use trainer::recipe::{BUILT_IN, Data, Recipe};
use trainer::{Model, Source};

/// Enough that no parameter is as it began.
const STEPS: usize = 30;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

fn data(name: &str, recipe: &Recipe) -> Option<Data> {
    let shipped = Path::new(ROOT).join("datasets");
    let named = std::env::var_os("DATASETS_DIR").map(PathBuf::from);
    let root = named.filter(|_| recipe.data.set.is_some()).unwrap_or(shipped);
    let found = recipe.load_data(&root);
    assert!(found.is_ok() || recipe.data.set.is_some(), "{name} ships: {found:?}");
    found.ok()
}

/// Trains, saves, exports, and predicts the raw test examples; none if there are no data.
fn exchange(name: &str, folder: &Path) -> Option<Value> {
    let recipe = Recipe::built_in(name).unwrap();
    let data = data(name, &recipe)?;
    let mut trainer = recipe.trainer(recipe.model::<f32>(&data).unwrap()).unwrap();
    let source = Source::new(&data.train, &data.scaling).unwrap().with_one_hot(recipe.data.one_hot);
    for _ in 0..STEPS {
        trainer.train_step(&source).unwrap();
    }
    let file = |kind: &str| folder.join(format!("{name}.{kind}"));
    trainer.model().save(file("safetensors")).unwrap();

    let mut export = Command::new(env!("CARGO_BIN_EXE_xtask"));
    export.arg("export").arg(file("safetensors")).arg("--onnx").arg(file("onnx")).arg("--preprocessing");
    let output = export.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let model = Model::<f32>::load(file("safetensors")).unwrap();
    let whole: Vec<usize> = (0..data.test.len()).collect();
    let mut x = ArrayD::zeros([&[whole.len()], model.input_shape()].concat());
    data.test.features.gather(&whole, &Scaling::none(), &mut x);
    let y = model.predict(&x).unwrap();
    for (kind, array) in [("x", &x), ("y", &y)] {
        let bytes: Vec<u8> = array.iter().flat_map(|v| v.to_le_bytes()).collect();
        std::fs::write(file(kind), bytes).unwrap();
    }
    Some(json!({
        "name": format!("trained by {name}"), "model": format!("{name}.onnx"),
        "x": format!("{name}.x"), "y": format!("{name}.y"), "x_shape": x.shape(), "y_shape": y.shape(),
        "params": model.specs().iter().map(|spec| spec.name.to_string()).collect::<Vec<_>>(),
    }))
}

/// A Python with onnx and onnxruntime. One that `ONNX_PYTHON` names is taken as it is, so that it cannot be skipped.
fn python() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("ONNX_PYTHON") {
        return Some(named.into());
    }
    let probe = Command::new("python3").args(["-c", "import numpy, onnx, onnxruntime"]).output();
    probe.is_ok_and(|output| output.status.success()).then(|| "python3".into())
}

#[test]
fn onnxruntime_computes_what_each_trained_recipe_computes_on_its_whole_test_set() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("export");
    std::fs::create_dir_all(&folder).unwrap();
    let mut cases = Vec::new();
    for (name, _) in BUILT_IN {
        match exchange(name, &folder) {
            Some(case) => cases.push(case),
            None => eprintln!("skipped {name}: no data; see DATASETS_DIR"),
        }
    }
    std::fs::write(folder.join("cases.json"), json!(cases).to_string()).unwrap();
    let Some(python) = python() else {
        return eprintln!("skipped the comparison: python3 has no onnx and onnxruntime; see ONNX_PYTHON");
    };
    let script = Path::new(ROOT).join("crates/trainer/tests/python/check_onnx.py");
    let output = Command::new(python).arg(script).arg(&folder).output().unwrap();
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    eprintln!("{out}");
    assert!(output.status.success(), "\n{out}{err}");
}
