//! Every layer of this crate with the shapes and options in which it is checked.
//!
//! `cargo test` and `cargo xtask gradcheck` walk this list; a layer that is not in it fails the tests. To add a layer,
//! add a line for each geometry that could go wrong in its own way.

mod nodes;

use tensor_ops::gradcheck::{Report, Settings, Tolerances};

use self::nodes::{AddNode, MultiplyNode};
use crate::gradcheck::check;
use crate::{Affine, AnyLayer, Error, Flatten, LeakyRelu, Relu, Reshape, Sequential, Sigmoid, Softmax};

/// A layer and the shape of the inputs on which it is checked.
#[derive(Debug)]
pub struct Case {
    /// What is checked: `affine 5 to 3`.
    pub name: &'static str,
    /// The layer.
    pub layer: Box<dyn AnyLayer>,
    /// The shape of one example.
    pub input: Vec<usize>,
    /// Differences from the settings of the walk, each with its reason.
    changes: Vec<(Change, &'static str)>,
}

#[derive(Clone, Debug)]
enum Change {
    Tolerances(Tolerances),
    Batches(Vec<usize>),
    Large(f64),
}

/// A case with the settings of the walk.
fn case(name: &'static str, layer: impl AnyLayer + 'static, input: &[usize]) -> Case {
    Case { name, layer: Box::new(layer), input: input.to_vec(), changes: Vec::new() }
}

impl Case {
    /// Other tolerances, for a written reason that the report prints.
    #[allow(dead_code, reason = "no layer needs it so far")]
    fn tolerances(mut self, tolerances: Tolerances, reason: &'static str) -> Self {
        self.changes.push((Change::Tolerances(tolerances), reason));
        self
    }

    /// Other numbers of examples, for a written reason that the report prints.
    #[allow(dead_code, reason = "no layer needs it so far")]
    fn batches(mut self, batches: &[usize], reason: &'static str) -> Self {
        self.changes.push((Change::Batches(batches.to_vec()), reason));
        self
    }

    /// Another size of large inputs, for a written reason that the report prints.
    #[allow(dead_code, reason = "no layer needs it so far")]
    fn large(mut self, large: f64, reason: &'static str) -> Self {
        self.changes.push((Change::Large(large), reason));
        self
    }

    /// Checks the layer, with the settings of the walk but for the changes of this case.
    pub fn check(&self, settings: &Settings) -> Report {
        let mut settings = settings.clone();
        for (change, _) in &self.changes {
            match change.clone() {
                Change::Tolerances(tolerances) => settings.tolerances = tolerances,
                Change::Batches(batches) => settings.batches = batches,
                Change::Large(large) => settings.large = large,
            }
        }
        let mut report = check(&*self.layer, &self.input, &settings);
        report.subject = self.name.into();
        report.reasons.extend(self.changes.iter().map(|(_, reason)| (*reason).to_owned()));
        report
    }
}

/// All cases.
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
        // Activations.
        case("relu", Relu, &[6]),
        case("relu of images", Relu, &[2, 3, 2]),
        case("leaky relu", LeakyRelu::default(), &[6]),
        case("leaky relu, negative slope", LeakyRelu { slope: -0.5 }, &[6]),
        case("sigmoid", Sigmoid, &[6]),
        case("softmax", Softmax, &[5]),
        case("softmax, 2 classes", Softmax, &[2]),
        // Shapes.
        case("flatten", Flatten, &[2, 3, 2]),
        case("reshape", Reshape::new(&[3, 4]), &[2, 6]),
        // Containers.
        case("sequential, empty", Sequential::new(&[3]), &[3]),
        case("sequential 5-4-3", chain().expect("shapes that fit"), &[5]),
        case("sequential, nested", nested().expect("shapes that fit"), &[2, 3]),
    ]
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
