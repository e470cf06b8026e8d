//! A small problem with everything that could make two runs differ: noise in the network, running statistics,
//! momentum, a last batch that is smaller.

use datasets::{Dataset, Features, Scaling, Targets};
use layers::{Affine, Backprop, Cache, Error, Layer, Mode, ParamSpec, Relu, Saved, Sequential};
use losses::SoftmaxCrossEntropy;
use ndarray::{Array, ArrayD, ArrayRefD};
use rand::RngExt;
use tensor_ops::Scalar;
use tensor_ops::random::{Purpose, stream};
use trainer::{Every, Length, Model, Options, Order, Sgd, Source, State, Trainer};

/// y = x · u with u drawn anew in each training pass, and the mean of all u as a running statistic.
#[derive(Debug)]
pub(super) struct Jitter {
    pub(super) width: usize,
}

impl Layer for Jitter {
    fn kind(&self) -> &'static str {
        "jitter"
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>, Error> {
        Ok(input.to_vec())
    }

    fn params(&self) -> Vec<ParamSpec> {
        vec![ParamSpec::statistic("mean", &[1], 0.0)]
    }
}

impl<T: Scalar> Backprop<T> for Jitter {
    fn new_cache(&self, input: &[usize]) -> Cache<T> {
        Cache { arrays: vec![ArrayD::zeros(vec![input[0], self.width])], ..Cache::new() }
    }

    fn forward(&self, params: &[ArrayD<T>], x: &ArrayRefD<T>, y: &mut ArrayRefD<T>, cache: &mut Cache<T>) {
        let mut rng = stream(cache.seed, Purpose::Noise, 0);
        let training = cache.mode == Mode::Train;
        let shift = params[0][0] * T::from_f64(0.01);
        cache.arrays[0]
            .mapv_inplace(|_| T::from_f64(if training { 0.5 + rng.random::<f64>() } else { 1.0 }) + shift);
        let n = x.shape()[0];
        let u = layers::views::head(&cache.arrays[0], n);
        y.assign(x);
        y.zip_mut_with(&u, |y, &u| *y *= u);
    }

    fn backward(
        &self,
        _: &[ArrayD<T>],
        saved: Saved<'_, T>,
        dy: &ArrayRefD<T>,
        dx: Option<&mut ArrayRefD<T>>,
        _: &mut [ArrayD<T>],
    ) {
        let Some(dx) = dx else { return };
        let u = layers::views::head(&saved.cache.arrays[0], dy.shape()[0]);
        dx.assign(dy);
        dx.zip_mut_with(&u, |dx, &u| *dx *= u);
    }

    fn absorb(&self, cache: &Cache<T>, params: &mut [ArrayD<T>]) {
        let u = &cache.arrays[0];
        let mean = u.sum() / T::from_f64(u.len() as f64);
        params[0][0] = params[0][0] * T::from_f64(0.9) + mean * T::from_f64(0.1);
    }
}

/// Somebody's own layer, y = x, whose parameters take no part.
#[derive(Clone, Debug)]
pub(super) struct Bystander(pub(super) Vec<ParamSpec>);

impl Layer for Bystander {
    fn kind(&self) -> &'static str {
        "bystander"
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>, Error> {
        Ok(input.to_vec())
    }

    fn params(&self) -> Vec<ParamSpec> {
        self.0.clone()
    }
}

impl<T: Scalar> Backprop<T> for Bystander {
    fn forward(&self, _: &[ArrayD<T>], x: &ArrayRefD<T>, y: &mut ArrayRefD<T>, _: &mut Cache<T>) {
        y.assign(x);
    }

    fn backward(
        &self,
        _: &[ArrayD<T>],
        _: Saved<'_, T>,
        dy: &ArrayRefD<T>,
        dx: Option<&mut ArrayRefD<T>>,
        _: &mut [ArrayD<T>],
    ) {
        let Some(dx) = dx else { return };
        dx.assign(dy);
    }
}

/// 23 points of three classes.
pub(super) fn data() -> Dataset {
    let mut rng = stream(5, Purpose::Other, 0);
    let x = Array::from_shape_fn(vec![23, 4], |_| rng.random::<f64>() * 2.0 - 1.0);
    let labels = x.outer_iter().map(|row| usize::from(row[0] > 0.0) + usize::from(row[1] > row[2])).collect();
    Dataset::new(Features::F64(x), Targets::Classes(labels), vec![]).unwrap()
}

pub(super) fn network() -> Sequential {
    let network = Sequential::new(&[4]).push(Affine::new(4, 6)).unwrap().push(Relu).unwrap();
    network.push(Jitter { width: 6 }).unwrap().push(Affine::new(6, 3)).unwrap()
}

pub(super) fn options(order: Order) -> Options {
    Options {
        length: Length::Epochs(4),
        batch_size: 5,
        order,
        learning_rate: 0.1,
        evaluate: Every::Steps(3),
        seed: 11,
        ..Options::default()
    }
}

/// A trainer whose parameters begin as `seed` says.
pub(super) fn trainer<T: Scalar>(order: Order, seed: u64) -> Trainer<T>
where
    Sequential: Backprop<T>,
{
    let model = Model::new(network(), seed).unwrap();
    let sgd = Sgd { momentum: 0.9, nesterov: true, weight_decay: 0.01 };
    Trainer::new(model, SoftmaxCrossEntropy::default(), sgd, options(order)).unwrap()
}

/// All numbers of a state, each as its bits.
pub(super) fn bits<T: Scalar>(state: &State<T>) -> (Vec<u64>, String) {
    let numbers = state.arrays.values().flat_map(|a| a.iter().map(|x| x.value().to_bits()));
    (numbers.collect(), format!("{:?}", state.progress))
}

/// Trains to the end, and gives the state before the first step and after each.
pub(super) fn all_states<T: Scalar>(trainer: &mut Trainer<T>, dataset: &Dataset) -> Vec<State<T>>
where
    Sequential: Backprop<T>,
{
    let scaling = Scaling::none();
    let source = Source::new(dataset, &scaling).unwrap();
    let mut states = vec![trainer.state()];
    let end = trainer.fit_until(&source, Some(&source), |trainer, _, _| {
        states.push(trainer.state());
        Ok::<_, trainer::Error>(std::ops::ControlFlow::<()>::Continue(()))
    });
    assert!(end.unwrap().is_continue());
    states
}

/// A folder of its own for a test, empty at first and gone when the test passed.
#[cfg(feature = "files")]
#[derive(Debug)]
pub(super) struct Folder(pub(super) std::path::PathBuf);

#[cfg(feature = "files")]
impl Folder {
    pub(super) fn new(name: &str) -> Self {
        static COUNT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let unique = format!("trainer-test-{}-{count}-{name}", std::process::id());
        let path = std::env::temp_dir().join(unique);
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    /// The names of the files in it, in order.
    pub(super) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).unwrap();
        let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

#[cfg(feature = "files")]
impl std::ops::Deref for Folder {
    type Target = std::path::Path;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

#[cfg(feature = "files")]
impl Drop for Folder {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}

/// Says that a test did not run, which its green line would hide.
#[cfg(feature = "files")]
#[expect(clippy::print_stderr, reason = "what was not tested has to be seen")]
pub(super) fn skipped(what: &str) {
    eprintln!("SKIPPED: {what}");
}

/// A file in the folder of golden files; written anew if the environment says `TRAINER_GOLDEN=write`.
#[cfg(feature = "files")]
pub(super) fn golden(name: &str, content: &[u8]) -> Vec<u8> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("TRAINER_GOLDEN").is_some_and(|v| v == "write") {
        std::fs::write(&path, content).unwrap();
    }
    std::fs::read(path).unwrap()
}
