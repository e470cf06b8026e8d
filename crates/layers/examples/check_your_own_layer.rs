//! Check a layer of your own: `cargo run --example check_your_own_layer -p layers`.
//!
//! The layer below is not part of the crate and knows nothing of the checker. Its backward pass has a switch for a
//! mistake that is easily made, so that you see what the checker says of it.

#![allow(clippy::print_stdout, reason = "an example shows what it found")]

use layers::gradcheck::{Settings, Verdict, check};
use layers::{Backprop, Cache, Error, Layer, ParamSpec, Saved};
use ndarray::{ArrayD, ArrayRefD, Axis, Zip};
use tensor_ops::Scalar;

/// y = gain · tanh(x), with one gain a feature:
///
/// ```text
/// dx    = dy · gain · (1 - tanh²(x))
/// dgain = Σₙ dy · tanh(x)
/// ```
#[derive(Debug)]
struct ScaledTanh {
    features: usize,
    /// Whether backward forgets the gain in dx.
    forgets_gain: bool,
}

impl Layer for ScaledTanh {
    fn kind(&self) -> &'static str {
        "scaled_tanh"
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>, Error> {
        match input {
            [features] if *features == self.features => Ok(input.to_vec()),
            _ => Err(Error::input(self.kind(), format!("[{}]", self.features), input)),
        }
    }

    fn params(&self) -> Vec<ParamSpec> {
        vec![ParamSpec::offset("gain", &[self.features], 1.0)]
    }
}

impl<T: Scalar> Backprop<T> for ScaledTanh {
    fn forward(&self, params: &[ArrayD<T>], x: &ArrayRefD<T>, y: &mut ArrayRefD<T>, _: &mut Cache<T>) {
        let gain = params[0].broadcast(x.raw_dim()).expect("one gain a feature");
        Zip::from(y).and(x).and(gain).for_each(|y, &x, &gain| *y = gain * x.tanh());
    }

    fn backward(
        &self,
        params: &[ArrayD<T>],
        saved: Saved<'_, T>,
        dy: &ArrayRefD<T>,
        dx: Option<&mut ArrayRefD<T>>,
        grads: &mut [ArrayD<T>],
    ) {
        let tanh = saved.x.map(|x| x.tanh());
        let by_example = Zip::from(&tanh).and(dy).map_collect(|&tanh, &dy| tanh * dy);
        grads[0] += &by_example.sum_axis(Axis(0)); // added to, not overwritten
        let Some(dx) = dx else { return }; // the first layer of a network is not asked for dx
        let gain = params[0].broadcast(dy.raw_dim()).expect("one gain a feature");
        Zip::from(dx).and(dy).and(&tanh).and(gain).for_each(|dx, &dy, &tanh, &gain| {
            let slope = T::one() - tanh * tanh;
            *dx = if self.forgets_gain { dy * slope } else { dy * slope * gain };
        });
    }
}

fn main() {
    for forgets_gain in [false, true] {
        let layer = ScaledTanh { features: 4, forgets_gain };
        let report = check(&layer, &[4], &Settings::default());
        println!("{report}");
        assert_eq!(report.verdict() == Verdict::Fail, forgets_gain);
    }
}
