//! Every layer of this crate with the shapes and options in which it is checked.
//!
//! `cargo test` and `cargo xtask gradcheck` walk this list; a layer that is not in it fails the tests. To add a layer,
//! add a line for each geometry that could go wrong in its own way.

mod nodes;

use tensor_ops::gradcheck::{Report, Settings, Tolerances};

use self::nodes::{AddNode, MultiplyNode};
use crate::gradcheck::check;
use crate::{
    Affine, AnyLayer, Approximation, AvgPool2d, BatchNorm, Concat, Conv1d, Conv2d, ConvTranspose2d, Dropout,
    Elu, Embedding, Error, Flatten, Gelu, GlobalAveragePool, GroupNorm, HardSigmoid, HardSwish, LayerNorm,
    LeakyRelu, LogSoftmax, MaxPool2d, Mish, PRelu, Relu, Reshape, Residual, Selu, Sequential, Sigmoid, Silu,
    Softmax, Softplus, Tanh,
};

/// A layer and the shape of the inputs on which it is checked.
#[derive(Debug)]
pub struct Case {
    /// What is checked: `affine 5 to 3`.
    pub name: &'static str,
    /// The layer.
    pub layer: Box<dyn AnyLayer>,
    /// The shape of one example.
    pub input: Vec<usize>,
    /// Other tolerances than those of the walk, and why.
    tolerances: Option<(Tolerances, &'static str)>,
}

/// A case with the settings of the walk.
fn case(name: &'static str, layer: impl AnyLayer + 'static, input: &[usize]) -> Case {
    Case { name, layer: Box::new(layer), input: input.to_vec(), tolerances: None }
}

impl Case {
    /// Other tolerances, for a written reason that the report prints.
    fn tolerances(mut self, tolerances: Tolerances, reason: &'static str) -> Self {
        self.tolerances = Some((tolerances, reason));
        self
    }

    /// Checks the layer, with the settings of the walk but for the tolerances of this case.
    pub fn check(&self, settings: &Settings) -> Report {
        let mut settings = settings.clone();
        if let Some((tolerances, _)) = self.tolerances {
            settings.tolerances = tolerances;
        }
        let mut report = check(&*self.layer, &self.input, &settings);
        report.subject = self.name.into();
        report.reasons.extend(self.tolerances.map(|(_, reason)| reason.to_owned()));
        report
    }
}

/// The usual tolerances but that of f32.
fn single(tolerance: f64) -> Tolerances {
    Tolerances { single: tolerance, ..Tolerances::default() }
}

/// Why f32 may be further from f64 in a normalisation over the rows of a batch.
const TWO_ROWS: &str = "f32 to 1e-2: of two rows the normalised ones are 1 and -1 and dx is 0 but for epsilon, \
                        so f32 keeps few of its digits";

/// All cases.
#[expect(clippy::missing_panics_doc, reason = "the shapes are given here, and fit")]
pub fn cases() -> Vec<Case> {
    vec![
        // The nodes and the affine layer.
        case("add", AddNode, &[2, 4]),
        case("multiply", MultiplyNode, &[2, 4]),
        case("affine 5 to 3", Affine::new(5, 3), &[5]),
        case("affine, square", Affine::new(4, 4), &[4]),
        case("affine 1 to 1", Affine::new(1, 1), &[1]),
        case("affine of an image", Affine::new(12, 2), &[1, 4, 3]),
        case("affine 200 to 30", Affine::new(200, 30), &[200]),
        // Convolutions.
        case("conv2d 3 by 3", Conv2d::new(2, 3, [3, 3]), &[2, 4, 5]),
        case("conv2d 1 by 1", Conv2d::new(3, 2, [1, 1]), &[3, 2, 3]),
        case("conv2d, kernel as large as the image", Conv2d::new(2, 3, [4, 3]), &[2, 4, 3]),
        case("conv2d, stride that does not divide", strided_conv2d(), &[1, 6, 5]),
        case("conv2d 1 by 1, stride", Conv2d { stride: [2, 2], ..Conv2d::new(1, 2, [1, 1]) }, &[1, 3, 3]),
        case("conv2d 1 by 1, padding", Conv2d { padding: [1, 1], ..Conv2d::new(2, 1, [1, 1]) }, &[2, 1, 1]),
        case("conv2d, padding and dilation", dilated_conv2d(), &[2, 4, 5]),
        case("conv2d, groups without bias", grouped_conv2d(2, 4), &[4, 3, 4]),
        case("conv2d, depthwise", grouped_conv2d(4, 8), &[4, 3, 3]),
        case("conv1d", Conv1d { stride: 2, padding: 1, ..Conv1d::new(2, 3, 3) }, &[2, 6]),
        case("conv1d, dilation and groups", grouped_conv1d(), &[4, 7]),
        case("conv transpose2d 3 by 2", ConvTranspose2d::new(2, 3, [3, 2]), &[2, 2, 3]),
        case("conv transpose2d, output padding", output_padded(), &[2, 2, 3]),
        case("conv transpose2d, output padding beyond the stride", far_output_padded(), &[4, 2, 2]),
        // Pools.
        case("max pool2d 2 by 2", MaxPool2d::new([2, 2]), &[2, 4, 4]),
        case("max pool2d that does not divide", MaxPool2d::new([3, 2]), &[2, 5, 5]),
        case("max pool2d, overlapping, padding, ceil", overlapping_max_pool2d(), &[1, 5, 6]),
        case("max pool2d, dilation", MaxPool2d { dilation: [2, 1], ..MaxPool2d::new([2, 2]) }, &[1, 5, 4]),
        case("max pool2d, padding", MaxPool2d { padding: [1, 1], ..MaxPool2d::new([3, 3]) }, &[1, 3, 3]),
        case("avg pool2d 2 by 2", AvgPool2d::new([2, 2]), &[2, 4, 5]),
        case("avg pool2d, padding counted", overlapping_avg_pool2d(true), &[1, 5, 6]),
        case("avg pool2d, padding not counted", overlapping_avg_pool2d(false), &[1, 5, 6]),
        case("global average pool", GlobalAveragePool, &[3, 2, 4]),
        case("global average pool of sequences", GlobalAveragePool, &[3, 5]),
        // Normalisations.
        case("batch norm of rows", BatchNorm::new(3), &[3]).tolerances(single(1e-2), TWO_ROWS),
        case("batch norm of images", BatchNorm { eps: 1e-3, ..BatchNorm::new(2) }, &[2, 3, 2]),
        case("batch norm of many features", BatchNorm::new(19), &[19]).tolerances(single(1e-2), TWO_ROWS),
        case("layer norm of rows", LayerNorm::new(&[5]), &[5]),
        case("layer norm of a sequence", LayerNorm::new(&[4]), &[3, 4]),
        case("layer norm of images", LayerNorm { eps: 0.1, ..LayerNorm::new(&[2, 2, 3]) }, &[2, 2, 3]),
        case("group norm of rows", GroupNorm::new(2, 6), &[6]),
        case("group norm of images", GroupNorm::new(2, 4), &[4, 2, 2]),
        case("group norm, a group a channel", GroupNorm::new(3, 3), &[3, 2, 2]),
        // Activations.
        case("relu", Relu, &[6]),
        case("relu of images", Relu, &[2, 3, 2]),
        case("leaky relu", LeakyRelu::default(), &[6]),
        case("leaky relu, negative slope", LeakyRelu { slope: -0.5 }, &[6]),
        case("sigmoid", Sigmoid, &[6]),
        case("tanh", Tanh, &[6]),
        case("hard sigmoid", HardSigmoid::default(), &[12]),
        case("hard sigmoid, slope -1/5", HardSigmoid { slope: -0.2, offset: 0.3 }, &[12]),
        case("elu", Elu::default(), &[6]),
        case("elu, alpha 0.5", Elu { alpha: 0.5 }, &[6]),
        case("selu", Selu, &[6]),
        case("gelu", Gelu::default(), &[6]),
        case("gelu by tanh", Gelu { approximate: Approximation::Tanh }, &[6]),
        case("silu", Silu, &[6]),
        case("softplus", Softplus, &[6]),
        case("mish", Mish, &[6]),
        case("hard swish", HardSwish, &[12]),
        case("prelu", PRelu::default(), &[2, 3]),
        case("prelu, a slope a feature", PRelu { slopes: 3 }, &[3]),
        case("prelu, a slope a channel", PRelu { slopes: 2 }, &[2, 3, 2]),
        case("softmax", Softmax, &[5]),
        case("softmax, 2 classes", Softmax, &[2]),
        case("log softmax", LogSoftmax, &[5]),
        case("log softmax, 2 classes", LogSoftmax, &[2]),
        // Noise and tables.
        case("dropout", Dropout { p: 0.4 }, &[3, 4]),
        case("dropout of nothing", Dropout { p: 0.0 }, &[5]),
        case("embedding", Embedding::new(6, 3), &[]),
        case("embedding of sequences", Embedding::new(3, 2), &[4]),
        // Shapes.
        case("flatten", Flatten, &[2, 3, 2]),
        case("reshape", Reshape::new(&[3, 4]), &[2, 6]),
        // Containers.
        case("sequential, empty", Sequential::new(&[3]), &[3]),
        case("sequential 5-4-3", chain().expect("shapes that fit"), &[5]),
        case("sequential, nested", nested().expect("shapes that fit"), &[2, 3]),
        case("residual", residual().expect("shapes that fit"), &[4]),
        case("residual with noise and statistics", residual_norm().expect("shapes that fit"), &[2, 3, 3]),
        case("concat", concat(0).expect("shapes that fit"), &[2, 3, 4]),
        case("concat along the last axis", concat(2).expect("shapes that fit"), &[2, 3, 4]),
    ]
}

fn strided_conv2d() -> Conv2d {
    Conv2d { stride: [2, 3], ..Conv2d::new(1, 2, [3, 1]) }
}

fn dilated_conv2d() -> Conv2d {
    Conv2d { stride: [2, 1], padding: [2, 1], dilation: [2, 3], ..Conv2d::new(2, 2, [2, 2]) }
}

fn grouped_conv2d(groups: usize, c_out: usize) -> Conv2d {
    Conv2d { groups, bias: false, ..Conv2d::new(4, c_out, [2, 2]) }
}

fn grouped_conv1d() -> Conv1d {
    Conv1d { dilation: 2, groups: 2, bias: false, ..Conv1d::new(4, 2, 3) }
}

fn output_padded() -> ConvTranspose2d {
    ConvTranspose2d {
        stride: [3, 2],
        padding: [1, 1],
        output_padding: [2, 1],
        ..ConvTranspose2d::new(2, 2, [3, 3])
    }
}

fn far_output_padded() -> ConvTranspose2d {
    ConvTranspose2d {
        dilation: [1, 3],
        output_padding: [0, 2],
        groups: 2,
        bias: false,
        ..ConvTranspose2d::new(4, 2, [2, 2])
    }
}

fn overlapping_max_pool2d() -> MaxPool2d {
    MaxPool2d { stride: [2, 1], padding: [1, 1], ceil: true, ..MaxPool2d::new([3, 2]) }
}

fn overlapping_avg_pool2d(count_include_pad: bool) -> AvgPool2d {
    let pool = AvgPool2d::new([3, 2]);
    AvgPool2d { stride: [2, 1], padding: [1, 1], ceil: true, count_include_pad, ..pool }
}

fn residual() -> Result<Residual, Error> {
    Ok(Residual::new(Sequential::new(&[4]).push(Affine::new(4, 3))?.push(Tanh)?.push(Affine::new(3, 4))?))
}

fn residual_norm() -> Result<Residual, Error> {
    let same = Conv2d { padding: [1, 1], bias: false, ..Conv2d::new(2, 2, [3, 3]) };
    let chain = Sequential::new(&[2, 3, 3]).push(same)?.push(BatchNorm::new(2))?;
    Ok(Residual::new(chain.push(Dropout { p: 0.3 })?))
}

fn concat(axis: usize) -> Result<Concat, Error> {
    let mut concat = Concat::new(&[2, 3, 4]);
    concat.axis = axis;
    concat.push(Conv2d::new(2, 2, [1, 1]))?.push(Mish)?.push(Sequential::new(&[2, 3, 4]))
}

fn chain() -> Result<Sequential, Error> {
    Sequential::new(&[5]).push(Affine::new(5, 4))?.push(Relu)?.push(Affine::new(4, 3))?.push(Softmax)
}

fn nested() -> Result<Sequential, Error> {
    let inner = Sequential::new(&[6]).push(Affine::new(6, 5))?.push(LeakyRelu::default())?;
    Sequential::new(&[2, 3]).push(Flatten)?.push(inner)?.push(Affine::new(5, 2))?.push(Sigmoid)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use tensor_ops::gradcheck::Verdict;

    use super::*;

    #[test]
    fn every_case_passes() {
        let reports: Vec<_> = cases().iter().map(|case| case.check(&Settings::default())).collect();
        let bad: String =
            reports.iter().filter(|r| r.verdict() != Verdict::Pass).map(ToString::to_string).collect();
        assert!(bad.is_empty(), "\n{bad}");
        // Another test may have the pool for some of them.
        let shared = reports.iter().filter(|report| report.shared_regions > 0).count();
        assert!(shared > 10, "only {shared} layers were held to the bits of several threads");
    }

    #[test]
    fn names_are_unique() {
        let names: BTreeSet<_> = cases().iter().map(|case| case.name).collect();
        assert_eq!(names.len(), cases().len());
    }

    #[test]
    fn every_layer_of_the_crate_is_registered() {
        let registered: BTreeSet<String> = cases().iter().map(|case| type_name(&case.layer)).collect();
        let mut found = BTreeSet::new();
        layers_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
        assert!(found.contains("Affine") && found.contains("Relu"), "the scan finds layers: {found:?}");
        let missing: Vec<_> = found.difference(&registered).collect();
        assert!(missing.is_empty(), "layers without a case in registry.rs: {missing:?}");
    }

    /// `Affine` of `Affine { d_in: 5, d_out: 3 }`.
    fn type_name(layer: &dyn std::fmt::Debug) -> String {
        let text = format!("{layer:?}");
        text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned()
    }

    /// The types for which the sources of a folder implement `Layer` or `Elementwise`, tests left out.
    fn layers_in(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).expect("the sources are readable") {
            let path = entry.expect("the sources are readable").path();
            if path.is_dir() {
                if !path.ends_with("planted") {
                    layers_in(&path, found);
                }
                continue;
            }
            let source = fs::read_to_string(&path).expect("sources are text");
            let code = source.split("#[cfg(test)]").next().unwrap_or_default();
            found.extend(code.lines().filter_map(implementor));
        }
    }

    /// `Affine` of `impl Layer for Affine {`.
    fn implementor(line: &str) -> Option<String> {
        let line = line.trim_start().strip_prefix("impl")?;
        let (_, name) = line.split_once(" Layer for ").or_else(|| line.split_once(" Elementwise for "))?;
        let name = name.split(|c: char| !c.is_alphanumeric() && c != '$').next()?;
        assert!(!name.starts_with('$'), "a macro hides the names of layers from the registry's test: {line}");
        // `impl<A: Elementwise> Layer for A` is no layer.
        (name.len() > 1).then(|| name.to_owned())
    }

    #[test]
    fn the_scan_sees_every_form_of_impl() {
        let name = |line| implementor(line).unwrap_or_default();
        assert_eq!(name("impl Layer for Affine {"), "Affine");
        assert_eq!(name("    impl crate::Elementwise for Relu {"), "");
        assert_eq!(name("impl Elementwise for Relu {"), "Relu");
        assert_eq!(name("impl<L: AnyLayer> Layer for Residual<L> {"), "Residual");
        assert_eq!(name("impl<A: Elementwise> Layer for A {"), "");
        assert_eq!(name("/// impl Elementwise for Square {"), "");
    }
}
