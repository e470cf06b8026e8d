//! A layer at a point: what the shared checks differentiate.

use ndarray::{ArrayD, Zip};
use rand::{Rng, RngExt};
use tensor_ops::Dual;
use tensor_ops::gradcheck::points::{gaussian, spread};
use tensor_ops::gradcheck::{Differentiable, Settings, Variable};
use tensor_ops::random::{Purpose, stream};

use super::numbers::extreme_cotangent;
use super::passes::{Gradients, Number, Passes};
use crate::views::batched;
use crate::{AnyLayer, InputKind, Mode, ParamSpec, Role};

/// A layer in one mode with inputs and parameters.
#[derive(Debug)]
pub(super) struct Subject<'a> {
    pub(super) passes: Passes<'a>,
    pub(super) specs: Vec<ParamSpec>,
    /// All parameters, statistics among them.
    pub(super) params: Vec<ArrayD<f64>>,
    pub(super) x: ArrayD<f64>,
    /// x unless it holds indices, then the trainable parameters.
    variables: Vec<Variable>,
}

impl<'a> Subject<'a> {
    pub(super) fn new(
        layer: &'a dyn AnyLayer,
        input: &[usize],
        n: usize,
        mode: Mode,
        settings: &Settings,
    ) -> Self {
        let mut rng = stream(settings.seed, Purpose::Check, 10 + n as u64);
        let x = draw_input(layer.input_kind(), &batched(n, input), &mut rng);
        let specs = layer.params();
        let params: Vec<_> = specs.iter().map(|spec| draw_parameter(spec, &mut rng)).collect();
        let passes = Passes { layer, mode, seed: settings.seed };
        Subject::at(passes, specs, params, x)
    }

    pub(super) fn at(
        passes: Passes<'a>,
        specs: Vec<ParamSpec>,
        params: Vec<ArrayD<f64>>,
        x: ArrayD<f64>,
    ) -> Self {
        let mut variables = Vec::new();
        if passes.layer.input_kind() == InputKind::Real {
            variables.push(Variable::new("x", x.clone()));
        }
        let trainable = specs.iter().zip(&params).filter(|(spec, _)| spec.trainable());
        variables.extend(trainable.map(|(spec, p)| Variable::new(spec.name.clone(), p.clone())));
        Subject { passes, specs, params, x, variables }
    }

    /// The same with another input.
    pub(super) fn with_input(&self, x: ArrayD<f64>) -> Self {
        Subject::at(self.passes, self.specs.clone(), self.params.clone(), x)
    }

    /// y and the gradients by the variables for the cotangent of extremes, in the precision to which `round` rounds.
    pub(super) fn outputs_and_gradients<T: Number>(
        &self,
        settings: &Settings,
        round: fn(f64) -> T,
    ) -> Vec<ArrayD<T>> {
        let x = self.x.mapv(round);
        let params: Vec<_> = self.params.iter().map(|p| p.mapv(round)).collect();
        let (y, mut cache) = self.passes.forward(&params, &x);
        let dy = extreme_cotangent(y.shape(), settings).mapv(round);
        let gradients = self.passes.backward_in(&mut cache, &params, &x, &y, &dy);
        [vec![y], self.list(gradients)].concat()
    }

    /// The random numbers of one use.
    pub(super) fn rng(&self, index: u64) -> impl Rng + use<> {
        stream(self.passes.seed, Purpose::Check, index)
    }

    pub(super) fn real_input(&self) -> bool {
        self.passes.layer.input_kind() == InputKind::Real
    }

    pub(super) fn place(&self) -> String {
        let mode = match self.passes.mode {
            Mode::Train => "train",
            Mode::Infer => "infer",
        };
        format!("{mode}, batch of {}", self.x.shape()[0])
    }

    /// The names of the variables.
    pub(super) fn names(&self) -> Vec<&str> {
        self.variables.iter().map(|v| v.name.as_str()).collect()
    }

    /// The gradients by the variables, in their order.
    pub(super) fn list<T>(&self, gradients: Gradients<T>) -> Vec<ArrayD<T>> {
        let x = self.real_input().then_some(gradients.dx);
        let trained = gradients.params.into_iter().zip(&self.specs).filter(|(_, spec)| spec.trainable());
        x.into_iter().chain(trained.map(|(g, _)| g)).collect()
    }

    /// The input and all parameters, given the variables.
    fn arguments<T: Number>(&self, v: &[ArrayD<T>]) -> (ArrayD<T>, Vec<ArrayD<T>>) {
        let mut v = v.iter();
        let mut next = || v.next().expect("one tensor a variable").clone();
        let constant = |x: &ArrayD<f64>| x.mapv(T::from_f64);
        let x = if self.real_input() { next() } else { constant(&self.x) };
        let params = self.specs.iter().zip(&self.params);
        let params = params.map(|(spec, p)| if spec.trainable() { next() } else { constant(p) }).collect();
        (x, params)
    }

    fn run_forward<T: Number>(&self, v: &[ArrayD<T>]) -> ArrayD<T> {
        let (x, params) = self.arguments(v);
        self.passes.forward(&params, &x).0
    }

    fn run_backward<T: Number>(&self, v: &[ArrayD<T>], dy: &ArrayD<T>) -> Vec<ArrayD<T>> {
        let (x, params) = self.arguments(v);
        self.list(self.passes.gradients(&params, &x, dy))
    }
}

impl Differentiable for Subject<'_> {
    fn variables(&self) -> &[Variable] {
        &self.variables
    }
    fn forward(&self, v: &[ArrayD<f64>]) -> ArrayD<f64> {
        self.run_forward(v)
    }
    fn forward_dual(&self, v: &[ArrayD<Dual>]) -> ArrayD<Dual> {
        self.run_forward(v)
    }
    fn backward(&self, v: &[ArrayD<f64>], dy: &ArrayD<f64>) -> Vec<ArrayD<f64>> {
        self.run_backward(v, dy)
    }
    fn backward_dual(&self, v: &[ArrayD<Dual>], dy: &ArrayD<Dual>) -> Vec<ArrayD<Dual>> {
        self.run_backward(v, dy)
    }
}

pub(super) fn draw_input(kind: InputKind, shape: &[usize], rng: &mut impl Rng) -> ArrayD<f64> {
    match kind {
        InputKind::Real => spread(shape, rng),
        InputKind::Index(bound) => {
            ArrayD::from_shape_simple_fn(shape, || rng.random_range(0..bound.max(1)) as f64)
        }
    }
}

/// A parameter away from its beginning, so that a zero bias or a scale of 1 hides nothing.
fn draw_parameter(spec: &ParamSpec, rng: &mut impl Rng) -> ArrayD<f64> {
    let noise = match spec.role {
        Role::Weight => return gaussian(&spec.shape, 1.0 / (spec.fan.r#in.max(1) as f64).sqrt(), rng),
        Role::Offset => gaussian(&spec.shape, 0.5, rng),
        // Above its beginning, because a variance must stay positive.
        Role::Statistic => gaussian(&spec.shape, 0.5, rng).mapv(f64::abs),
    };
    let begin = spec.init.draw::<f64>(&spec.shape, spec.fan, rng);
    Zip::from(&begin).and(&noise).map_collect(|b, n| b + n)
}
