//! The convolution of images.
//!
//! ```text
//! y[n, o, i, j] = b[o] + Σ_c Σ_k Σ_l  W[o, c, k, l] x[n, c, i s + k d - p, j s + l d - p]
//!
//! X = im2col(x) [c_in kh kw, oh ow], for one example       W [c_out, c_in/groups kh kw]   b [c_out]
//! y  = W X + b
//! dX = Wᵀ dy,  dx = col2im(dX)
//! dW = Σₙ dy Xᵀ
//! db = Σ over n, i and j of dy
//! ```
//!
//! with stride s, padding p and dilation d, each for rows and columns. As everywhere in the field this is a
//! cross-correlation: the kernel is not turned round. With `groups` > 1 the channels split into groups of equal size
//! and each group of outputs sees its group of inputs; `groups` = c_in is a depthwise convolution.
//!
//! LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition", 1998. Arithmetic of
//! shapes: Dumoulin, Visin, "A guide to convolution arithmetic for deep learning", 2016.

use ndarray::{
    ArrayD, ArrayRef1, ArrayRef2, ArrayRef3, ArrayRef4, ArrayRefD, ArrayView2, ArrayViewMut2, Axis,
};
use tensor_ops::{Scalar, gemm};

use crate::sums::channel_sums;
use crate::views::{dims, ranked, ranked_mut, standard, with_standard_mut};
use crate::window::{Geometry, Window, col2im, im2col};
use crate::{Backprop, Cache, Error, Fan, Layer, ParamSpec, Saved, Spec};

/// y = W ⋆ x + b over images N, C, H, W.
///
/// # Shapes
///
/// `[n, c_in, h, w]` to `[n, c_out, oh, ow]` with oh = ⌊(h + 2 padding - (kernel - 1) dilation - 1) / stride⌋ + 1, and
/// ow likewise.
///
/// # Parameters
///
/// `weight` [c_out, c_in/groups, kh, kw], drawn as [`Init::he`](crate::Init::he); `bias` `[c_out]`, zero.
///
/// # Examples
///
/// ```
/// use layers::{Conv2d, Layer};
///
/// let same = Conv2d { padding: [2, 2], ..Conv2d::new(1, 20, [5, 5]) };
/// assert_eq!(same.output_shape(&[1, 28, 28])?, [20, 28, 28]);
/// assert_eq!(Conv2d::new(1, 20, [5, 5]).output_shape(&[1, 28, 28])?, [20, 24, 24]);
/// # Ok::<(), layers::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv2d {
    /// Channels of an input.
    pub c_in: usize,
    /// Channels of an output: the number of filters.
    pub c_out: usize,
    /// The height and width of a filter.
    pub kernel: [usize; 2],
    /// Cells from one position to the next, down and along; 1 by default.
    pub stride: [usize; 2],
    /// Zeros above and below, left and right; 0 by default.
    pub padding: [usize; 2],
    /// Cells from one cell of a filter to the next; 1 by default.
    pub dilation: [usize; 2],
    /// Groups of channels that do not see each other; 1 by default.
    pub groups: usize,
    /// Whether there is a bias; true by default. Leave it out before a normalisation.
    pub bias: bool,
}

impl Conv2d {
    /// From `c_in` to `c_out` channels, with stride 1, without padding.
    pub fn new(c_in: usize, c_out: usize, kernel: [usize; 2]) -> Self {
        let (stride, padding, dilation) = ([1, 1], [0, 0], [1, 1]);
        Conv2d { c_in, c_out, kernel, stride, padding, dilation, groups: 1, bias: true }
    }

    /// The window over inputs [c_in, h, w], if all options make sense.
    pub(crate) fn window(&self, kind: &str, input: &[usize]) -> Result<Window, Error> {
        check_groups(kind, self.c_in, self.c_out, self.groups)?;
        let &Conv2d { kernel, stride, padding, dilation, .. } = self;
        let window = Geometry { kernel, stride, padding, dilation, ceil: false }.over(kind, input)?;
        if input[0] != self.c_in {
            return Err(Error::input(kind, format!("[{}, height, width]", self.c_in), input));
        }
        Ok(window)
    }
}

/// Whether both numbers of channels are multiples of the number of groups, and none is 0.
pub(crate) fn check_groups(kind: &str, c_in: usize, c_out: usize, groups: usize) -> Result<(), Error> {
    if c_out == 0 {
        return Err(Error::option(kind, "filters", "of at least 1", c_out));
    }
    if c_in == 0 || groups == 0 || !c_in.is_multiple_of(groups) || !c_out.is_multiple_of(groups) {
        let expected = format!("that divide {c_in} channels of input and {c_out} of output");
        return Err(Error::option(kind, "groups", expected, groups));
    }
    Ok(())
}

/// The parameters of a convolution with filters of the given shape.
pub(crate) fn conv_params(weight: &[usize], fan: Fan, bias: Option<usize>) -> Vec<ParamSpec> {
    let bias = bias.map(|c_out| ParamSpec::offset("bias", &[c_out], 0.0));
    [ParamSpec::weight("weight", weight, fan)].into_iter().chain(bias).collect()
}

/// y ← W ⋆ x + b
///
/// The number of groups follows from the shapes.
///
/// # Shapes
///
/// `x` [n, c_in, h, w], `weight` [c_out, c_in/groups, kh, kw], `bias` `[c_out]`, `y` [n, c_out, oh, ow]; scratch `columns`
/// [c_in kh kw, oh ow]. All but `bias` in row-major order.
///
/// # Panics
///
/// If the shapes do not fit or an array is not in row-major order.
#[track_caller]
pub fn conv2d_forward<T: Scalar>(
    x: &ArrayRef4<T>,
    weight: &ArrayRef4<T>,
    bias: Option<&ArrayRef1<T>>,
    window: &Window,
    y: &mut ArrayRef4<T>,
    columns: &mut ArrayRef2<T>,
) {
    check_shapes(x, weight, y, window);
    assert!(bias.is_none_or(|bias| bias.len() == y.dim().1), "conv2d: a bias for each channel of output");
    let (filters, group) = (matrix(weight), Groups::of(x.dim().1, weight));
    for (x, mut y) in x.outer_iter().zip(y.outer_iter_mut()) {
        im2col(&x, window, columns);
        if let Some(bias) = bias {
            for (mut plane, &bias) in y.outer_iter_mut().zip(bias) {
                plane.fill(bias);
            }
        }
        let beta = if bias.is_some() { T::one() } else { T::zero() };
        let groups = filters.axis_chunks_iter(Axis(0), group.outputs);
        let groups = groups.zip(columns.axis_chunks_iter(Axis(0), group.cells));
        let mut y = planes_mut(&mut y);
        for ((filters, columns), mut y) in groups.zip(y.axis_chunks_iter_mut(Axis(0), group.outputs)) {
            gemm(T::one(), &filters, &columns, beta, &mut y);
        }
    }
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
    columns: &mut ArrayRef2<T>,
) {
    check_shapes(dx, weight, dy, window);
    let (filters, group) = (matrix(weight), Groups::of(dx.dim().1, weight));
    for (dy, mut dx) in dy.outer_iter().zip(dx.outer_iter_mut()) {
        let dy = planes(&dy);
        let groups = filters.axis_chunks_iter(Axis(0), group.outputs);
        let groups = groups.zip(dy.axis_chunks_iter(Axis(0), group.outputs));
        let columns_of_group = columns.axis_chunks_iter_mut(Axis(0), group.cells);
        for ((filters, dy), mut columns) in groups.zip(columns_of_group) {
            gemm(T::one(), &filters.t(), &dy, T::zero(), &mut columns);
        }
        col2im(columns, window, &mut dx);
    }
}

/// dW ← dW + Σₙ dy Xᵀ, one example after the other.
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
    columns: &mut ArrayRef2<T>,
) {
    check_shapes(x, dweight, dy, window);
    let group = Groups::of(x.dim().1, dweight);
    let (rows, cells) = (dweight.dim().0, group.cells);
    let mut dfilters =
        dweight.view_mut().into_shape_with_order((rows, cells)).expect("dweight in row-major order");
    for (x, dy) in x.outer_iter().zip(dy.outer_iter()) {
        im2col(&x, window, columns);
        let dy = planes(&dy);
        let groups = dy.axis_chunks_iter(Axis(0), group.outputs);
        let groups = groups.zip(columns.axis_chunks_iter(Axis(0), group.cells));
        for ((dy, columns), mut dfilters) in groups.zip(dfilters.axis_chunks_iter_mut(Axis(0), group.outputs))
        {
            gemm(T::one(), &dy, &columns.t(), T::one(), &mut dfilters);
        }
    }
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
    channel_sums(dy, dy, [n, c, h * w], |_, dy, _| dy.widen(), |k, sum| dbias[k] += T::narrow(sum));
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

impl Layer for Conv2d {
    fn kind(&self) -> &'static str {
        "conv2d"
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>, Error> {
        let window = self.window(self.kind(), input)?;
        Ok(vec![self.c_out, window.h.steps, window.w.steps])
    }

    fn params(&self) -> Vec<ParamSpec> {
        let ([kh, kw], groups) = (self.kernel, self.groups.max(1));
        let (c_in, c_out) = (self.c_in / groups, self.c_out / groups);
        let fan = Fan { r#in: c_in * kh * kw, out: c_out * kh * kw };
        conv_params(&[self.c_out, c_in, kh, kw], fan, self.bias.then_some(self.c_out))
    }

    fn spec(&self) -> Option<Spec> {
        let &Conv2d { c_out: filters, kernel, stride, padding, dilation, groups, bias, .. } = self;
        Some(Spec::Conv2d { filters, kernel, stride, padding, dilation, groups, bias })
    }
}

/// The cache holds, in `arrays`, the columns of one example.
impl<T: Scalar> Backprop<T> for Conv2d {
    fn new_cache(&self, input: &[usize]) -> Cache<T> {
        let window = self.window(self.kind(), &input[1..]).expect("a shape that output_shape took");
        let columns = ArrayD::zeros(vec![self.c_in * window.cells(), window.outputs()]);
        Cache { arrays: vec![columns], ..Cache::new() }
    }

    fn forward(&self, params: &[ArrayD<T>], x: &ArrayRefD<T>, y: &mut ArrayRefD<T>, cache: &mut Cache<T>) {
        let [weight, bias @ ..] = params else { panic!("conv2d: expected weight") };
        let window = self.window(self.kind(), &x.shape()[1..]).expect("a shape that output_shape took");
        let (x, weight) = (standard(x, dims::<_, 4>), standard(weight, dims::<_, 4>));
        let bias = bias.first().map(|bias| ranked(bias));
        let mut columns = ranked_mut(&mut cache.arrays[0]);
        with_standard_mut(y, dims::<_, 4>, |y| {
            conv2d_forward(&x, &weight, bias.as_deref(), &window, y, &mut columns);
        });
    }

    fn backward(
        &self,
        params: &[ArrayD<T>],
        saved: Saved<'_, T>,
        dy: &ArrayRefD<T>,
        dx: Option<&mut ArrayRefD<T>>,
        grads: &mut [ArrayD<T>],
    ) {
        let ([weight, ..], [dweight, dbias @ ..]) = (params, grads) else {
            panic!("conv2d: expected weight")
        };
        let window = self.window(self.kind(), &saved.x.shape()[1..]).expect("a shape that output_shape took");
        let mut columns = ranked_mut(&mut saved.cache.arrays[0]);
        let dy = standard(dy, dims::<_, 4>);
        let x = standard(saved.x, dims::<_, 4>);
        with_standard_mut(dweight, dims::<_, 4>, |dweight| {
            conv2d_backward_params(&x, &dy, &window, dweight, &mut columns);
        });
        if let [dbias] = dbias {
            add_channel_sums(&dy, &mut ranked_mut(dbias));
        }
        if let Some(dx) = dx {
            let weight = standard(weight, dims::<_, 4>);
            with_standard_mut(dx, dims::<_, 4>, |dx| {
                conv2d_backward_input(&weight, &dy, &window, dx, &mut columns);
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, Array4};

    use super::*;

    #[test]
    fn the_kernel_is_not_turned_round() {
        let layer = Conv2d { bias: false, ..Conv2d::new(1, 1, [1, 2]) };
        let window = layer.window("conv2d", &[1, 1, 3]).unwrap();
        let x = Array4::from_shape_vec((1, 1, 1, 3), vec![1.0, 2.0, 4.0]).unwrap();
        let weight = Array4::from_shape_vec((1, 1, 1, 2), vec![10.0, 1.0]).unwrap();
        let (mut y, mut columns) = (Array4::from_elem((1, 1, 1, 2), f64::NAN), Array2::zeros((2, 2)));
        conv2d_forward(&x, &weight, None, &window, &mut y, &mut columns);
        assert_eq!(y.into_raw_vec_and_offset().0, [12.0, 24.0]);
    }

    #[test]
    fn options_that_make_no_sense_are_errors() {
        let error = |layer: Conv2d, input: [usize; 3]| layer.output_shape(&input).unwrap_err().to_string();
        let layer = Conv2d::new(3, 4, [3, 3]);
        assert_eq!(error(layer, [2, 8, 8]), "conv2d: expected input [3, height, width], got [2, 8, 8]");
        let small = "conv2d: expected input [channels, at least 3, at least 3], got [3, 8, 2]";
        assert_eq!(error(layer, [3, 8, 2]), small);
        let groups = Conv2d { groups: 2, ..layer };
        let expected = "conv2d: expected groups that divide 3 channels of input and 4 of output, got 2";
        assert_eq!(error(groups, [3, 8, 8]), expected);
        let stride = Conv2d { stride: [0, 1], ..layer };
        assert_eq!(error(stride, [3, 8, 8]), "conv2d: expected stride of at least 1, got [0, 1]");
    }
}
