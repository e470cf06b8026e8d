//! What a check compares, and how closely.

/// How far a derivative may be from its reference; see [the module](super) for the measure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerances {
    /// From the exact derivative by dual numbers.
    pub dual: f64,
    /// From 5-point differences.
    pub differences: f64,
    /// Of `f32` from `f64` on the same numbers.
    pub single: f64,
    /// Of a second derivative from its mirror image.
    pub hessian: f64,
}

impl Default for Tolerances {
    fn default() -> Self {
        Tolerances { dual: 1e-11, differences: 1e-8, single: 1e-4, hessian: 1e-10 }
    }
}

/// How a check is made. The defaults suit layers; change them only with a reason.
///
/// # Examples
///
/// ```
/// use tensor_ops::gradcheck::Settings;
///
/// let settings = Settings { seed: 7, ..Settings::default() };
/// assert_eq!(settings.tolerances.dual, 1e-11);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The seed of sample points, cotangents and everything random in the function that is checked.
    pub seed: u64,
    /// How close is close enough.
    pub tolerances: Tolerances,
    /// The step of the differences at |x| up to 1; beyond, it grows with |x|.
    pub step: f64,
    /// The numbers of examples to check with.
    pub batches: Vec<usize>,
    /// Up to this many elements of the Jacobian (variables times outputs), each one is compared; above, projections and
    /// a sample of the elements of each tensor.
    pub exhaustive_limit: usize,
    /// How many Gaussian projections.
    pub projections: usize,
    /// How many elements of each tensor are sampled above the limit.
    pub samples: usize,
    /// The size of large inputs in the check of extremes. Smaller for a function that rightly overflows there.
    pub large: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            seed: 1,
            tolerances: Tolerances::default(),
            step: 1e-3,
            batches: vec![1, 2, 7],
            exhaustive_limit: 20_000,
            projections: 8,
            samples: 16,
            large: 1e4,
        }
    }
}
