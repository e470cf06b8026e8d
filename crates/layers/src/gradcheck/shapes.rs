//! Both passes take the shapes that the layer states, and no others.

use ndarray::ArrayD;
use tensor_ops::gradcheck::{Check, Report};

use super::passes::{Number, Passes};
use super::quiet::quietly;
use super::subject::Subject;
use crate::views::batched;
use crate::{InputKind, Saved};

/// Examples in the batches of this check.
const N: usize = 2;

/// Tries shapes near the one under check. Those that `output_shape` accepts must run; those that it refuses must be
/// refused by both passes; so must outputs and cotangents of a wrong shape.
///
/// Another shape with the same number of elements may pass: a layer that sees rows cannot tell, and computes the same.
pub(super) fn check_shapes(subject: &Subject<'_>, report: &mut Report) {
    if cfg!(panic = "abort") {
        return; // a refusal would end the process
    }
    let input = &subject.x.shape()[1..];
    let passes = subject.passes;
    let output = passes.layer.output_shape(input).expect("the shape was accepted before");
    for shape in neighbours(input) {
        let stated = passes.layer.output_shape(&shape);
        let out = stated.as_ref().unwrap_or(&output);
        let arrays = Arrays { x: batched(N, &shape), y: batched(N, out), dy: batched(N, out) };
        for (pass, result) in [("forward", arrays.forward(subject)), ("backward", arrays.backward(subject))] {
            let note = match (&stated, result) {
                (Ok(_), Err(message)) => {
                    format!("{pass} refuses {shape:?}, which output_shape accepts: {message}")
                }
                (Err(error), Ok(())) if size(&shape) != size(input) => {
                    format!("{pass} takes {shape:?}, which output_shape refuses: {error}")
                }
                _ => continue,
            };
            report.fail_with(Check::Shapes, pass, "x", note);
        }
    }
    let right = Arrays { x: batched(N, input), y: batched(N, &output), dy: batched(N, &output) };
    let wrong = neighbours(&output).into_iter().filter(|o| size(o) != size(&output)).map(|o| batched(N, &o));
    for wrong in wrong.chain([batched(N + 1, &output)]) {
        if (Arrays { y: wrong.clone(), ..right.clone() }).forward(subject).is_ok() {
            report.fail_with(Check::Shapes, "forward", "y", format!("takes an output of shape {wrong:?}"));
        }
        if (Arrays { dy: wrong.clone(), ..right.clone() }).backward(subject).is_ok() {
            report.fail_with(
                Check::Shapes,
                "backward",
                "dy",
                format!("takes a cotangent of shape {wrong:?}"),
            );
        }
    }
}

fn size(shape: &[usize]) -> usize {
    shape.iter().product()
}

/// Shapes that differ a little.
fn neighbours(shape: &[usize]) -> Vec<Vec<usize>> {
    let mut all = vec![[&[1], shape].concat(), [shape, &[2]].concat()];
    if !shape.is_empty() {
        all.push(shape[1..].to_vec());
    }
    for axis in 0..shape.len() {
        let mut wider = shape.to_vec();
        wider[axis] += 1;
        all.push(wider);
    }
    all
}

#[derive(Clone, Debug)]
struct Arrays {
    x: Vec<usize>,
    y: Vec<usize>,
    dy: Vec<usize>,
}

impl Arrays {
    fn forward(&self, subject: &Subject<'_>) -> Result<(), String> {
        let Passes { layer, mode, seed } = subject.passes;
        quietly(|| {
            let mut cache = f64::over(layer).new_cache(&self.x);
            cache.begin(mode, seed);
            let mut y = ArrayD::zeros(&self.y[..]);
            f64::over(layer).forward(&subject.params, &self.input(subject), &mut y, &mut cache);
        })
    }

    /// A backward pass after a forward pass, which gets right shapes where the wrong one is only dy.
    fn backward(&self, subject: &Subject<'_>) -> Result<(), String> {
        let Passes { layer, mode, seed } = subject.passes;
        let x = self.input(subject);
        let mut y = ArrayD::zeros(&self.y[..]);
        let mut cache = quietly(|| f64::over(layer).new_cache(&self.x))?;
        cache.begin(mode, seed);
        // Refused or not: it is the backward pass that is asked.
        let _ = quietly(|| f64::over(layer).forward(&subject.params, &x, &mut y, &mut cache));
        quietly(|| {
            let (dy, mut dx) = (ArrayD::ones(&self.dy[..]), ArrayD::zeros(&self.x[..]));
            let mut grads: Vec<_> = subject.params.iter().map(|p| ArrayD::zeros(p.raw_dim())).collect();
            let saved = Saved { x: &x, y: &y, cache: &mut cache };
            f64::over(layer).backward(&subject.params, saved, &dy, Some(&mut dx), &mut grads);
        })
    }

    fn input(&self, subject: &Subject<'_>) -> ArrayD<f64> {
        match subject.passes.layer.input_kind() {
            InputKind::Real => ArrayD::from_elem(&self.x[..], 0.3),
            InputKind::Index(_) => ArrayD::zeros(&self.x[..]),
        }
    }
}
