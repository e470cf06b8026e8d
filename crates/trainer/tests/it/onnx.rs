//! Exported models: every layer and every recipe, judged by ONNX' own checker and runtime.
//!
//! The judges are Python packages. `ONNX_PYTHON` names a Python that has them; without it `python3` is tried, and the
//! comparison is skipped, aloud, if it has them not. All that needs no Python is tested in any case.

use std::path::{Path, PathBuf};
use std::process::Command;

use datasets::Scaling;
use layers::registry::cases;
use layers::{
    Affine, AnyLayer, AvgPool2d, ConvTranspose2d, Dropout, InputKind, Layer, MaxPool2d, Relu, Role,
    Sequential,
};
use ndarray::{Array, ArrayD};
use rand::RngExt;
use serde_json::{Value, json};
use tensor_ops::Scalar;
use tensor_ops::random::{Purpose, stream};
use trainer::onnx::OnnxOptions;
use trainer::recipe::{BUILT_IN, Recipe};
use trainer::{Error, Model};

use super::support::Folder;

/// Models, inputs and outputs in a folder, for the Python side.
struct Exchange {
    folder: Folder,
    cases: Vec<Value>,
}

impl Exchange {
    fn new() -> Self {
        Exchange { folder: Folder::new("onnx"), cases: Vec::new() }
    }

    /// Exports the model and predicts; `x` is raw if the graph does the preprocessing.
    fn add(&mut self, name: &str, model: &Model<f32>, x: &ArrayD<f32>, options: OnnxOptions) {
        let y = model.predict(x).unwrap();
        self.add_outputs(name, model.to_onnx(&options).unwrap(), x, &y, model);
    }

    fn add_outputs<T: Scalar>(
        &mut self,
        name: &str,
        onnx: Vec<u8>,
        x: &ArrayD<f32>,
        y: &ArrayD<f32>,
        model: &Model<T>,
    ) {
        let i = self.cases.len();
        let raw = |values: &ArrayD<f32>| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
        for (kind, bytes) in [("onnx", onnx), ("x", raw(x)), ("y", raw(y))] {
            std::fs::write(self.folder.join(format!("{i}.{kind}")), bytes).unwrap();
        }
        self.cases.push(json!({
            "name": name, "model": format!("{i}.onnx"), "x": format!("{i}.x"), "y": format!("{i}.y"),
            "x_shape": x.shape(), "y_shape": y.shape(),
            "params": model.specs().iter().map(|s| s.name.to_string()).collect::<Vec<_>>(),
        }));
    }

    #[expect(clippy::print_stderr, reason = "a test that did not run must say so")]
    fn judge(&self) {
        std::fs::write(self.folder.join("cases.json"), json!(self.cases).to_string()).unwrap();
        let Some(python) = python() else {
            eprintln!(
                "skipped the comparison with onnxruntime: python3 has no onnx and onnxruntime; see ONNX_PYTHON"
            );
            return;
        };
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/check_onnx.py");
        let output = Command::new(python).arg(script).arg(&*self.folder).output().unwrap();
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        eprintln!("{out}");
        assert!(output.status.success(), "\n{out}{err}");
    }
}

/// A Python with both packages. One that `ONNX_PYTHON` names is taken as it is, so that it cannot be skipped.
fn python() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("ONNX_PYTHON") {
        return Some(named.into());
    }
    let probe = Command::new("python3").args(["-c", "import numpy, onnx, onnxruntime"]).output();
    probe.is_ok_and(|output| output.status.success()).then(|| "python3".into())
}

/// Numbers that tell apart what a fresh model does not: offsets other than 0, statistics other than 0 and 1.
fn shuffle<T: Scalar>(model: &mut Model<T>) {
    let roles: Vec<Role> = model.specs().iter().map(|spec| spec.role).collect();
    for (i, (param, role)) in model.params_mut().iter_mut().zip(roles).enumerate() {
        let mut rng = stream(7, Purpose::Init, i as u64);
        match role {
            Role::Weight => {}
            Role::Offset => param.mapv_inplace(|_| T::from_f64(rng.random::<f64>() * 2.0 - 1.0)),
            Role::Statistic => param.mapv_inplace(|_| T::from_f64(0.5 + rng.random::<f64>())),
        }
    }
}

fn inputs(kind: InputKind, n: usize, shape: &[usize]) -> ArrayD<f32> {
    let mut rng = stream(8, Purpose::Noise, 0);
    let whole: Vec<usize> = [n].iter().chain(shape).copied().collect();
    Array::from_shape_simple_fn(whole, || match kind {
        InputKind::Index(bound) => rng.random_range(0..bound) as f32,
        _ => rng.random::<f32>() * 8.0 - 4.0,
    })
}

/// A shift and a factor that differ from feature to feature.
fn per_feature(shape: &[usize]) -> Scaling {
    let len = shape.iter().product::<usize>();
    let shift = (0..len).map(|i| i as f64 * 0.1).collect();
    Scaling::PerFeature { shift, factor: (0..len).map(|i| 1.0 / (1.0 + i as f64)).collect() }
}

fn all_layers(exchange: &mut Exchange) {
    for case in cases() {
        let network = Sequential::new(&case.input).push_boxed(case.layer).unwrap();
        let (kind, written) = (network.input_kind(), network.spec().is_some());
        let mut model = Model::<f32>::new(network, 3).unwrap();
        if !written {
            let error = model.to_onnx(&OnnxOptions::default()).unwrap_err().to_string();
            let expected = "expected a layer that can be written down, got one whose `spec` is none";
            assert_eq!(error, format!("layer 0 ({}): {expected}", case.name));
            continue;
        }
        shuffle(&mut model);
        let x = inputs(kind, 5, &case.input);
        exchange.add(case.name, &model, &x, OnnxOptions::default());
    }
}

/// Geometries that runtimes read in their own ways or refuse: each stride, padding and dilation, to the edge and beyond.
fn all_windows(exchange: &mut Exchange) {
    let mut add = |name: String, layer: Box<dyn AnyLayer>, shape: [usize; 3]| {
        // Some geometries are none: padding alone under a window.
        let Ok(network) = Sequential::new(&shape).push_boxed(layer) else { return };
        let mut model = Model::<f32>::new(network, 3).unwrap();
        shuffle(&mut model);
        exchange.add(&name, &model, &inputs(InputKind::Real, 2, &shape), OnnxOptions::default());
    };
    for code in 0..3 * 3 * 3 * 2 * 2 {
        let (kernel, stride, padding) = ([code % 3 + 1, 2], [code / 3 % 3 + 1, 3], [code / 9 % 3, 1]);
        let (dilation, ceil) = ([code / 27 % 2 + 1, 2], code / 54 % 2 == 1);
        let max = MaxPool2d { kernel, stride, padding, dilation, ceil };
        add(format!("{max:?}"), Box::new(max), [1, 6, 7]);
        let average = AvgPool2d { kernel, stride, padding, ceil, count_include_pad: code / 27 % 2 == 1 };
        add(format!("{average:?}"), Box::new(average), [1, 6, 7]);
        let conv = ConvTranspose2d::new(1, 1, kernel);
        let output_padding = [padding[0], 2];
        let conv = ConvTranspose2d { stride, padding: [1, 0], dilation: [2, 3], output_padding, ..conv };
        add(format!("{conv:?}"), Box::new(conv), [1, 3, 4]);
    }
}

fn all_recipes(exchange: &mut Exchange) {
    for (name, _) in BUILT_IN {
        let recipe = Recipe::built_in(name).unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../datasets");
        let (mut model, x) = match recipe.load_data(&root) {
            Ok(data) => {
                let model = recipe.model::<f32>(&data).unwrap();
                let whole: Vec<usize> = (0..data.test.len()).collect();
                let mut x = ArrayD::zeros([&[whole.len()], model.input_shape()].concat());
                data.test.features.gather(&whole, &Scaling::none(), &mut x);
                (model, x)
            }
            // MNIST and Fashion-MNIST are not in the repository; their networks are.
            Err(_) => {
                let network = layers::sequential(&recipe.model.layers, &[28, 28]).unwrap();
                let mut model = Model::with_init(network, &[28, 28], recipe.model.init, 1).unwrap();
                model.scaling = Scaling::Uniform { shift: 72.940_35, factor: 1.0 / 90.021_18 };
                let x = inputs(InputKind::Real, 50, &[28, 28]).mapv(|v| ((v + 4.0) * 32.0).floor());
                (model, x)
            }
        };
        shuffle(&mut model);
        let name = format!("recipe {name}, raw inputs");
        exchange.add(&name, &model, &x, OnnxOptions { preprocessing: true });
    }
}

/// Scalings that are hard on f32, in double precision and with each form of preprocessing.
fn all_scalings(exchange: &mut Exchange) {
    let network = || Sequential::new(&[2, 3]).push(Affine::new(6, 4)).unwrap();
    let x = inputs(InputKind::Real, 9, &[2, 3]);
    let mut model = Model::<f32>::new(network(), 1).unwrap();
    model.scaling = per_feature(&[2, 3]);
    exchange.add("scaling by feature", &model, &x, OnnxOptions { preprocessing: true });
    let scaled = {
        let mut scaled = x.clone();
        model.scaling.apply(&mut scaled).unwrap();
        scaled
    };
    let y = model.predict(&x).unwrap();
    let outside = model.to_onnx(&OnnxOptions::default()).unwrap();
    exchange.add_outputs("scaling by feature, outside", outside, &scaled, &y, &model);

    // Years: far from 0 and close to each other.
    model.scaling = Scaling::Uniform { shift: 2020.3, factor: 1000.0 };
    let years = x.mapv(|v| 2020.0 + v / 8.0);
    exchange.add("scaling far from 0", &model, &years, OnnxOptions { preprocessing: true });

    let noise = Sequential::new(&[2, 3]).push(Dropout { p: 0.5 }).unwrap();
    let mut nothing = Model::<f32>::new(noise, 1).unwrap();
    nothing.scaling = per_feature(&[2, 3]);
    exchange.add("nothing but scaling", &nothing, &x, OnnxOptions { preprocessing: true });

    model.scaling = Scaling::none();
    exchange.add("no scaling, inside", &model, &x, OnnxOptions { preprocessing: true });

    let double: Model<f64> = model.convert();
    let y = double.predict(&x.mapv(f64::from)).unwrap().mapv(|v| v as f32);
    let onnx = double.to_onnx(&OnnxOptions::default()).unwrap();
    exchange.add_outputs("a model in f64", onnx, &x, &y, &double);
}

#[test]
fn onnxruntime_computes_what_every_layer_and_recipe_computes() {
    let mut exchange = Exchange::new();
    all_layers(&mut exchange);
    all_windows(&mut exchange);
    all_recipes(&mut exchange);
    all_scalings(&mut exchange);
    exchange.judge();
}

#[test]
fn the_same_model_gives_the_same_bytes() {
    let network = Sequential::new(&[4]).push(Affine::new(4, 3)).unwrap().push(Relu).unwrap();
    let model = Model::<f32>::new(network, 1).unwrap();
    let options = OnnxOptions { preprocessing: true };
    assert_eq!(model.to_onnx(&options).unwrap(), model.clone().to_onnx(&options).unwrap());
}

#[test]
fn a_parameter_beyond_f32_is_an_error_with_its_name() {
    let network = Sequential::new(&[2]).push(Affine::new(2, 1)).unwrap();
    let mut model = Model::<f64>::new(network, 1).unwrap();
    model.params_mut()[1][[0]] = 1e300;
    let error = model.to_onnx(&OnnxOptions::default()).unwrap_err();
    assert!(matches!(error, Error::Onnx { .. }));
    assert_eq!(error.to_string(), "0.bias: expected numbers that are finite in f32, got inf");
}

#[test]
fn a_scaling_of_another_width_is_an_error() {
    let network = Sequential::new(&[2]).push(Affine::new(2, 1)).unwrap();
    let mut model = Model::<f32>::new(network, 1).unwrap();
    model.scaling = per_feature(&[3]);
    let error = model.to_onnx(&OnnxOptions { preprocessing: true }).unwrap_err();
    assert!(matches!(error, Error::Data(datasets::Error::ScalingWidth { expected: 2, got: 3 })), "{error}");
}
