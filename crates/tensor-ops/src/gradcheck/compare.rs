//! The measure of a disagreement.

use ndarray::ArrayRefD;

use super::Disagreement;

/// |a - r| / max(|a| + |r|, floor); 0 for two zeros, infinite if either is not finite.
///
/// # Examples
///
/// ```
/// use tensor_ops::gradcheck::relative_error;
///
/// assert_eq!(relative_error(0.0, 0.0, 0.0), 0.0);
/// assert_eq!(relative_error(1.0, 3.0, 0.0), 0.5);
/// assert_eq!(relative_error(1e-9, 0.0, 1.0), 1e-9); // below the floor: absolute
/// assert_eq!(relative_error(f64::NAN, f64::NAN, 1.0), f64::INFINITY);
/// ```
pub fn relative_error(a: f64, r: f64, floor: f64) -> f64 {
    if !(a.is_finite() && r.is_finite()) {
        f64::INFINITY
    } else if a == r {
        0.0
    } else {
        (a - r).abs() / (a.abs() + r.abs()).max(floor)
    }
}

/// The size below which elements of one tensor are compared absolutely.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Floor(pub f64);

impl Floor {
    /// The floor of a tensor whose largest reference is `own`, among tensors of which the largest is `all`.
    pub fn new(own: f64, all: f64) -> Self {
        Floor((1e-3 * own).max(1e-4 * all))
    }

    /// The floors of several tensors that belong together.
    pub fn of<'a>(references: impl Iterator<Item = &'a ArrayRefD<f64>> + Clone) -> Vec<Self> {
        let largest = |r: &ArrayRefD<f64>| r.iter().fold(0.0, |m: f64, r| m.max(r.abs()));
        let all = references.clone().map(largest).fold(0.0, f64::max);
        references.map(|r| Floor::new(largest(r), all)).collect()
    }

    /// The worst disagreement between two tensors, and how many elements are beyond the tolerance.
    ///
    /// `None` for tensors without elements.
    ///
    /// # Panics
    ///
    /// If the shapes differ.
    pub fn compare(
        self,
        got: &ArrayRefD<f64>,
        reference: &ArrayRefD<f64>,
        tolerance: f64,
    ) -> Option<Disagreement> {
        assert_eq!(got.shape(), reference.shape(), "gradient check: shapes of a tensor and its reference");
        let mut worst: Option<Disagreement> = None;
        let mut beyond = 0;
        for ((index, &got), &expected) in got.indexed_iter().zip(reference) {
            let error = relative_error(got, expected, self.0);
            beyond += usize::from(error > tolerance);
            if worst.as_ref().is_none_or(|w| error > w.error) {
                let index = ndarray::Dimension::slice(&index).to_vec();
                worst = Some(Disagreement { index, got, expected, error, beyond: 0 });
            }
        }
        worst.map(|worst| Disagreement { beyond, ..worst })
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn the_worst_element_is_named_and_the_bad_ones_are_counted() {
        let reference = array![[1.0, 2.0], [3.0, 4.0]].into_dyn();
        let got = array![[1.0, 2.1], [3.0, 5.0]].into_dyn();
        let worst = Floor(0.0).compare(&got, &reference, 1e-3).unwrap();
        assert_eq!((worst.index, worst.got, worst.expected, worst.beyond), (vec![1, 1], 5.0, 4.0, 2));
    }

    #[test]
    fn a_not_a_number_is_the_worst_of_all() {
        let worst =
            Floor(1.0).compare(&array![1.0, f64::NAN].into_dyn(), &array![7.0, 0.0].into_dyn(), 1.0).unwrap();
        assert_eq!((worst.index, worst.error), (vec![1], f64::INFINITY));
    }

    #[test]
    fn the_floor_of_a_tensor_of_rounding_noise_comes_from_its_companions() {
        let (noise, real) = (array![1e-17].into_dyn(), array![1.0].into_dyn());
        let floors = Floor::of([&*noise, &*real].into_iter());
        assert_eq!(floors, [Floor(1e-4), Floor(1e-3)]);
    }
}
