//! The two-input nodes as layers, so that the checker can take them: one example is [2, d], both inputs.

use ndarray::{ArrayD, ArrayRefD, ArrayViewD, Axis};
use tensor_ops::Scalar;

use crate::{Add, Backprop, Cache, Error, Layer, Multiply, Saved};

#[derive(Debug)]
pub(super) struct AddNode;

#[derive(Debug)]
pub(super) struct MultiplyNode;

impl Layer for AddNode {
    fn kind(&self) -> &'static str {
        "add"
    }
    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>, Error> {
        pair(input).ok_or_else(|| Error::input(self.kind(), "[2, d]", input))
    }
}

impl Layer for MultiplyNode {
    fn kind(&self) -> &'static str {
        "multiply"
    }
    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>, Error> {
        pair(input).ok_or_else(|| Error::input(self.kind(), "[2, d]", input))
    }
}

fn pair(input: &[usize]) -> Option<Vec<usize>> {
    match input {
        [2, d] => Some(vec![*d]),
        _ => None,
    }
}

/// The inputs a and b of all examples.
fn split<T>(x: &ArrayRefD<T>) -> (ArrayViewD<'_, T>, ArrayViewD<'_, T>) {
    assert!(x.ndim() == 3 && x.shape()[1] == 2, "node: expected [n, 2, d], got {:?}", x.shape());
    (x.index_axis(Axis(1), 0), x.index_axis(Axis(1), 1))
}

fn store<T: Scalar>(dx: Option<&mut ArrayRefD<T>>, (da, db): (ArrayD<T>, ArrayD<T>)) {
    if let Some(dx) = dx {
        assert!(dx.ndim() == 3 && dx.shape()[1] == 2, "node: expected [n, 2, d], got {:?}", dx.shape());
        dx.index_axis_mut(Axis(1), 0).assign(&da);
        dx.index_axis_mut(Axis(1), 1).assign(&db);
    }
}

impl<T: Scalar> Backprop<T> for AddNode {
    fn forward(&self, _: &[ArrayD<T>], x: &ArrayRefD<T>, y: &mut ArrayRefD<T>, _: &mut Cache<T>) {
        let (a, b) = split(x);
        y.assign(&Add.forward(&a, &b));
    }

    fn backward(
        &self,
        _: &[ArrayD<T>],
        _: Saved<'_, T>,
        dy: &ArrayRefD<T>,
        dx: Option<&mut ArrayRefD<T>>,
        _: &mut [ArrayD<T>],
    ) {
        store(dx, Add.backward(dy));
    }
}

impl<T: Scalar> Backprop<T> for MultiplyNode {
    fn forward(&self, _: &[ArrayD<T>], x: &ArrayRefD<T>, y: &mut ArrayRefD<T>, _: &mut Cache<T>) {
        let (a, b) = split(x);
        y.assign(&Multiply.forward(&a, &b).0);
    }

    fn backward(
        &self,
        _: &[ArrayD<T>],
        saved: Saved<'_, T>,
        dy: &ArrayRefD<T>,
        dx: Option<&mut ArrayRefD<T>>,
        _: &mut [ArrayD<T>],
    ) {
        // The factors that the forward pass kept are in the cache of the node, which the caller of a node holds; here
        // they are those of x.
        let (a, b) = split(saved.x);
        store(dx, Multiply.backward(&Multiply.forward(&a, &b).1, dy));
    }
}
