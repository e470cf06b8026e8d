//! Checks that a backward pass is the derivative of its forward pass.
//!
//! This is the part that layers, losses and whole networks share: what to compare, how to measure a disagreement, and
//! how to report it. Whoever has a function with a backward pass states it as a [`Differentiable`] and calls
//! [`check_derivatives`]. The `layers` crate adds what a layer promises beside its derivative.
//!
//! # How a disagreement is measured
//!
//! ```text
//! error(a, r) = |a - r| / max(|a| + |r|, floor)        floor = max(1e-3 · max |r| of the tensor, 1e-4 · max |r| of all)
//! ```
//!
//! for a derivative `a` and its reference `r`. Two exact zeros agree; what is not finite fails. The floor says that an
//! element a thousand times smaller than the largest of its tensor is compared with an absolute tolerance: its digits
//! were lost to rounding on the way.
//!
//! # Which references
//!
//! - **Dual numbers** run the same generic forward pass and give its exact derivative ([`Dual`](crate::Dual)).
//! - **5-point differences** of the `f64` forward pass know nothing of duals. Where a comparison falls out differently
//!   at one of their points ([`branches`](crate::branches)), a kink lies between and the element is counted as skipped.
//!
//! # Examples
//!
//! ```
//! use ndarray::ArrayD;
//! use tensor_ops::gradcheck::{Differentiable, Report, Settings, Variable, Verdict, check_derivatives};
//! use tensor_ops::{Dual, Scalar};
//!
//! /// y = x³ with the derivative 3x².
//! struct Cube(Vec<Variable>);
//!
//! fn cube<T: Scalar>(x: &ArrayD<T>) -> ArrayD<T> {
//!     x.mapv(|x| x * x * x)
//! }
//! fn cube_backward<T: Scalar>(x: &ArrayD<T>, dy: &ArrayD<T>) -> Vec<ArrayD<T>> {
//!     vec![x * x * dy * T::from_f64(3.0)]
//! }
//!
//! impl Differentiable for Cube {
//!     fn variables(&self) -> &[Variable] {
//!         &self.0
//!     }
//!     fn forward(&self, v: &[ArrayD<f64>]) -> ArrayD<f64> {
//!         cube(&v[0])
//!     }
//!     fn forward_dual(&self, v: &[ArrayD<Dual>]) -> ArrayD<Dual> {
//!         cube(&v[0])
//!     }
//!     fn backward(&self, v: &[ArrayD<f64>], dy: &ArrayD<f64>) -> Vec<ArrayD<f64>> {
//!         cube_backward(&v[0], dy)
//!     }
//!     fn backward_dual(&self, v: &[ArrayD<Dual>], dy: &ArrayD<Dual>) -> Vec<ArrayD<Dual>> {
//!         cube_backward(&v[0], dy)
//!     }
//! }
//!
//! let x = ArrayD::from_shape_vec(vec![3], vec![-1.5, 0.5, 2.0])?;
//! let mut report = Report::new("cube");
//! check_derivatives(&Cube(vec![Variable::new("x", x)]), "", &Settings::default(), &mut report);
//! assert_eq!(report.verdict(), Verdict::Pass, "{report}");
//! # Ok::<(), ndarray::ShapeError>(())
//! ```

mod compare;
mod derivatives;
mod differences;
mod differentiable;
mod exact;
pub mod points;
mod print;
mod projections;
mod report;
mod second_order;
mod settings;

pub use compare::{Floor, relative_error};
pub use derivatives::check_derivatives;
pub use differentiable::{Differentiable, Variable};
pub use exact::exact_pullback;
pub use projections::check_projections;
pub use report::{Check, Comparison, Disagreement, Failure, Report, Tensor, Verdict};
pub use second_order::check_second_order;
pub use settings::{Settings, Tolerances};
