//! Reads the case files, whose format the README beside each set describes, and runs their layers.

use std::collections::BTreeSet;
use std::path::Path;

use layers::views::batched;
use layers::{AnyLayer, Backprop, Mode, Saved, Spec, registry};
use ndarray::ArrayD;
use serde::Deserialize;
use tensor_ops::Scalar;

/// One line of a case file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    pub(super) case: String,
    pub(super) layer: Spec,
    input_shape: Vec<usize>,
    mode: String,
    params: std::collections::BTreeMap<String, Array>,
    x: Array,
    pub(super) y: Array,
    dy: Option<Array>,
    pub(super) dx: Option<Array>,
    #[serde(default)]
    pub(super) dparams: std::collections::BTreeMap<String, Array>,
    /// Running statistics after the pass.
    #[serde(default)]
    pub(super) after: std::collections::BTreeMap<String, Array>,
    /// Whether the derivative is a convention there, which this crate shares.
    #[serde(default, rename = "kink")]
    _kink: bool,
    /// What was changed in the numbers of the source.
    #[serde(default, rename = "note")]
    _note: String,
}

/// Numbers in row-major order.
#[derive(Deserialize)]
pub(super) struct Array {
    shape: Vec<usize>,
    data: Vec<f64>,
}

impl Array {
    pub(super) fn read<T: Scalar>(&self) -> ArrayD<T> {
        let data = self.data.iter().map(|v| T::from_f64(*v)).collect();
        ArrayD::from_shape_vec(self.shape.clone(), data).expect("as many numbers as the shape says")
    }
}

/// The cases of a file below `tests`.
pub(super) fn read(file: &str) -> Vec<Case> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let parse =
        |(i, line)| serde_json::from_str(line).unwrap_or_else(|e| panic!("{file}, line {}: {e}", i + 1));
    text.lines().enumerate().map(parse).collect()
}

/// What this crate computes for a case.
pub(super) struct Results<T> {
    pub(super) y: ArrayD<T>,
    pub(super) dx: ArrayD<T>,
    /// By name.
    pub(super) grads: Vec<(String, ArrayD<T>)>,
    /// Parameters and statistics after the pass, by name.
    pub(super) after: Vec<(String, ArrayD<T>)>,
}

impl Case {
    pub(super) fn run<T: Scalar>(&self) -> Results<T>
    where
        dyn AnyLayer: Backprop<T>,
    {
        let layer = self.layer.build(&self.input_shape).unwrap_or_else(|e| panic!("{}: {e}", self.case));
        let x = self.x.read::<T>();
        let output = layer.output_shape(&self.input_shape).expect("the shape it was built for");
        let names: Vec<String> = layer.params().into_iter().map(|p| p.name.into_owned()).collect();
        assert_eq!(names.len(), self.params.len(), "{}: parameters {names:?}", self.case);
        let mut params: Vec<ArrayD<T>> = names.iter().map(|name| self.params[name].read()).collect();
        for (spec, param) in layer.params().iter().zip(&params) {
            assert_eq!(spec.shape, param.shape(), "{}: {}", self.case, spec.name);
        }

        let mut cache = layer.new_cache(x.shape());
        cache.begin(if self.mode == "train" { Mode::Train } else { Mode::Infer }, 1);
        let mut y = ArrayD::from_elem(batched(x.shape()[0], &output), T::from_f64(f64::NAN));
        layer.forward(&params, &x, &mut y, &mut cache);
        let mut dx = ArrayD::from_elem(x.raw_dim(), T::from_f64(f64::NAN));
        let mut grads: Vec<ArrayD<T>> = params.iter().map(|p| ArrayD::zeros(p.raw_dim())).collect();
        if let Some(dy) = &self.dy {
            let saved = Saved { x: &x, y: &y, cache: &mut cache };
            layer.backward(&params, saved, &dy.read(), Some(&mut dx), &mut grads);
        }
        layer.absorb(&cache, &mut params);
        let (grads, after) = (names.iter().cloned().zip(grads), names.iter().cloned().zip(params));
        Results { y, dx, grads: grads.collect(), after: after.collect() }
    }

    /// Compares element by element: to `tolerance` relative, and to `floor` of the largest element, or of 1 where all
    /// are smaller, since a small element that is the difference of large ones is rounded like them.
    pub(super) fn compare<T: Scalar>(
        &self,
        what: &str,
        found: &ArrayD<T>,
        expected: &Array,
        [tolerance, floor]: [f64; 2],
    ) {
        assert_eq!(found.shape(), expected.shape, "{}: shape of {what}", self.case);
        let largest = expected.data.iter().fold(1.0, |largest: f64, v| largest.max(v.abs()));
        for (at, (found, &expected)) in found.iter().zip(&expected.data).enumerate() {
            let error = (found.value() - expected).abs();
            assert!(
                error <= tolerance * expected.abs() + floor * largest,
                "{}: element {at} of {what}: expected {expected:?}, got {found:?}",
                self.case
            );
        }
    }
}

/// The kinds of all layers that can be written down.
///
/// The registry holds every layer of the crate, which a test of its own sees to.
pub(super) fn kinds() -> BTreeSet<String> {
    registry::cases().iter().filter_map(|case| case.layer.spec()).map(|spec| kind(&spec)).collect()
}

/// The name under which a layer is written down.
pub(super) fn kind(spec: &Spec) -> String {
    let value = serde_json::to_value(spec).expect("a layer without strange numbers");
    value["layer"].as_str().expect("a name").to_owned()
}
