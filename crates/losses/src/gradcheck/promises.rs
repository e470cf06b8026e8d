//! What a loss promises beside its derivative.

use ndarray::{Array2, ArrayView2, s};
use tensor_ops::gradcheck::points::spread;
use tensor_ops::gradcheck::{Check, Comparison, Floor, Report, Settings, exact_pullback};
use tensor_ops::random::{Purpose, stream};

use super::subject::{Number, Owned, Subject, flat};
use crate::{Reduction, Targets};

/// A derivative from above that is not 1.
const UPSTREAM: f64 = 1.7;

/// The step to both sides of a kink, and how far outside the slopes a derivative may be.
const STEP: f64 = 1e-6;
const SLACK: f64 = 1e-4;

pub(super) struct Promises<'s, 'a> {
    pub(super) subject: &'s Subject<'a>,
    pub(super) settings: &'s Settings,
    pub(super) place: String,
}

impl Promises<'_, '_> {
    pub(super) fn check(&self, report: &mut Report) {
        self.written(report);
        self.layouts(report);
        self.parts(report);
        self.sum(report);
        self.single(report);
        self.extremes(report);
        self.kinks(report);
        self.refusals(report);
    }

    fn compare(
        &self,
        check: Check,
        how: &str,
        got: &Array2<f64>,
        expected: &Array2<f64>,
        report: &mut Report,
    ) -> f64 {
        let tolerance = match check {
            Check::Unwritten => 0.0,
            Check::SinglePrecision => self.settings.tolerances.single,
            Check::Extremes => self.settings.tolerances.differences,
            _ => self.settings.tolerances.dual,
        };
        let (got, expected) = (got.clone().into_dyn(), expected.clone().into_dyn());
        let Floor(floor) = Floor::of([&*expected].into_iter())[0];
        // A gradient of rounding errors is as good as none.
        let floor = Floor(if check == Check::Extremes { floor.max(1e-6) } else { floor });
        let place = if how.is_empty() { self.place.clone() } else { format!("{}, {how}", self.place) };
        Comparison { check, place: &place, tensor: "x", floor, tolerance }.of(&got, &expected, report)
    }

    /// The gradient overwrites, is the same again, and comes with the same value as without it.
    fn written(&self, report: &mut Report) {
        let s = self.subject;
        let (value, first) = s.gradient(&s.x, UPSTREAM, 0.0);
        for before in [f64::NAN, 1234.5] {
            let (_, again) = s.gradient(&s.x, UPSTREAM, before);
            self.compare(Check::Unwritten, "", &again, &first, report);
        }
        let alone = s.value(&s.x).expect("the targets were accepted before");
        if alone.to_bits() != value.to_bits() {
            let note = format!("value {alone} without the gradient, {value} with it");
            report.fail_with(Check::Repeat, &self.place, "value", note);
        }
    }

    /// Outputs, targets and gradient in other memory layouts.
    fn layouts(&self, report: &mut Report) {
        let s = self.subject;
        let (_, expected) = s.gradient(&s.x, UPSTREAM, f64::NAN);
        for layout in [Layout::Transposed, Layout::Sliced] {
            let x = layout.store(&s.x);
            let mut dx = layout.store(&Array2::from_elem(s.x.dim(), f64::NAN));
            let rows = match &s.targets {
                Owned::Rows(rows) => Some(layout.store(rows)),
                Owned::Classes(_) => None,
            };
            let targets = match (&s.targets, &rows) {
                (Owned::Classes(labels), _) => Targets::Classes(labels),
                (_, Some(rows)) => Targets::Rows(layout.view(rows)),
                _ => unreachable!("rows were stored"),
            };
            let mut view = match layout {
                Layout::Transposed => dx.view_mut().reversed_axes(),
                Layout::Sliced => dx.slice_mut(s![1..;2, 1..;2]),
            };
            let loss = f64::over(s.loss);
            let result = loss.value_and_gradient(&layout.view(&x), targets, UPSTREAM, &mut view);
            result.expect("the targets were accepted before");
            self.compare(Check::Layout, layout.name(), &view.to_owned(), &expected, report);
        }
    }

    /// A batch in two parts, put together as the reduction says.
    fn parts(&self, report: &mut Report) {
        let s = self.subject;
        let n = s.x.nrows();
        let (value, gradient) = s.gradient(&s.x, UPSTREAM, f64::NAN);
        let weight = |targets: &Owned| targets.with(|targets| f64::over(s.loss).weight(targets));
        let (mut sum, mut of_parts) = (0.0, Array2::zeros(s.x.dim()));
        for rows in [0..n / 2, n / 2..n].into_iter().filter(|rows| !rows.is_empty()) {
            let targets = match &s.targets {
                Owned::Classes(labels) => Owned::Classes(labels[rows.clone()].to_vec()),
                Owned::Rows(targets) => Owned::Rows(targets.slice(s![rows.clone(), ..]).to_owned()),
            };
            let share = match f64::over(s.loss).reduction() {
                Reduction::Mean => weight(&targets) / weight(&s.targets),
                Reduction::Sum => 1.0,
            };
            let part = Subject::at(s.loss, s.x.slice(s![rows.clone(), ..]).to_owned(), targets);
            let (value, gradient) = part.gradient(&part.x, UPSTREAM * share, f64::NAN);
            sum += value * share;
            of_parts.slice_mut(s![rows, ..]).assign(&gradient);
        }
        self.compare(Check::BatchSum, "", &gradient, &of_parts, report);
        if (value - sum).abs() > self.settings.tolerances.dual * value.abs().max(1.0) {
            let note = format!("value {value} of all rows, {sum} put together from two parts");
            report.fail_with(Check::BatchSum, &self.place, "value", note);
        }
    }

    /// The sum over the rows is their mean times what they weigh.
    fn sum(&self, report: &mut Report) {
        let s = self.subject;
        let (value, gradient) = s.gradient(&s.x, UPSTREAM, f64::NAN);
        let weight = match f64::over(s.loss).reduction() {
            Reduction::Mean => s.targets.with(|targets| f64::over(s.loss).weight(targets)),
            Reduction::Sum => 1.0,
        };
        let mut dx = Array2::from_elem(s.x.dim(), f64::NAN);
        let evaluate =
            |t: Targets<'_, f64>| f64::over(s.loss).evaluate_sum(&s.x, t, Some((UPSTREAM, &mut dx)));
        let sum = s.targets.with(evaluate).expect("the targets were accepted before");
        self.compare(Check::BatchSum, "sum", &dx, &(gradient * weight), report);
        let expected = value * weight;
        if (sum - expected).abs() > self.settings.tolerances.dual * expected.abs().max(1.0) {
            let note = format!("a sum of {sum}, expected {expected}: the mean times what the rows weigh");
            report.fail_with(Check::BatchSum, &self.place, "value", note);
        }
    }

    /// f32 against f64 on the same numbers.
    fn single(&self, report: &mut Report) {
        let s = self.subject;
        let single = s.x.mapv(|x| x as f32);
        let targets = match &s.targets {
            Owned::Rows(rows) => Owned::Rows(rows.mapv(|t| f64::from(t as f32))),
            classes => classes.clone(),
        };
        let at = Subject::at(s.loss, single.mapv(f64::from), targets);
        let upstream = UPSTREAM as f32;
        let (value32, gradient32) = at.gradient(&single, upstream, f64::NAN);
        let (value64, gradient64) = at.gradient(&at.x, f64::from(upstream), f64::NAN);
        let check = Check::SinglePrecision;
        let error = self.compare(check, "", &gradient32.mapv(f64::from), &gradient64, report);
        self.compare(
            check,
            "value",
            &Array2::from_elem((1, 1), value32),
            &Array2::from_elem((1, 1), value64),
            report,
        );
        let tensor = report.tensor("x");
        tensor.max_single_error = tensor.max_single_error.max(error);
    }

    /// Large, tiny and zero outputs: finite in both precisions, and the derivative stays exact.
    fn extremes(&self, report: &mut Report) {
        let s = self.subject;
        let mut rng = stream(self.settings.seed, Purpose::Check, 21);
        let shape = [s.x.nrows(), s.x.ncols()];
        let mut draw = |size: f64| flat(&spread(&shape, &mut rng)) * size;
        let inputs = [
            ("large outputs", draw(self.settings.large / 2.0), true),
            ("tiny outputs", draw(1e-310), true),
            ("tiny f32 outputs", draw(1e-40), true),
            ("zero outputs", draw(0.0), false),
        ];
        for (how, x, differentiate) in inputs {
            let at = Subject::at(s.loss, x, s.targets.clone());
            let (value, gradient) = at.gradient(&at.x, UPSTREAM, f64::NAN);
            let (value32, gradient32) = at.gradient(&at.x.mapv(|x| x as f32), UPSTREAM as f32, f64::NAN);
            let finite = value.is_finite() && gradient.iter().all(|g| g.is_finite());
            if !(finite && value32.is_finite() && gradient32.iter().all(|g| g.is_finite())) {
                let place = format!("{}, {how}", self.place);
                report.fail_with(Check::Extremes, &place, "x", "not finite");
            }
            if differentiate {
                let exact = exact_pullback(&at, &ndarray::arr1(&[UPSTREAM]).into_dyn()).swap_remove(0);
                self.compare(Check::Extremes, how, &gradient, &flat(&exact), report);
            }
        }
    }

    /// Outputs that are exactly the targets, and whole numbers away from them, where absolute values bend; and those of
    /// other classes so far below that of the label, where hinges do.
    fn kinks(&self, report: &mut Report) {
        let s = self.subject;
        let points: Vec<Array2<f64>> = match &s.targets {
            Owned::Rows(targets) => [-1.0, 0.0, 1.0].map(|away| targets + away).into(),
            Owned::Classes(labels) => {
                let below =
                    |margin: f64| move |(i, j): (usize, usize)| if labels[i] == j { 0.0 } else { -margin };
                [0.0, 0.5, 1.0].map(|margin| Array2::from_shape_fn(s.x.dim(), below(margin))).into()
            }
        };
        for x in points {
            let (value, gradient) = s.gradient(&x, 1.0, f64::NAN);
            for (at, &got) in gradient.indexed_iter() {
                let slope = |h: f64| {
                    let mut x = x.clone();
                    x[at] += h;
                    (s.value(&x).expect("the targets were accepted before") - value) / h
                };
                let (left, right) = (slope(-STEP), slope(STEP));
                let slack = SLACK * left.abs().max(right.abs()).max(1e-3);
                if !(left.min(right) - slack..=left.max(right) + slack).contains(&got) {
                    let note = format!("x{at:?}: got {got}, expected from {left} to {right}");
                    return report.fail_with(Check::Kink, &self.place, "x", note);
                }
            }
        }
    }

    /// Value and gradient refuse the same targets with the same error; neither panics on them.
    fn refusals(&self, report: &mut Report) {
        let s = self.subject;
        let (n, d) = s.x.dim();
        let rows = |n: usize, d: usize, value: f64| Owned::Rows(Array2::from_elem((n, d), value));
        let wrong = [
            Owned::Classes(vec![0; n + 1]),
            Owned::Classes(vec![d; n]),
            Owned::Classes(Vec::new()),
            rows(n + 1, d, 1.0 / d as f64),
            rows(n, d + 1, 1.0 / d as f64),
            rows(n, d, 7.5),
            rows(n, d, f64::NAN),
            rows(0, d, 0.0),
        ];
        for targets in wrong {
            let at = Subject::at(s.loss, s.x.clone(), targets);
            let text = |e: Option<crate::Error>| e.map_or("accepts".to_owned(), |e| e.to_string());
            let value = text(at.value(&at.x).err());
            let mut dx = Array2::zeros(s.x.dim());
            let gradient = at.targets.with(|t| f64::over(s.loss).value_and_gradient(&s.x, t, 1.0, &mut dx));
            let gradient = text(gradient.err());
            if value != gradient {
                let note = format!("value: {value}; gradient: {gradient}");
                report.fail_with(Check::Shapes, &self.place, "targets", note);
            }
        }
        let empty = Subject::at(s.loss, Array2::zeros((0, d)), Owned::Classes(Vec::new()));
        if empty.value(&empty.x).is_ok_and(|value| !value.is_finite()) {
            report.fail_with(Check::EmptyBatch, "batch of 0", "value", "not finite, and no error");
        }
    }
}

/// How a matrix lies in memory.
#[derive(Clone, Copy)]
enum Layout {
    Transposed,
    Sliced,
}

impl Layout {
    fn name(self) -> &'static str {
        match self {
            Layout::Transposed => "transposed",
            Layout::Sliced => "sliced",
        }
    }

    /// Memory in which [`Layout::view`] finds the values.
    fn store(self, values: &Array2<f64>) -> Array2<f64> {
        match self {
            Layout::Transposed => values.t().as_standard_layout().into_owned(),
            Layout::Sliced => {
                let (n, d) = values.dim();
                let mut memory = Array2::from_elem((2 * n + 1, 2 * d + 1), f64::NAN);
                memory.slice_mut(s![1..;2, 1..;2]).assign(values);
                memory
            }
        }
    }

    fn view(self, memory: &Array2<f64>) -> ArrayView2<'_, f64> {
        match self {
            Layout::Transposed => memory.t(),
            Layout::Sliced => memory.slice(s![1..;2, 1..;2]),
        }
    }
}
