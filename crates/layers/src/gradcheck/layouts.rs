//! Arrays of any memory layout give the results of contiguous ones.

use ndarray::{ArrayD, ArrayRefD, ArrayViewD, ArrayViewMutD, Axis, Slice};
use tensor_ops::Scalar;
use tensor_ops::gradcheck::{Check, Comparison, Floor, Report};

use super::contract::{Baseline, widened};
use super::passes::{Checked, Gradients};
use crate::Saved;

/// How the elements lie in memory.
#[derive(Clone, Copy, Debug)]
enum Layout {
    /// The first axis runs fastest.
    Transposed,
    /// Every second element along every axis, with not-a-number between.
    Sliced,
    /// Every axis runs backwards.
    Reversed,
}

/// Numbers in some layout.
struct Stored<T> {
    memory: ArrayD<T>,
    layout: Layout,
}

impl<T: Scalar> Stored<T> {
    fn new(values: &ArrayRefD<T>, layout: Layout) -> Self {
        let shape: Vec<usize> = match layout {
            Layout::Transposed => values.shape().iter().rev().copied().collect(),
            Layout::Sliced => values.shape().iter().map(|d| 2 * d + 1).collect(),
            Layout::Reversed => values.shape().to_vec(),
        };
        let mut stored = Stored { memory: ArrayD::from_elem(shape, nan()), layout };
        stored.view_mut().assign(values);
        stored
    }

    fn view(&self) -> ArrayViewD<'_, T> {
        let view = self.memory.view();
        match self.layout {
            Layout::Transposed => view.reversed_axes(),
            Layout::Sliced => {
                (0..view.ndim()).fold(view, |v, axis| v.slice_axis_move(Axis(axis), Slice::new(1, None, 2)))
            }
            Layout::Reversed => (0..view.ndim()).fold(view, |mut v, axis| {
                v.invert_axis(Axis(axis));
                v
            }),
        }
    }

    fn view_mut(&mut self) -> ArrayViewMutD<'_, T> {
        let view = self.memory.view_mut();
        match self.layout {
            Layout::Transposed => view.reversed_axes(),
            Layout::Sliced => {
                (0..view.ndim()).fold(view, |v, axis| v.slice_axis_move(Axis(axis), Slice::new(1, None, 2)))
            }
            Layout::Reversed => (0..view.ndim()).fold(view, |mut v, axis| {
                v.invert_axis(Axis(axis));
                v
            }),
        }
    }

    /// Whether something was written between the elements of a slice.
    fn leaked(&self) -> bool {
        let written = self.memory.iter().filter(|v| !v.value().is_nan()).count();
        written > self.view().len()
    }
}

fn nan<T: Scalar>() -> T {
    T::from_f64(f64::NAN)
}

/// The same numbers as an owned array in another layout, as parameters and gradients are handed over.
fn owned<T: Scalar>(values: &ArrayD<T>, layout: Layout) -> ArrayD<T> {
    let stored = Stored::new(values, layout);
    match layout {
        Layout::Transposed | Layout::Sliced => Stored::new(values, Layout::Transposed).memory.reversed_axes(),
        Layout::Reversed => {
            let mut memory = stored.memory;
            (0..memory.ndim()).for_each(|axis| memory.invert_axis(Axis(axis)));
            memory
        }
    }
}

/// Runs both passes with every array in each layout, then with one example broadcast over the batch.
pub(super) fn check_layouts<T: Checked>(baseline: &Baseline<'_, '_, T>, report: &mut Report) {
    for layout in [Layout::Transposed, Layout::Sliced, Layout::Reversed] {
        let s = baseline.subject;
        let name = format!("{layout:?}").to_lowercase();
        let (x, dy) = (Stored::new(&baseline.x, layout), Stored::new(&baseline.dy, layout));
        let params: Vec<_> = baseline.params.iter().map(|p| owned(p, layout)).collect();
        let nothing = |like: &ArrayD<T>| ArrayD::from_elem(like.raw_dim(), nan());
        let mut y = Stored::new(&nothing(&baseline.y), layout);
        let mut dx = Stored::new(&nothing(&baseline.x), layout);
        let mut grads: Vec<_> =
            baseline.params.iter().map(|p| owned(&ArrayD::zeros(p.raw_dim()), layout)).collect();

        let mut cache = s.passes.new_cache(baseline.x.shape());
        cache.begin(s.passes.mode, s.passes.seed);
        let layer = T::over(s.passes.layer);
        layer.forward(&params, &x.view(), &mut y.view_mut(), &mut cache);
        let (saved_x, saved_y) = (x.view(), y.view());
        let saved = Saved { x: &saved_x, y: &saved_y, cache: &mut cache };
        layer.backward(&params, saved, &dy.view(), Some(&mut dx.view_mut()), &mut grads);

        let gradients = Gradients { dx: dx.view().to_owned(), params: grads };
        let tolerance = baseline.tolerance;
        baseline.expect(Check::Layout, &name, Some(&y.view().to_owned()), &gradients, tolerance, report);
        for (tensor, stored) in [("y", &y), ("x", &dx)] {
            if stored.leaked() {
                report.fail_with(
                    Check::Layout,
                    &baseline.place,
                    tensor,
                    "wrote between the elements of a slice",
                );
            }
        }
    }
    broadcast(baseline, report);
}

/// One example and one row of the cotangent, repeated with a stride of 0, against copies of them.
fn broadcast<T: Checked>(baseline: &Baseline<'_, '_, T>, report: &mut Report) {
    let (s, x, params) = (baseline.subject, &baseline.x, &baseline.params);
    let (first_x, first_dy) = (x.index_axis(Axis(0), 0), baseline.dy.index_axis(Axis(0), 0));
    let x = first_x.broadcast(x.raw_dim()).expect("one example fits all");
    let dy = first_dy.broadcast(baseline.dy.raw_dim()).expect("one row fits all");
    let place = format!("{}, broadcast", baseline.place);
    let run = |x: &ArrayRefD<T>, dy: &ArrayRefD<T>| {
        let (y, mut cache) = s.passes.forward(params, x);
        let gradients = s.passes.backward_in(&mut cache, params, x, &y, dy);
        [y, gradients.dx].iter().chain(&gradients.params).map(widened).collect::<Vec<_>>()
    };
    let (got, expected) = (run(&x, &dy), run(&x.to_owned(), &dy.to_owned()));
    let names = ["y", "x"].into_iter().chain(s.specs.iter().map(|spec| &*spec.name));
    let floors = Floor::of(expected.iter().map(|e| &**e));
    for (((tensor, got), expected), floor) in names.zip(&got).zip(&expected).zip(floors) {
        Comparison { check: Check::Layout, place: &place, tensor, floor, tolerance: baseline.tolerance }
            .of(got, expected, report);
    }
}
