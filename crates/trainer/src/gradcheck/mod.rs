//! Proof that the gradient of a whole network under its loss is right.
//!
//! ```
//! use layers::{Affine, Relu, Sequential};
//! use losses::{SoftmaxCrossEntropy, Targets};
//! use ndarray::Array;
//! use trainer::Model;
//! use trainer::gradcheck::{Network, Settings, Verdict};
//!
//! let network = Sequential::new(&[4]).push(Affine::new(4, 8))?.push(Relu)?.push(Affine::new(8, 3))?;
//! let model = Model::<f64>::new(network, 42)?;
//! let x = Array::from_shape_fn(vec![3, 4], |i| 0.3 * i[0] as f64 - 0.2 * i[1] as f64);
//! let loss = SoftmaxCrossEntropy::default();
//! let network = Network::new(&model, &x, Targets::Classes(&[0, 2, 1]), &loss)?;
//! let report = network.check_every_element(&Settings::default());
//! assert_eq!(report.verdict(), Verdict::Pass, "{report}");
//! # Ok::<(), trainer::Error>(())
//! ```

mod network;
mod notebook;
#[cfg(feature = "recipe")]
mod recipe;
mod registry;

pub use network::Network;
pub use notebook::{Difference, LeakyNetworks, leaky_networks, three_rows};
#[cfg(feature = "recipe")]
pub use recipe::check_recipe;
pub use registry::{Case, cases, generated_rows, run_all, two_layer_model};
pub use tensor_ops::gradcheck::{Check, Failure, Report, Settings, Tensor, Tolerances, Verdict};

#[cfg(test)]
mod tests {
    use layers::{Affine, Backprop, Cache, Elementwise, Error, Layer, Relu, Saved, Sequential};
    use losses::{SoftmaxCrossEntropy, Targets};
    use ndarray::{ArrayD, ArrayRefD};
    use tensor_ops::Scalar;
    use tensor_ops::gradcheck::points::spread;
    use tensor_ops::random::{Purpose, stream};

    use super::*;
    use crate::Model;

    /// A bend that only pretends to be smooth.
    #[derive(Debug)]
    struct OffByATenthOfAPercent;

    impl Elementwise for OffByATenthOfAPercent {
        fn kind(&self) -> &'static str {
            "wrong"
        }
        fn f<T: Scalar>(&self, x: T) -> T {
            x.tanh()
        }
        fn df<T: Scalar>(&self, _x: T, y: T) -> T {
            (T::one() - y * y) * T::from_f64(1.001)
        }
    }

    /// Lets nothing through backwards.
    #[derive(Debug)]
    struct Wall;

    impl Layer for Wall {
        fn kind(&self) -> &'static str {
            "wall"
        }
        fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>, Error> {
            Ok(input.to_vec())
        }
    }

    impl<T: Scalar> Backprop<T> for Wall {
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
            dx.expect("never the first layer here").fill(T::zero());
        }
    }

    fn failures(bend: impl layers::AnyLayer + 'static, every: bool) -> Vec<(Check, String)> {
        let network = Sequential::new(&[6]).push(Affine::new(6, 5)).unwrap();
        let network = network.push(bend).unwrap().push(Affine::new(5, 3)).unwrap();
        let model = Model::<f64>::new(network, 42).unwrap();
        let x = spread(&[4, 6], &mut stream(1, Purpose::Check, 0));
        let loss = SoftmaxCrossEntropy::default();
        let network = Network::new(&model, &x, Targets::Classes(&[0, 2, 1, 1]), &loss).unwrap();
        let settings = Settings::default();
        let report = match every {
            true => network.check_every_element(&settings),
            false => network.check_projections(&settings),
        };
        assert_eq!(report.checked(), 6 * 5 + 5 + 5 * 3 + 3);
        report.failures.into_iter().map(|f| (f.check, f.tensor)).collect()
    }

    #[test]
    fn a_right_network_passes_and_a_slightly_wrong_one_fails_in_the_layers_before_the_mistake() {
        assert_eq!(failures(Relu, true), []);
        assert_eq!(failures(Relu, false), []);
        let names = |check| ["0.weight", "0.bias"].map(|name| (check, name.to_owned()));
        assert_eq!(failures(OffByATenthOfAPercent, true), names(Check::Exact));
        assert_eq!(failures(OffByATenthOfAPercent, false), names(Check::Projection));
    }

    #[test]
    fn parameters_that_get_no_gradient_fail() {
        let names = |check| ["0.weight", "0.bias"].map(|name| (check, name.to_owned()));
        assert_eq!(failures(Wall, true), names(Check::NoGradient));
    }

    #[test]
    fn every_element_of_784_50_10_agrees_with_its_exact_derivative() {
        let network = Sequential::new(&[784]).push(Affine::new(784, 50)).unwrap();
        let network = network.push(Relu).unwrap().push(Affine::new(50, 10)).unwrap();
        let model = Model::<f64>::new(network, 42).unwrap();
        let x = spread(&[3, 784], &mut stream(1, Purpose::Check, 0)).mapv(f64::abs);
        let loss = SoftmaxCrossEntropy::default();
        let network = Network::new(&model, &x, Targets::Classes(&[5, 0, 4]), &loss).unwrap();
        let report = network.check_every_element(&Settings::default());
        assert_eq!((report.verdict(), report.checked()), (Verdict::Pass, 39_760), "{report}");
    }

    #[test]
    fn leaky_networks_agree_with_differences() {
        let found = leaky_networks(3, 1).unwrap();
        assert_eq!((found.disagree, found.networks), (0, 3));
        assert!(found.agree > 100 * found.skipped.max(1), "{found:?}");
    }
}
