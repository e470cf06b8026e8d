//! Instructions instead of seconds: what a regression changes and a busy machine does not.
//!
//! Valgrind counts the instructions of this program doing a thing a few times and some more times; the difference is
//! that of the thing alone, without the start of the program and the memory made once. Counts depend on the instruction
//! set, so it is fixed: one that valgrind knows and most machines have.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use datasets::{Dataset, Features, Scaling, Targets};
use ndarray::{Array1, Array2, ArrayD};
use tensor_ops::{Scalar, gemm, pool, softmax_rows};
use trainer::recipe::Recipe;
use trainer::{Model, Source};

use super::measure::Error;
use crate::Outcome;
use crate::output::workspace;

/// The share of its limit by which a count may be above it: compilers and libraries change a little.
const HEADROOM: f64 = 0.1;

/// The repeats that are left out and those that are counted.
const FEW: u32 = 2;
const MORE: u32 = 3;

/// A thing to count, done so many times.
type Case = fn(times: u32) -> Result<(), Error>;

const CASES: [(&str, Case); 7] = [
    ("product 125x784x64", |times| product([125, 784, 64], false, times)),
    ("product of a transposed 784x125x64", |times| product([784, 125, 64], true, times)),
    ("softmax of 125 rows of 10", softmax),
    ("exp of 4096 numbers", exp),
    ("step of w3", |times| step(include_str!("../../works/w3.toml"), &[256], 100, times)),
    // A smaller batch than that of w6, for valgrind takes its time.
    ("step of LeNet on 16 images", |times| {
        step(include_str!("../../works/w6.toml"), &[1, 28, 28], 16, times)
    }),
    ("prediction of w7", prediction),
];

fn noise(m: usize, n: usize) -> Array2<f32> {
    Array2::from_shape_fn((m, n), |(i, j)| ((i * 7 + j * 3) % 11) as f32 / 8.0 - 0.6)
}

fn product([m, k, n]: [usize; 3], transposed: bool, times: u32) -> Result<(), Error> {
    let a = if transposed { noise(k, m).reversed_axes() } else { noise(m, k) };
    let (b, mut c) = (noise(k, n), Array2::zeros((m, n)));
    (0..times).for_each(|_| gemm(1.0, black_box(&a), black_box(&b), 0.0, black_box(&mut c)));
    Ok(())
}

fn softmax(times: u32) -> Result<(), Error> {
    let (x, mut y) = (noise(125, 10), Array2::zeros((125, 10)));
    (0..times).for_each(|_| softmax_rows(black_box(&x), black_box(&mut y)));
    Ok(())
}

fn exp(times: u32) -> Result<(), Error> {
    let x = Array1::<f32>::linspace(-8.0, 8.0, 4096).to_vec();
    let mut y = x.clone();
    for _ in 0..times {
        y.copy_from_slice(&x);
        f32::exp_slice(black_box(&mut y));
    }
    Ok(())
}

/// Steps of a recipe on made-up bytes.
fn step(recipe: &str, shape: &[usize], batch_size: usize, times: u32) -> Result<(), Error> {
    let mut recipe = Recipe::parse(recipe, "work.toml".as_ref())?;
    recipe.training.batch_size = batch_size;
    let n = 300;
    let bytes = (0..n * shape.iter().product::<usize>()).map(|i| (i * 37 % 251) as u8).collect();
    let features = Features::U8(ArrayD::from_shape_vec([&[n], shape].concat(), bytes)?);
    let names = (0..10).map(|class| class.to_string()).collect();
    let train = Dataset::new(features, Targets::Classes((0..n).map(|i| i % 10).collect()), names)?;
    let scaling = Scaling::by_constant(1.0 / 255.0);
    let source = Source::new(&train, &scaling)?;
    let network = layers::sequential(&recipe.model.layers, shape)?;
    let mut trainer = recipe.trainer(Model::<f32>::with_init(network, shape, recipe.model.init, 1)?)?;
    (0..times).try_for_each(|_| trainer.train_step(&source).map(drop))?;
    Ok(())
}

fn prediction(times: u32) -> Result<(), Error> {
    let recipe = Recipe::parse(include_str!("../../works/w1.toml"), "w1.toml".as_ref())?;
    let model = Model::<f32>::new(layers::sequential(&recipe.model.layers, &[784])?, 1)?;
    let (mut predictor, x) = (model.predictor(1), noise(1, 784).into_dyn());
    (0..times).try_for_each(|_| predictor.predict(black_box(&x)).map(drop))?;
    Ok(())
}

/// Does the case `NAME:TIMES` here, under valgrind.
pub(super) fn inside(case: &str) -> Outcome {
    pool::set_threads(1);
    let (name, times) = case.rsplit_once(':').ok_or("expected NAME:TIMES")?;
    let (_, run) = CASES.iter().find(|(known, _)| *known == name).ok_or("expected a case")?;
    run(times.parse()?)?;
    Ok(ExitCode::SUCCESS)
}

/// Counts all cases and compares them with the limits that are checked in, or sets those.
pub(super) fn run(set_limits: bool) -> Outcome {
    if !has_instruction_set() {
        println!("skipped: the limits are those of AVX2, which this machine has not");
        return Ok(ExitCode::SUCCESS);
    }
    let path = limits_path();
    let mut limits: BTreeMap<String, u64> = serde_json::from_slice(&std::fs::read(&path)?)?;
    let mut good = true;
    println!("{:<36}  {:>14}  {:>14}  {:>7}", "case", "instructions", "at the limit", "change");
    for (name, _) in CASES {
        let count = (collected(name, FEW + MORE)? - collected(name, FEW)?) / u64::from(MORE);
        if set_limits {
            limits.insert(name.to_owned(), count);
        }
        let limit =
            *limits.get(name).ok_or_else(|| format!("{name} has no limit; --set-limits gives it one"))?;
        let change = count as f64 / limit as f64 - 1.0;
        let verdict = if change > HEADROOM { "  MORE THAN ALLOWED" } else { "" };
        good &= change <= HEADROOM;
        println!("{name:<36}  {count:>14}  {limit:>14}  {:>+6.1}%{verdict}", 100.0 * change);
    }
    if set_limits {
        std::fs::write(path, serde_json::to_string_pretty(&limits)? + "\n")?;
    }
    if !good {
        eprintln!(
            "error: more than {:.0} % above the limit; if the work is worth it, `cargo xtask bench --instructions --set-limits`",
            100.0 * HEADROOM
        );
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn limits_path() -> PathBuf {
    workspace().join("xtask/works/instructions.json")
}

fn has_instruction_set() -> bool {
    #[cfg(target_arch = "x86_64")]
    return is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// The instructions of this program doing a case so many times.
fn collected(name: &str, times: u32) -> Result<u64, Error> {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(std::env::current_exe()?);
    command.args(["bench", "--count", &format!("{name}:{times}")]).env("TENSOR_OPS_ISA", "avx2");
    let output = command.output().map_err(|error| format!("valgrind: {error}; it has to be installed"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    // ==4711== Collected : 123456
    let count = text.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok());
    count.filter(|_| output.status.success()).ok_or_else(|| format!("{name}: valgrind failed\n{text}").into())
}
