//! Training a network with L-BFGS.

use layers::views::{batched, head, head_mut, rows, with_rows_mut};
use layers::{Backprop, Cache, Mode, Saved};
use losses::Loss;
use ndarray::{ArrayD, Axis};
use tensor_ops::{Scalar, aligned_zeros};

use super::{Lbfgs, Minimum};
use crate::evaluate::{mean_weight, part_of_loss};
use crate::{Error, Model, Source, TargetBuffer};

/// Examples in one pass.
const BLOCK: usize = 500;

impl Lbfgs {
    /// Trains the model to a minimum of the loss over the whole data set. `after` is told the number of each iteration,
    /// from 1, and the loss it reached.
    ///
    /// Every layer runs in inference mode: without dropout, normalising by the running statistics as they are. The
    /// search itself computes in f64; a model in f32 ends where f32 can no longer tell.
    ///
    /// # Errors
    ///
    /// [`Error::Option`] as [`Lbfgs::check`]; [`Error::InputShape`], [`Error::Outputs`], [`Error::Index`],
    /// [`Error::Loss`] if the data do not fit the model.
    ///
    /// # Examples
    ///
    /// ```
    /// use datasets::{Dataset, Features, Scaling, Targets};
    /// use layers::{Affine, Sequential};
    /// use losses::MeanSquaredError;
    /// use ndarray::array;
    /// use trainer::{Lbfgs, Model, Source};
    ///
    /// // A line through three points.
    /// let targets = Targets::Values(array![[1.0], [3.0], [5.0]]);
    /// let data = Dataset::new(Features::F64(array![[0.0], [1.0], [2.0]].into_dyn()), targets, vec![])?;
    /// let scaling = Scaling::none();
    /// let mut model = Model::<f64>::new(Sequential::new(&[1]).push(Affine::new(1, 1))?, 1)?;
    /// let loss = MeanSquaredError::default();
    /// Lbfgs::default().train(&mut model, &loss, &Source::new(&data, &scaling)?, |_, _| {})?;
    /// assert!((model.params()[0][[0, 0]] - 2.0).abs() < 1e-4);
    /// # Ok::<(), trainer::Error>(())
    /// ```
    pub fn train<T: Scalar, N: Backprop<T>>(
        &self,
        model: &mut Model<T, N>,
        loss: &dyn Loss<T>,
        data: &Source<'_, T>,
        mut after: impl FnMut(u64, f64),
    ) -> Result<Minimum, Error> {
        self.check()?;
        model.check_fit(data)?;
        let mut x = flat(model, model.params());
        let mut objective = Objective::new(model.clone(), loss, data);
        let mut iteration = 0;
        let minimum = self.minimise(
            &mut x,
            |x, gradient| objective.evaluate(x, gradient),
            |_, value| {
                iteration += 1;
                after(iteration, value);
            },
        )?;
        unflatten(model, &x);
        Ok(minimum)
    }
}

/// The elements of all trainable parameters, one after the other.
fn flat<T: Scalar, N>(model: &Model<T, N>, arrays: &[ArrayD<T>]) -> Vec<f64> {
    let trained = arrays.iter().zip(model.specs()).filter(|(_, spec)| spec.trainable());
    trained.flat_map(|(array, _)| array.iter().map(|v| v.value())).collect()
}

fn unflatten<T: Scalar, N>(model: &mut Model<T, N>, x: &[f64]) {
    let trainable: Vec<bool> = model.specs().iter().map(|spec| spec.trainable()).collect();
    let trained = model.params_mut().iter_mut().zip(trainable).filter(|(_, trainable)| *trainable);
    let elements = trained.flat_map(|(param, _)| param.iter_mut());
    elements.zip(x).for_each(|(to, &from)| *to = T::from_f64(from));
}

/// The loss over a data set as a function of all parameters.
struct Objective<'a, 'd, T: Scalar, N> {
    model: Model<T, N>,
    loss: &'a dyn Loss<T>,
    data: &'a Source<'d, T>,
    indices: Vec<usize>,
    /// What all targets weigh together.
    weight: f64,
    targets: TargetBuffer<T>,
    x: ArrayD<T>,
    y: ArrayD<T>,
    dy: ArrayD<T>,
    cache: Cache<T>,
    grads: Vec<ArrayD<T>>,
}

impl<'a, 'd, T: Scalar, N: Backprop<T>> Objective<'a, 'd, T, N> {
    fn new(model: Model<T, N>, loss: &'a dyn Loss<T>, data: &'a Source<'d, T>) -> Self {
        let n = model.at_once(BLOCK.min(data.len()));
        let indices: Vec<usize> = (0..data.len()).collect();
        let mut targets = data.target_buffer(n);
        let weight =
            indices.chunks(n).map(|block| mean_weight(loss, data.targets(block, &mut targets))).sum();
        let x = aligned_zeros(&batched(n, model.input_shape()));
        let y = aligned_zeros(&batched(n, model.output_shape()));
        let mut cache = model.network().new_cache(x.shape());
        cache.begin(Mode::Infer, 0);
        let grads = model.params().iter().map(|p| aligned_zeros(p.shape())).collect();
        let dy = aligned_zeros(y.shape());
        Objective { model, loss, data, indices, weight, targets, x, y, dy, cache, grads }
    }

    fn evaluate(&mut self, params: &[f64], gradient: &mut [f64]) -> Result<f64, Error> {
        unflatten(&mut self.model, params);
        self.grads.iter_mut().for_each(|g| g.fill(T::zero()));
        let mut total = 0.0;
        for start in (0..self.indices.len()).step_by(self.x.len_of(Axis(0))) {
            total += self.block(start)?;
        }
        gradient.copy_from_slice(&flat(&self.model, &self.grads));
        Ok(total)
    }

    /// The part of the loss of one block of examples; adds to the gradients.
    fn block(&mut self, start: usize) -> Result<f64, Error> {
        let end = (start + self.x.len_of(Axis(0))).min(self.indices.len());
        let indices = &self.indices[start..end];
        let n = indices.len();
        let (network, params) = (self.model.network(), self.model.params());
        self.data.inputs(indices, &mut head_mut(&mut self.x, n));
        let x = head(&self.x, n);
        crate::model::check_indices(network, &x).map_err(|error| error.renumbered(indices))?;
        network.forward(params, &x, &mut head_mut(&mut self.y, n), &mut self.cache);
        let y = head(&self.y, n);
        let targets = self.data.targets(indices, &mut self.targets);
        let refused = |source| Error::Loss { step: 0, source }.renumbered(indices);
        let mut value = Ok(0.0);
        with_rows_mut(&mut head_mut(&mut self.dy, n), |dy| {
            value = part_of_loss(self.loss, &rows(&y), targets, self.weight, Some(dy));
        });
        let value = value.map_err(refused)?;
        let saved = Saved { x: &x, y: &y, cache: &mut self.cache };
        network.backward(params, saved, &head(&self.dy, n), None, &mut self.grads);
        Ok(value)
    }
}
