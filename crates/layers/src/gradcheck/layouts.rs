//! Arrays of any memory layout give the results of contiguous ones.

use ndarray::{ArrayD, ArrayRefD, ArrayViewD, ArrayViewMutD, Axis, Slice};
use tensor_ops::gradcheck::{Check, Comparison, Floor, Report};

use super::contract::Baseline;
use super::passes::{Gradients, Number};
use super::subject::Subject;
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
struct Stored {
    memory: ArrayD<f64>,
    layout: Layout,
}

impl Stored {
    fn new(values: &ArrayRefD<f64>, layout: Layout) -> Self {
        let shape: Vec<usize> = match layout {
            Layout::Transposed => values.shape().iter().rev().copied().collect(),
            Layout::Sliced => values.shape().iter().map(|d| 2 * d + 1).collect(),
            Layout::Reversed => values.shape().to_vec(),
        };
        let mut stored = Stored { memory: ArrayD::from_elem(shape, f64::NAN), layout };
        stored.view_mut().assign(values);
        stored
    }

    fn view(&self) -> ArrayViewD<'_, f64> {
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

    fn view_mut(&mut self) -> ArrayViewMutD<'_, f64> {
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
        let written = self.memory.iter().filter(|v| !v.is_nan()).count();
        written > self.view().len()
    }
}

/// The same numbers as an owned array in another layout, as parameters and gradients are handed over.
fn owned(values: &ArrayD<f64>, layout: Layout) -> ArrayD<f64> {
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
pub(super) fn check_layouts(baseline: &Baseline<'_, '_>, report: &mut Report) {
    for layout in [Layout::Transposed, Layout::Sliced, Layout::Reversed] {
        let s = baseline.subject;
        let name = format!("{layout:?}").to_lowercase();
        let (x, dy) = (Stored::new(&s.x, layout), Stored::new(&baseline.dy, layout));
        let params: Vec<_> = s.params.iter().map(|p| owned(p, layout)).collect();
        let nothing = |like: &ArrayD<f64>| ArrayD::from_elem(like.raw_dim(), f64::NAN);
        let mut y = Stored::new(&nothing(&baseline.y), layout);
        let mut dx = Stored::new(&nothing(&s.x), layout);
        let mut grads: Vec<_> = s.params.iter().map(|p| owned(&ArrayD::zeros(p.raw_dim()), layout)).collect();

        let mut cache = s.passes.new_cache(s.x.shape());
        cache.begin(s.passes.mode, s.passes.seed);
        let layer = f64::over(s.passes.layer);
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
    broadcast(baseline.subject, baseline, report);
}

/// One example and one row of the cotangent, repeated with a stride of 0, against copies of them.
fn broadcast(s: &Subject<'_>, baseline: &Baseline<'_, '_>, report: &mut Report) {
    let (first_x, first_dy) = (s.x.index_axis(Axis(0), 0), baseline.dy.index_axis(Axis(0), 0));
    let x = first_x.broadcast(s.x.raw_dim()).expect("one example fits all");
    let dy = first_dy.broadcast(baseline.dy.raw_dim()).expect("one row fits all");
    let place = format!("{}, broadcast", baseline.place);
    let run = |x: &ArrayRefD<f64>, dy: &ArrayRefD<f64>| {
        let (y, mut cache) = s.passes.forward(&s.params, x);
        let gradients = s.passes.backward_in(&mut cache, &s.params, x, &y, dy);
        [vec![y, gradients.dx], gradients.params].concat()
    };
    let (got, expected) = (run(&x, &dy), run(&x.to_owned(), &dy.to_owned()));
    let names = ["y", "x"].into_iter().chain(s.specs.iter().map(|spec| &*spec.name));
    let floors = Floor::of(expected.iter().map(|e| &**e));
    for (((tensor, got), expected), floor) in names.zip(&got).zip(&expected).zip(floors) {
        Comparison { check: Check::Layout, place: &place, tensor, floor, tolerance: baseline.tolerance }
            .of(got, expected, report);
    }
}
