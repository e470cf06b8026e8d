//! The learning-rate finder.

use datasets::Scaling;
use losses::{Error, Loss, SoftmaxCrossEntropy, Targets};
use ndarray::ArrayRef2;
use trainer::{Model, RateSearch, Sgd, Source};

use super::training::{network, options, twenty};

#[test]
fn the_rate_finder_stops_when_the_loss_bursts() {
    let (data, scaling) = (twenty(), Scaling::none());
    let source = Source::new(&data, &scaling).unwrap();
    let model = Model::<f64>::new(network(&[8, 64, 10]), 1).unwrap();
    let search = RateSearch { from: 1e-4, to: 1e3, ..RateSearch::default() };
    let tried = search
        .run(
            model,
            Box::new(SoftmaxCrossEntropy::default()),
            Box::new(Sgd::default()),
            &options(1, 20, 1.0),
            &source,
        )
        .unwrap();
    assert!(tried.len() > 20 && tried.last().unwrap().rate < 1e3, "{} rates", tried.len());
    let steepest = RateSearch::steepest(&tried).unwrap();
    assert!((0.01..100.0).contains(&steepest), "{steepest}");
}

/// The cross entropy less 10: the same gradients, and values below 0.
#[derive(Debug)]
struct Lowered;

impl Loss<f64> for Lowered {
    fn kind(&self) -> &'static str {
        "lowered"
    }

    fn evaluate(
        &self,
        x: &ArrayRef2<f64>,
        targets: Targets<'_, f64>,
        gradient: Option<(f64, &mut ArrayRef2<f64>)>,
    ) -> Result<f64, Error> {
        Ok(SoftmaxCrossEntropy::default().evaluate(x, targets, gradient)? - 10.0)
    }
}

#[test]
fn the_rate_finder_takes_losses_below_0() {
    let (data, scaling) = (twenty(), Scaling::none());
    let source = Source::new(&data, &scaling).unwrap();
    let model = Model::<f64>::new(network(&[8, 64, 10]), 1).unwrap();
    let search = RateSearch { from: 1e-4, to: 1e3, ..RateSearch::default() };
    let options = options(1, 20, 1.0);
    let tried = search.run(model, Box::new(Lowered), Box::new(Sgd::default()), &options, &source).unwrap();
    assert!(tried.len() > 20 && tried.last().unwrap().rate < 1e3, "{} rates", tried.len());
    assert!(tried[0].loss < 0.0);
    let steepest = RateSearch::steepest(&tried).unwrap();
    assert!((0.01..100.0).contains(&steepest), "{steepest}");
}
