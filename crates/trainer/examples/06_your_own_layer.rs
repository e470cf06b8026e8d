//! A layer of your own, checked and trained: `cargo run --release -p trainer --example 06_your_own_layer`
//!
//! The layer below is not part of the project and knows nothing of the checker. Its backward pass has a switch for a
//! mistake that is easily made, so that you see what the checker says of it.

#![allow(clippy::print_stdout, reason = "an example shows what it found")]

use datasets::{Dataset, Features, Scaling, Targets};
use layers::gradcheck::{Settings, Verdict, check};
use layers::{Affine, Backprop, Cache, Error, Layer, ParamSpec, Saved, Sequential};
use losses::SoftmaxCrossEntropy;
use ndarray::{ArrayD, ArrayRefD, Axis, Zip, array};
use tensor_ops::Scalar;
use trainer::{Length, Model, Options, Sgd, Source, Trainer};

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

// Over every scalar: f32 to train, f64 to be checked, dual numbers for the exact derivative of the forward pass.
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

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    for forgets_gain in [false, true] {
        let layer = ScaledTanh { features: 4, forgets_gain };
        let report = check(&layer, &[4], &Settings::default());
        println!("{report}");
        assert_eq!(report.verdict() == Verdict::Fail, forgets_gain);
    }

    // Checked, it is a layer like any other: exclusive or, which no network without a bend between its layers learns.
    let own = ScaledTanh { features: 8, forgets_gain: false };
    let network = Sequential::new(&[2]).push(Affine::new(2, 8))?.push(own)?.push(Affine::new(8, 2))?;
    let inputs = Features::F32(array![[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]].into_dyn());
    let data = Dataset::new(inputs, Targets::Classes(vec![0, 1, 1, 0]), vec![])?;
    let scaling = Scaling::none();
    let source = Source::<f32>::new(&data, &scaling)?;
    let options =
        Options { length: Length::Epochs(400), batch_size: 4, learning_rate: 0.5, ..Options::default() };
    let model = Model::new(network, 1)?;
    let mut trainer = Trainer::new(model, SoftmaxCrossEntropy::default(), Sgd::default(), options)?;
    let history = trainer.fit(&source, None, |_| {})?;
    let last = history.last().ok_or("no record")?;
    println!("exclusive or: loss {:.4} after {} steps", last.train_loss, last.step);
    assert_eq!(last.train_accuracy, Some(1.0));
    assert!(trainer.model().params()[2].iter().any(|gain| *gain != 1.0), "the gains are trained");
    Ok(())
}
