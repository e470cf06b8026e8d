//! w7 in candle: one image through 784-64-10 with leaky ReLU, already loaded. Prints one JSON line.
//!
//! Usage: w7 REPEATS

use std::hint::black_box;
use std::time::Instant;

use candle_core::{Device, Result, Tensor};
use candle_nn::{Linear, Module, ops};

/// Predictions in one repeat.
const PREDICTIONS: u32 = 10_000;

fn linear(inputs: usize, outputs: usize) -> Result<Linear> {
    let weight = Tensor::randn(0.0_f32, (inputs as f32).powf(-0.5), (outputs, inputs), &Device::Cpu)?;
    Ok(Linear::new(weight, Some(Tensor::zeros(outputs, candle_core::DType::F32, &Device::Cpu)?)))
}

fn main() -> Result<()> {
    let repeats = std::env::args().nth(1).and_then(|word| word.parse().ok()).unwrap_or(5);
    let (hidden, output) = (linear(784, 64)?, linear(64, 10)?);
    let x = Tensor::randn(0.0_f32, 1.0, (1, 784), &Device::Cpu)?;
    let predict = || output.forward(&ops::leaky_relu(&hidden.forward(black_box(&x))?, 0.01)?)?.flatten_all()?.to_vec1::<f32>();
    for _ in 0..1000 {
        black_box(predict()?);
    }
    let mut times = Vec::new();
    for _ in 0..repeats {
        let start = Instant::now();
        for _ in 0..PREDICTIONS {
            black_box(predict()?);
        }
        times.push(start.elapsed().as_secs_f64() / f64::from(PREDICTIONS));
    }
    times.sort_by(f64::total_cmp);
    println!(
        r#"{{"work": "w7", "peer": "candle 0.11.0", "unit": "prediction", "median_s": {:e}, "best_s": {:e}}}"#,
        times[times.len() / 2],
        times[0]
    );
    Ok(())
}
