//! y = x W + b, and how to get its backward pass wrong.

use ndarray::{Array2, ArrayD, ArrayRefD, ArrayView2, ArrayViewMut2, Axis};
use tensor_ops::Scalar;

use super::{Plant, plant};
use crate::views::{ranked, ranked_mut};
use crate::{Backprop, Cache, Error, Fan, Layer, ParamSpec, Saved};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Bug {
    None,
    WeightGradientTransposed,
    BiasOffByATenthOfAPercent,
    UpstreamIgnored,
    WeightOverwritten,
    BiasOverwritten,
    BiasKeptAnew,
    NothingAnewWithoutDx,
    LastColumnNotWritten,
    DividedByBatch,
    TimesBatch,
    NoBiasGradient,
    NoWeightGradient,
    NoParametersWithoutDx,
    LastExampleLost,
    WeightNotTransposed,
    AssumesRowMajor,
    InputOfFirstCall,
    SumInSingle,
    DxAddedTo,
    CacheOverwritten,
    MeanOverCapacity,
    MeanOfNothing,
    ConstantAdded,
    CoarseInSingle,
    SumByThreads,
}

/// The cache holds, in `arrays`, a copy of x for the mistakes that need one.
#[derive(Clone, Copy, Debug)]
struct PlantedAffine {
    d_in: usize,
    d_out: usize,
    bug: Bug,
}

pub(super) fn plants() -> Vec<Plant> {
    let with = |d_in, d_out| {
        move |name, bug| {
            let layer = PlantedAffine { d_in, d_out, bug };
            plant(name, layer, PlantedAffine { bug: Bug::None, ..layer }, &[d_in])
        }
    };
    let (wide, square) = (with(4, 3), with(4, 4));
    vec![
        square("affine: weight gradient transposed, square", Bug::WeightGradientTransposed),
        square("affine: W for Wᵀ in dx, square", Bug::WeightNotTransposed),
        wide("affine: bias gradient off by 0.1 %", Bug::BiasOffByATenthOfAPercent),
        wide("affine: dy ignored", Bug::UpstreamIgnored),
        wide("affine: = for += in the weight gradient", Bug::WeightOverwritten),
        wide("affine: = for += in the bias gradient", Bug::BiasOverwritten),
        wide("affine: bias gradient not set anew", Bug::BiasKeptAnew),
        wide("affine: gradients not set anew without dx", Bug::NothingAnewWithoutDx),
        wide("affine: last column of dx never written", Bug::LastColumnNotWritten),
        wide("affine: gradients divided by the batch", Bug::DividedByBatch),
        wide("affine: gradients times the batch", Bug::TimesBatch),
        wide("affine: no bias gradient", Bug::NoBiasGradient),
        wide("affine: no weight gradient", Bug::NoWeightGradient),
        wide("affine: no parameter gradients without dx", Bug::NoParametersWithoutDx),
        wide("affine: last example lost", Bug::LastExampleLost),
        wide("affine: takes any memory for row-major", Bug::AssumesRowMajor),
        wide("affine: input of the first call kept", Bug::InputOfFirstCall),
        wide("affine: sum in single precision", Bug::SumInSingle),
        wide("affine: += for = in dx", Bug::DxAddedTo),
        wide("affine: backward changes what it saved", Bug::CacheOverwritten),
        wide("affine: mean over the cache, not the batch", Bug::MeanOverCapacity),
        wide("affine: mean over an empty batch", Bug::MeanOfNothing),
        wide("affine: a constant added to dx", Bug::ConstantAdded),
        wide("affine: coarse arithmetic in f32 alone", Bug::CoarseInSingle),
        wide("affine: sum cut by the number of threads", Bug::SumByThreads),
    ]
}

impl Layer for PlantedAffine {
    fn kind(&self) -> &'static str {
        "planted affine"
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>, Error> {
        match input {
            [d] if *d == self.d_in => Ok(vec![self.d_out]),
            _ => Err(Error::input(self.kind(), format!("[{}]", self.d_in), input)),
        }
    }

    fn params(&self) -> Vec<ParamSpec> {
        let fan = Fan { r#in: self.d_in, out: self.d_out };
        vec![
            ParamSpec::weight("weight", &[self.d_in, self.d_out], fan),
            ParamSpec::offset("bias", &[self.d_out], 0.0),
        ]
    }
}

impl PlantedAffine {
    /// The factor with which a layer that scales by the number of examples scales.
    fn share(&self, n: usize, capacity: usize) -> f64 {
        match self.bug {
            Bug::DividedByBatch => 1.0 / n.max(1) as f64,
            Bug::TimesBatch => n as f64,
            Bug::MeanOverCapacity => n.max(1) as f64 / capacity.max(1) as f64,
            Bug::MeanOfNothing if n == 0 => f64::NAN, // n / n
            _ => 1.0,
        }
    }

    fn input_gradient<T: Scalar>(
        &self,
        weight: &ArrayView2<'_, T>,
        dy: &ArrayView2<'_, T>,
        mut dx: ArrayViewMut2<'_, T>,
    ) {
        let product = if self.bug == Bug::WeightNotTransposed { dy.dot(weight) } else { dy.dot(&weight.t()) };
        match self.bug {
            Bug::DxAddedTo => dx += &product,
            Bug::LastColumnNotWritten => {
                let but_last = ndarray::s![.., ..self.d_in - 1];
                dx.slice_mut(but_last).assign(&product.slice(but_last));
            }
            Bug::ConstantAdded => dx.assign(&(product + T::from_f64(1e-3))),
            _ => dx.assign(&product),
        }
    }

    /// The same numbers, as a layer would see them that reads memory from start to end.
    fn as_it_lies<T: Scalar>(&self, x: &ArrayView2<'_, T>) -> Array2<T> {
        match x.as_slice_memory_order() {
            Some(memory) if self.bug == Bug::AssumesRowMajor => {
                Array2::from_shape_vec(x.dim(), memory.to_vec()).expect("as many elements")
            }
            _ => x.to_owned(),
        }
    }
}

impl<T: Scalar> Backprop<T> for PlantedAffine {
    fn new_cache(&self, input: &[usize]) -> Cache<T> {
        Cache { arrays: vec![ArrayD::zeros(input), ArrayD::zeros(vec![])], ..Cache::new() }
    }

    fn forward(&self, params: &[ArrayD<T>], x: &ArrayRefD<T>, y: &mut ArrayRefD<T>, cache: &mut Cache<T>) {
        let (weight, bias) = (ranked::<_, ndarray::Ix2>(&params[0]), ranked::<_, ndarray::Ix1>(&params[1]));
        let x: ArrayView2<'_, T> = ranked(x);
        assert!(x.ncols() == self.d_in, "planted affine: expected {} columns", self.d_in);
        let n = x.nrows();
        let seen = cache.arrays[1].first_mut().expect("one element");
        if self.bug != Bug::InputOfFirstCall || seen.is_zero() {
            *seen = T::one();
            cache.arrays[0].slice_axis_mut(Axis(0), (..n).into()).assign(&x);
        }
        let mut product = self.as_it_lies(&x).dot(&weight) + bias;
        if self.bug == Bug::CoarseInSingle && size_of::<T>() == 4 {
            product.mapv_inplace(|y| T::from_f64((y.value() * 256.0).round() / 256.0));
        }
        let mut y = ranked_mut::<_, ndarray::Ix2>(y);
        assert_eq!(product.dim(), y.dim(), "planted affine: output");
        y.assign(&product);
    }

    fn backward(
        &self,
        params: &[ArrayD<T>],
        saved: Saved<'_, T>,
        dy: &ArrayRefD<T>,
        dx: Option<&mut ArrayRefD<T>>,
        grads: &mut [ArrayD<T>],
    ) {
        let dy: ArrayView2<'_, T> = ranked(dy);
        let n = dy.nrows();
        let kept = &mut saved.cache.arrays[0];
        assert_eq!(n, saved.x.shape()[0], "planted affine: examples of x and dy");
        let capacity = kept.shape()[0];
        let kept_rows: ArrayView2<'_, T> = ranked(kept);
        let x = kept_rows.slice(ndarray::s![..n, ..]).to_owned();
        if self.bug == Bug::CacheOverwritten {
            kept.fill(T::zero());
        }
        let dy = match self.bug {
            Bug::UpstreamIgnored => Array2::ones(dy.dim()),
            _ => dy.to_owned(),
        };
        let mut dweight = x.t().dot(&dy);
        let mut dbias = dy.sum_axis(Axis(0));
        match self.bug {
            Bug::WeightGradientTransposed => {
                dweight = dweight.reversed_axes().as_standard_layout().into_owned()
            }
            Bug::BiasOffByATenthOfAPercent => dbias *= T::from_f64(1.001),
            Bug::SumByThreads => {
                let part = n.div_ceil(tensor_ops::pool::threads()).max(1);
                dbias = dy
                    .axis_chunks_iter(Axis(0), part)
                    .map(|part| part.sum_axis(Axis(0)))
                    .fold(dbias * T::zero(), |a, b| a + b);
            }
            Bug::SumInSingle => {
                dbias.mapv_inplace(|b| b + T::from_f64(f64::from(b.value() as f32) - b.value()))
            }
            Bug::LastExampleLost if n > 1 => {
                let but_last = ndarray::s![..n - 1, ..];
                dweight = x.slice(but_last).t().dot(&dy.slice(but_last));
            }
            _ => {}
        }
        let share = T::from_f64(self.share(n, capacity));
        let (dweight, dbias) = (dweight * share, dbias * share);
        let skip = self.bug == Bug::NoParametersWithoutDx && dx.is_none();
        match self.bug {
            _ if skip => {}
            Bug::WeightOverwritten => grads[0].assign(&dweight),
            Bug::NoWeightGradient => {}
            _ => grads[0] += &dweight,
        }
        match self.bug {
            _ if skip => {}
            Bug::BiasOverwritten => grads[1].assign(&dbias),
            Bug::NoBiasGradient => {}
            _ => grads[1] += &dbias,
        }
        if let Some(dx) = dx {
            self.input_gradient(&ranked(&params[0]), &dy.view(), ranked_mut(dx));
        }
    }

    fn backward_anew(
        &self,
        params: &[ArrayD<T>],
        saved: Saved<'_, T>,
        dy: &ArrayRefD<T>,
        dx: Option<&mut ArrayRefD<T>>,
        grads: &mut [ArrayD<T>],
    ) {
        let set = match self.bug {
            Bug::BiasKeptAnew => 1,
            Bug::NothingAnewWithoutDx if dx.is_none() => 0,
            _ => grads.len(),
        };
        grads[..set].iter_mut().for_each(|grad| grad.fill(T::zero()));
        self.backward(params, saved, dy, dx, grads);
    }
}
