//! A network with its loss as a function of its parameters.

use layers::views::batched;
use layers::{AnyLayer, Backprop, Cache, InputKind, Mode, ParamSpec, Saved, Sequential};
use losses::{AnyLoss, Loss, Targets};
use ndarray::{Array2, ArrayD, ArrayRefD};
use tensor_ops::gradcheck::{
    Check, Comparison, Differentiable, Floor, Report, Settings, Variable, check_projections, exact_pullback,
};
use tensor_ops::numerical::{Stencil, numerical_gradient_within};
use tensor_ops::{Dual, Scalar, pool};

use crate::{Error, Model};

/// The seed of everything random in the passes.
const SEED: u64 = 1;

/// Targets that own their numbers.
#[derive(Clone, Debug)]
enum Owned {
    Classes(Vec<usize>),
    Rows(Array2<f64>),
}

/// The loss of a network on some examples, in training mode, as a function of the trainable parameters.
#[derive(Debug)]
pub struct Network<'a> {
    network: &'a Sequential,
    specs: &'a [ParamSpec],
    params: &'a [ArrayD<f64>],
    x: ArrayD<f64>,
    targets: Owned,
    loss: &'a dyn AnyLoss,
    variables: Vec<Variable>,
}

impl<'a> Network<'a> {
    /// A network at its parameters, with examples as it takes them (scaled already) and their targets.
    ///
    /// # Errors
    ///
    /// [`Error::InputShape`] if the examples have another shape, [`Error::Index`] if they are to be indices and are
    /// not, [`Error::Loss`] if the loss does not take the targets.
    pub fn new(
        model: &'a Model<f64>,
        x: &ArrayRefD<f64>,
        targets: Targets<'_, f64>,
        loss: &'a dyn AnyLoss,
    ) -> Result<Self, Error> {
        let n = x.shape().first().copied().unwrap_or(0);
        let expected = batched(n, model.input_shape());
        if x.shape() != expected {
            return Err(Error::InputShape { expected, got: x.shape().to_vec() });
        }
        crate::model::check_indices(model.network(), x)?;
        let targets = match targets {
            Targets::Classes(labels) => Owned::Classes(labels.to_vec()),
            Targets::Rows(rows) => Owned::Rows(rows.to_owned()),
        };
        let trainable = model.specs().iter().zip(model.params()).filter(|(spec, _)| spec.trainable());
        let variables = trainable.map(|(spec, p)| Variable::new(spec.name.clone(), p.clone())).collect();
        let (network, specs, params) = (model.network(), model.specs(), model.params());
        let network = Network { network, specs, params, x: x.to_owned(), targets, loss, variables };
        let y = network.outputs(model.params());
        network.loss_of(&y, None).map_err(|source| Error::Loss { step: 0, source })?;
        Ok(network)
    }

    /// Compares every element of the gradient with its exact derivative.
    ///
    /// Forward mode alone would need a pass through the network for each parameter. Instead the chain rule is put
    /// together from exact pieces, none of which is a backward pass: the derivative of the loss by the outputs, then
    /// layer by layer from the last, by dual numbers through that layer alone, the derivatives by its parameters and its
    /// input ([`exact_pullback`]). What is compared with them is the gradient by the backward pass of the whole network,
    /// begun by the gradient of the loss.
    pub fn check_every_element(&self, settings: &Settings) -> Report {
        pool::with_threads(1, || {
            let mut report = Report::new("network");
            let dy = 1.7; // a derivative from above that is not 1
            let got = self.backward(&self.point(), &scalar(dy));
            let exact = self.exact_gradient(dy);
            let floors = Floor::of(exact.iter().map(|e| &**e));
            for (((variable, got), exact), floor) in self.variables.iter().zip(&got).zip(&exact).zip(floors) {
                let nothing = got.iter().all(|g| *g == 0.0) && exact.iter().any(|e| *e != 0.0);
                let check = if nothing { Check::NoGradient } else { Check::Exact };
                let (tensor, tolerance) = (&*variable.name, settings.tolerances.dual);
                let comparison = Comparison { check, place: "training", tensor, floor, tolerance };
                let error = comparison.of(got, exact, &mut report);
                let tensor = report.tensor(tensor);
                tensor.max_dual_error = error;
                tensor.checked = exact.len();
                tensor.zero = exact.iter().filter(|e| **e == 0.0).count();
            }
            report
        })
    }

    /// Compares the gradient with exact directional derivatives of the whole network along Gaussian directions, some of
    /// each parameter tensor.
    pub fn check_projections(&self, settings: &Settings) -> Report {
        pool::with_threads(1, || {
            let mut report = Report::new("network");
            check_projections(self, "training", settings, &mut report);
            report
        })
    }

    /// The gradient for the upstream derivative `dy` without any backward pass.
    fn exact_gradient(&self, dy: f64) -> Vec<ArrayD<f64>> {
        let layers = self.network.layers();
        let mut whole = Backprop::<f64>::new_cache(self.network, self.x.shape());
        whole.begin(Mode::Train, SEED);
        let mut activations = vec![self.x.clone()];
        for (i, layer) in layers.iter().enumerate() {
            let x = &activations[i];
            let mut y = ArrayD::zeros(batched(x.shape()[0], self.network.shape(i + 1)));
            let own = &self.params[self.network.param_range(i)];
            Backprop::<f64>::forward(&**layer, own, x, &mut y, &mut whole.children[i]);
            activations.push(y);
        }
        let outputs = activations.last().expect("at least the input").clone();
        let loss = LossOf { network: self, variables: [Variable::new("outputs", outputs)] };
        let mut cotangent = exact_pullback(&loss, &scalar(dy)).swap_remove(0);
        let mut gradient = Vec::new();
        for (i, layer) in layers.iter().enumerate().rev() {
            let range = self.network.param_range(i);
            let by_input = i > 0 && layer.input_kind() == InputKind::Real;
            let (specs, params) = (&self.specs[range.clone()], &self.params[range]);
            let seed = whole.children[i].seed;
            let one = OneLayer::new(&**layer, (specs, params), &activations[i], by_input, seed);
            let mut pieces = exact_pullback(&one, &cotangent);
            if by_input {
                cotangent = pieces.remove(0);
            }
            gradient.splice(0..0, pieces);
        }
        gradient
    }

    /// The derivatives of the loss by the elements of the `k`-th variable, each with a step of `h` times its size, at
    /// least `h`.
    ///
    /// Elements are moved where they lie: to copy the parameters takes several times as long as to use them.
    pub(super) fn central_differences(&self, k: usize, h: f64) -> ArrayD<f64> {
        let mut trainable = (0..self.specs.len()).filter(|&i| self.specs[i].trainable());
        let at = trainable.nth(k).expect("a variable");
        let loss = |params: &Vec<ArrayD<f64>>| {
            self.loss_of(&self.outputs(params), None).expect("the targets were accepted before")
        };
        numerical_gradient_within(
            loss,
            &mut self.params.to_vec(),
            |params| &mut params[at],
            h,
            Stencil::Central,
        )
    }

    fn all_params<T: Scalar>(&self, v: &[ArrayD<T>]) -> Vec<ArrayD<T>> {
        merge(self.specs, self.params, v)
    }

    /// The outputs as rows.
    fn outputs<T: Scalar>(&self, params: &[ArrayD<T>]) -> Array2<T>
    where
        Sequential: Backprop<T>,
    {
        let (y, _) = self.run(params);
        rows(y)
    }

    fn run<T: Scalar>(&self, params: &[ArrayD<T>]) -> (ArrayD<T>, Cache<T>)
    where
        Sequential: Backprop<T>,
    {
        let x = self.x.mapv(T::from_f64);
        let mut cache = self.network.new_cache(x.shape());
        cache.begin(Mode::Train, SEED);
        let mut y = ArrayD::zeros(batched(x.shape()[0], self.network.shape(self.network.len())));
        self.network.forward(params, &x, &mut y, &mut cache);
        (y, cache)
    }

    fn loss_of<T: Scalar>(
        &self,
        y: &Array2<T>,
        gradient: Option<(T, &mut Array2<T>)>,
    ) -> Result<T::Wide, losses::Error>
    where
        dyn AnyLoss + 'a: Loss<T>,
    {
        let gradient = gradient.map(|(dy, dx)| (dy, &mut **dx));
        match &self.targets {
            Owned::Classes(labels) => Loss::<T>::evaluate(self.loss, y, Targets::Classes(labels), gradient),
            Owned::Rows(rows) => {
                let rows = rows.mapv(T::from_f64);
                Loss::<T>::evaluate(self.loss, y, Targets::Rows(rows.view()), gradient)
            }
        }
    }

    fn gradient<T: Scalar>(&self, v: &[ArrayD<T>], dy: T) -> Vec<ArrayD<T>>
    where
        Sequential: Backprop<T>,
        dyn AnyLoss + 'a: Loss<T>,
    {
        let params = self.all_params(v);
        let x = self.x.mapv(T::from_f64);
        let (y, mut cache) = self.run(&params);
        let mut dlogits = Array2::zeros(rows(y.clone()).raw_dim());
        self.loss_of(&rows(y.clone()), Some((dy, &mut dlogits))).expect("the targets were accepted before");
        let dlogits = dlogits.into_dyn().into_shape_with_order(y.shape()).expect("as many elements");
        let mut grads: Vec<_> = params.iter().map(|p| ArrayD::zeros(p.raw_dim())).collect();
        let saved = Saved { x: &x, y: &y, cache: &mut cache };
        self.network.backward(&params, saved, &dlogits, None, &mut grads);
        grads.into_iter().zip(self.specs).filter(|(_, spec)| spec.trainable()).map(|(g, _)| g).collect()
    }
}

impl Differentiable for Network<'_> {
    fn variables(&self) -> &[Variable] {
        &self.variables
    }
    fn forward(&self, v: &[ArrayD<f64>]) -> ArrayD<f64> {
        let y = self.outputs(&self.all_params(v));
        scalar(self.loss_of(&y, None).expect("the targets were accepted before"))
    }
    fn forward_dual(&self, v: &[ArrayD<Dual>]) -> ArrayD<Dual> {
        let y = self.outputs(&self.all_params(v));
        scalar(self.loss_of(&y, None).expect("the targets were accepted before"))
    }
    fn backward(&self, v: &[ArrayD<f64>], dy: &ArrayD<f64>) -> Vec<ArrayD<f64>> {
        self.gradient(v, dy[[0]])
    }
    fn backward_dual(&self, v: &[ArrayD<Dual>], dy: &ArrayD<Dual>) -> Vec<ArrayD<Dual>> {
        self.gradient(v, dy[[0]])
    }
}

fn scalar<T: Clone>(x: T) -> ArrayD<T> {
    ArrayD::from_elem(vec![1], x)
}

/// One row an example.
fn rows<T: Scalar>(y: ArrayD<T>) -> Array2<T> {
    let n = y.shape()[0];
    let width = y.shape()[1..].iter().product::<usize>();
    y.into_shape_with_order((n, width)).expect("outputs are in the standard layout")
}

/// All parameters, given the trainable ones.
fn merge<T: Scalar>(specs: &[ParamSpec], params: &[ArrayD<f64>], trainable: &[ArrayD<T>]) -> Vec<ArrayD<T>> {
    let mut trainable = trainable.iter();
    let one = |(spec, p): (&ParamSpec, &ArrayD<f64>)| match spec.trainable() {
        true => trainable.next().expect("one tensor a trainable parameter").clone(),
        false => p.mapv(T::from_f64),
    };
    specs.iter().zip(params).map(one).collect()
}

/// The loss as a function of the network's outputs: forward only, because it serves as a reference.
struct LossOf<'n, 'a> {
    network: &'n Network<'a>,
    variables: [Variable; 1],
}

impl Differentiable for LossOf<'_, '_> {
    fn variables(&self) -> &[Variable] {
        &self.variables
    }
    fn forward(&self, v: &[ArrayD<f64>]) -> ArrayD<f64> {
        let y = rows(v[0].clone());
        scalar(self.network.loss_of(&y, None).expect("the targets were accepted before"))
    }
    fn forward_dual(&self, v: &[ArrayD<Dual>]) -> ArrayD<Dual> {
        let y = rows(v[0].clone());
        scalar(self.network.loss_of(&y, None).expect("the targets were accepted before"))
    }
    fn backward(&self, _: &[ArrayD<f64>], _: &ArrayD<f64>) -> Vec<ArrayD<f64>> {
        unreachable!("a reference has no backward pass")
    }
    fn backward_dual(&self, _: &[ArrayD<Dual>], _: &ArrayD<Dual>) -> Vec<ArrayD<Dual>> {
        unreachable!("a reference has no backward pass")
    }
}

/// One layer of the network as a function of its input, if that is asked for, and its parameters: forward only.
struct OneLayer<'n> {
    layer: &'n dyn AnyLayer,
    specs: &'n [ParamSpec],
    params: &'n [ArrayD<f64>],
    x: &'n ArrayD<f64>,
    by_input: bool,
    seed: u64,
    variables: Vec<Variable>,
}

impl<'n> OneLayer<'n> {
    fn new(
        layer: &'n dyn AnyLayer,
        (specs, params): (&'n [ParamSpec], &'n [ArrayD<f64>]),
        x: &'n ArrayD<f64>,
        by_input: bool,
        seed: u64,
    ) -> Self {
        let input = by_input.then(|| Variable::new("x", x.clone()));
        let trainable = specs.iter().zip(params).filter(|(spec, _)| spec.trainable());
        let trainable = trainable.map(|(spec, p)| Variable::new(spec.name.clone(), p.clone()));
        let variables = input.into_iter().chain(trainable).collect();
        OneLayer { layer, specs, params, x, by_input, seed, variables }
    }
}

impl Differentiable for OneLayer<'_> {
    fn variables(&self) -> &[Variable] {
        &self.variables
    }
    fn forward(&self, _: &[ArrayD<f64>]) -> ArrayD<f64> {
        unreachable!("a reference is run on duals alone")
    }
    fn forward_dual(&self, v: &[ArrayD<Dual>]) -> ArrayD<Dual> {
        let (x, v) = match self.by_input {
            true => (v[0].clone(), &v[1..]),
            false => (self.x.mapv(Dual::from_f64), v),
        };
        let params = merge(self.specs, self.params, v);
        let mut cache = Backprop::<Dual>::new_cache(self.layer, x.shape());
        cache.begin(Mode::Train, self.seed);
        let one = self.layer.output_shape(&x.shape()[1..]).expect("the network was built");
        let mut y = ArrayD::zeros(batched(x.shape()[0], &one));
        Backprop::<Dual>::forward(self.layer, &params, &x, &mut y, &mut cache);
        y
    }
    fn backward(&self, _: &[ArrayD<f64>], _: &ArrayD<f64>) -> Vec<ArrayD<f64>> {
        unreachable!("a reference has no backward pass")
    }
    fn backward_dual(&self, _: &[ArrayD<Dual>], _: &ArrayD<Dual>) -> Vec<ArrayD<Dual>> {
        unreachable!("a reference has no backward pass")
    }
}
