//! The work that checks a gradient.

use std::path::Path;

use losses::{SoftmaxCrossEntropy, Targets};
use ndarray::ArrayD;
use trainer::Source;
use trainer::gradcheck::{Network, three_rows, two_layer_model};

use super::measure::{Error, Measured, time};

/// The mean difference of a parameter tensor above which a fast answer would be a wrong one.
const TOLERANCE: f64 = 1e-6;

pub(super) fn run(data: &Path, repeats: u32) -> Result<Measured, Error> {
    let (train, _) = datasets::load(datasets::Set::Mnist, data.join("mnist"))?;
    let scaling = datasets::Scaling::by_constant(1.0 / 255.0);
    let mut x = ArrayD::zeros([&[3], train.feature_shape()].concat());
    Source::<f64>::new(&train, &scaling)?.inputs(&[0, 1, 2], &mut x);
    let x = x.into_shape_with_order(vec![3, 784])?;
    let labels = train.targets.classes().ok_or("expected classes, got values")?[..3].to_vec();

    let (model, loss) = (two_layer_model(1)?, SoftmaxCrossEntropy::default());
    let network = Network::new(&model, &x, Targets::Classes(&labels), &loss)?;
    let mut worst: f64 = 0.0;
    let one = |_| {
        time(|| {
            worst = three_rows(&network).iter().map(|difference| difference.mean).fold(worst, f64::max);
            Ok(())
        })
    };
    let times = (0..repeats).map(one).collect::<Result<_, _>>()?;
    if worst > TOLERANCE {
        return Err(format!("the gradients differ by {worst:.1e}, expected at most {TOLERANCE:.0e}").into());
    }
    Ok(Measured::untrained(times))
}
