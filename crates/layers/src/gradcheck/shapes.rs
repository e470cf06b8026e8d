//! Both passes take every shape that the layer accepts.
//!
//! Shapes are refused in one place, `output_shape`, before a network with that layer exists; so forward and backward
//! refuse the same shapes with the same error by construction. What is left to check is the other direction: that a
//! shape which `output_shape` accepts runs.

use tensor_ops::gradcheck::{Check, Report};

use super::passes::Passes;
use super::quiet::quietly;
use super::subject::{Subject, draw_input};
use crate::views::batched;

/// Examples in the batches of this check.
const N: usize = 2;

/// Tries shapes near the one under check: those that `output_shape` accepts must run forward and backward.
pub(super) fn check_shapes(subject: &Subject<'_>, report: &mut Report) {
    let Passes { layer, .. } = subject.passes;
    for shape in neighbours(&subject.x.shape()[1..]) {
        let Ok(output) = layer.output_shape(&shape) else { continue };
        let run = || {
            let mut rng = subject.rng(13);
            let x = draw_input(layer.input_kind(), &batched(N, &shape), &mut rng);
            let dy = draw_input(crate::InputKind::Real, &batched(N, &output), &mut rng);
            subject.passes.gradients(&subject.params, &x, &dy);
        };
        if let Err(message) = quietly(run) {
            let note = format!("a pass refuses {shape:?}, which output_shape accepts: {message}");
            report.fail_with(Check::Shapes, &subject.place(), "x", note);
        }
    }
}

/// Shapes that differ a little.
fn neighbours(shape: &[usize]) -> Vec<Vec<usize>> {
    let mut all = vec![[&[1], shape].concat(), [shape, &[2]].concat()];
    if !shape.is_empty() {
        all.push(shape[1..].to_vec());
    }
    for axis in 0..shape.len() {
        for size in [shape[axis] + 1, shape[axis].saturating_sub(1), 1] {
            let mut other = shape.to_vec();
            other[axis] = size;
            all.push(other);
        }
    }
    all
}
