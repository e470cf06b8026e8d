//! A window that moves over an image: the geometry of convolutions and pools.
//!
//! ```text
//! output cell o, window cell k   reads input cell   i = o · stride + k · dilation - padding
//! steps   = ⌊(size + 2 padding - extent) / stride⌋ + 1      extent = (kernel - 1) dilation + 1
//! ```
//!
//! Cells with i outside the image are padding. Each axis goes by itself: [`Slide`] is one axis, [`Window`] both.

mod columns;

use std::ops::Range;

use crate::Error;

pub use columns::{col2im, im2col};

/// How a window moves along one axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slide {
    /// Cells of the input.
    pub size: usize,
    /// Cells of the window.
    pub kernel: usize,
    /// Input cells from one position of the window to the next.
    pub stride: usize,
    /// Cells of padding before and after the input.
    pub padding: usize,
    /// Input cells from one cell of the window to the next.
    pub dilation: usize,
    /// Positions of the window: cells of the output.
    pub steps: usize,
}

impl Slide {
    /// The input cell under cell `k` of the window at position `o`; `None` in the padding.
    pub fn cell(&self, o: usize, k: usize) -> Option<usize> {
        let i = (o * self.stride + k * self.dilation).checked_sub(self.padding)?;
        (i < self.size).then_some(i)
    }

    /// The positions at which cell `k` of the window lies on the input.
    pub fn inside(&self, k: usize) -> Range<usize> {
        let offset = k * self.dilation;
        let end = self.size + self.padding;
        // Most cells lie on the input at every position; to see that takes no division.
        if offset >= self.padding && (self.steps - 1) * self.stride + offset < end {
            return 0..self.steps;
        }
        let start = self.padding.saturating_sub(offset).div_ceil(self.stride);
        let end = end.saturating_sub(offset).div_ceil(self.stride).min(self.steps);
        start.min(end)..end
    }

    /// The first input cell in the window at position `o`; not below `size` if all of the window is padding.
    pub fn first(&self, o: usize) -> usize {
        let start = o * self.stride;
        if start >= self.padding {
            return start - self.padding;
        }
        let k = (self.padding - start).div_ceil(self.dilation);
        if k < self.kernel { start + k * self.dilation - self.padding } else { self.size }
    }

    /// The width of the window, if the positions cover the input side by side, without padding.
    pub(crate) fn side_by_side(&self) -> Option<usize> {
        let dense = self.dilation == 1 && self.padding == 0 && self.stride == self.kernel;
        (dense && self.steps * self.kernel <= self.size).then_some(self.kernel)
    }

    fn new(size: usize, steps: [usize; 4], ceil: bool) -> Option<Self> {
        let [kernel, stride, padding, dilation] = steps;
        let extent = (kernel - 1).checked_mul(dilation)?.checked_add(1)?;
        let free = padding.checked_mul(2)?.checked_add(size)?.checked_sub(extent)?;
        let mut steps = if ceil { free.div_ceil(stride) } else { free / stride } + 1;
        // As PyTorch has it: a window that begins beyond the input and its left padding is left out.
        if ceil && (steps - 1) * stride >= size + padding {
            steps -= 1;
        }
        Some(Slide { size, kernel, stride, padding, dilation, steps })
    }
}

/// How a window moves over an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Down the rows.
    pub h: Slide,
    /// Along a row.
    pub w: Slide,
}

/// The options that all windows have; (down, along) each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Geometry {
    pub(crate) kernel: [usize; 2],
    pub(crate) stride: [usize; 2],
    pub(crate) padding: [usize; 2],
    pub(crate) dilation: [usize; 2],
    pub(crate) ceil: bool,
}

impl Geometry {
    /// The window over images [c, h, w].
    ///
    /// # Errors
    ///
    /// [`Error::Option`] if an option is zero that must not be, [`Error::Input`] if the window does not fit.
    pub(crate) fn over(&self, kind: &str, input: &[usize]) -> Result<Window, Error> {
        let at_least_one = [("kernel", self.kernel), ("stride", self.stride), ("dilation", self.dilation)];
        for (option, value) in at_least_one {
            if value.contains(&0) {
                return Err(Error::option(kind, option, "of at least 1", value));
            }
        }
        let &[_, h, w] = input else { return Err(Error::input(kind, "[channels, height, width]", input)) };
        let slide = |size: usize, axis: usize| {
            let steps = [self.kernel[axis], self.stride[axis], self.padding[axis], self.dilation[axis]];
            Slide::new(size, steps, self.ceil).filter(|_| size > 0)
        };
        match (slide(h, 0), slide(w, 1)) {
            (Some(h), Some(w)) => Ok(Window { h, w }),
            _ => {
                let least = |axis: usize| {
                    let extent =
                        ((self.kernel[axis] - 1).saturating_mul(self.dilation[axis])).saturating_add(1);
                    extent.saturating_sub(self.padding[axis].saturating_mul(2)).max(1)
                };
                let expected = format!("[channels, at least {}, at least {}]", least(0), least(1));
                Err(Error::input(kind, expected, input))
            }
        }
    }
}

impl Window {
    /// Cells of one output plane.
    pub fn outputs(&self) -> usize {
        self.h.steps * self.w.steps
    }

    /// Whether the window is one cell that visits every cell of the input, in order.
    pub(crate) fn is_cell(&self) -> bool {
        [self.h, self.w].iter().all(|s| s.kernel == 1 && s.stride == 1 && s.padding == 0)
    }

    /// Cells of the window.
    pub fn cells(&self) -> usize {
        self.h.kernel * self.w.kernel
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, Array3};

    use super::*;

    fn window(size: [usize; 2], geometry: [usize; 8], ceil: bool) -> Option<Window> {
        let [kh, kw, sh, sw, ph, pw, dh, dw] = geometry;
        let geometry =
            Geometry { kernel: [kh, kw], stride: [sh, sw], padding: [ph, pw], dilation: [dh, dw], ceil };
        geometry.over("test", &[1, size[0], size[1]]).ok()
    }

    #[test]
    fn ranges_agree_with_cells_one_by_one() {
        for code in 0..5 * 3 * 3 * 3 * 3 {
            let (size, kernel, stride) = (code % 5 + 1, code / 5 % 3 + 1, code / 15 % 3 + 1);
            let (padding, dilation) = (code / 45 % 3, code / 135 % 3 + 1);
            let options = [kernel, 1, stride, 1, padding, 0, dilation, 1];
            let Some(window) = window([size, 1], options, false) else { continue };
            let h = window.h;
            for k in 0..kernel {
                let slow: Vec<_> = (0..h.steps).filter(|o| h.cell(*o, k).is_some()).collect();
                assert_eq!(h.inside(k).collect::<Vec<_>>(), slow, "{h:?} cell {k}");
            }
            for o in 0..h.steps {
                let slow = (0..kernel).find_map(|k| h.cell(o, k));
                assert_eq!(Some(h.first(o)).filter(|i| *i < size), slow, "{h:?} position {o}");
            }
            let seen = || (0..h.steps).flat_map(|o| (0..kernel).map(move |k| h.cell(o, k)));
            if let Some(width) = h.side_by_side() {
                assert!(width == kernel && seen().eq((0..h.steps * kernel).map(Some)), "{h:?}");
            }
            if window.is_cell() {
                assert!(seen().eq((0..size).map(Some)), "{h:?}");
            }
        }
    }

    #[test]
    fn col2im_is_the_transpose_of_im2col() {
        for geometry in [
            [2, 3, 1, 1, 0, 0, 1, 1],
            [3, 3, 2, 1, 1, 2, 1, 1],
            [2, 2, 3, 2, 1, 0, 2, 3],
            [1, 1, 2, 2, 0, 0, 1, 1],
            [3, 1, 1, 2, 2, 1, 2, 1], // cells of the window that never touch the image
        ] {
            let window = window([5, 6], geometry, false).unwrap();
            let shape = (2 * window.cells(), window.outputs());
            let x = Array3::from_shape_fn((2, 5, 6), |(c, i, j)| ((c * 30 + i * 6 + j) as f64).sin());
            let v = Array2::from_shape_fn(shape, |(i, j)| ((i * 7 + j) as f64).cos());
            let mut columns = Array2::from_elem(shape, f64::NAN);
            im2col(&x, &window, &mut columns);
            let mut back = Array3::from_elem((2, 5, 6), f64::NAN);
            col2im(&v, &window, &mut back);
            let (left, right) = ((&columns * &v).sum(), (&x * &back).sum());
            assert!((left - right).abs() < 1e-12, "{geometry:?}: {left} against {right}");
        }
    }

    #[test]
    fn ceil_adds_a_position_only_if_it_begins_on_the_input() {
        let steps = |size, kernel, stride, padding| {
            window([size, 1], [kernel, 1, stride, 1, padding, 0, 1, 1], true).unwrap().h.steps
        };
        assert_eq!(steps(5, 2, 2, 0), 3);
        assert_eq!(steps(4, 1, 4, 0), 1); // a second one would begin at 4, outside
        assert_eq!(steps(4, 3, 2, 1), 3);
    }

    #[test]
    fn options_that_overflow_are_an_error() {
        assert_eq!(window([4, 4], [usize::MAX, 1, 1, 1, 0, 0, 3, 1], false), None);
        assert_eq!(window([4, 4], [1, 1, 1, 1, usize::MAX, 0, 1, 1], false), None);
    }
}
