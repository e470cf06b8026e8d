//! What a training says while it runs and when it ends.

use std::path::Path;
use std::time::Duration;

use layers::{Backprop, Sequential};
use serde_json::json;
use tensor_ops::Scalar;
use trainer::recipe::Data;
use trainer::{Evaluation, Record, Summary, Trainer, Warning, four_digits};

use super::Run;
use super::live::Live;
use crate::output::{duration, harmless, percent, shown};

impl Run<'_> {
    pub(super) fn talks(&self) -> bool {
        !self.args.quiet && !self.args.json
    }

    pub(super) fn say_start<T: Scalar>(&self, model: &trainer::Model<T>, data: &Data) {
        if self.args.json {
            let (train, test) = (data.train.len(), data.test.len());
            return emit(json!({
                "event": "start", "recipe": self.name, "seed": self.recipe.training.seed,
                "train_examples": train, "test_examples": test, "parameters": model.n_trainable(),
            }));
        }
        if !self.talks() {
            return;
        }
        println!("{}", harmless(&format!("{}: {}", self.name, self.recipe.about)));
        println!("{} training examples, {} test examples", data.train.len(), data.test.len());
        println!("\n{}", Summary::new(model.network()));
    }

    pub(super) fn live<T: Scalar>(&self, trainer: &Trainer<T>, n: usize) -> Live
    where
        Sequential: Backprop<T>,
    {
        let steps = trainer.options().total_steps(n);
        Live::new(self.talks(), trainer.step_count(), steps, trainer.options().steps_per_epoch(n))
    }

    pub(super) fn say_record(&self, live: &mut Live, record: &Record) {
        if self.args.json {
            let mut object = serde_json::to_value(record).expect("records are plain numbers");
            object["event"] = "record".into();
            return emit(object);
        }
        live.record(record);
    }

    pub(super) fn say_warning(&self, warning: &Warning) {
        if self.args.json {
            let mut object = serde_json::to_value(warning).expect("warnings are plain numbers and texts");
            object["event"] = "warning".into();
            object["message"] = warning.to_string().into();
            return emit(object);
        }
        if !self.args.quiet {
            eprintln!("warning: {}", harmless(&warning.to_string()));
        }
    }

    pub(super) fn say_done<T: Scalar>(
        &self,
        trainer: &Trainer<T>,
        time: Duration,
        n: usize,
        on_train: Evaluation,
        on_test: Evaluation,
    ) where
        Sequential: Backprop<T>,
    {
        let steps = trainer.step_count();
        let epochs = steps as f64 / trainer.options().steps_per_epoch(n) as f64;
        if self.args.json {
            return emit(json!({
                "event": "done", "recipe": self.name, "seed": trainer.options().seed,
                "train_accuracy": on_train.accuracy, "test_accuracy": on_test.accuracy,
                "train_loss": on_train.loss, "test_loss": on_test.loss,
                "epochs": epochs, "steps": steps, "seconds": time.as_secs_f64(),
            }));
        }
        if !self.talks() {
            return;
        }
        println!("train  {}", results(on_train));
        println!("test   {}", results(on_test));
        let each = Duration::from_secs_f64(time.as_secs_f64() / epochs.max(f64::MIN_POSITIVE));
        println!("{steps} steps, {epochs:.2} epochs in {}, {} an epoch", duration(time), duration(each));
    }
}

/// What a stopped training leaves, and how to go on.
impl Run<'_> {
    /// Even a quiet training says it: a file is damaged.
    pub(super) fn say_refused(&self, refused: &trainer::Error) {
        eprintln!("warning: {}; taking the checkpoint before it", harmless(&refused.to_string()));
    }

    pub(super) fn say_resumed(&self, path: &Path, step: u64) {
        if self.args.json {
            return emit(json!({ "event": "resumed", "checkpoint": path, "step": step }));
        }
        if self.talks() {
            println!("going on after step {step} from {}", shown(path));
        }
    }

    /// Before anything is moved, for those who forgot `--resume`.
    pub(super) fn say_earlier(&self, dir: &Path, step: u64) {
        if self.talks() {
            let dir = shown(dir);
            eprintln!(
                "note: {dir} holds a checkpoint of an earlier run, after step {step}, with which --resume would go on; \
                 this run begins anew, and sets it aside before it writes one"
            );
        }
    }

    /// Even a quiet training says it: what a person made has another name now.
    pub(super) fn say_moved(&self, to: &Path) {
        eprintln!("note: the checkpoints of the earlier run are in {} now", shown(to));
    }

    /// Even a quiet training says it, as an error: there is no model.
    pub(super) fn say_interrupted(&self, step: u64, checkpoint: &Path) {
        if self.args.json {
            return emit(json!({ "event": "interrupted", "step": step, "checkpoint": checkpoint }));
        }
        let stopped = format!("stopped after step {step}");
        let how = format!("{} has the state; the same command with --resume goes on", shown(checkpoint));
        match self.talks() {
            true => println!("{stopped}\n{how}"),
            false => eprintln!("{stopped}\n{how}"),
        }
    }
}

/// `loss 0.0424  accuracy 99.16 %`; values have no accuracy.
fn results(found: Evaluation) -> String {
    let accuracy =
        found.accuracy.map_or(String::new(), |_| format!("  accuracy {}", percent(found.accuracy)));
    format!("loss {}{accuracy}", four_digits(found.loss))
}

fn emit(object: serde_json::Value) {
    println!("{object}");
}
