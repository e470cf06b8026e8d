//! Exact derivatives by dual numbers.

use ndarray::{ArrayD, ArrayRefD, Axis};

use super::Differentiable;
use super::differentiable::constants;
use crate::Dual;

/// The derivatives of all outputs by one element: variable `k`, position `e` in row-major order.
pub(super) fn column(f: &dyn Differentiable, v: &mut [ArrayD<Dual>], k: usize, e: usize) -> ArrayD<f64> {
    seed(&mut v[k], e, 1.0);
    let y = f.forward_dual(v);
    seed(&mut v[k], e, 0.0);
    y.mapv(|y| y.eps)
}

fn seed(v: &mut ArrayD<Dual>, e: usize, eps: f64) {
    v.as_slice_mut().expect("points are in the standard layout")[e].eps = eps;
}

/// Ju by dual numbers, for one tangent a variable.
pub(super) fn push_forward(f: &dyn Differentiable, tangents: &[ArrayD<f64>]) -> ArrayD<f64> {
    f.forward_dual(&with_tangents(&f.point(), tangents)).mapv(|y| y.eps)
}

/// The duals v + u ε.
pub(super) fn with_tangents(v: &[ArrayD<f64>], tangents: &[ArrayD<f64>]) -> Vec<ArrayD<Dual>> {
    let pair = |(v, u): (&ArrayD<f64>, &ArrayD<f64>)| {
        ndarray::Zip::from(v).and(u).map_collect(|&v, &u| Dual::new(v, u))
    };
    v.iter().zip(tangents).map(pair).collect()
}

/// Jᵀv, every element exact, without any backward pass.
///
/// Forward mode gives the derivatives of all outputs by one element in a pass. Elements that reach different outputs
/// share a pass: slices of a variable along an axis do if no output depends on two of them, which is found out by
/// running each slice with not-a-number for its tangent, because that marks every output it reaches. So the 39,200
/// weights of an affine layer to 50 outputs need 784 passes and not 39,200 (Curtis, Powell, Reid, "On the estimation of
/// sparse Jacobian matrices", 1974).
///
/// # Panics
///
/// If the cotangent does not have the shape of the output.
pub fn exact_pullback(f: &dyn Differentiable, cotangent: &ArrayRefD<f64>) -> Vec<ArrayD<f64>> {
    let mut v = constants(&f.point());
    (0..v.len()).map(|k| pull_variable(f, &mut v, k, cotangent)).collect()
}

fn pull_variable(
    f: &dyn Differentiable,
    v: &mut [ArrayD<Dual>],
    k: usize,
    cotangent: &ArrayRefD<f64>,
) -> ArrayD<f64> {
    let mut axes: Vec<usize> = (0..v[k].ndim()).filter(|&a| v[k].shape()[a] > 1).collect();
    axes.sort_by_key(|&a| std::cmp::Reverse(v[k].shape()[a]));
    let disjoint = axes.into_iter().find_map(|a| Some((a, owners(f, v, k, Axis(a))?)));
    let mut gradient = ArrayD::zeros(v[k].raw_dim());
    let Some((axis, owners)) = disjoint else {
        for (e, slope) in gradient.iter_mut().enumerate() {
            *slope = dot(cotangent, &column(f, v, k, e));
        }
        return gradient;
    };
    // One pass for each position within a slice, all slices at once.
    let axis = Axis(axis);
    for p in 0..v[k].len() / v[k].len_of(axis) {
        // Lanes run along the axis: lane p holds position p of every slice.
        let set = |v: &mut ArrayD<Dual>, tangent: fn(Dual) -> Dual| {
            v.lanes_mut(axis).into_iter().nth(p).expect("a lane a position").mapv_inplace(tangent);
        };
        set(&mut v[k], variable);
        let y = f.forward_dual(v);
        set(&mut v[k], constant);
        let mut slopes = gradient.lanes_mut(axis).into_iter().nth(p).expect("a lane a position");
        for ((y, &owner), &cotangent) in y.iter().zip(&owners).zip(cotangent) {
            if let Some(slice) = owner {
                slopes[slice] += cotangent * y.eps;
            }
        }
    }
    gradient
}

fn variable(x: Dual) -> Dual {
    Dual::new(x.re, 1.0)
}

fn constant(x: Dual) -> Dual {
    Dual::new(x.re, 0.0)
}

/// For each output the slice of variable `k` along `axis` that it depends on; `None` if some output depends on two.
fn owners(
    f: &dyn Differentiable,
    v: &mut [ArrayD<Dual>],
    k: usize,
    axis: Axis,
) -> Option<Vec<Option<usize>>> {
    let mut owners: Vec<Option<usize>> = Vec::new();
    for slice in 0..v[k].len_of(axis) {
        v[k].index_axis_mut(axis, slice).mapv_inplace(|x| Dual::new(x.re, f64::NAN));
        let y = f.forward_dual(v);
        v[k].index_axis_mut(axis, slice).mapv_inplace(constant);
        owners.resize(y.len(), None);
        for (y, owner) in y.iter().zip(&mut owners) {
            if y.eps.is_nan() && owner.replace(slice).is_some() {
                return None;
            }
        }
    }
    Some(owners)
}

pub(super) fn dot(a: &ArrayRefD<f64>, b: &ArrayRefD<f64>) -> f64 {
    assert_eq!(a.shape(), b.shape(), "gradient check: shapes of an output and its cotangent");
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
