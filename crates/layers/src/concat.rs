//! Several layers over the same input, their outputs side by side.
//!
//! ```text
//! y  = [f₁(x), f₂(x), ...]       along one axis
//! dx = Σᵢ Jᵢᵀ dyᵢ                dyᵢ: the part of dy that belongs to fᵢ
//! ```
//!
//! Szegedy et al., "Going deeper with convolutions", 2015, whose blocks are built like this.

use ndarray::{ArrayD, ArrayRefD, Axis, Slice, Zip};
use tensor_ops::{Scalar, aligned_zeros};

use crate::layer::numbered;
use crate::views::{batched, expect_shape, head, head_mut};
use crate::{AnyLayer, Backprop, Cache, Error, InputKind, Layer, ParamSpec, Saved, Spec};

/// y = the outputs of all branches, concatenated.
///
/// The parameters of branch i are named `i.name`.
///
/// # Shapes
///
/// An input that all branches take, to their outputs, which must agree in all axes but the one along which they are
/// laid side by side.
///
/// # Examples
///
/// ```
/// use layers::{Affine, Concat, Layer};
///
/// let both = Concat::new(&[8]).push(Affine::new(8, 3))?.push(Affine::new(8, 2))?;
/// assert_eq!(both.output_shape(&[8])?, [5]);
/// # Ok::<(), layers::Error>(())
/// ```
#[derive(Debug)]
pub struct Concat {
    /// The axis of one example along which outputs are laid side by side; 0, the channels, by default.
    pub axis: usize,
    input: Vec<usize>,
    branches: Vec<Box<dyn AnyLayer>>,
    /// The shape of one output of each branch.
    outputs: Vec<Vec<usize>>,
    /// How many parameters each branch has.
    n_params: Vec<usize>,
}

impl Concat {
    /// Without branches, for inputs of this shape.
    pub fn new(input: &[usize]) -> Self {
        let (branches, outputs, n_params) = (Vec::new(), Vec::new(), Vec::new());
        Concat { axis: 0, input: input.to_vec(), branches, outputs, n_params }
    }

    /// With one more branch.
    ///
    /// # Errors
    ///
    /// [`Error`] if the branch cannot take the input.
    pub fn push(self, branch: impl AnyLayer + 'static) -> Result<Self, Error> {
        self.push_boxed(Box::new(branch))
    }

    /// With one more branch that is boxed already.
    ///
    /// # Errors
    ///
    /// As [`Concat::push`].
    pub fn push_boxed(mut self, branch: Box<dyn AnyLayer>) -> Result<Self, Error> {
        let place = self.branches.len();
        self.outputs.push(branch.output_shape(&self.input).map_err(|e| e.within(place, "concat"))?);
        self.n_params.push(branch.params().len());
        self.branches.push(branch);
        Ok(self)
    }

    /// The branches in order.
    pub fn branches(&self) -> &[Box<dyn AnyLayer>] {
        &self.branches
    }

    /// The length of the output along the axis.
    fn width(&self) -> usize {
        self.outputs.iter().map(|output| output[self.axis]).sum()
    }

    /// For each branch, the range of the axis that is its own.
    fn parts(&self) -> impl Iterator<Item = Slice> {
        let mut start = 0;
        self.outputs.iter().map(move |output| {
            let end = start + output[self.axis];
            Slice::from(std::mem::replace(&mut start, end)..end)
        })
    }
}

impl Layer for Concat {
    fn kind(&self) -> &'static str {
        "concat"
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>, Error> {
        if input != self.input {
            return Err(Error::input(self.kind(), format!("{:?}", self.input), input));
        }
        let Some(first) = self.outputs.first() else {
            return Err(Error::option(self.kind(), "branches", "of at least 1", 0));
        };
        if self.axis >= first.len() {
            return Err(Error::option(self.kind(), "axis", format!("below {}", first.len()), self.axis));
        }
        let mut whole = first.clone();
        for output in &self.outputs[1..] {
            let mut same = output.clone();
            match same.get_mut(self.axis) {
                Some(length) => *length = first[self.axis],
                None => same.clear(),
            }
            if same != *first {
                let expected = format!("whose outputs differ in axis {} alone", self.axis);
                return Err(Error::option(self.kind(), "branches", expected, &self.outputs));
            }
            let width = whole[self.axis].checked_add(output[self.axis]);
            let expected =
                || Error::option(self.kind(), "branches", "whose outputs can be counted", &self.outputs);
            whole[self.axis] = width.ok_or_else(expected)?;
        }
        Ok(whole)
    }

    fn params(&self) -> Vec<ParamSpec> {
        let numbered = self.branches.iter().enumerate();
        numbered.flat_map(|(i, branch)| branch.params().into_iter().map(move |p| p.within(i))).collect()
    }

    fn mixes_examples(&self) -> bool {
        self.branches.iter().any(|branch| branch.mixes_examples())
    }

    fn input_kind(&self) -> InputKind {
        let least = |a, b| match (a, b) {
            (InputKind::Index(a), InputKind::Index(b)) => InputKind::Index(a.min(b)),
            (InputKind::Real, other) | (other, InputKind::Real) => other,
        };
        self.branches.iter().map(|branch| branch.input_kind()).fold(InputKind::Real, least)
    }

    fn multiply_adds(&self, input: &[usize]) -> Option<u64> {
        self.branches.iter().map(|branch| branch.multiply_adds(input)).sum()
    }

    fn spec(&self) -> Option<Spec> {
        let branches = self.branches.iter().map(|branch| branch.spec()).collect::<Option<_>>()?;
        Some(Spec::Concat { branches, axis: self.axis })
    }
}

impl Concat {
    /// The backward pass, setting gradients or adding to them.
    fn back_through<T: Scalar>(
        &self,
        anew: bool,
        params: &[ArrayD<T>],
        saved: Saved<'_, T>,
        dy: &ArrayRefD<T>,
        mut dx: Option<&mut ArrayRefD<T>>,
        grads: &mut [ArrayD<T>],
    ) where
        dyn AnyLayer: Backprop<T>,
    {
        let Saved { x, cache, .. } = saved;
        let n = x.shape()[0];
        assert_eq!(dy.shape()[self.axis + 1], self.width(), "concat: length of dy along the axis");
        let (outputs, rest) = cache.arrays.split_at_mut(self.branches.len());
        let (gradients, share) = rest.split_at_mut(self.branches.len());
        let (mut params, mut grads) = (params, grads);
        if let Some(dx) = dx.as_deref_mut() {
            dx.fill(T::zero());
        }
        let branches = self.branches.iter().zip(&self.n_params);
        let branches = branches.zip(outputs).zip(gradients).zip(&mut cache.children);
        for (((((branch, &at), output), gradient), cache), part) in branches.zip(self.parts()) {
            let (own, rest) = params.split_at(at);
            let (own_grads, grads_rest) = grads.split_at_mut(at);
            (params, grads) = (rest, grads_rest);
            let mut gradient = head_mut(gradient, n);
            let dy = dy.slice_axis(Axis(self.axis + 1), part);
            expect_shape("a part of dy", &dy, gradient.shape());
            gradient.assign(&dy);
            let saved = Saved { x, y: &head(output, n), cache };
            let mut share = dx.is_some().then(|| head_mut(&mut share[0], n));
            let into = share.as_deref_mut();
            match anew {
                true => branch.backward_anew(own, saved, &gradient, into, own_grads),
                false => branch.backward(own, saved, &gradient, into, own_grads),
            }
            if let (Some(dx), Some(share)) = (dx.as_deref_mut(), share) {
                Zip::from(dx).and(&share).for_each(|dx, &share| *dx += share);
            }
        }
    }
}

/// The cache holds, in `arrays`, the output of each branch, then their gradients, then the gradient of the input by one
/// branch.
impl<T: Scalar> Backprop<T> for Concat
where
    dyn AnyLayer: Backprop<T>,
{
    fn new_cache(&self, input: &[usize]) -> Cache<T> {
        let zeros = |output: &Vec<usize>| aligned_zeros(&batched(input[0], output));
        let outputs = self.outputs.iter().map(zeros).chain(self.outputs.iter().map(zeros));
        Cache {
            arrays: outputs.chain([aligned_zeros(input)]).collect(),
            children: self.branches.iter().map(|branch| branch.new_cache(input)).collect(),
            ..Cache::new()
        }
    }

    fn forward(&self, params: &[ArrayD<T>], x: &ArrayRefD<T>, y: &mut ArrayRefD<T>, cache: &mut Cache<T>) {
        let n = x.shape()[0];
        assert_eq!(y.shape()[self.axis + 1], self.width(), "concat: length of y along the axis");
        let mut params = params;
        let branches =
            self.branches.iter().zip(&self.n_params).zip(&mut cache.arrays).zip(&mut cache.children);
        for ((((branch, &n_params), output), cache), part) in branches.zip(self.parts()) {
            let (own, rest) = params.split_at(n_params);
            params = rest;
            let mut output = head_mut(output, n);
            branch.forward(own, x, &mut output, cache);
            let mut y = y.slice_axis_mut(Axis(self.axis + 1), part);
            expect_shape("a part of y", &y, output.shape()); // because `assign` would repeat a single element
            y.assign(&output);
        }
    }

    fn backward(
        &self,
        params: &[ArrayD<T>],
        saved: Saved<'_, T>,
        dy: &ArrayRefD<T>,
        dx: Option<&mut ArrayRefD<T>>,
        grads: &mut [ArrayD<T>],
    ) {
        self.back_through(false, params, saved, dy, dx, grads);
    }

    fn backward_anew(
        &self,
        params: &[ArrayD<T>],
        saved: Saved<'_, T>,
        dy: &ArrayRefD<T>,
        dx: Option<&mut ArrayRefD<T>>,
        grads: &mut [ArrayD<T>],
    ) {
        self.back_through(true, params, saved, dy, dx, grads);
    }

    fn first_not_finite(&self, y: &ArrayRefD<T>, cache: &Cache<T>) -> Option<(String, f64)> {
        let (n, branches) = (y.shape()[0], self.branches.iter().zip(&cache.arrays).zip(&cache.children));
        branches.enumerate().find_map(|(i, ((branch, output), cache))| {
            let (within, value) = branch.first_not_finite(&head(output, n), cache)?;
            Some((numbered("branch", i, branch.kind(), &within), value))
        })
    }

    fn absorb(&self, cache: &Cache<T>, params: &mut [ArrayD<T>]) {
        let mut params = params;
        for ((branch, &n_params), cache) in self.branches.iter().zip(&self.n_params).zip(&cache.children) {
            let (own, rest) = params.split_at_mut(n_params);
            params = rest;
            branch.absorb(cache, own);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Affine, Conv2d, Flatten};

    #[test]
    fn branches_whose_outputs_do_not_fit_are_an_error() {
        let concat = Concat::new(&[1, 4, 4]).push(Conv2d::new(1, 2, [3, 3])).unwrap();
        assert_eq!(concat.output_shape(&[1, 4, 4]).unwrap(), [2, 2, 2]);
        let error = concat.push(Flatten).unwrap().output_shape(&[1, 4, 4]).unwrap_err().to_string();
        let expected =
            "concat: expected branches whose outputs differ in axis 0 alone, got [[2, 2, 2], [16]]";
        assert_eq!(error, expected);
    }

    #[test]
    fn outputs_that_cannot_be_counted_are_an_error() {
        let concat = Concat::new(&[1]).push(Affine::new(1, usize::MAX)).unwrap();
        let error = concat.push(Affine::new(1, 2)).unwrap().output_shape(&[1]).unwrap_err().to_string();
        let expected =
            "concat: expected branches whose outputs can be counted, got [[18446744073709551615], [2]]";
        assert_eq!(error, expected);
    }

    #[test]
    fn an_error_names_the_branch() {
        let error = Concat::new(&[3]).push(Affine::new(3, 2)).unwrap().push(Affine::new(4, 2)).unwrap_err();
        assert_eq!(error.to_string(), "concat, layer 1 (affine): expected input [4], got [3]");
    }
}
