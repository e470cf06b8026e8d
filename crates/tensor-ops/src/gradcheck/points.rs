//! Where functions are checked.

use ndarray::ArrayD;
use rand::seq::SliceRandom;
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

/// Numbers between -2 and 2 in random order that keep their distance from 0 and from each other.
///
/// They are a grid with a little noise, so that differences do not step over the kink of a rectifier or change the
/// place of a maximum: with n elements any two are at least 2.8 / n apart, and each at least 0.4 / n from 0.
///
/// # Panics
///
/// If the shape has more elements than fit into memory.
///
/// # Examples
///
/// ```
/// use tensor_ops::gradcheck::points::spread;
/// use tensor_ops::random::{Purpose, stream};
///
/// let x = spread(&[3, 4], &mut stream(1, Purpose::Check, 0));
/// assert!(x.iter().all(|x| x.abs() < 2.1 && x.abs() > 0.03));
/// ```
pub fn spread(shape: &[usize], rng: &mut impl Rng) -> ArrayD<f64> {
    let n = shape.iter().product::<usize>();
    let sign = if rng.random::<bool>() { 1.0 } else { -1.0 };
    let place =
        |k: usize, noise: f64| sign * 4.0 * ((k as f64 + 0.75 + 0.3 * (noise - 0.5)) / n as f64 - 0.5);
    let mut values: Vec<f64> = (0..n).map(|k| place(k, rng.random())).collect();
    values.shuffle(rng);
    ArrayD::from_shape_vec(shape, values).expect("as many elements as the shape has")
}

/// Gaussian numbers with the given standard deviation.
pub fn gaussian(shape: &[usize], std: f64, rng: &mut impl Rng) -> ArrayD<f64> {
    ArrayD::from_shape_simple_fn(shape, || std * rng.sample::<f64, _>(StandardNormal))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, stream};

    #[test]
    fn a_spread_keeps_its_distances() {
        for n in [1, 2, 3, 8, 101, 280] {
            for seed in 0..20 {
                let x = spread(&[n], &mut stream(seed, Purpose::Check, 0));
                let mut sorted = x.iter().copied().collect::<Vec<_>>();
                sorted.push(0.0);
                sorted.sort_by(f64::total_cmp);
                let closest = sorted.windows(2).map(|w| w[1] - w[0]).fold(f64::INFINITY, f64::min);
                assert!(closest >= 0.399 / n as f64, "{n} elements, seed {seed}: {closest}");
            }
        }
    }
}
