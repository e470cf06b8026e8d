//! The maximum over windows along one axis.

use ndarray::{Array2, ArrayD, ArrayRefD, ArrayView2, Axis};
use tensor_ops::Scalar;

use super::{Plant, plant};
use crate::views::{ranked, ranked_mut};
use crate::{Backprop, Cache, Error, Layer, Saved};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Bug {
    None,
    AllMaxima,
    OverlapOverwritten,
    PlacesOfFirstCall,
    StrideFromSizes,
    TieCountsMore,
}

/// The cache holds, in `indices`, the place of each maximum, and after it whether there are any.
#[derive(Clone, Copy, Debug)]
struct PlantedMaxPool {
    window: usize,
    stride: usize,
    bug: Bug,
}

pub(super) fn plants() -> Vec<Plant> {
    let pool = |name, window, stride, bug| {
        let layer = PlantedMaxPool { window, stride, bug };
        plant(name, layer, PlantedMaxPool { bug: Bug::None, ..layer }, &[9])
    };
    vec![
        pool("max pool: tie given to all maxima", 2, 2, Bug::AllMaxima),
        pool("max pool: windows that overlap overwrite", 3, 1, Bug::OverlapOverwritten),
        pool("max pool: places of the first call kept", 2, 2, Bug::PlacesOfFirstCall),
        pool("max pool: stride that does not divide", 2, 2, Bug::StrideFromSizes),
        pool("max pool: tie counts one and a half times", 2, 2, Bug::TieCountsMore),
    ]
}

impl PlantedMaxPool {
    fn outputs(&self, d: usize) -> usize {
        (d - self.window) / self.stride + 1
    }
}

impl Layer for PlantedMaxPool {
    fn kind(&self) -> &'static str {
        "planted max pool"
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>, Error> {
        match input {
            [d] if *d >= self.window => Ok(vec![self.outputs(*d)]),
            _ => Err(Error::input(self.kind(), "[at least the window]", input)),
        }
    }
}

impl<T: Scalar> Backprop<T> for PlantedMaxPool {
    fn new_cache(&self, input: &[usize]) -> Cache<T> {
        let places = ArrayD::zeros(vec![input[0], self.outputs(input[1])]);
        Cache { indices: vec![places, ArrayD::zeros(vec![])], ..Cache::new() }
    }

    fn forward(&self, _: &[ArrayD<T>], x: &ArrayRefD<T>, y: &mut ArrayRefD<T>, cache: &mut Cache<T>) {
        let x: ArrayView2<'_, T> = ranked(x);
        let mut y = ranked_mut::<_, ndarray::Ix2>(y);
        assert_eq!(y.dim(), (x.nrows(), self.outputs(x.ncols())), "planted max pool: output");
        let seen = std::mem::replace(cache.indices[1].first_mut().expect("one element"), 1);
        for ((row, o), y) in y.indexed_iter_mut() {
            let start = o * self.stride;
            let first = |best: usize, i: usize| if x[[row, i]] > x[[row, best]] { i } else { best };
            let place = (start + 1..start + self.window).fold(start, first);
            *y = x[[row, place]];
            if self.bug != Bug::PlacesOfFirstCall || seen == 0 {
                cache.indices[0][[row, o]] = place as u32;
            }
        }
    }

    fn backward(
        &self,
        _: &[ArrayD<T>],
        saved: Saved<'_, T>,
        dy: &ArrayRefD<T>,
        dx: Option<&mut ArrayRefD<T>>,
        _: &mut [ArrayD<T>],
    ) {
        let Some(dx) = dx else { return };
        let (x, dy): (ArrayView2<'_, T>, ArrayView2<'_, T>) = (ranked(saved.x), ranked(dy));
        assert_eq!(dy.dim(), (x.nrows(), self.outputs(x.ncols())), "planted max pool: cotangent");
        let places = saved.cache.indices[0].slice_axis(Axis(0), (..x.nrows()).into());
        let dy_columns = dy.ncols();
        let mut inner = Array2::zeros(x.dim());
        for ((row, o), &dy) in dy.indexed_iter() {
            let place = places[[row, o]] as usize;
            let start = o * self.stride;
            let ties =
                (start..start + self.window).filter(|&i| x[[row, i]].value() == x[[row, place]].value());
            match self.bug {
                Bug::AllMaxima => ties.for_each(|i| inner[[row, i]] += dy),
                Bug::OverlapOverwritten => inner[[row, place]] = dy,
                Bug::StrideFromSizes => {
                    let assumed = x.ncols().div_ceil(dy_columns); // right where the stride divides
                    inner[[row, (o * assumed + place - start).min(x.ncols() - 1)]] += dy;
                }
                Bug::TieCountsMore if ties.count() > 1 => inner[[row, place]] += dy * T::from_f64(1.5),
                _ => inner[[row, place]] += dy,
            }
        }
        ranked_mut::<_, ndarray::Ix2>(dx).assign(&inner);
    }
}
