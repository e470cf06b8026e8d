//! The mean under a window.
//!
//! ```text
//! y[n, c, i, j]  = Σ over the window of x / m         m: cells of the window
//! dx[n, c, a, b] = Σ of dy / m over the windows that hold (a, b)
//! ```
//!
//! Padding counts as zeros in m, as in PyTorch and Caffe, unless `count_include_pad` is false, as in Keras and ONNX:
//! then m is the number of cells on the image. Cells that `ceil` lets stand beyond the padding are never counted.
//!
//! LeCun et al., "Gradient-based learning applied to document recognition", 1998 (there with a trained factor).

use ndarray::{ArrayD, ArrayRef4, ArrayRefD};
use tensor_ops::Scalar;

use crate::max_pool2d::{check_coverage, check_planes};
use crate::views::{dims, standard, with_standard_mut};
use crate::window::{Geometry, Slide, Window};
use crate::{Backprop, Cache, Error, Layer, Saved, Spec};

/// Mean over windows of images N, C, H, W.
///
/// # Shapes
///
/// `[n, c, h, w]` to `[n, c, oh, ow]` with oh = ⌊(h + 2 padding - kernel) / stride⌋ + 1, and ow likewise. Cells that no
/// window reaches are not read.
///
/// # Examples
///
/// ```
/// use layers::{AvgPool2d, Layer};
///
/// assert_eq!(AvgPool2d::new([2, 2]).output_shape(&[20, 25, 25])?, [20, 12, 12]);
/// # Ok::<(), layers::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AvgPool2d {
    /// The height and width of the window.
    pub kernel: [usize; 2],
    /// Cells from one position to the next; the kernel by default.
    pub stride: [usize; 2],
    /// Zeros added on each side; 0 by default.
    pub padding: [usize; 2],
    /// Whether the last window may stand over the edge, rather than be left out; false by default.
    pub ceil: bool,
    /// Whether cells of padding count in the mean; true by default.
    pub count_include_pad: bool,
}

impl AvgPool2d {
    /// Windows side by side, without padding.
    pub fn new(kernel: [usize; 2]) -> Self {
        AvgPool2d { kernel, stride: kernel, padding: [0, 0], ceil: false, count_include_pad: true }
    }

    /// The window over inputs [c, h, w].
    ///
    /// # Errors
    ///
    /// [`Error::Option`] if an option makes no sense, [`Error::Input`] if the input does not fit.
    pub fn window(&self, input: &[usize]) -> Result<Window, Error> {
        let &AvgPool2d { kernel, stride, padding, ceil, .. } = self;
        let window = Geometry { kernel, stride, padding, dilation: [1, 1], ceil }.over(self.kind(), input)?;
        check_coverage(self.kind(), &window, padding)?;
        Ok(window)
    }
}

#[track_caller]
fn check_dilation(window: &Window) {
    assert!(window.h.dilation == 1 && window.w.dilation == 1, "avg_pool2d: a window without dilation");
}

/// The input cells under the window at position `o`, and how many of its cells count.
fn span(slide: &Slide, o: usize, count_include_pad: bool) -> (std::ops::Range<usize>, usize) {
    let start = o * slide.stride;
    let end = (start + slide.kernel).min(slide.size + 2 * slide.padding); // both counted from the first padding
    let cells = start.saturating_sub(slide.padding)..(end - slide.padding).min(slide.size);
    let counted = if count_include_pad { end - start } else { cells.len() };
    (cells, counted)
}

/// y ← the mean of each window, summed wide.
///
/// # Shapes
///
/// `x` [n, c, h, w] and `y` [n, c, oh, ow], in row-major order; the window without dilation.
///
/// # Panics
///
/// If the shapes do not fit or an array is not in row-major order.
#[track_caller]
pub fn avg_pool2d_forward<T: Scalar>(
    x: &ArrayRef4<T>,
    window: &Window,
    count_include_pad: bool,
    y: &mut ArrayRef4<T>,
) {
    let Window { h, w } = *window;
    check_planes(x, y, window);
    check_dilation(window);
    let x = x.as_slice().expect("x in row-major order").chunks_exact(h.size * w.size);
    let y = y.as_slice_mut().expect("y in row-major order").chunks_exact_mut(window.outputs());
    for (x, y) in x.zip(y) {
        for (o, line) in y.chunks_exact_mut(w.steps).enumerate() {
            let (rows, m_h) = span(&h, o, count_include_pad);
            for (o, y) in line.iter_mut().enumerate() {
                let (columns, m_w) = span(&w, o, count_include_pad);
                let rows = rows.clone().map(|i| &x[i * w.size..][columns.clone()]);
                let total = rows.flatten().fold(T::Wide::from_f64(0.0), |total, x| total + x.widen());
                *y = T::narrow(total / T::Wide::from_f64((m_h * m_w) as f64));
            }
        }
    }
}

/// dx ← the shares of dy.
///
/// # Shapes
///
/// As [`avg_pool2d_forward`].
///
/// # Panics
///
/// As [`avg_pool2d_forward`].
#[track_caller]
pub fn avg_pool2d_backward<T: Scalar>(
    dy: &ArrayRef4<T>,
    window: &Window,
    count_include_pad: bool,
    dx: &mut ArrayRef4<T>,
) {
    let Window { h, w } = *window;
    check_planes(dx, dy, window);
    check_dilation(window);
    let dx = dx.as_slice_mut().expect("dx in row-major order").chunks_exact_mut(h.size * w.size);
    let dy = dy.as_slice().expect("dy in row-major order").chunks_exact(window.outputs());
    for (dx, dy) in dx.zip(dy) {
        dx.fill(T::zero());
        for (o, line) in dy.chunks_exact(w.steps).enumerate() {
            let (rows, m_h) = span(&h, o, count_include_pad);
            for (o, &dy) in line.iter().enumerate() {
                let (columns, m_w) = span(&w, o, count_include_pad);
                let share = dy / T::from_f64((m_h * m_w) as f64);
                for i in rows.clone() {
                    dx[i * w.size..][columns.clone()].iter_mut().for_each(|dx| *dx += share);
                }
            }
        }
    }
}

impl Layer for AvgPool2d {
    fn kind(&self) -> &'static str {
        "avg_pool2d"
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>, Error> {
        let window = self.window(input)?;
        Ok(vec![input[0], window.h.steps, window.w.steps])
    }

    fn spec(&self) -> Option<Spec> {
        let &AvgPool2d { kernel, stride, padding, ceil, count_include_pad } = self;
        let stride = (stride != kernel).then_some(stride);
        Some(Spec::AvgPool2d { kernel, stride, padding, ceil, count_include_pad })
    }
}

impl<T: Scalar> Backprop<T> for AvgPool2d {
    fn forward(&self, _: &[ArrayD<T>], x: &ArrayRefD<T>, y: &mut ArrayRefD<T>, _: &mut Cache<T>) {
        let window = self.window(&x.shape()[1..]).expect("a shape that output_shape took");
        with_standard_mut(y, dims::<_, 4>, |y| {
            avg_pool2d_forward(&standard(x, dims::<_, 4>), &window, self.count_include_pad, y);
        });
    }

    fn backward(
        &self,
        _: &[ArrayD<T>],
        _: Saved<'_, T>,
        dy: &ArrayRefD<T>,
        dx: Option<&mut ArrayRefD<T>>,
        _: &mut [ArrayD<T>],
    ) {
        let Some(dx) = dx else { return };
        let window = self.window(&dx.shape()[1..]).expect("a shape that output_shape took");
        with_standard_mut(dx, dims::<_, 4>, |dx| {
            avg_pool2d_backward(&standard(dy, dims::<_, 4>), &window, self.count_include_pad, dx);
        });
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array4, array};

    use super::*;

    fn pool(layer: AvgPool2d, x: &Array4<f64>) -> Array4<f64> {
        let (n, c, h, w) = x.dim();
        let window = layer.window(&[c, h, w]).unwrap();
        let mut y = Array4::zeros((n, c, window.h.steps, window.w.steps));
        avg_pool2d_forward(x, &window, layer.count_include_pad, &mut y);
        y
    }

    #[test]
    fn padding_counts_or_does_not() {
        let x = array![[[[4.0, 8.0]]]];
        let counted = AvgPool2d { padding: [0, 1], ..AvgPool2d::new([1, 2]) };
        assert_eq!(pool(counted, &x), array![[[[2.0, 4.0]]]]);
        assert_eq!(pool(AvgPool2d { count_include_pad: false, ..counted }, &x), array![[[[4.0, 8.0]]]]);
    }

    #[test]
    fn cells_beyond_the_padding_are_never_counted() {
        let x = array![[[[1.0, 2.0, 3.0]]]];
        let layer = AvgPool2d { ceil: true, ..AvgPool2d::new([1, 2]) };
        assert_eq!(pool(layer, &x), array![[[[1.5, 3.0]]]]);
    }
}
