//! The convolution of sequences.
//!
//! ```text
//! y[n, o, i] = b[o] + Σ_c Σ_k W[o, c, k] x[n, c, i s + k d - p]
//! ```
//!
//! It is the [`Conv2d`] of images that are one cell high; formulas of the backward pass and sources stand there.

use ndarray::{ArrayD, ArrayRefD};
use tensor_ops::Scalar;

use crate::conv2d::conv_params;
use crate::convolution::{
    ConvScratch, add_channel_sums, conv2d_backward_input, conv2d_backward_params, conv2d_forward,
    multiply_adds,
};
use crate::views::{dims, ranked, ranked_mut, standard, with_standard_mut};
use crate::window::Window;
use crate::{Backprop, Cache, Conv2d, Error, Fan, Layer, ParamSpec, Saved, Spec};

/// y = W ⋆ x + b over sequences N, C, L.
///
/// # Shapes
///
/// `[n, c_in, l]` to `[n, c_out, ol]` with ol = ⌊(l + 2 padding - (kernel - 1) dilation - 1) / stride⌋ + 1.
///
/// # Parameters
///
/// `weight` [c_out, c_in/groups, kernel], drawn as [`Init::he`](crate::Init::he); `bias` `[c_out]`, zero.
///
/// # Examples
///
/// ```
/// use layers::{Conv1d, Layer};
///
/// let layer = Conv1d { stride: 2, ..Conv1d::new(2, 8, 3) };
/// assert_eq!(layer.output_shape(&[2, 100])?, [8, 49]);
/// # Ok::<(), layers::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv1d {
    /// Channels of an input.
    pub c_in: usize,
    /// Channels of an output: the number of filters.
    pub c_out: usize,
    /// The length of a filter.
    pub kernel: usize,
    /// Cells from one position to the next; 1 by default.
    pub stride: usize,
    /// Zeros before and after; 0 by default.
    pub padding: usize,
    /// Cells from one cell of a filter to the next; 1 by default.
    pub dilation: usize,
    /// Groups of channels that do not see each other; 1 by default.
    pub groups: usize,
    /// Whether there is a bias; true by default.
    pub bias: bool,
}

impl Conv1d {
    /// From `c_in` to `c_out` channels, with stride 1, without padding.
    pub fn new(c_in: usize, c_out: usize, kernel: usize) -> Self {
        Conv1d { c_in, c_out, kernel, stride: 1, padding: 0, dilation: 1, groups: 1, bias: true }
    }

    /// The same convolution of images that are one cell high.
    fn flat(&self) -> Conv2d {
        Conv2d {
            c_in: self.c_in,
            c_out: self.c_out,
            kernel: [1, self.kernel],
            stride: [1, self.stride],
            padding: [0, self.padding],
            dilation: [1, self.dilation],
            groups: self.groups,
            bias: self.bias,
        }
    }

    fn window(&self, input: &[usize]) -> Result<Window, Error> {
        let expected = || format!("[{}, length of at least {}]", self.c_in, self.least());
        let &[c, l] = input else { return Err(Error::input(self.kind(), expected(), input)) };
        self.flat().window_as(self.kind(), &[c, 1, l]).map_err(|e| match e {
            Error::Input { .. } => Error::input(self.kind(), expected(), input),
            other => other,
        })
    }

    fn least(&self) -> usize {
        let extent = self.kernel.saturating_sub(1).saturating_mul(self.dilation).saturating_add(1);
        extent.saturating_sub(self.padding.saturating_mul(2)).max(1)
    }
}

/// [a, b, c] as [a, b, 1, c].
fn raised<T>(x: &ArrayRefD<T>) -> [usize; 4] {
    let [a, b, c] = dims(x);
    [a, b, 1, c]
}

impl Layer for Conv1d {
    fn kind(&self) -> &'static str {
        "conv1d"
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>, Error> {
        Ok(vec![self.c_out, self.window(input)?.w.steps])
    }

    fn params(&self) -> Vec<ParamSpec> {
        let (kernel, groups) = (self.kernel, self.groups.max(1));
        let (c_in, c_out) = (self.c_in / groups, self.c_out / groups);
        let fan = Fan { r#in: c_in * kernel, out: c_out * kernel };
        conv_params(&[self.c_out, c_in, kernel], fan, self.bias.then_some(self.c_out))
    }

    fn multiply_adds(&self, input: &[usize]) -> Option<u64> {
        Some(multiply_adds(&self.params(), &self.output_shape(input).ok()?))
    }

    fn spec(&self) -> Option<Spec> {
        let &Conv1d { c_out: filters, kernel, stride, padding, dilation, groups, bias, .. } = self;
        Some(Spec::Conv1d { filters, kernel, stride, padding, dilation, groups, bias })
    }
}

/// The cache holds [`ConvScratch`].
impl<T: Scalar> Backprop<T> for Conv1d {
    fn new_cache(&self, input: &[usize]) -> Cache<T> {
        let &[n, c, l] = input else { panic!("conv1d: expected [n, c, l]") };
        self.flat().new_cache(&[n, c, 1, l])
    }

    fn forward(&self, params: &[ArrayD<T>], x: &ArrayRefD<T>, y: &mut ArrayRefD<T>, cache: &mut Cache<T>) {
        let [weight, bias @ ..] = params else { panic!("conv1d: expected weight") };
        let window = self.window(&x.shape()[1..]).expect("a shape that output_shape took");
        let (x, weight) = (standard(x, raised), standard(weight, raised));
        let bias = bias.first().map(|bias| ranked(bias));
        with_standard_mut(y, raised, |y| {
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
            panic!("conv1d: expected weight")
        };
        let window = self.window(&saved.x.shape()[1..]).expect("a shape that output_shape took");
        let (x, dy) = (standard(saved.x, raised), standard(dy, raised));
        with_standard_mut(dweight, raised, |dweight| {
            conv2d_backward_params(&x, &dy, &window, dweight, ConvScratch::of(saved.cache));
        });
        if let [dbias] = dbias {
            add_channel_sums(&dy, &mut ranked_mut(dbias));
        }
        if let Some(dx) = dx {
            let weight = standard(weight, raised);
            with_standard_mut(dx, raised, |dx| {
                conv2d_backward_input(&weight, &dy, &window, dx, ConvScratch::of(saved.cache));
            });
        }
    }
}
