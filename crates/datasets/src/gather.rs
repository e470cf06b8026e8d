//! Gathering the rows of a mini-batch, scaled, into an array of the network's scalar.

use std::marker::PhantomData;

use ndarray::{ArrayD, ArrayRefD, Axis};
use tensor_ops::{Scalar, pool, prefetch, prefetch_amid_products, vectorised};

use crate::dataset::each;
use crate::{Error, Features, Scaling};

/// Rows of features, scaled as they are copied: the first thing every training step does.
///
/// Made once, used each step; using it allocates nothing. It is shared freely between threads, each of which may fill
/// its own rows of a batch.
///
/// Floats are scaled in f64 and rounded once to `T`, so that a large offset cannot cancel their digits. Bytes with one
/// scaling for all features are scaled in `T`, which holds them exactly: a third faster than a table of the 256 results,
/// because the compiler can use vector instructions.
///
/// # Examples
///
/// ```
/// use datasets::{Features, Gather, Scaling};
/// use ndarray::{Array, array};
///
/// let pixels = Features::U8(array![[0, 64], [128, 255]].into_dyn());
/// let scaling = Scaling::by_constant(0.5);
/// let gather = Gather::new(&pixels, &scaling)?;
/// let mut batch = Array::<f32, _>::zeros(vec![3, 2]);
/// gather.rows(&[1, 0, 1], &mut batch);
/// assert_eq!(batch, array![[64.0, 127.5], [0.0, 32.0], [64.0, 127.5]].into_dyn());
/// # Ok::<(), datasets::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Gather<'a, T> {
    features: &'a Features,
    scaling: &'a Scaling,
    width: usize,
    scalar: PhantomData<T>,
}

impl<'a, T: Scalar> Gather<'a, T> {
    /// Prepares gathering from `features` through `scaling`.
    ///
    /// # Errors
    ///
    /// [`Error::ScalingWidth`] if a scaling per feature is for another number of features.
    pub fn new(features: &'a Features, scaling: &'a Scaling) -> Result<Self, Error> {
        scaling.check(features)?;
        Ok(Self { features, scaling, width: features.width(), scalar: PhantomData })
    }

    /// out ← the scaled examples with the given indices.
    ///
    /// # Shapes
    ///
    /// `out` \[indices, ...\] with as many numbers a row as an example has, in any shape.
    ///
    /// # Panics
    ///
    /// If the shapes do not fit or an index is not an example.
    #[track_caller]
    pub fn rows(&self, indices: &[usize], out: &mut ArrayRefD<T>) {
        assert_eq!(out.shape().first(), Some(&indices.len()), "gather: rows of the batch and indices");
        let width: usize = out.shape()[1..].iter().product();
        assert_eq!(width, self.width, "gather: numbers in a row of the batch and in an example");
        if let Some(slice) = out.as_slice_mut()
            && self.width > 0
        {
            let rows = indices.len().div_ceil(8).max(1);
            let parts = slice.chunks_mut(rows * self.width).zip(indices.chunks(rows));
            return pool::for_each(nanoseconds(indices.len() * self.width), parts, |(out, indices)| {
                self.rows_into(indices, out);
            });
        }
        for (mut row, &index) in out.axis_iter_mut(Axis(0)).zip(indices) {
            let mut scaled = vec![T::zero(); self.width];
            self.rows_into(&[index], &mut scaled);
            row.iter_mut().zip(scaled).for_each(|(to, x)| *to = x);
        }
    }

    /// The same into a slice that holds the rows one after another, such as one thread's part of a batch.
    ///
    /// # Panics
    ///
    /// If the slice has not as many numbers as the indexed examples, or an index is not an example.
    #[track_caller]
    pub fn rows_into(&self, indices: &[usize], out: &mut [T]) {
        assert_eq!(out.len(), indices.len() * self.width, "gather: numbers in the batch");
        match (self.features, self.scaling) {
            (Features::U8(x), &Scaling::Uniform { shift, factor }) => {
                let (shift, factor) = (T::from_f64(shift), T::from_f64(factor));
                copy_rows(x, indices, out, |row, to| {
                    let scaled = move |x: u8| (T::from_f64(f64::from(x)) - shift) * factor;
                    vectorised(move || row.iter().zip(to).for_each(|(&x, to)| *to = scaled(x)));
                });
            }
            (Features::U8(x), scaling) => scale_rows(x, scaling, indices, out),
            (Features::F32(x), scaling) => scale_rows(x, scaling, indices, out),
            (Features::F64(x), scaling) => scale_rows(x, scaling, indices, out),
        }
    }

    /// Has examples fetched while this thread computes its next products: those that it gathers then.
    ///
    /// A hint, which changes no number: an index may be of no example, and examples of more than 256 KiB are left where they
    /// are. Of no use if several threads gather together.
    pub fn prefetch(&self, indices: &[usize]) {
        each!(self.features, x => prefetch_rows(x, self.width, indices));
    }
}

impl Features {
    /// out ← the scaled examples with the given indices: [`Gather`] for a single use.
    ///
    /// # Shapes
    ///
    /// `out` \[indices, ...\] with as many numbers a row as an example has, in any shape.
    ///
    /// # Panics
    ///
    /// If the shapes do not fit, the scaling is for another number of features, or an index is not an example.
    #[track_caller]
    pub fn gather<T: Scalar>(&self, indices: &[usize], scaling: &Scaling, out: &mut ArrayRefD<T>) {
        match Gather::new(self, scaling) {
            Ok(gather) => gather.rows(indices, out),
            Err(error) => panic!("gather: {error}"),
        }
    }
}

fn prefetch_rows<A>(x: &ArrayD<A>, width: usize, indices: &[usize]) {
    /// Bytes of examples that stay in the cache once they were there.
    const FEW: usize = 1 << 20;
    let all = x.as_slice().unwrap_or_default();
    if size_of_val(all) <= FEW {
        return;
    }
    let row = |&i: &usize| all.get(width.checked_mul(i)?..)?.get(..width);
    prefetch_amid_products(indices.iter().filter_map(row));
}

/// A guess of the time to gather so many numbers from memory that is in no cache.
fn nanoseconds(numbers: usize) -> usize {
    numbers / 2
}

fn scale_rows<A, T>(x: &ArrayD<A>, scaling: &Scaling, indices: &[usize], out: &mut [T])
where
    A: Copy + Into<f64>,
    T: Scalar,
{
    match scaling {
        // A conversion alone, which is a copy where the types are the same.
        &Scaling::Uniform { shift: 0.0, factor: 1.0 } => copy_rows(x, indices, out, |row, to| {
            vectorised(move || row.iter().zip(to).for_each(|(&x, to)| *to = T::from_f64(x.into())));
        }),
        &Scaling::Uniform { shift, factor } => copy_rows(x, indices, out, |row, to| {
            let scaled = move |x: A| T::from_f64((x.into() - shift) * factor);
            vectorised(move || row.iter().zip(to).for_each(|(&x, to)| *to = scaled(x)));
        }),
        Scaling::PerFeature { shift, factor } => copy_rows(x, indices, out, |row, to| {
            for (((&x, to), shift), factor) in row.iter().zip(to).zip(shift).zip(factor) {
                *to = T::from_f64((x.into() - shift) * factor);
            }
        }),
    }
}

/// How many rows ahead of its use a row is fetched.
const AHEAD: usize = 2;

/// Calls `copy` with each indexed row of `x` and its place in `out`. Allocates only if `x` is not in standard layout.
fn copy_rows<A: Copy, T>(x: &ArrayD<A>, indices: &[usize], out: &mut [T], copy: impl Fn(&[A], &mut [T])) {
    if out.is_empty() {
        return;
    }
    let width = out.len() / indices.len();
    let targets = indices.iter().zip(out.chunks_exact_mut(width));
    match x.as_slice() {
        Some(all) => {
            let row = |i: usize| &all[i * width..][..width];
            for (k, (&i, to)) in targets.enumerate() {
                // Rows are far apart and in no order.
                indices.get(k + AHEAD).inspect(|&&later| prefetch(row(later)));
                copy(row(i), to);
            }
        }
        None => targets.for_each(|(&i, to)| {
            let row: Vec<A> = x.index_axis(Axis(0), i).iter().copied().collect();
            copy(&row, to);
        }),
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array, ShapeBuilder};

    use super::*;

    fn plain<A: Copy + Into<f64>>(x: &ArrayD<A>, scaling: &Scaling, rows: &[usize]) -> Vec<f64> {
        let scale = |x: f64, j: usize| match scaling {
            Scaling::Uniform { shift, factor } => (x - shift) * factor,
            Scaling::PerFeature { shift, factor } => (x - shift[j]) * factor[j],
        };
        let row = |i| x.index_axis(Axis(0), i).iter().map(|&x| x.into()).collect::<Vec<f64>>();
        rows.iter().flat_map(|&i| row(i).into_iter().enumerate().map(|(j, x)| scale(x, j))).collect()
    }

    #[test]
    fn every_kind_of_feature_and_scaling_agrees_with_the_formula() {
        let bytes = Array::from_shape_fn(vec![6, 2, 3], |i| (i[0] * 41 + i[1] * 11 + i[2] * 3) as u8);
        let (single, double) = (bytes.mapv(|x| f32::from(x) + 0.1), bytes.mapv(|x| f64::from(x) / 3.0));
        let per_feature = Scaling::PerFeature {
            shift: vec![0.5, 1.0, 2.0, 0.0, 9.0, 100.0],
            factor: vec![1.0, 0.1, 3.0, 0.0, -1.0, 1e-3],
        };
        let rows = [5, 0, 0, 3];
        for scaling in [Scaling::none(), Scaling::Uniform { shift: 72.9, factor: 1.0 / 90.0 }, per_feature] {
            for (features, expected) in [
                (Features::U8(bytes.clone()), plain(&bytes, &scaling, &rows)),
                (Features::F32(single.clone()), plain(&single, &scaling, &rows)),
                (Features::F64(double.clone()), plain(&double, &scaling, &rows)),
            ] {
                let gather = Gather::<f64>::new(&features, &scaling).unwrap();
                let mut whole = vec![0.0; 24];
                gather.rows_into(&rows, &mut whole);
                assert_eq!(whole, expected);

                let gather = Gather::<f32>::new(&features, &scaling).unwrap();
                let mut out = Array::zeros(vec![4, 6]);
                gather.rows(&rows, &mut out);
                let close =
                    |(&x, &exact): (&f32, &f64)| (f64::from(x) - exact).abs() <= 2e-7 * (3.0 + exact.abs());
                assert!(out.iter().zip(&expected).all(close), "{out} {expected:?}");
                let mut halves = vec![0.0; 24];
                let (first, second) = halves.split_at_mut(12);
                gather.rows_into(&rows[..2], first);
                gather.rows_into(&rows[2..], second);
                assert_eq!(halves, out.as_slice().unwrap(), "a batch may be gathered in parts");
            }
        }
    }

    #[test]
    fn any_memory_layout_gives_the_same_numbers() {
        let x = Array::from_shape_fn(vec![3, 4].f(), |i| (i[0] * 4 + i[1]) as u8);
        let features = Features::U8(x.into_dyn());
        let mut out = Array::<f64, _>::zeros(vec![2, 4].f()).into_dyn();
        features.gather(&[2, 0], &Scaling::none(), &mut out);
        assert_eq!(out.iter().copied().collect::<Vec<_>>(), [8., 9., 10., 11., 0., 1., 2., 3.]);
    }

    #[test]
    fn a_scaling_for_another_width_is_an_error() {
        let features = Features::U8(Array::zeros(vec![2, 3]));
        let scaling = Scaling::PerFeature { shift: vec![0.0; 3], factor: vec![1.0; 2] };
        let err = Gather::<f32>::new(&features, &scaling).unwrap_err();
        assert_eq!(err.to_string(), "scaling: expected 3 features, got 2");
    }

    #[test]
    fn a_hint_may_name_what_is_not_there() {
        for rows in [0, 2, 3000] {
            let (features, none) = (Features::U8(Array::zeros(vec![rows, 784])), Scaling::none());
            let gather = Gather::<f32>::new(&features, &none).unwrap();
            gather.prefetch(&[0, 1, 2, 3000, 1 << 40, usize::MAX / 784, usize::MAX]);
            gather.prefetch(&[]);
        }
    }

    #[test]
    fn a_batch_whose_rows_have_another_length_panics_in_any_layout() {
        let features = Features::U8(Array::from_shape_fn(vec![10, 5], |i| (i[0] * 5 + i[1]) as u8));
        let indices: Vec<usize> = (0..10).collect();
        for width in [0, 4, 6, 10] {
            let standard = Array::<f32, _>::zeros(vec![10, width]);
            for mut out in [standard, Array::zeros(vec![10, width].f())] {
                let gather =
                    std::panic::AssertUnwindSafe(|| features.gather(&indices, &Scaling::none(), &mut out));
                let message = *std::panic::catch_unwind(gather).unwrap_err().downcast::<String>().unwrap();
                assert!(message.contains("numbers in a row of the batch and in an example"), "{message}");
                assert!(out.iter().all(|&x| x == 0.0), "nothing is written");
            }
        }
    }

    #[test]
    fn no_rows_and_no_features_are_fine() {
        let features = Features::U8(Array::zeros(vec![2, 0]));
        features.gather(&[0, 1], &Scaling::none(), &mut Array::<f32, _>::zeros(vec![2, 0]));
        features.gather(&[], &Scaling::none(), &mut Array::<f32, _>::zeros(vec![0, 0]));
    }

    #[test]
    fn what_a_large_offset_leaves_is_exact_in_single_precision_too() {
        let shift = 1e9 + 2.0;
        let both = Scaling::PerFeature { shift: vec![shift], factor: vec![1.0] };
        for scaling in [Scaling::Uniform { shift, factor: 1.0 }, both] {
            let features = Features::F64(Array::from_shape_fn(vec![2, 1], |i| 1e9 + 1.0 + 2.0 * i[0] as f64));
            let mut out = Array::<f32, _>::zeros(vec![2, 1]);
            features.gather(&[0, 1], &scaling, &mut out);
            assert_eq!(out.into_raw_vec_and_offset().0, [-1.0, 1.0], "{scaling:?}");
        }
    }
}
