//! How parameters begin.
//!
//! ```text
//! He       variance 2 / fan                 He et al., "Delving deep into rectifiers", 2015, eq. 10
//! Xavier   variance 2 / (fan in + fan out)  Glorot, Bengio, "Understanding the difficulty of training", 2010, eq. 12
//! LeCun    variance 1 / fan in              LeCun, Bottou, Orr, Müller, "Efficient BackProp", 1998, section 4.6
//! uniform with variance σ²: between -√3 σ and √3 σ
//! ```

use ndarray::{Array2, ArrayD, ArrayRef2, Axis, IxDyn, Slice};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;
use tensor_ops::{Scalar, gemm, matmul};

use crate::Error;

/// How the elements of a parameter are drawn.
///
/// Draws are made in f64 and rounded, so that models of one seed begin alike in `f32` and `f64`.
///
/// # Examples
///
/// ```
/// use layers::{Fan, Init};
/// use tensor_ops::random::{Purpose, stream};
///
/// let mut rng = stream(1, Purpose::Init, 0);
/// let weight = Init::he().draw::<f32>(&[784, 50], Fan { r#in: 784, out: 50 }, &mut rng);
/// assert_eq!(weight.shape(), [784, 50]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(tag = "name", rename_all = "snake_case", deny_unknown_fields))]
#[non_exhaustive]
pub enum Init {
    /// 0.
    Zeros {},
    /// One value.
    Constant {
        /// The value.
        value: f64,
    },
    /// Evenly between two bounds.
    Uniform {
        /// The lower bound.
        low: f64,
        /// The upper bound.
        high: f64,
    },
    /// Normal with mean 0.
    Normal {
        /// The standard deviation.
        std: f64,
    },
    /// Normal with mean 0, drawn again while beyond two standard deviations (of the normal before the cut).
    TruncatedNormal {
        /// The standard deviation before the cut.
        std: f64,
    },
    /// Variance 2 / (fan in + fan out): keeps the size of signals and gradients through tanh and sigmoid layers.
    Xavier {
        /// Normal or uniform.
        #[cfg_attr(feature = "serde", serde(default))]
        shape: Bell,
    },
    /// Variance 2 / fan: keeps the size of signals (fan in) or gradients (fan out) through ReLU layers.
    He {
        /// Normal or uniform.
        #[cfg_attr(feature = "serde", serde(default))]
        shape: Bell,
        /// Which fan.
        #[cfg_attr(feature = "serde", serde(default))]
        fan: Side,
    },
    /// Variance 1 / fan in: N(0, 1/√fan-in), for SELU and plain networks.
    Lecun {
        /// Normal or uniform.
        #[cfg_attr(feature = "serde", serde(default))]
        shape: Bell,
    },
    /// Orthonormal rows or columns, whichever are fewer, of the matrix [first axis, the rest].
    ///
    /// Saxe, McClelland, Ganguli, "Exact solutions to the nonlinear dynamics of learning", 2013.
    Orthogonal {
        /// A factor on all elements.
        gain: f64,
    },
}

/// The shape of a distribution.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Bell {
    /// Normal.
    #[default]
    Normal,
    /// Uniform.
    Uniform,
}

/// Which side of a layer sets the variance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Side {
    /// The inputs of an output.
    #[default]
    In,
    /// The outputs of an input.
    Out,
}

/// How many inputs feed an output of a layer, and how many outputs an input feeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fan {
    /// Inputs of one output.
    pub r#in: usize,
    /// Outputs of one input.
    pub out: usize,
}

impl Init {
    /// He, normal, by fan in.
    pub fn he() -> Self {
        Init::He { shape: Bell::Normal, fan: Side::In }
    }

    /// Xavier, uniform, as its authors wrote it.
    pub fn xavier() -> Self {
        Init::Xavier { shape: Bell::Uniform }
    }

    /// LeCun, normal: N(0, 1/√fan-in).
    pub fn lecun() -> Self {
        Init::Lecun { shape: Bell::Normal }
    }

    /// That the numbers of this distribution make sense.
    ///
    /// # Errors
    ///
    /// [`Error::Option`] with the field that does not.
    ///
    /// # Examples
    ///
    /// ```
    /// let error = layers::Init::Normal { std: -1.0 }.check().unwrap_err();
    /// assert_eq!(error.to_string(), "init: expected std finite and from 0, got -1.0");
    /// ```
    pub fn check(&self) -> Result<(), Error> {
        let finite = |option, x: f64| match x.is_finite() {
            true => Ok(()),
            false => Err(Error::option("init", option, "finite", x)),
        };
        match *self {
            Init::Constant { value } => finite("value", value),
            Init::Uniform { low, high } => {
                finite("low", low)?;
                finite("high", high)?;
                match low <= high && (high - low).is_finite() {
                    true => Ok(()),
                    false => Err(Error::option("init", "high", format!("from low, which is {low:?}"), high)),
                }
            }
            Init::Normal { std } | Init::TruncatedNormal { std } => match std.is_finite() && std >= 0.0 {
                true => Ok(()),
                false => Err(Error::option("init", "std", "finite and from 0", std)),
            },
            Init::Orthogonal { gain } => finite("gain", gain),
            Init::Zeros {} | Init::Xavier { .. } | Init::He { .. } | Init::Lecun { .. } => Ok(()),
        }
    }

    /// An array of this shape, drawn from `rng`.
    ///
    /// # Panics
    ///
    /// If a uniform range is empty or a standard deviation is not finite.
    pub fn draw<T: Scalar>(&self, shape: &[usize], fan: Fan, rng: &mut impl Rng) -> ArrayD<T> {
        let (fan_in, fan_out) = (fan.r#in as f64, fan.out as f64);
        match *self {
            Init::Zeros {} => ArrayD::zeros(shape),
            Init::Constant { value } => ArrayD::from_elem(shape, T::from_f64(value)),
            Init::Uniform { low, high } => {
                ArrayD::from_shape_simple_fn(shape, || T::from_f64(low + (high - low) * rng.random::<f64>()))
            }
            Init::Normal { std } => normal(shape, std, rng),
            Init::TruncatedNormal { std } => ArrayD::from_shape_simple_fn(shape, || {
                let mut draw = || rng.sample::<f64, _>(StandardNormal);
                let mut z = draw();
                while z.abs() > 2.0 {
                    z = draw();
                }
                T::from_f64(std * z)
            }),
            Init::Xavier { shape: bell } => bell.draw(shape, (2.0 / (fan_in + fan_out)).sqrt(), rng),
            Init::He { shape: bell, fan: Side::In } => bell.draw(shape, (2.0 / fan_in).sqrt(), rng),
            Init::He { shape: bell, fan: Side::Out } => bell.draw(shape, (2.0 / fan_out).sqrt(), rng),
            Init::Lecun { shape: bell } => bell.draw(shape, (1.0 / fan_in).sqrt(), rng),
            Init::Orthogonal { gain } => orthogonal(shape, gain, rng),
        }
    }
}

impl Bell {
    fn draw<T: Scalar>(self, shape: &[usize], std: f64, rng: &mut impl Rng) -> ArrayD<T> {
        match self {
            Bell::Normal => normal(shape, std, rng),
            Bell::Uniform => {
                let bound = 3f64.sqrt() * std;
                Init::Uniform { low: -bound, high: bound }.draw(shape, Fan { r#in: 1, out: 1 }, rng)
            }
        }
    }
}

fn normal<T: Scalar>(shape: &[usize], std: f64, rng: &mut impl Rng) -> ArrayD<T> {
    ArrayD::from_shape_simple_fn(shape, || T::from_f64(std * rng.sample::<f64, _>(StandardNormal)))
}

/// Rows that Gram-Schmidt makes orthogonal to all earlier ones at once, by matrix products.
const GRAM_SCHMIDT_BLOCK: usize = 32;

/// Gram-Schmidt by blocks of rows, twice over for orthogonality to rounding, on a normal matrix with at most as many rows
/// as columns.
fn orthogonal<T: Scalar>(shape: &[usize], gain: f64, rng: &mut impl Rng) -> ArrayD<T> {
    let rows = shape.first().copied().unwrap_or(1);
    let columns = shape.iter().skip(1).product::<usize>();
    let (short, long) = (rows.min(columns), rows.max(columns));
    let mut q = Array2::from_shape_simple_fn((short, long), || rng.sample::<f64, _>(StandardNormal));
    for start in (0..short).step_by(GRAM_SCHMIDT_BLOCK) {
        let (done, mut rest) = q.view_mut().split_at(Axis(0), start);
        let size = GRAM_SCHMIDT_BLOCK.min(short - start);
        let mut block = rest.slice_axis_mut(Axis(0), Slice::from(..size));
        for _ in 0..2 {
            let overlaps = matmul(&block, &done.t());
            gemm(-1.0, &overlaps, &done, 1.0, &mut block);
            orthonormalise_rows(&mut block);
        }
    }
    let q = if rows <= columns { q } else { q.reversed_axes() };
    let elements = q.iter().map(|v| T::from_f64(gain * v)).collect();
    ArrayD::from_shape_vec(IxDyn(shape), elements).expect("as many elements as the shape has")
}

/// Each row less what it has of those above, with the length 1.
fn orthonormalise_rows(block: &mut ArrayRef2<f64>) {
    for i in 0..block.nrows() {
        let (done, mut rest) = block.view_mut().split_at(Axis(0), i);
        let mut row = rest.row_mut(0);
        for earlier in done.rows() {
            let overlap = row.dot(&earlier);
            row.scaled_add(-overlap, &earlier);
        }
        let length = row.dot(&row).sqrt();
        row /= length;
    }
}

#[cfg(test)]
mod tests {
    use tensor_ops::random::{Purpose, stream};

    use super::*;

    fn deviation(init: Init) -> f64 {
        let x = init.draw::<f64>(&[400, 100], Fan { r#in: 400, out: 100 }, &mut stream(3, Purpose::Init, 0));
        let mean = x.mean().unwrap();
        assert!(mean.abs() < 0.02 * x.std(0.0).max(1e-9), "{init:?}: mean {mean}");
        x.std(0.0)
    }

    #[test]
    fn each_scheme_has_its_deviation() {
        let (normal, uniform) = (Bell::Normal, Bell::Uniform);
        let cases = [
            (Init::Normal { std: 0.01 }, 0.01),
            (Init::Uniform { low: -1.0, high: 1.0 }, (1f64 / 3.0).sqrt()),
            // Var of N(0, 1) cut at 2: 1 - 4 φ(2) / (2 Φ(2) - 1)
            (Init::TruncatedNormal { std: 1.0 }, 0.773_741_303_f64.sqrt()),
            (Init::Xavier { shape: normal }, (2f64 / 500.0).sqrt()),
            (Init::Xavier { shape: uniform }, (2f64 / 500.0).sqrt()),
            (Init::He { shape: normal, fan: Side::In }, (2f64 / 400.0).sqrt()),
            (Init::He { shape: uniform, fan: Side::Out }, (2f64 / 100.0).sqrt()),
            (Init::Lecun { shape: normal }, 0.05),
            (Init::Lecun { shape: uniform }, 0.05),
        ];
        for (init, expected) in cases {
            let found = deviation(init);
            assert!((found / expected - 1.0).abs() < 0.02, "{init:?}: expected {expected}, got {found}");
        }
    }

    #[test]
    fn a_truncated_normal_stays_within_two_deviations() {
        let draw = Init::TruncatedNormal { std: 0.5 };
        let x = draw.draw::<f64>(&[10_000], Fan { r#in: 1, out: 1 }, &mut stream(3, Purpose::Init, 0));
        assert!(x.iter().all(|v| v.abs() <= 1.0));
        assert!(x.iter().any(|v| v.abs() > 0.9));
    }

    #[test]
    fn orthogonal_rows_or_columns_are_orthonormal() {
        for (m, n) in [(5, 12), (12, 5), (7, 7), (70, 90), (97, 97)] {
            let init = Init::Orthogonal { gain: 2.0 };
            let q = init.draw::<f64>(&[m, n], Fan { r#in: m, out: n }, &mut stream(3, Purpose::Init, 0));
            let q = q.into_dimensionality::<ndarray::Ix2>().unwrap();
            let product = if m <= n { q.dot(&q.t()) } else { q.t().dot(&q) };
            for ((i, j), v) in product.indexed_iter() {
                assert!((v - if i == j { 4.0 } else { 0.0 }).abs() < 1e-13, "{m}x{n} at {i}, {j}: {v}");
            }
        }
    }

    #[test]
    fn models_of_one_seed_begin_alike_in_both_precisions() {
        let fan = Fan { r#in: 3, out: 4 };
        let single = Init::he().draw::<f32>(&[3, 4], fan, &mut stream(9, Purpose::Init, 0));
        let double = Init::he().draw::<f64>(&[3, 4], fan, &mut stream(9, Purpose::Init, 0));
        assert_eq!(single, double.mapv(|v| v as f32));
    }
}
