//! Checkpoints in files.

use std::collections::BTreeMap;
use std::fs;

use ndarray::ArrayD;
use tensor_ops::Scalar;
use trainer::{Checkpoint, CheckpointStore, Order, Record, Run, State, Stored};

use super::support::{Folder, all_states, bits, data, golden, trainer};

fn run() -> Run {
    Run::new(&BTreeMap::from([("rate", 0.1), ("momentum", 0.9)]), &[("train", &data())]).unwrap()
}

/// A checkpoint with numbers of every kind, the same in every version of this crate.
fn fixed() -> Checkpoint<f32> {
    let mut trainer = trainer::<f32>(Order::Shuffled, 1);
    let mut state = trainer.state();
    for (i, array) in state.arrays.values_mut().enumerate() {
        let shape = array.shape().to_vec();
        let numbers = (0..array.len()).map(|j| i as f32 - j as f32 / 8.0);
        *array = ArrayD::from_shape_vec(shape, numbers.collect()).unwrap();
    }
    state.progress.step = 7;
    state.progress.history.records.push(Record {
        step: 6,
        epoch: 1.2,
        learning_rate: 0.1,
        train_loss: 0.1 + 0.2,
        train_accuracy: Some(2.0 / 3.0),
        test_loss: Some(f64::INFINITY),
        test_accuracy: None,
    });
    trainer.restore(state.clone()).unwrap();
    Checkpoint { run: run(), state }
}

fn through_a_file<T: Stored>(state: &State<T>) -> State<T> {
    let checkpoint = Checkpoint { run: run(), state: state.clone() };
    let back = Checkpoint::<T>::from_bytes(&checkpoint.to_bytes().unwrap()).unwrap();
    back.run.check(&run()).unwrap();
    back.state
}

fn resumes_from_a_file_at_every_step<T: Stored>(order: Order)
where
    layers::Sequential: layers::Backprop<T>,
{
    let data = data();
    let states = all_states::<T>(&mut trainer(order, 1), &data);
    let last = bits(states.last().unwrap());
    for (step, state) in states.iter().enumerate() {
        let mut resumed = trainer::<T>(order, 2);
        resumed.restore(through_a_file(state)).unwrap();
        let rest = all_states(&mut resumed, &data);
        assert_eq!(rest.len(), states.len() - step);
        assert_eq!(bits(rest.last().unwrap()), last, "stopped after {step} steps");
    }
}

#[test]
fn a_run_resumed_from_a_file_of_any_step_ends_with_the_same_bits() {
    resumes_from_a_file_at_every_step::<f32>(Order::Shuffled);
    resumes_from_a_file_at_every_step::<f32>(Order::Drawn);
    resumes_from_a_file_at_every_step::<f64>(Order::Shuffled);
    resumes_from_a_file_at_every_step::<f64>(Order::Drawn);
}

fn same_bits<T: Scalar>(a: &Checkpoint<T>, b: &Checkpoint<T>) -> bool {
    a.run == b.run && bits(&a.state) == bits(&b.state) && a.state.arrays.keys().eq(b.state.arrays.keys())
}

#[test]
fn checkpoints_of_version_1_are_still_read_and_resumed() {
    let file = golden("checkpoint-v1.ckpt", &fixed().to_bytes().unwrap());
    let old = Checkpoint::<f32>::from_bytes(&file).unwrap();
    assert!(same_bits(&old, &fixed()), "{old:?}");
    trainer::<f32>(Order::Shuffled, 3).restore(old.state).unwrap();
}

#[test]
fn every_flipped_bit_and_every_truncation_of_a_checkpoint_is_refused() {
    let bytes = fixed().to_bytes().unwrap();
    for bit in 0..8 * bytes.len() {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(Checkpoint::<f32>::from_bytes(&flipped).is_err(), "bit {bit}");
    }
    for length in 0..bytes.len() {
        assert!(Checkpoint::<f32>::from_bytes(&bytes[..length]).is_err(), "{length} bytes");
    }
}

#[test]
fn a_checkpoint_in_another_precision_is_refused() {
    let error = Checkpoint::<f64>::from_bytes(&fixed().to_bytes().unwrap()).unwrap_err().to_string();
    assert_eq!(
        error,
        "tensor optimizer/velocity/0.bias: expected type F64, in which this training computes, got type F32"
    );
}

#[test]
fn counts_that_no_training_comes_to_are_refused() {
    let read = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut checkpoint = fixed();
        let mut progress = serde_json::to_value(&checkpoint.state.progress).unwrap();
        change(&mut progress);
        checkpoint.state.progress = serde_json::from_value(progress).unwrap();
        Checkpoint::<f32>::from_bytes(&checkpoint.to_bytes().unwrap()).map(drop).map_err(|e| e.to_string())
    };
    for count in [u64::MAX, (1 << 48) + 1] {
        for path in
            ["step", "since.examples", "since.correct", "plateau.bad", "plateau.cooldown", "stopping.bad"]
        {
            let pointer = format!("/{}", path.replace('.', "/"));
            let error =
                read(&|progress| *progress.pointer_mut(&pointer).unwrap() = count.into()).unwrap_err();
            let expected = format!(
                "metadata, progress: {path}: expected a count of at most 281474976710656, got {count}"
            );
            assert_eq!(error, expected);
        }
        let error = read(&|progress| progress["history"]["records"][0]["step"] = count.into()).unwrap_err();
        assert!(error.contains("history.records.step: expected a count"), "{error}");
    }
    read(&|progress| progress["since"]["examples"] = (1_u64 << 48).into()).unwrap();
    read(&|progress| progress["since"]["loss"] = 1e300.into()).unwrap();
}

#[test]
#[cfg(feature = "model-file")]
fn a_model_is_no_checkpoint() {
    let model = super::model_file::small::<f32>().to_bytes(trainer::Layout::Native).unwrap();
    let error = Checkpoint::<f32>::from_bytes(&model).unwrap_err().to_string();
    assert_eq!(error, "expected a file of format trainer-checkpoint, got trainer-model");
}

fn at(step: u64) -> Checkpoint<f32> {
    let mut checkpoint = fixed();
    checkpoint.state.progress.step = step;
    checkpoint
}

#[test]
fn a_damaged_newest_checkpoint_is_refused_by_name_and_the_older_one_used() {
    let folder = Folder::new("damaged");
    let store = CheckpointStore::open(&folder.0).unwrap();
    assert!(store.latest::<f32>().unwrap().is_none());
    for step in [1, 2, 3] {
        store.save(&at(step)).unwrap();
    }
    assert_eq!(folder.names(), ["checkpoint-000002.ckpt", "checkpoint-000003.ckpt"]);
    let newest = folder.0.join("checkpoint-000003.ckpt");
    let mut bytes = fs::read(&newest).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&newest, &bytes).unwrap();

    let found = store.latest::<f32>().unwrap().unwrap();
    assert_eq!(found.path, folder.0.join("checkpoint-000002.ckpt"));
    assert!(same_bits(&found.checkpoint, &at(2)));
    let [error] = &found.refused[..] else { panic!("{:?}", found.refused) };
    let start = format!("{}: damaged: expected the SHA-256 ", newest.display());
    assert!(error.to_string().starts_with(&start), "{error}");

    // Training goes on from 2, and a damaged later file does not push a sound one out.
    store.save(&at(3)).unwrap();
    assert!(store.latest::<f32>().unwrap().unwrap().refused.is_empty());
    fs::write(folder.0.join("checkpoint-000009.ckpt"), "junk").unwrap();
    store.save(&at(4)).unwrap();
    let names = ["checkpoint-000003.ckpt", "checkpoint-000004.ckpt", "checkpoint-000009.ckpt"];
    assert_eq!(folder.names(), names);
}

#[test]
fn a_folder_of_damaged_checkpoints_is_an_error_and_no_fresh_start() {
    let folder = Folder::new("all-damaged");
    let store = CheckpointStore::open(&folder.0).unwrap();
    fs::write(folder.0.join("checkpoint-000004.ckpt"), "").unwrap();
    fs::write(folder.0.join("checkpoint-000005.ckpt"), [0; 100]).unwrap();
    let error = store.latest::<f32>().unwrap_err().to_string();
    assert!(error.contains("no checkpoint can be read: "), "{error}");
    assert!(
        error.contains("checkpoint-000005.ckpt: header") && error.contains("checkpoint-000004.ckpt: file"),
        "{error}"
    );
}

#[test]
fn what_dead_processes_left_is_swept_and_what_living_ones_write_is_not() {
    let folder = Folder::new("stale");
    let store = CheckpointStore::open(&folder.0).unwrap();
    let stale = ".checkpoint-000001.ckpt.4711-0.tmp";
    let held = ".checkpoint-000001.ckpt.4712-0.tmp";
    fs::write(folder.0.join(stale), "half").unwrap();
    let living = fs::File::create_new(folder.0.join(held)).unwrap();
    living.lock().unwrap();
    fs::write(folder.0.join(".checkpoint-000001.ckpt.notes.tmp"), "a file of somebody else").unwrap();
    store.save(&at(1)).unwrap();
    assert_eq!(folder.names(), [held, ".checkpoint-000001.ckpt.notes.tmp", "checkpoint-000001.ckpt"]);
}

#[test]
fn what_a_crash_left_under_any_name_of_a_checkpoint_is_swept_when_the_store_is_opened() {
    let folder = Folder::new("swept");
    fs::write(folder.0.join(".checkpoint-000123.ckpt.4711-0.tmp"), "half").unwrap();
    CheckpointStore::open(&folder.0).unwrap();
    assert!(folder.names().is_empty());
}
