//! Activations: functions of one number, each beside its derivative.
//!
//! | layer | f(x) | f'(x) |
//! | --- | --- | --- |
//! | [`Relu`] | max(x, 0) | 1 if x > 0, else 0 |
//! | [`LeakyRelu`] | x if x > 0, else slope · x | 1 if x > 0, else slope |
//! | [`Elu`] | x if x > 0, else α (eˣ - 1) | 1 if x > 0, else α eˣ |
//! | [`Selu`] | λ x if x > 0, else λ α (eˣ - 1) | λ if x > 0, else λ α eˣ |
//! | [`Softplus`] | ln(1 + eˣ) | σ(x) |
//! | [`Sigmoid`] | σ(x) = 1 / (1 + e⁻ˣ) | y (1 - y) |
//! | [`Tanh`] | tanh x | (1 - y) (1 + y) |
//! | [`HardSigmoid`] | min(max(slope · x + offset, 0), 1) | slope if 0 < y < 1, else 0 |
//! | [`Silu`] | x σ(x) | σ(x) + x σ(x) σ(-x) |
//! | [`Gelu`] | x Φ(x) | Φ(x) + x φ(x) |
//! | [`Mish`] | x tanh(ln(1 + eˣ)) | y / x + x σ(x) (1 - (y / x)²) |
//! | [`HardSwish`] | x min(max(x + 3, 0), 6) / 6 | 0 to x = -3, (2x + 3) / 6 up to x = 3, from there 1 |
//!
//! At a kink the derivative is that of the left side, but at the upper ends of [`HardSigmoid`] and [`HardSwish`] that of the
//! right. A NaN stays a NaN, so that a broken step shows. Nothing overflows, and infinities go to the limits of the function.
//! Where a value is next to nothing beside the 1 that it is computed from, digits are lost, as in PyTorch: of the derivatives
//! of [`Sigmoid`] and [`Tanh`] far from 0, of exact [`Gelu`] and its derivative left of -3 (at -5 in f32 four in a hundred).

mod gates;
mod rectifiers;
mod sigmoids;

pub use self::gates::{Approximation, Gelu, HardSwish, Mish, Silu};
pub use self::rectifiers::{Elu, LeakyRelu, Relu, Selu, Softplus};
pub use self::sigmoids::{HardSigmoid, Sigmoid, Tanh};
