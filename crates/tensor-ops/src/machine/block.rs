//! Short lines of numbers at even distances, copied or added.

use std::array;

use super::vectorised::{Vectorise, vectorised};
use crate::Scalar;

/// A block of planes, lines and numbers, which lie at even distances in one slice and at others in another one.
///
/// To copy or to add lines of some ten numbers takes less time this way than one call, or one check of bounds, for each
/// of them.
///
/// # Examples
///
/// ```
/// use tensor_ops::Block;
///
/// // Lines of three numbers, two in each of two planes.
/// let block = Block { planes: 2, lines: 2, width: 3, from: [8, 4], to: [6, 3] };
/// let mut to = [0.0; 12];
/// block.copy(&[1., 2., 3., 0., 4., 5., 6., 0., 7., 8., 9., 0., 1., 2., 3.], &mut to);
/// block.add(&[1.; 15], &mut to);
/// assert_eq!(to, [2., 3., 4., 5., 6., 7., 8., 9., 10., 2., 3., 4.]);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Block {
    /// How many planes there are.
    pub planes: usize,
    /// Lines of a plane.
    pub lines: usize,
    /// Numbers of a line.
    pub width: usize,
    /// From plane to plane, and from line to line, where they come from.
    pub from: [usize; 2],
    /// The same where they go.
    pub to: [usize; 2],
}

impl Block {
    /// to ← from
    ///
    /// # Panics
    ///
    /// If a slice is too short.
    pub fn copy<T: Scalar>(&self, from: &[T], to: &mut [T]) {
        vectorised(Each::<T, false> { block: self, from, to });
    }

    /// to ← to + from
    ///
    /// # Panics
    ///
    /// If a slice is too short.
    pub fn add<T: Scalar>(&self, from: &[T], to: &mut [T]) {
        vectorised(Each::<T, true> { block: self, from, to });
    }

    /// Checks that all lines are within both slices, of which there is at least one.
    fn check<T>(&self, from: &[T], to: &[T]) {
        let end = |[planes, lines]: [usize; 2]| {
            let plane = (self.planes - 1).checked_mul(planes)?;
            plane.checked_add((self.lines - 1).checked_mul(lines)?)?.checked_add(self.width)
        };
        let fits = |distances, len| end(distances).is_some_and(|end| end <= len);
        assert!(fits(self.from, from.len()), "block: {self:?} out of {} numbers", from.len());
        assert!(fits(self.to, to.len()), "block: {self:?} into {} numbers", to.len());
    }

    /// Sets N numbers of each line, from `at` on, to `f` of what is there and what comes; returns N.
    ///
    /// # Safety
    ///
    /// The slices have passed the check, and `at` + N is at most the width.
    #[inline(always)]
    unsafe fn columns<T: Copy, const N: usize>(
        &self,
        at: usize,
        from: &[T],
        to: &mut [T],
        f: impl Fn(T, T) -> T,
    ) -> usize {
        for plane in 0..self.planes {
            let mut from = from.as_ptr().wrapping_add(plane * self.from[0] + at);
            let mut to = to.as_mut_ptr().wrapping_add(plane * self.to[0] + at);
            for _ in 0..self.lines {
                // SAFETY: the last line of the last plane is within the slices, and this one not beyond it. A pointer that
                // steps beyond the last one is not read.
                unsafe {
                    let (new, old) = (from.cast::<[T; N]>().read(), to.cast::<[T; N]>().read());
                    to.cast::<[T; N]>().write(array::from_fn(|lane| f(old[lane], new[lane])));
                }
                from = from.wrapping_add(self.from[1]);
                to = to.wrapping_add(self.to[1]);
            }
        }
        N
    }
}

/// What is done with a block: its numbers are copied, or added to what is there.
struct Each<'a, T, const ADD: bool> {
    block: &'a Block,
    from: &'a [T],
    to: &'a mut [T],
}

impl<T: Scalar, const ADD: bool> Vectorise for Each<'_, T, ADD> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Each { block, from, to } = self;
        let width = block.width;
        if block.planes == 0 || block.lines == 0 {
            return;
        }
        block.check(from, to);
        let f = |old, new| if ADD { old + new } else { new };
        let mut at = 0;
        while at < width {
            // Lines are short: whole vectors, the last of which may be copied a second time, and no call.
            // SAFETY: the check has passed, and no column ends beyond the width.
            at += unsafe {
                match width - at {
                    24.. => block.columns::<T, 24>(at, from, to, f),
                    16.. => block.columns::<T, 16>(at, from, to, f),
                    8.. => block.columns::<T, 8>(at, from, to, f),
                    _ if !ADD && width >= 8 => block.columns::<T, 8>(width - 8, from, to, f),
                    4.. => block.columns::<T, 4>(at, from, to, f),
                    _ if !ADD && width >= 4 => block.columns::<T, 4>(width - 4, from, to, f),
                    _ => block.columns::<T, 1>(at, from, to, f),
                }
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_every_width_are_copied_and_added_and_nothing_else_is() {
        for width in 1..60 {
            let (from_line, to_line) = (width + 1, width + 2);
            let (from_plane, to_plane) = (4 * from_line + 3, 4 * to_line + 1);
            let from = [from_plane, from_line];
            let block = Block { planes: 3, lines: 4, width, from, to: [to_plane, to_line] };
            let from: Vec<f64> = (0..3 * from_plane).map(|at| at as f64).collect();
            let start: Vec<f64> = (0..3 * to_plane).map(|at| 0.5 + at as f64).collect();
            let (mut copied, mut added) = (start.clone(), start.clone());
            block.copy(&from, &mut copied);
            block.add(&from, &mut added);
            for (at, &old) in start.iter().enumerate() {
                let (plane, line, number) = (at / to_plane, at % to_plane / to_line, at % to_plane % to_line);
                let new = from[plane * from_plane + line.min(3) * from_line + number.min(width)];
                let is_of_block = line < 4 && number < width;
                let expected = if is_of_block { (new, old + new) } else { (old, old) };
                assert_eq!((copied[at], added[at]), expected, "number {at} of lines of {width}");
            }
        }
    }

    #[test]
    fn a_block_beyond_a_slice_is_refused() {
        let block = Block { planes: 2, lines: 2, width: 3, from: [8, 4], to: [6, 3] };
        let refused = |block: Block, from: usize, to: usize| {
            std::panic::catch_unwind(|| block.copy(&vec![0.0; from], &mut vec![0.0; to])).is_err()
        };
        assert!(!refused(block, 15, 12));
        assert!(refused(block, 14, 12) && refused(block, 15, 11));
        assert!(refused(Block { to: [usize::MAX, 1], ..block }, 15, 12));
        assert!(refused(Block { from: [8, usize::MAX - 8], ..block }, 15, 12));
        assert!(!refused(Block { lines: 0, ..block }, 0, 0));
    }
}
