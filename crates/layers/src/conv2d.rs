//! The convolution of images.
//!
//! ```text
//! y[n, o, i, j] = b[o] + Σ_c Σ_k Σ_l  W[o, c, k, l] x[n, c, i s + k d - p, j s + l d - p]
//!
//! dx[n, c, a, b] = Σ_o Σ over i, j, k, l with i s + k d - p = a, j s + l d - p = b of  W[o, c, k, l] dy[n, o, i, j]
//! dW[o, c, k, l] = Σₙ Σ_i Σ_j  dy[n, o, i, j] x[n, c, i s + k d - p, j s + l d - p]
//! db[o]          = Σₙ Σ_i Σ_j  dy[n, o, i, j]
//! ```
//!
//! with stride s, padding p and dilation d, each for rows and columns. As everywhere in the field this is a
//! cross-correlation: the kernel is not turned round. With `groups` > 1 the channels split into groups of equal size
//! and each group of outputs sees its group of inputs; `groups` = c_in is a depthwise convolution.
//!
//! LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition", 1998. Arithmetic of
//! shapes: Dumoulin, Visin, "A guide to convolution arithmetic for deep learning", 2016.

use ndarray::{ArrayD, ArrayRefD};
use tensor_ops::Scalar;

use crate::convolution::{
    ConvScratch, add_channel_sums, conv2d_backward_input, conv2d_backward_params, conv2d_forward,
    multiply_adds,
};
use crate::views::{dims, ranked, ranked_mut, standard, with_standard_mut};
use crate::window::{Geometry, Window};
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

    /// The window over inputs [c_in, h, w].
    ///
    /// # Errors
    ///
    /// [`Error::Option`] if an option makes no sense, [`Error::Input`] if the input does not fit.
    pub fn window(&self, input: &[usize]) -> Result<Window, Error> {
        self.window_as(self.kind(), input)
    }

    /// The same for a layer of another kind that is this one in disguise.
    pub(crate) fn window_as(&self, kind: &str, input: &[usize]) -> Result<Window, Error> {
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

impl Layer for Conv2d {
    fn kind(&self) -> &'static str {
        "conv2d"
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>, Error> {
        let window = self.window(input)?;
        Ok(vec![self.c_out, window.h.steps, window.w.steps])
    }

    fn params(&self) -> Vec<ParamSpec> {
        let ([kh, kw], groups) = (self.kernel, self.groups.max(1));
        let (c_in, c_out) = (self.c_in / groups, self.c_out / groups);
        let fan = Fan { r#in: c_in * kh * kw, out: c_out * kh * kw };
        conv_params(&[self.c_out, c_in, kh, kw], fan, self.bias.then_some(self.c_out))
    }

    fn multiply_adds(&self, input: &[usize]) -> Option<u64> {
        Some(multiply_adds(&self.params(), &self.output_shape(input).ok()?))
    }

    fn spec(&self) -> Option<Spec> {
        let &Conv2d { c_out: filters, kernel, stride, padding, dilation, groups, bias, .. } = self;
        Some(Spec::Conv2d { filters, kernel, stride, padding, dilation, groups, bias })
    }
}

/// The cache holds [`ConvScratch`].
impl<T: Scalar> Backprop<T> for Conv2d {
    fn new_cache(&self, input: &[usize]) -> Cache<T> {
        let window = self.window(&input[1..]).expect("a shape that output_shape took");
        let weight = self.c_out * (self.c_in / self.groups) * window.cells();
        ConvScratch::cache(input[0], self.c_in, weight, &window)
    }

    fn forward(&self, params: &[ArrayD<T>], x: &ArrayRefD<T>, y: &mut ArrayRefD<T>, cache: &mut Cache<T>) {
        let [weight, bias @ ..] = params else { panic!("conv2d: expected weight") };
        let window = self.window(&x.shape()[1..]).expect("a shape that output_shape took");
        let (x, weight) = (standard(x, dims::<_, 4>), standard(weight, dims::<_, 4>));
        let bias = bias.first().map(|bias| ranked(bias));
        with_standard_mut(y, dims::<_, 4>, |y| {
            conv2d_forward(&x, &weight, bias.as_deref(), &window, y, ConvScratch::of(cache));
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
        let window = self.window(&saved.x.shape()[1..]).expect("a shape that output_shape took");
        let dy = standard(dy, dims::<_, 4>);
        let x = standard(saved.x, dims::<_, 4>);
        with_standard_mut(dweight, dims::<_, 4>, |dweight| {
            conv2d_backward_params(&x, &dy, &window, dweight, ConvScratch::of(saved.cache));
        });
        if let [dbias] = dbias {
            add_channel_sums(&dy, &mut ranked_mut(dbias));
        }
        if let Some(dx) = dx {
            let weight = standard(weight, dims::<_, 4>);
            with_standard_mut(dx, dims::<_, 4>, |dx| {
                conv2d_backward_input(&weight, &dy, &window, dx, ConvScratch::of(saved.cache));
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array4;

    use super::*;
    use crate::{Conv1d, ConvTranspose2d};

    #[test]
    fn the_kernel_is_not_turned_round() {
        let layer = Conv2d { bias: false, ..Conv2d::new(1, 1, [1, 2]) };
        let window = layer.window(&[1, 1, 3]).unwrap();
        let x = Array4::from_shape_vec((1, 1, 1, 3), vec![1.0, 2.0, 4.0]).unwrap();
        let weight = Array4::from_shape_vec((1, 1, 1, 2), vec![10.0, 1.0]).unwrap();
        let mut y = Array4::from_elem((1, 1, 1, 2), f64::NAN);
        let mut cache = Backprop::<f64>::new_cache(&layer, &[1, 1, 1, 3]);
        conv2d_forward(&x, &weight, None, &window, &mut y, ConvScratch::of(&mut cache));
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

    #[test]
    fn fans_count_the_weights_of_an_output_and_of_an_input() {
        let fan = |layer: &dyn Layer| (layer.params()[0].fan.r#in, layer.params()[0].fan.out);
        assert_eq!(fan(&Conv2d { groups: 2, ..Conv2d::new(4, 8, [3, 3]) }), (18, 36));
        assert_eq!(fan(&Conv1d::new(4, 2, 3)), (12, 6));
        assert_eq!(fan(&ConvTranspose2d::new(4, 2, [3, 3])), (36, 18));
    }
}
