//! The transposed convolution of images, which enlarges them.
//!
//! ```text
//! A [`Conv2d`](crate::Conv2d) maps y-shaped images to x-shaped ones by y ↦ C y. This layer is its transpose:
//!
//! y  = Cᵀ x + b       col2im(Wᵀ x) for one example        W [c_in, c_out/groups, kh, kw]   b [c_out]
//! dx = C dy           W im2col(dy)
//! dW = Σₙ x im2col(dy)ᵀ
//! db = Σ over n, i and j of dy
//! ```
//!
//! So each pass is the other pass of the convolution, and its kernels are used with the roles exchanged.
//!
//! Zeiler, Krishnan, Taylor, Fergus, "Deconvolutional networks", 2010; Dumoulin, Visin, "A guide to convolution
//! arithmetic for deep learning", 2016, chapter 4.

use ndarray::{ArrayD, ArrayRef1, ArrayRef4, ArrayRefD};
use tensor_ops::Scalar;

use crate::conv2d::{check_groups, conv_params};
use crate::convolution::{
    ConvScratch, add_channel_sums, conv2d_backward_input, conv2d_backward_params, conv2d_forward,
    multiply_adds,
};
use crate::views::{dims, ranked, ranked_mut, standard, with_standard_mut};
use crate::window::{Geometry, Window};
use crate::{Backprop, Cache, Error, Fan, Layer, ParamSpec, Saved, Spec};

/// y = Wᵀ ⋆ x + b over images N, C, H, W.
///
/// # Shapes
///
/// `[n, c_in, h, w]` to `[n, c_out, oh, ow]` with oh = (h - 1) stride - 2 padding + (kernel - 1) dilation +
/// output padding + 1, and ow likewise.
///
/// # Parameters
///
/// `weight` [c_in, c_out/groups, kh, kw], drawn as [`Init::he`](crate::Init::he) with the fan in of stride 1,
/// c_in/groups kh kw; `bias` `[c_out]`, zero.
///
/// # Examples
///
/// ```
/// use layers::{ConvTranspose2d, Layer};
///
/// let double = ConvTranspose2d { stride: [2, 2], ..ConvTranspose2d::new(8, 4, [2, 2]) };
/// assert_eq!(double.output_shape(&[8, 7, 7])?, [4, 14, 14]);
/// # Ok::<(), layers::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvTranspose2d {
    /// Channels of an input.
    pub c_in: usize,
    /// Channels of an output.
    pub c_out: usize,
    /// The height and width of a filter.
    pub kernel: [usize; 2],
    /// Output cells from one input cell to the next, down and along; 1 by default.
    pub stride: [usize; 2],
    /// Cells cut off above and below, left and right of the output; 0 by default.
    pub padding: [usize; 2],
    /// Cells from one cell of a filter to the next; 1 by default.
    pub dilation: [usize; 2],
    /// Cells added to the output below and to the right, which decides among the sizes that the convolution maps to
    /// the same one; 0 by default, and below the stride or the dilation.
    pub output_padding: [usize; 2],
    /// Groups of channels that do not see each other; 1 by default.
    pub groups: usize,
    /// Whether there is a bias; true by default.
    pub bias: bool,
}

impl ConvTranspose2d {
    /// From `c_in` to `c_out` channels, with stride 1, without padding.
    pub fn new(c_in: usize, c_out: usize, kernel: [usize; 2]) -> Self {
        let (stride, padding, dilation, output_padding) = ([1, 1], [0, 0], [1, 1], [0, 0]);
        ConvTranspose2d {
            c_in,
            c_out,
            kernel,
            stride,
            padding,
            dilation,
            output_padding,
            groups: 1,
            bias: true,
        }
    }

    /// The size of an output along one axis; `None` if nothing is left or it is beyond all bounds.
    fn grown(&self, size: usize, axis: usize) -> Option<usize> {
        let extent = (self.kernel[axis] - 1).checked_mul(self.dilation[axis])?.checked_add(1)?;
        let whole = size.checked_sub(1)?.checked_mul(self.stride[axis])?.checked_add(extent)?;
        let whole = whole.checked_add(self.output_padding[axis])?;
        whole.checked_sub(self.padding[axis].checked_mul(2)?).filter(|size| *size > 0)
    }

    /// The window, over the *output*, of the convolution whose transpose this is, for inputs [c_in, h, w].
    ///
    /// # Errors
    ///
    /// [`Error::Option`] if an option makes no sense, [`Error::Input`] if the input does not fit.
    pub fn window(&self, input: &[usize]) -> Result<Window, Error> {
        let kind = self.kind();
        check_groups(kind, self.c_in, self.c_out, self.groups)?;
        let &ConvTranspose2d { kernel, stride, padding, dilation, output_padding, .. } = self;
        if kernel.contains(&0) {
            return Err(Error::option(kind, "kernel", "of at least 1", kernel));
        }
        if (0..2).any(|axis| output_padding[axis] >= stride[axis].max(dilation[axis])) {
            let expected = "below the stride or the dilation";
            return Err(Error::option(kind, "output_padding", expected, output_padding));
        }
        let wrong = || Error::input(kind, format!("[{}, height, width]", self.c_in), input);
        let &[c, h, w] = input else { return Err(wrong()) };
        let (Some(oh), Some(ow)) = (self.grown(h, 0), self.grown(w, 1)) else { return Err(wrong()) };
        let geometry = Geometry { kernel, stride, padding, dilation, ceil: false };
        let mut window = geometry.over(kind, &[self.c_out, oh, ow])?;
        if c != self.c_in {
            return Err(wrong());
        }
        // An output padding of a stride or more gives the convolution positions that no input stands for.
        (window.h.steps, window.w.steps) = (h, w);
        Ok(window)
    }
}

/// y ← Cᵀ x + b
///
/// # Shapes
///
/// `x` [n, c_in, h, w], `weight` [c_in, c_out/groups, kh, kw], `bias` `[c_out]`, `y` [n, c_out, oh, ow]; the window is over
/// `y`. All but `bias` in row-major order.
///
/// # Panics
///
/// If the shapes do not fit or an array is not in row-major order.
#[track_caller]
pub fn conv_transpose2d_forward<T: Scalar>(
    x: &ArrayRef4<T>,
    weight: &ArrayRef4<T>,
    bias: Option<&ArrayRef1<T>>,
    window: &Window,
    y: &mut ArrayRef4<T>,
    scratch: ConvScratch<'_, T>,
) {
    assert!(
        bias.is_none_or(|bias| bias.len() == y.dim().1),
        "conv_transpose2d: a bias for each channel of y"
    );
    conv2d_backward_input(weight, x, window, y, scratch);
    let Some(bias) = bias else { return };
    for mut y in y.outer_iter_mut() {
        for (mut plane, &bias) in y.outer_iter_mut().zip(bias) {
            plane.map_inplace(|y| *y += bias);
        }
    }
}

impl Layer for ConvTranspose2d {
    fn kind(&self) -> &'static str {
        "conv_transpose2d"
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>, Error> {
        let window = self.window(input)?;
        Ok(vec![self.c_out, window.h.size, window.w.size])
    }

    fn params(&self) -> Vec<ParamSpec> {
        let ([kh, kw], groups) = (self.kernel, self.groups.max(1));
        let (c_in, c_out) = (self.c_in / groups, self.c_out / groups);
        let fan = Fan { r#in: c_in * kh * kw, out: c_out * kh * kw };
        conv_params(&[self.c_in, c_out, kh, kw], fan, self.bias.then_some(self.c_out))
    }

    fn multiply_adds(&self, input: &[usize]) -> Option<u64> {
        Some(multiply_adds(&self.params(), input))
    }

    fn spec(&self) -> Option<Spec> {
        let &ConvTranspose2d { c_out: filters, kernel, stride, padding, dilation, .. } = self;
        let &ConvTranspose2d { output_padding, groups, bias, .. } = self;
        Some(Spec::ConvTranspose2d {
            filters,
            kernel,
            stride,
            padding,
            dilation,
            output_padding,
            groups,
            bias,
        })
    }
}

/// The cache holds [`ConvScratch`].
impl<T: Scalar> Backprop<T> for ConvTranspose2d {
    fn new_cache(&self, input: &[usize]) -> Cache<T> {
        let window = self.window(&input[1..]).expect("a shape that output_shape took");
        let weight = self.c_in * (self.c_out / self.groups) * window.cells();
        ConvScratch::cache(input[0], self.c_out, weight, &window)
    }

    fn forward(&self, params: &[ArrayD<T>], x: &ArrayRefD<T>, y: &mut ArrayRefD<T>, cache: &mut Cache<T>) {
        let [weight, bias @ ..] = params else { panic!("conv_transpose2d: expected weight") };
        let window = self.window(&x.shape()[1..]).expect("a shape that output_shape took");
        let (x, weight) = (standard(x, dims::<_, 4>), standard(weight, dims::<_, 4>));
        let bias = bias.first().map(|bias| ranked(bias));
        with_standard_mut(y, dims::<_, 4>, |y| {
            conv_transpose2d_forward(&x, &weight, bias.as_deref(), &window, y, ConvScratch::of(cache));
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
            panic!("conv_transpose2d: expected weight")
        };
        let window = self.window(&saved.x.shape()[1..]).expect("a shape that output_shape took");
        let dy = standard(dy, dims::<_, 4>);
        let x = standard(saved.x, dims::<_, 4>);
        with_standard_mut(dweight, dims::<_, 4>, |dweight| {
            conv2d_backward_params(&dy, &x, &window, dweight, ConvScratch::of(saved.cache));
        });
        if let [dbias] = dbias {
            add_channel_sums(&dy, &mut ranked_mut(dbias));
        }
        if let Some(dx) = dx {
            let weight = standard(weight, dims::<_, 4>);
            with_standard_mut(dx, dims::<_, 4>, |dx| {
                conv2d_forward(&dy, &weight, None, &window, dx, ConvScratch::of(saved.cache));
            });
        }
    }
}
