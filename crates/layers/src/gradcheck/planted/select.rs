//! Elements taken from elsewhere: a large permutation, and rows of a table.

use ndarray::{ArrayD, ArrayRefD, ArrayView2, Axis};
use tensor_ops::Scalar;

use super::{Plant, plant};
use crate::views::{ranked, ranked_mut};
use crate::{Backprop, Cache, Error, Fan, InputKind, Layer, ParamSpec, Saved};

/// Elements of the permutation: too many for a whole Jacobian.
const LARGE: usize = 8_000;

/// y[i] = x[s i mod d] for an s that has no factor in common with d; the wrong twin swaps two places in backward.
#[derive(Clone, Copy, Debug)]
struct Permutation {
    swapped: bool,
}

/// Rows of a table by index.
#[derive(Clone, Copy, Debug)]
struct Table {
    rows: usize,
    overwrites: bool,
    index_gradient: f64,
}

pub(super) fn plants() -> Vec<Plant> {
    let table = Table { rows: 3, overwrites: false, index_gradient: 0.0 };
    vec![
        plant(
            "permutation of 8,000: two places swapped",
            Permutation { swapped: true },
            Permutation { swapped: false },
            &[LARGE],
        ),
        plant("embedding: a row used twice overwrites", Table { overwrites: true, ..table }, table, &[4]),
        plant("embedding: a derivative by the index", Table { index_gradient: 1.0, ..table }, table, &[4]),
    ]
}

fn source(i: usize, d: usize) -> usize {
    (i * 7_919) % d // a prime
}

impl Layer for Permutation {
    fn kind(&self) -> &'static str {
        "planted permutation"
    }
    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>, Error> {
        match input {
            [d] if *d == LARGE => Ok(input.to_vec()),
            _ => Err(Error::input(self.kind(), format!("[{LARGE}]"), input)),
        }
    }
}

impl<T: Scalar> Backprop<T> for Permutation {
    fn forward(&self, _: &[ArrayD<T>], x: &ArrayRefD<T>, y: &mut ArrayRefD<T>, _: &mut Cache<T>) {
        let x: ArrayView2<'_, T> = ranked(x);
        let mut y = ranked_mut::<_, ndarray::Ix2>(y);
        assert!(x.dim() == y.dim() && x.ncols() == LARGE, "planted permutation: shapes");
        for ((row, i), y) in y.indexed_iter_mut() {
            *y = x[[row, source(i, LARGE)]];
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
        assert!(saved.x.shape() == dy.shape() && dy.shape()[1] == LARGE, "planted permutation: shapes");
        let (dy, mut dx): (ArrayView2<'_, T>, _) = (ranked(dy), ranked_mut::<_, ndarray::Ix2>(dx));
        for ((row, i), &dy) in dy.indexed_iter() {
            let i = match i {
                4_321 if self.swapped => 1_234,
                1_234 if self.swapped => 4_321,
                i => i,
            };
            dx[[row, source(i, LARGE)]] = dy;
        }
    }
}

impl Layer for Table {
    fn kind(&self) -> &'static str {
        "planted embedding"
    }
    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>, Error> {
        Ok([input, &[2]].concat())
    }
    fn params(&self) -> Vec<ParamSpec> {
        vec![ParamSpec::weight("weight", &[self.rows, 2], Fan { r#in: 1, out: 2 })]
    }
    fn input_kind(&self) -> InputKind {
        InputKind::Index(self.rows)
    }
}

impl<T: Scalar> Backprop<T> for Table {
    fn forward(&self, params: &[ArrayD<T>], x: &ArrayRefD<T>, y: &mut ArrayRefD<T>, _: &mut Cache<T>) {
        assert_eq!(y.shape(), [x.shape(), &[2]].concat(), "planted embedding: output");
        for (mut y, x) in y.rows_mut().into_iter().zip(x) {
            y.assign(&params[0].index_axis(Axis(0), x.value() as usize));
        }
    }

    fn backward(
        &self,
        _: &[ArrayD<T>],
        saved: Saved<'_, T>,
        dy: &ArrayRefD<T>,
        dx: Option<&mut ArrayRefD<T>>,
        grads: &mut [ArrayD<T>],
    ) {
        assert_eq!(dy.shape(), [saved.x.shape(), &[2]].concat(), "planted embedding: cotangent");
        if self.overwrites {
            grads[0].fill(T::zero());
        }
        for (dy, x) in dy.rows().into_iter().zip(saved.x) {
            let mut row = grads[0].index_axis_mut(Axis(0), x.value() as usize);
            if self.overwrites {
                row.assign(&dy);
            } else {
                row += &dy;
            }
        }
        if let Some(dx) = dx {
            dx.fill(T::from_f64(self.index_gradient));
        }
    }
}
