//! Everything of the workspace that has a gradient, as one list of checks.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use layers::{Affine, Relu, Sequential};
use losses::{SoftmaxCrossEntropy, Targets};
use ndarray::ArrayD;
use tensor_ops::gradcheck::points::spread;
use tensor_ops::gradcheck::{Report, Settings};
use tensor_ops::random::{Purpose, stream};

use super::Network;
use crate::{Error, Model};

/// One check, to be run.
pub struct Case {
    /// What is checked: `layer: affine 5 to 3`.
    pub name: String,
    run: Box<dyn Fn(&Settings) -> Report + Send + Sync>,
}

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Case").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Case {
    fn new(name: String, run: impl Fn(&Settings) -> Report + Send + Sync + 'static) -> Self {
        Case { name, run: Box::new(run) }
    }

    /// Runs the check.
    pub fn check(&self, settings: &Settings) -> Report {
        Report { subject: self.name.clone(), ..(self.run)(settings) }
    }
}

/// Every layer, every loss, and the network of the notebooks.
pub fn cases() -> Vec<Case> {
    let layers = layers::registry::cases().into_iter();
    let layers = layers.map(|case| Case::new(format!("layer: {}", case.name), move |s| case.check(s)));
    let losses = losses::registry::cases().into_iter();
    let losses = losses.map(|case| Case::new(format!("loss: {}", case.name), move |s| case.check(s)));
    let networks = [
        Case::new("network: 784-50-10, every element".into(), |s| {
            two_layers(|network| network.check_every_element(s))
        }),
        Case::new("network: 784-50-10, projections".into(), |s| {
            two_layers(|network| network.check_projections(s))
        }),
    ];
    layers.chain(losses).chain(networks).collect()
}

/// Three rows like images of digits, between 0 and 1, and their classes: where no data set is at hand.
pub fn generated_rows() -> (ArrayD<f64>, Vec<usize>) {
    let x = spread(&[3, 784], &mut stream(1, Purpose::Check, 30)).mapv(|x| x.max(0.0) / 2.0);
    (x, vec![5, 0, 4])
}

/// The notebooks' network: 784-50-10 with a rectifier.
///
/// # Errors
///
/// None in practice: the shapes fit.
pub fn two_layer_model(seed: u64) -> Result<Model<f64>, Error> {
    let network =
        Sequential::new(&[784]).push(Affine::new(784, 50))?.push(Relu)?.push(Affine::new(50, 10))?;
    Model::new(network, seed)
}

fn two_layers(check: impl FnOnce(&Network<'_>) -> Report) -> Report {
    let (x, labels) = generated_rows();
    let loss = SoftmaxCrossEntropy::default();
    let model = two_layer_model(1).expect("the shapes fit");
    check(&Network::new(&model, &x, Targets::Classes(&labels), &loss).expect("the shapes fit"))
}

/// Runs checks on all cores, calls `done` with each report and its time as it comes, and returns all in order.
///
/// # Panics
///
/// If `done` panics.
pub fn run_all(
    cases: &[Case],
    settings: &Settings,
    done: impl Fn(&Report, Duration) + Send + Sync,
) -> Vec<Report> {
    let next = AtomicUsize::new(0);
    let reports = Mutex::new(vec![Report::default(); cases.len()]);
    let work = || {
        while let Some((i, case)) = {
            let i = next.fetch_add(1, Ordering::Relaxed);
            cases.get(i).map(|case| (i, case))
        } {
            let start = Instant::now();
            let report = case.check(settings);
            done(&report, start.elapsed());
            reports.lock().expect("no check panics while it holds the list")[i] = report;
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    reports.into_inner().expect("no check panics while it holds the list")
}
