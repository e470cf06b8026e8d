//! A loss at a point: what the shared checks differentiate.

use ndarray::{Array2, ArrayD, Ix2};
use rand::{Rng, RngExt};
use tensor_ops::gradcheck::points::spread;
use tensor_ops::gradcheck::{Differentiable, Settings, Variable};
use tensor_ops::random::{Purpose, stream};
use tensor_ops::{Dual, Scalar};

use super::Draw;
use crate::{AnyLoss, Error, Loss, Targets};

/// A scalar of the project: what [`AnyLoss`] computes over.
pub(super) trait Number: Scalar {
    fn over<'a>(loss: &'a dyn AnyLoss) -> &'a (dyn Loss<Self> + 'a);
}

macro_rules! number {
    ($($scalar:ty),*) => { $(
        impl Number for $scalar {
            fn over<'a>(loss: &'a dyn AnyLoss) -> &'a (dyn Loss<Self> + 'a) {
                loss
            }
        }
    )* };
}

number!(f32, f64, Dual);

/// Targets that own their numbers.
#[derive(Clone, Debug)]
pub(super) enum Owned {
    Classes(Vec<usize>),
    Rows(Array2<f64>),
}

impl Owned {
    fn draw(draw: Draw, [n, width]: [usize; 2], rng: &mut impl Rng) -> Self {
        let mut rows = Array2::from_shape_simple_fn((n, width), || rng.random::<f64>());
        match draw {
            Draw::Classes => {
                return Owned::Classes((0..n).map(|_| rng.random_range(0..width.max(1))).collect());
            }
            Draw::Distributions => rows.rows_mut().into_iter().for_each(|mut row| {
                let sum = row.sum();
                row.map_inplace(|t| *t /= sum);
            }),
            // Both ends, where logarithms would be infinite, and the numbers between.
            Draw::Unit => rows.map_inplace(|t| *t = (2.0 * *t - 0.5).clamp(0.0, 1.0)),
            Draw::Real => rows.map_inplace(|t| *t = 4.0 * *t - 2.0),
        }
        Owned::Rows(rows)
    }

    /// Runs `f` on these targets in a precision.
    pub(super) fn with<T: Scalar, R>(&self, f: impl FnOnce(Targets<'_, T>) -> R) -> R {
        match self {
            Owned::Classes(labels) => f(Targets::Classes(labels)),
            Owned::Rows(rows) => f(Targets::Rows(rows.mapv(T::from_f64).view())),
        }
    }
}

/// A loss with outputs and targets.
#[derive(Debug)]
pub(super) struct Subject<'a> {
    pub(super) loss: &'a dyn AnyLoss,
    pub(super) x: Array2<f64>,
    pub(super) targets: Owned,
    variables: [Variable; 1],
}

impl<'a> Subject<'a> {
    pub(super) fn new(loss: &'a dyn AnyLoss, shape: [usize; 2], draw: Draw, settings: &Settings) -> Self {
        let mut rng = stream(settings.seed, Purpose::Check, 20 + shape[0] as u64);
        let targets = Owned::draw(draw, shape, &mut rng);
        let x = flat(&spread(&shape, &mut rng));
        Subject::at(loss, x, targets)
    }

    pub(super) fn at(loss: &'a dyn AnyLoss, x: Array2<f64>, targets: Owned) -> Self {
        let variables = [Variable::new("x", x.clone().into_dyn())];
        Subject { loss, x, targets, variables }
    }

    pub(super) fn place(&self) -> String {
        format!("batch of {}", self.x.nrows())
    }

    pub(super) fn value<T: Number>(&self, x: &Array2<T>) -> Result<T::Wide, Error> {
        self.targets.with(|targets| T::over(self.loss).value(x, targets))
    }

    /// The value and the gradient, in an array that held `before`.
    pub(super) fn gradient<T: Number>(
        &self,
        x: &Array2<T>,
        upstream: T,
        before: f64,
    ) -> (T::Wide, Array2<T>) {
        let mut dx = Array2::from_elem(x.dim(), T::from_f64(before));
        let result = self.targets.with(|t| T::over(self.loss).value_and_gradient(x, t, upstream, &mut dx));
        (result.expect("the targets were accepted before"), dx)
    }
}

/// A matrix of the two axes that it has.
pub(super) fn flat<T: Clone>(x: &ArrayD<T>) -> Array2<T> {
    x.clone().into_dimensionality::<Ix2>().expect("two axes")
}

impl Differentiable for Subject<'_> {
    fn variables(&self) -> &[Variable] {
        &self.variables
    }
    fn forward(&self, v: &[ArrayD<f64>]) -> ArrayD<f64> {
        ArrayD::from_elem(vec![1], self.value(&flat(&v[0])).expect("the targets were accepted before"))
    }
    fn forward_dual(&self, v: &[ArrayD<Dual>]) -> ArrayD<Dual> {
        ArrayD::from_elem(vec![1], self.value(&flat(&v[0])).expect("the targets were accepted before"))
    }
    fn backward(&self, v: &[ArrayD<f64>], dy: &ArrayD<f64>) -> Vec<ArrayD<f64>> {
        vec![self.gradient(&flat(&v[0]), dy[[0]], f64::NAN).1.into_dyn()]
    }
    fn backward_dual(&self, v: &[ArrayD<Dual>], dy: &ArrayD<Dual>) -> Vec<ArrayD<Dual>> {
        vec![self.gradient(&flat(&v[0]), dy[[0]], f64::NAN).1.into_dyn()]
    }
}
