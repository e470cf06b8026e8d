//! Convolution of one channel along one axis, with stride and padding, and the mistakes of geometry.
//!
//! ```text
//! y[o] = b + Σₖ w[k] x[o s + k - p]      o < ⌊(d + 2p - K) / s⌋ + 1
//! ```

use ndarray::{ArrayD, ArrayRefD, ArrayView2, Ix1};
use tensor_ops::Scalar;

use super::{Plant, plant};
use crate::views::{ranked, ranked_mut};
use crate::{Backprop, Cache, Error, Fan, Layer, ParamSpec, Saved};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Bug {
    None,
    PaddingIgnored,
    StrideFromSizes,
    KernelFlipped,
    EdgeLost,
    StrideIgnored,
}

#[derive(Clone, Copy, Debug)]
struct PlantedConv {
    kernel: usize,
    stride: usize,
    padding: usize,
    bug: Bug,
}

pub(super) fn plants() -> Vec<Plant> {
    let conv = |name, bug| {
        let layer = PlantedConv { kernel: 3, stride: 2, padding: 1, bug };
        plant(name, layer, PlantedConv { bug: Bug::None, ..layer }, &[8]) // 8 + 2 - 3 is odd: the stride does not divide
    };
    vec![
        conv("conv: padding ignored in backward", Bug::PaddingIgnored),
        conv("conv: stride that does not divide", Bug::StrideFromSizes),
        conv("conv: kernel flipped in dx", Bug::KernelFlipped),
        conv("conv: off by one at the edge", Bug::EdgeLost),
        conv("conv: stride ignored in backward", Bug::StrideIgnored),
    ]
}

impl PlantedConv {
    fn outputs(&self, d: usize) -> usize {
        (d + 2 * self.padding - self.kernel) / self.stride + 1
    }

    /// The inputs that output `o` sees, each with its place in the kernel.
    fn window(self, o: usize, d: usize) -> impl Iterator<Item = (usize, usize)> {
        (0..self.kernel).filter_map(move |k| {
            let i = (o * self.stride + k).checked_sub(self.padding)?;
            (i < d).then_some((k, i))
        })
    }

    /// The geometry that backward believes in.
    fn backward_geometry(self, d: usize) -> Self {
        match self.bug {
            Bug::PaddingIgnored => PlantedConv { padding: 0, ..self },
            Bug::StrideFromSizes => {
                let span = d + 2 * self.padding - self.kernel; // right where the stride divides
                PlantedConv { stride: span.div_ceil(self.outputs(d) - 1), ..self }
            }
            Bug::StrideIgnored => PlantedConv { stride: 1, ..self },
            _ => self,
        }
    }
}

impl Layer for PlantedConv {
    fn kind(&self) -> &'static str {
        "planted conv"
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>, Error> {
        match input {
            [d] if d + 2 * self.padding >= self.kernel => Ok(vec![self.outputs(*d)]),
            _ => Err(Error::input(self.kind(), "[at least the kernel]", input)),
        }
    }

    fn params(&self) -> Vec<ParamSpec> {
        let fan = Fan { r#in: self.kernel, out: self.kernel };
        vec![ParamSpec::weight("weight", &[self.kernel], fan), ParamSpec::offset("bias", &[1], 0.0)]
    }
}

impl<T: Scalar> Backprop<T> for PlantedConv {
    fn forward(&self, params: &[ArrayD<T>], x: &ArrayRefD<T>, y: &mut ArrayRefD<T>, _: &mut Cache<T>) {
        let (weight, bias) = (ranked::<_, Ix1>(&params[0]), params[1][[0]]);
        let x: ArrayView2<'_, T> = ranked(x);
        let mut y = ranked_mut::<_, ndarray::Ix2>(y);
        assert_eq!(y.dim(), (x.nrows(), self.outputs(x.ncols())), "planted conv: output");
        for ((row, o), y) in y.indexed_iter_mut() {
            let terms = self.window(o, x.ncols()).map(|(k, i)| weight[k] * x[[row, i]]);
            *y = terms.fold(bias, |sum, term| sum + term);
        }
    }

    fn backward(
        &self,
        params: &[ArrayD<T>],
        saved: Saved<'_, T>,
        dy: &ArrayRefD<T>,
        dx: Option<&mut ArrayRefD<T>>,
        grads: &mut [ArrayD<T>],
    ) {
        let weight = ranked::<_, Ix1>(&params[0]);
        let (x, dy): (ArrayView2<'_, T>, ArrayView2<'_, T>) = (ranked(saved.x), ranked(dy));
        let d = x.ncols();
        assert_eq!(dy.dim(), (x.nrows(), self.outputs(d)), "planted conv: cotangent");
        let geometry = self.backward_geometry(d);
        let last = self.outputs(d) - 1;
        let mut inner = ndarray::Array2::zeros(x.dim());
        for ((row, o), &dy) in dy.indexed_iter() {
            grads[1][[0]] += dy;
            for (k, i) in geometry.window(o, d) {
                if self.bug == Bug::EdgeLost && o == last && k + 1 == self.kernel {
                    continue;
                }
                grads[0][[k]] += dy * x[[row, i]];
                let k = if self.bug == Bug::KernelFlipped { self.kernel - 1 - k } else { k };
                inner[[row, i]] += dy * weight[k];
            }
        }
        if let Some(dx) = dx {
            ranked_mut::<_, ndarray::Ix2>(dx).assign(&inner);
        }
    }
}
