//! Checkpoint and resume: `cargo run --release -p trainer --example 10_resume --features checkpoint`
//!
//! A training that is stopped goes on with the same bits as if nothing had happened. That works because a step depends on
//! nothing but the state (parameters, what the optimiser remembers, the number of the step), the data and the seed.

#![allow(clippy::print_stdout, reason = "an example shows what it found")]

use std::ops::ControlFlow;

use datasets::{Dataset, Scaling, csv};
use layers::{Affine, Dropout, Relu, Sequential};
use losses::SoftmaxCrossEntropy;
use trainer::{Adam, Checkpoint, CheckpointStore, Error, Length, Model, Options, Run, Source, Trainer};

const DIGITS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../datasets/digits16/trainset.csv");

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let digits = csv::read(DIGITS, &csv::Options::default())?;
    let scaling = Scaling::by_constant(1.0 / 255.0);
    let source = Source::<f32>::new(&digits, &scaling)?;

    // For comparison: the whole run, without a break.
    let mut whole = trainer()?;
    whole.fit(&source, None, |_| {})?;

    // A run that writes a checkpoint after each tenth step, and is stopped after step 47: it loses seven steps.
    let folder = std::env::temp_dir().join(format!("checkpoints-{}", std::process::id()));
    let store = CheckpointStore::open(&folder)?;
    let run = run(&digits)?;
    let stopped = trainer()?.fit_until(&source, None, |trainer, _, _| {
        if trainer.step_count() % 10 == 0 {
            store.save(&Checkpoint { run: run.clone(), state: trainer.state() })?;
        }
        Ok::<_, Error>(if trainer.step_count() == 47 {
            ControlFlow::Break("power cut")
        } else {
            ControlFlow::Continue(())
        })
    })?;
    println!("{stopped:?}; checkpoints of steps {:?}", store.steps()?);
    assert_eq!(store.steps()?, [30, 40], "the last two are kept, so one is sound at any moment");

    // Another process, another day. A damaged newest file would be refused by name, and the older one used.
    let found = store.latest::<f32>()?.ok_or("no checkpoint")?;
    found.refused.iter().for_each(|error| println!("refused: {error}"));
    found.checkpoint.run.check(&run)?; // that it is of this configuration and these data
    let mut resumed = trainer()?;
    resumed.restore(found.checkpoint.state)?;
    println!("going on from step {}", resumed.step_count());
    resumed.fit(&source, None, |_| {})?;
    std::fs::remove_dir_all(&folder)?;

    // Not nearly the same: the same, although dropout draws at random in every step.
    assert_eq!(resumed.model().params(), whole.model().params());
    assert_eq!(resumed.history(), whole.history());
    println!("after step {} the same bits as without the break", resumed.step_count());
    Ok(())
}

fn options() -> Options {
    Options { length: Length::Epochs(8), batch_size: 30, learning_rate: 0.001, seed: 7, ..Options::default() }
}

fn trainer() -> Result<Trainer<f32>, Error> {
    let network = Sequential::new(&[256])
        .push(Affine::new(256, 32))?
        .push(Relu)?
        .push(Dropout { p: 0.5 })?
        .push(Affine::new(32, 10))?;
    Trainer::new(Model::new(network, 7)?, SoftmaxCrossEntropy::default(), Adam::default(), options())
}

/// What the checkpoints belong to: whatever configures the run, and a fingerprint of the data.
fn run(digits: &Dataset) -> Result<Run, Error> {
    Run::new(&options(), &[("train", digits)])
}
