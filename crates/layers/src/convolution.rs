//! The kernels of all convolutions.
//!
//! ```text
//! X = im2col(x) [c_in kh kw, oh ow], for one example       W [c_out, c_in/groups kh kw]   b [c_out]
//! y  = W X + b
//! dX = Wᵀ dy,  dx = col2im(dX)
//! dW = Σₙ dy Xᵀ
//! db = Σ over n, i and j of dy
//! ```
//!
//! The columns of one example fit a cache, those of a batch do not; so each example has its own products. The batch is
//! cut into parts that do not depend on the number of threads, and the gradients of the parts are summed in order, so
//! the bits do not depend on it either.

use ndarray::{
    ArrayRef1, ArrayRef2, ArrayRef3, ArrayRef4, ArrayView2, ArrayViewMut2, ArrayViewMut3, Axis, s,
};
use tensor_ops::{Scalar, aligned_zeros, gemm, gemm_bias, pool, vectorised};

use crate::sums::shared_channel_sums;
use crate::views::ranked_mut;
use crate::window::{Window, col2im, im2col};
use crate::{Cache, ParamSpec};

/// Into how many parts a batch is cut, at most.
const PARTS: usize = 8;

/// The products of a convolution with these parameters for one example, each weight at each place of this shape.
pub(crate) fn multiply_adds(params: &[ParamSpec], shape: &[usize]) -> u64 {
    let weights: usize = params.iter().filter(|p| p.decays()).map(ParamSpec::len).sum();
    weights as u64 * shape[1..].iter().map(|&n| n as u64).product::<u64>()
}

/// Examples of a part.
fn part(n: usize) -> usize {
    n.div_ceil(PARTS).max(1)
}

/// The scratch space of convolutions: for each part of a batch, the columns of one example and a gradient of the weight.
#[derive(Debug)]
pub struct ConvScratch<'a, T> {
    columns: ArrayViewMut3<'a, T>,
    dweight: ArrayViewMut2<'a, T>,
}

impl<'a, T: Scalar> ConvScratch<'a, T> {
    /// A cache with the space for batches of at most `n` examples, with `channels` under the window and so many weights.
    pub fn cache(n: usize, channels: usize, weights: usize, window: &Window) -> Cache<T> {
        let parts = n.min(PARTS);
        let columns = aligned_zeros(&[parts, channels * window.cells(), window.outputs()]);
        Cache { arrays: vec![columns, aligned_zeros(&[parts, weights])], ..Cache::new() }
    }

    /// The space in a cache that [`ConvScratch::cache`] has made.
    ///
    /// # Panics
    ///
    /// If another function has made it.
    pub fn of(cache: &'a mut Cache<T>) -> Self {
        let [columns, dweight] = &mut cache.arrays[..] else { panic!("a cache without scratch space") };
        ConvScratch { columns: ranked_mut(columns), dweight: ranked_mut(dweight) }
    }
}

/// y ← W ⋆ x + b
///
/// The number of groups follows from the shapes.
///
/// # Shapes
///
/// `x` [n, c_in, h, w], `weight` [c_out, c_in/groups, kh, kw], `bias` `[c_out]`, `y` [n, c_out, oh, ow]. All but `bias` in
/// row-major order.
///
/// # Panics
///
/// If the shapes do not fit or an array is not in row-major order.
///
/// # Examples
///
/// ```
/// use layers::{Conv2d, ConvScratch, conv2d_forward};
/// use ndarray::Array4;
///
/// let window = Conv2d::new(1, 1, [2, 2]).window(&[1, 3, 3])?;
/// let (x, weight) = (Array4::<f32>::ones((5, 1, 3, 3)), Array4::ones((1, 1, 2, 2)));
/// let mut y = Array4::zeros((5, 1, 2, 2));
/// let mut cache = ConvScratch::cache(5, 1, 4, &window);
/// conv2d_forward(&x, &weight, None, &window, &mut y, ConvScratch::of(&mut cache));
/// assert!(y.iter().all(|y| *y == 4.0));
/// # Ok::<(), layers::Error>(())
/// ```
#[track_caller]
pub fn conv2d_forward<T: Scalar>(
    x: &ArrayRef4<T>,
    weight: &ArrayRef4<T>,
    bias: Option<&ArrayRef1<T>>,
    window: &Window,
    y: &mut ArrayRef4<T>,
    mut scratch: ConvScratch<'_, T>,
) {
    check_shapes(x, weight, y, window);
    assert!(bias.is_none_or(|bias| bias.len() == y.dim().1), "conv2d: a bias for each channel of output");
    let (filters, group) = (matrix(weight), Groups::of(x.dim().1, weight));
    let (time, part) = (nanoseconds(x, weight, window), part(x.dim().0));
    let parts = x.axis_chunks_iter(Axis(0), part).zip(y.axis_chunks_iter_mut(Axis(0), part));
    pool::for_each(time, parts.zip(scratch.columns.outer_iter_mut()), |((x, mut y), mut columns)| {
        for (x, mut y) in x.outer_iter().zip(y.outer_iter_mut()) {
            let columns = columns_of(&x, window, &mut columns);
            let groups = filters.axis_chunks_iter(Axis(0), group.outputs);
            let groups = groups.zip(columns.axis_chunks_iter(Axis(0), group.cells));
            let mut y = planes_mut(&mut y);
            let y = y.axis_chunks_iter_mut(Axis(0), group.outputs);
            for (i, ((filters, columns), mut y)) in groups.zip(y).enumerate() {
                match bias {
                    Some(bias) => {
                        // A bias for each row is one for each column of the transposed product.
                        let bias = bias.slice(s![i * group.outputs..(i + 1) * group.outputs]);
                        gemm_bias(&columns.t(), &filters.t(), &bias, &mut y.reversed_axes(), |_| {});
                    }
                    None => gemm(T::one(), &filters, &columns, T::zero(), &mut y),
                }
            }
        }
    });
}

/// dx ← col2im(Wᵀ dy)
///
/// # Shapes
///
/// As [`conv2d_forward`], `dy` like y and `dx` like x.
///
/// # Panics
///
/// As [`conv2d_forward`].
#[track_caller]
pub fn conv2d_backward_input<T: Scalar>(
    weight: &ArrayRef4<T>,
    dy: &ArrayRef4<T>,
    window: &Window,
    dx: &mut ArrayRef4<T>,
    mut scratch: ConvScratch<'_, T>,
) {
    check_shapes(dx, weight, dy, window);
    let (filters, group) = (matrix(weight), Groups::of(dx.dim().1, weight));
    let (time, part) = (nanoseconds(dx, weight, window), part(dx.dim().0));
    let products = |dy: &ArrayRef3<T>, columns: &mut ArrayRef2<T>| {
        let dy = planes(dy);
        let groups = filters.axis_chunks_iter(Axis(0), group.outputs);
        let groups = groups.zip(dy.axis_chunks_iter(Axis(0), group.outputs));
        for ((filters, dy), mut columns) in groups.zip(columns.axis_chunks_iter_mut(Axis(0), group.cells)) {
            gemm(T::one(), &filters.t(), &dy, T::zero(), &mut columns);
        }
    };
    let parts = dy.axis_chunks_iter(Axis(0), part).zip(dx.axis_chunks_iter_mut(Axis(0), part));
    pool::for_each(time, parts.zip(scratch.columns.outer_iter_mut()), |((dy, mut dx), mut columns)| {
        for (dy, mut dx) in dy.outer_iter().zip(dx.outer_iter_mut()) {
            if window.is_cell() {
                products(&dy, &mut planes_mut(&mut dx));
            } else {
                products(&dy, &mut columns);
                col2im(&columns, window, &mut dx);
            }
        }
    });
}

/// dW ← dW + Σₙ dy Xᵀ
///
/// # Shapes
///
/// As [`conv2d_forward`], `dy` like y and `dweight` like the weight.
///
/// # Panics
///
/// As [`conv2d_forward`].
#[track_caller]
pub fn conv2d_backward_params<T: Scalar>(
    x: &ArrayRef4<T>,
    dy: &ArrayRef4<T>,
    window: &Window,
    dweight: &mut ArrayRef4<T>,
    mut scratch: ConvScratch<'_, T>,
) {
    check_shapes(x, dweight, dy, window);
    let group = Groups::of(x.dim().1, dweight);
    let (time, part) = (nanoseconds(x, dweight, window), part(x.dim().0));
    let parts = x.axis_chunks_iter(Axis(0), part).zip(dy.axis_chunks_iter(Axis(0), part));
    let scratches = scratch.columns.outer_iter_mut().zip(scratch.dweight.outer_iter_mut());
    pool::for_each(time, parts.zip(scratches), |((x, dy), (mut columns, mut sum))| {
        let mut beta = T::zero();
        for (x, dy) in x.outer_iter().zip(dy.outer_iter()) {
            let (columns, dy) = (columns_of(&x, window, &mut columns), planes(&dy));
            let groups = dy.axis_chunks_iter(Axis(0), group.outputs);
            let groups = groups.zip(columns.axis_chunks_iter(Axis(0), group.cells));
            let sums = sum.axis_chunks_iter_mut(Axis(0), group.weights());
            for ((dy, columns), sum) in groups.zip(sums) {
                // The transpose of the gradient: the larger factor, the columns, is then read as it lies.
                let sum = sum.into_shape_with_order((group.cells, group.outputs));
                gemm(T::one(), &columns, &dy.t(), beta, &mut sum.expect("a part of a row"));
            }
            beta = T::one();
        }
    });
    add_parts(scratch.dweight.slice_mut(s![..x.dim().0.div_ceil(part), ..]), &group, dweight);
}

/// dW ← dW + the sum of the gradients of all parts, each of which holds that of one group after the other, transposed.
fn add_parts<T: Scalar>(mut parts: ArrayViewMut2<'_, T>, group: &Groups, dweight: &mut ArrayRef4<T>) {
    let rows = dweight.dim().0;
    let dweight = dweight.view_mut().into_shape_with_order((rows, group.cells));
    let mut dweight = dweight.expect("dweight in row-major order");
    // One group by some cells of the filters at a time, several by groups.
    let (axis, step) =
        if rows == group.outputs { (Axis(1), group.cells.div_ceil(PARTS)) } else { (Axis(0), group.outputs) };
    let cells = if axis == Axis(1) { step } else { group.cells };
    let time = parts.len() / 4;
    let pieces = parts.axis_chunks_iter_mut(Axis(1), cells * group.outputs);
    pool::for_each(time, pieces.zip(dweight.axis_chunks_iter_mut(axis, step)), |(mut parts, mut dweight)| {
        let mut parts =
            parts.rows_mut().into_iter().map(|part| part.into_slice().expect("a row in row-major order"));
        let Some(sum) = parts.next() else { return };
        for part in parts {
            let (sum, part) = (&mut *sum, &*part);
            vectorised(move || sum.iter_mut().zip(part).for_each(|(sum, part)| *sum += *part));
        }
        let sum = ArrayView2::from_shape((sum.len() / group.outputs, group.outputs), sum);
        dweight += &sum.expect("the weights of some cells").t();
    });
}

/// db ← db + the sum of dy over examples and cells, accumulated wide.
///
/// # Shapes
///
/// `dy` [n, c, h, w] in row-major order, `dbias` `[c]`.
///
/// # Panics
///
/// If the shapes do not fit or `dy` is not in row-major order.
#[track_caller]
pub fn add_channel_sums<T: Scalar>(dy: &ArrayRef4<T>, dbias: &mut ArrayRef1<T>) {
    let (n, c, h, w) = dy.dim();
    assert_eq!(c, dbias.len(), "add_channel_sums: channels of dy and length of dbias");
    let dy = dy.as_slice().expect("dy in row-major order");
    shared_channel_sums(
        [dy, dy],
        [n, c, h * w],
        |_, dy, _| dy.widen(),
        dbias,
        |_, db, sum| *db += T::narrow(sum),
    );
}

/// Panics if the shapes do not fit each other and the window.
#[track_caller]
fn check_shapes<T>(x: &ArrayRef4<T>, weight: &ArrayRef4<T>, y: &ArrayRef4<T>, window: &Window) {
    let Window { h, w } = window;
    let ((n, c_in, ..), (c_out, c, ..)) = (x.dim(), weight.dim());
    assert_eq!(x.dim(), (n, c_in, h.size, w.size), "conv2d: shape of x under this window");
    assert_eq!(y.dim(), (n, c_out, h.steps, w.steps), "conv2d: shape of y");
    assert_eq!(weight.dim(), (c_out, c, h.kernel, w.kernel), "conv2d: shape of weight under this window");
}

/// A guess of the time that one pass takes on one thread.
fn nanoseconds<T>(x: &ArrayRef4<T>, weight: &ArrayRef4<T>, window: &Window) -> usize {
    const MULTIPLY_ADDS: usize = 20; // a nanosecond
    x.dim().0.saturating_mul(weight.len()).saturating_mul(window.outputs()) / MULTIPLY_ADDS
}

/// The columns of one example; of a window of one cell, the example itself.
fn columns_of<'a, T: Scalar>(
    x: &'a ArrayRef3<T>,
    window: &Window,
    columns: &'a mut ArrayRef2<T>,
) -> ArrayView2<'a, T> {
    if window.is_cell() {
        return planes(x);
    }
    im2col(x, window, columns);
    columns.view()
}

/// What one group has: rows of the filters, and rows of the columns.
struct Groups {
    outputs: usize,
    cells: usize,
}

impl Groups {
    #[track_caller]
    fn of<T>(c_in: usize, weight: &ArrayRef4<T>) -> Self {
        let (c_out, c, kh, kw) = weight.dim();
        let fit = c > 0 && c_in > 0 && c_in.is_multiple_of(c) && c_out.is_multiple_of(c_in / c);
        assert!(fit, "conv2d: {c_in} channels of input, {c} of a filter, {c_out} filters");
        Groups { outputs: c_out / (c_in / c), cells: c * kh * kw }
    }

    fn weights(&self) -> usize {
        self.outputs * self.cells
    }
}

#[track_caller]
fn matrix<T>(weight: &ArrayRef4<T>) -> ArrayView2<'_, T> {
    let (c_out, c, kh, kw) = weight.dim();
    weight.view().into_shape_with_order((c_out, c * kh * kw)).expect("weight in row-major order")
}

#[track_caller]
fn planes<T>(y: &ArrayRef3<T>) -> ArrayView2<'_, T> {
    let (c, h, w) = y.dim();
    y.view().into_shape_with_order((c, h * w)).expect("planes in row-major order")
}

#[track_caller]
fn planes_mut<T>(y: &mut ArrayRef3<T>) -> ArrayViewMut2<'_, T> {
    let (c, h, w) = y.dim();
    y.view_mut().into_shape_with_order((c, h * w)).expect("planes in row-major order")
}
