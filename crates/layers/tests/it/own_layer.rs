//! The gradient checker on layers that this crate has never seen.

use layers::gradcheck::{Check, Settings, Verdict, check};
use layers::{Backprop, Cache, Elementwise, Error, InputKind, Layer, Saved};
use ndarray::{ArrayD, ArrayRefD};
use tensor_ops::Scalar;

/// y = x³, with the factor of its derivative.
#[derive(Debug)]
struct Cube(f64);

impl Elementwise for Cube {
    fn kind(&self) -> &'static str {
        "cube"
    }
    fn f<T: Scalar>(&self, x: T) -> T {
        x * x * x
    }
    fn df<T: Scalar>(&self, x: T, _y: T) -> T {
        T::from_f64(self.0) * x * x
    }
}

#[test]
fn a_right_layer_passes_and_a_wrong_one_is_described() {
    assert_eq!(check(&Cube(3.0), &[4], &Settings::default()).verdict(), Verdict::Pass);
    let report = check(&Cube(3.003), &[4], &Settings::default());
    assert_eq!(report.verdict(), Verdict::Fail);
    let text = report.to_string();
    for part in
        ["cube: fail", "FAIL dual numbers", "FAIL 5-point differences", "x[", "got", "expected", "step 1e-4"]
    {
        assert!(text.contains(part), "{part:?} in\n{text}");
    }
}

/// Takes indices, has no parameters: nothing to differentiate by.
#[derive(Debug)]
struct Nothing;

impl Layer for Nothing {
    fn kind(&self) -> &'static str {
        "nothing"
    }
    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>, Error> {
        Ok(input.to_vec())
    }
    fn input_kind(&self) -> InputKind {
        InputKind::Index(5)
    }
}

impl<T: Scalar> Backprop<T> for Nothing {
    fn forward(&self, _: &[ArrayD<T>], x: &ArrayRefD<T>, y: &mut ArrayRefD<T>, _: &mut Cache<T>) {
        y.assign(x);
    }
    fn backward(
        &self,
        _: &[ArrayD<T>],
        _: Saved<'_, T>,
        _: &ArrayRefD<T>,
        dx: Option<&mut ArrayRefD<T>>,
        _: &mut [ArrayD<T>],
    ) {
        if let Some(dx) = dx {
            dx.fill(T::zero());
        }
    }
}

/// y = 0 · x
#[derive(Debug)]
struct Zero;

impl Elementwise for Zero {
    fn kind(&self) -> &'static str {
        "zero"
    }
    fn f<T: Scalar>(&self, _x: T) -> T {
        T::zero()
    }
    fn df<T: Scalar>(&self, _x: T, _y: T) -> T {
        T::zero()
    }
}

#[test]
fn a_check_without_evidence_is_no_pass() {
    assert_eq!(check(&Nothing, &[4], &Settings::default()).verdict(), Verdict::Unchecked);
    assert_eq!(check(&Zero, &[4], &Settings::default()).verdict(), Verdict::Unchecked);
    let no_batches = Settings { batches: Vec::new(), ..Settings::default() };
    assert_eq!(check(&Cube(3.0), &[4], &no_batches).verdict(), Verdict::Unchecked);
    assert_eq!(check(&Cube(3.0), &[0], &Settings::default()).verdict(), Verdict::Unchecked);
}

#[test]
fn a_shape_that_the_layer_refuses_fails() {
    let report = check(&layers::Affine::new(5, 3), &[4], &Settings::default());
    assert_eq!(report.failures[0].check, Check::Shapes);
    assert!(report.to_string().contains("affine: expected input [5], got [4]"), "{report}");
}

#[test]
fn the_same_seed_gives_the_same_report() {
    let run = |seed| check(&Cube(3.0), &[4], &Settings { seed, ..Settings::default() });
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}
