//! The losses of a batch and their gradients, over rows that lie one after the other.

use tensor_ops::Scalar;

use super::SoftmaxCrossEntropy;
use crate::Targets;

/// Rows that are computed together: their exponentials at once, which is the one costly pass.
const BLOCK: usize = 64;
/// The most exponentials at a time where no array is there to hold them.
pub(super) const PIECE: usize = 512;

/// The largest logit of a row, as a constant: no result depends on it.
fn largest<T: Scalar>(x: &[T]) -> T {
    let start = T::from_f64(f64::NEG_INFINITY);
    T::from_f64(x.iter().fold(start, |m, &x| if x > m { x } else { m }).value())
}

/// m ← the largest logit of each row of so many classes, y ← exp(x - m)
fn shifted_exponentials<T: Scalar>(x: &[T], classes: usize, y: &mut [T], m: &mut [T]) {
    for ((x, y), m) in x.chunks_exact(classes).zip(y.chunks_exact_mut(classes)).zip(m) {
        *m = largest(x);
        y.iter_mut().zip(x).for_each(|(y, &x)| *y = x - *m);
    }
    T::exp_slice(y);
}

fn zero<T: Scalar>() -> T::Wide {
    T::Wide::from_f64(0.0)
}

/// A batch.
pub(super) struct Rows<'a, T> {
    pub(super) options: &'a SoftmaxCrossEntropy,
    pub(super) n: usize,
    /// At least 1, also where there are no rows.
    pub(super) classes: usize,
    /// Row after row.
    pub(super) logits: &'a [T],
    pub(super) targets: Targets<'a, T>,
}

/// The sum of the exponentials of a row, taken apart: where nearly all of it is one exponential, the others would be lost
/// beside it.
struct Sum<T: Scalar> {
    /// The position of the one.
    at: usize,
    one: T::Wide,
    others: T::Wide,
}

impl<T: Scalar> Sum<T> {
    /// Adds exponentials, of which the one is at `at`, if it is among them.
    fn add(&mut self, at: usize, exponentials: &[T]) {
        let nothing = zero::<T>();
        self.one += exponentials.get(at).map_or(nothing, |e| e.widen());
        // Without a branch, which would go either way.
        let others = exponentials.iter().enumerate().map(|(j, e)| if j == at { nothing } else { e.widen() });
        self.others = others.fold(self.others, |sum, e| sum + e);
    }

    fn all(&self) -> T::Wide {
        self.one + self.others
    }

    /// ln of [`all`](Self::all)
    fn ln(&self) -> T::Wide {
        let less = self.one - T::Wide::from_f64(1.0);
        // 0 for the largest logit, but not its derivative.
        if less.value() == 0.0 { (less + self.others).ln_1p() } else { self.all().ln() }
    }
}

impl<T: Scalar> Rows<'_, T> {
    /// The sum of the losses.
    pub(super) fn value(&self) -> T::Wide {
        let mut piece = [T::zero(); PIECE];
        let mut total = zero::<T>();
        if self.classes > PIECE {
            return (0..self.n).fold(total, |total, i| total + self.long_row(i, &mut piece));
        }
        let mut m = [T::zero(); BLOCK];
        let block = (PIECE / self.classes).min(BLOCK);
        for (at, x) in self.logits.chunks(block * self.classes).enumerate() {
            let exponentials = &mut piece[..x.len()];
            shifted_exponentials(x, self.classes, exponentials, &mut m);
            for (i, (e, &m)) in exponentials.chunks_exact(self.classes).zip(&m).enumerate() {
                let i = at * block + i;
                let mut sum = self.nothing(i, m);
                sum.add(sum.at, e);
                total += self.loss(i, m, sum.ln());
            }
        }
        total
    }

    /// The same, and dx ← scale · the gradient.
    pub(super) fn with_gradient(&self, scale: T, dx: &mut [T]) -> T::Wide {
        let mut total = zero::<T>();
        let mut m = [T::zero(); BLOCK];
        let block = BLOCK * self.classes;
        for (at, (x, dx)) in self.logits.chunks(block).zip(dx.chunks_mut(block)).enumerate() {
            shifted_exponentials(x, self.classes, dx, &mut m);
            for (i, (dx, &m)) in dx.chunks_exact_mut(self.classes).zip(&m).enumerate() {
                let i = at * BLOCK + i;
                let mut sum = self.nothing(i, m);
                sum.add(sum.at, dx);
                total += self.loss(i, m, sum.ln());
                self.gradient(i, scale, &sum, dx);
            }
        }
        total
    }

    /// The loss of a row whose exponentials are more than a piece.
    fn long_row(&self, i: usize, piece: &mut [T; PIECE]) -> T::Wide {
        let x = self.row(i);
        let m = largest(x);
        let mut sum = self.nothing(i, m);
        for (k, x) in x.chunks(PIECE).enumerate() {
            let piece = &mut piece[..x.len()];
            piece.iter_mut().zip(x).for_each(|(e, &x)| *e = x - m);
            T::exp_slice(piece);
            sum.add(sum.at.wrapping_sub(k * PIECE), piece); // beyond the piece if it is in another one
        }
        self.loss(i, m, sum.ln())
    }

    fn row(&self, i: usize) -> &[T] {
        &self.logits[i * self.classes..][..self.classes]
    }

    /// The beginning of the sum of row `i`; apart is its label, or its largest logit if there is more to it than a label.
    fn nothing(&self, i: usize, m: T) -> Sum<T> {
        let largest = || self.row(i).iter().position(|x| x.value() == m.value()).unwrap_or(0);
        Sum { at: self.plain_label(i).unwrap_or_else(largest), one: zero::<T>(), others: zero::<T>() }
    }

    /// dx, which holds the exponentials, ← the gradient of row `i`.
    fn gradient(&self, i: usize, scale: T, sum: &Sum<T>, dx: &mut [T]) {
        let inverse = T::Wide::from_f64(1.0) / sum.all();
        if let Some(label) = self.plain_label(i) {
            let factor = scale * T::narrow(inverse);
            dx.iter_mut().for_each(|dx| *dx *= factor);
            dx[label] = -scale * T::narrow(sum.others * inverse);
            return;
        }
        let coefficient = |j| self.coefficient(i, j).widen();
        let mass = (0..dx.len()).fold(zero::<T>(), |mass, j| mass + coefficient(j));
        for (j, dx) in dx.iter_mut().enumerate() {
            let (c, e) = (coefficient(j), dx.widen());
            let others = if j == sum.at { sum.others } else { sum.all() - e };
            *dx = scale * T::narrow((e * (mass - c) - c * others) * inverse);
        }
    }

    /// The loss of row `i`.
    fn loss(&self, i: usize, m: T, log_sum: T::Wide) -> T::Wide {
        // Wide differences: two finite f32 logits can be further apart than f32 reaches.
        let distance = |x: T| log_sum - (x.widen() - m.widen());
        match self.plain_label(i) {
            Some(label) => distance(self.row(i)[label]),
            None => self.row(i).iter().enumerate().fold(zero::<T>(), |loss, (j, &x)| {
                let c = self.coefficient(i, j);
                // A class that has no part counts nothing, even where its logit is -inf.
                if c.value() == 0.0 { loss } else { loss + c.widen() * distance(x) }
            }),
        }
    }

    fn coefficient(&self, i: usize, j: usize) -> T {
        let t = match self.targets {
            Targets::Classes(labels) if labels[i] == j => T::one(),
            Targets::Classes(_) => T::zero(),
            Targets::Rows(rows) => rows[[i, j]],
        };
        self.options.coefficient(t, j, self.classes)
    }

    /// The class of row `i`, if it is all there is to it.
    fn plain_label(&self, i: usize) -> Option<usize> {
        match self.targets {
            Targets::Classes(labels) if self.options.is_plain() => Some(labels[i]),
            _ => None,
        }
    }
}
