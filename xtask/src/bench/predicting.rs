//! The work that predicts.

use std::hint::black_box;
use std::path::Path;

use ndarray::ArrayD;
use tensor_ops::argmax;
use trainer::Source;

use super::measure::{Error, Measured, peak_mib, time};
use super::training::Task;

/// Predictions in one repeat: a single one is too short for a clock.
const PREDICTIONS: u32 = 10_000;

/// The network of w1 after one epoch, one image at a time.
pub(super) fn run(data: &Path, repeats: u32) -> Result<Measured, Error> {
    let task = Task::load(include_str!("../../works/w1.toml"), data)?;
    let mut model = task.train(1)?.0.into_model();
    // The image is prepared before, as for the peers.
    model.scaling = datasets::Scaling::none();
    let mut predictor = model.predictor(1);

    let test = Source::new(&task.data.test, &task.data.scaling)?;
    let mut x = ArrayD::<f32>::zeros([&[1], model.input_shape()].concat());
    let labels = task.data.test.targets.classes().ok_or("expected classes, got values")?;
    let mut right = 0;
    for (i, &label) in labels.iter().enumerate() {
        test.inputs(&[i], &mut x);
        let outputs = predictor.predict(&x)?;
        right += outputs.rows().into_iter().filter(|row| argmax(row) == Some(label)).count();
    }

    let one = |_| {
        let time = time(|| {
            for _ in 0..PREDICTIONS {
                black_box(predictor.predict(black_box(&x))?);
            }
            Ok(())
        });
        Ok(time? / f64::from(PREDICTIONS))
    };
    let times = (0..repeats).map(one).collect::<Result<_, Error>>()?;
    Ok(Measured { times, test_acc: Some(right as f64 / labels.len() as f64), peak_mib: peak_mib() })
}
