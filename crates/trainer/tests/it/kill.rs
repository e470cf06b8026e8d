//! A training that is killed at random moments, fifty times, ends with the bits of one that was left alone.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use datasets::Scaling;
use rand::RngExt;
use tensor_ops::random::{Purpose, stream};
use trainer::{
    Checkpoint, CheckpointStore, Error, Length, Model, Options, Order, Run, Sgd, Source, State, Trainer,
};

use super::support::{Folder, bits, data, network, options};

const STEPS: u64 = 300;
const KILLS: usize = 50;
const FOLDER: &str = "TRAINER_TEST_FOLDER";

fn new_trainer() -> Trainer<f32> {
    let options = Options { length: Length::Steps(STEPS), ..options(Order::Shuffled) };
    let sgd = Sgd { momentum: 0.9, ..Sgd::default() };
    let model = Model::new(network(), 1).unwrap();
    Trainer::new(model, losses::SoftmaxCrossEntropy::default(), sgd, options).unwrap()
}

/// Trains to the end, from the last checkpoint if there is one, calling `after` after each step.
fn train(store: Option<&CheckpointStore>, mut after: impl FnMut(&State<f32>)) -> State<f32> {
    let data = data();
    let run = Run::new(&"kill", &[("train", &data)]).unwrap();
    let scaling = Scaling::none();
    let source = Source::new(&data, &scaling).unwrap();
    let mut trainer = new_trainer();
    if let Some(found) = store.and_then(|store| store.latest().unwrap()) {
        assert!(found.refused.is_empty(), "{:?}", found.refused);
        found.checkpoint.run.check(&run).unwrap();
        trainer.restore(found.checkpoint.state).unwrap();
    }
    let end = trainer.fit_until(&source, Some(&source), |trainer, _, _| {
        let state = trainer.state();
        after(&state);
        if let Some(store) = store {
            store.save(&Checkpoint { run: run.clone(), state })?;
        }
        Ok::<_, Error>(ControlFlow::<()>::Continue(()))
    });
    assert!(end.unwrap().is_continue());
    trainer.state()
}

#[test]
#[ignore = "the child of the test below"]
fn child() {
    let folder = PathBuf::from(std::env::var_os(FOLDER).expect("set by the parent"));
    train(Some(&CheckpointStore::open(folder).unwrap()), |_| {});
}

fn spawn(folder: &Path) -> std::process::Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["it::kill::child", "--exact", "--ignored"]).env(FOLDER, folder);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn a_training_that_is_killed_fifty_times_ends_with_the_same_bits() {
    let mut reference = vec![bits(&new_trainer().state())];
    train(None, |state| reference.push(bits(state)));
    assert_eq!(reference.len() as u64, STEPS + 1);

    let mut rng = stream(17, Purpose::Other, 0);
    let (mut kills, mut midway, mut runs) = (0, 0, 0);
    while kills < KILLS {
        runs += 1;
        let folder = Folder::new(&format!("kill-{runs}"));
        let store = CheckpointStore::open(&folder.0).unwrap();
        let mut reached = 0;
        while reached < STEPS {
            let mut child = spawn(&folder.0);
            if kills < KILLS {
                std::thread::sleep(Duration::from_micros(rng.random_range(2_000..60_000)));
                child.kill().unwrap();
                child.wait().unwrap();
                kills += 1;
            } else {
                assert!(child.wait().unwrap().success());
            }
            let found = store.latest::<f32>().unwrap();
            let step = found.as_ref().map_or(0, |found| found.checkpoint.state.progress.step);
            assert!(step >= reached, "what was saved stays saved: {step} after {reached}");
            midway += usize::from(step > reached && step < STEPS);
            reached = step;
            if let Some(found) = found {
                assert!(found.refused.is_empty(), "{:?}", found.refused);
                assert_eq!(bits(&found.checkpoint.state), reference[step as usize]);
            }
        }
        let last = store.latest::<f32>().unwrap().unwrap();
        assert_eq!(bits(&last.checkpoint.state), reference[STEPS as usize]);
    }
    assert!(
        midway >= 5,
        "{midway} of {KILLS} kills came between two steps; the machine is too slow or too quick"
    );
}
