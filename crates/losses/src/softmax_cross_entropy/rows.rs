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

/// start + Σⱼ xⱼ
fn sum<T: Scalar>(start: T::Wide, x: &[T]) -> T::Wide {
    x.iter().fold(start, |sum, x| sum + x.widen())
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
                total += self.loss(at * block + i, m, sum(zero::<T>(), e).ln());
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
                let sum = sum(zero::<T>(), dx);
                self.gradient(i, scale, scale * T::narrow(T::Wide::from_f64(1.0) / sum), dx);
                total += self.loss(i, m, sum.ln());
            }
        }
        total
    }

    /// The loss of a row whose exponentials are more than a piece.
    fn long_row(&self, i: usize, piece: &mut [T; PIECE]) -> T::Wide {
        let x = self.row(i);
        let m = largest(x);
        let mut total = zero::<T>();
        for x in x.chunks(PIECE) {
            let piece = &mut piece[..x.len()];
            piece.iter_mut().zip(x).for_each(|(e, &x)| *e = x - m);
            T::exp_slice(piece);
            total = sum(total, piece);
        }
        self.loss(i, m, total.ln())
    }

    fn row(&self, i: usize) -> &[T] {
        &self.logits[i * self.classes..][..self.classes]
    }

    /// dx, which holds the exponentials, ← the gradient of row `i`; they sum to scale / per_sum.
    fn gradient(&self, i: usize, scale: T, per_sum: T, dx: &mut [T]) {
        match self.plain_label(i) {
            Some(label) => {
                dx.iter_mut().for_each(|dx| *dx *= per_sum);
                dx[label] -= scale;
            }
            None => {
                let mass = (0..dx.len()).fold(T::zero(), |mass, j| mass + self.coefficient(i, j));
                for (j, dx) in dx.iter_mut().enumerate() {
                    *dx = *dx * per_sum * mass - scale * self.coefficient(i, j);
                }
            }
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
