#![doc = include_str!("../README.md")]
//!
//! # What is where
//!
//! - [`Model`]: a network and its numbers; predicts. [`Predictor`]: the memory for repeated predictions
//! - [`Trainer`]: the loop; with an [`Optimizer`], a [`Schedule`] and [`Options`]
//! - [`Source`]: a data set as batches
//! - [`History`]: what happened. [`summary()`]: a network as a table
//! - [`Lbfgs`]: training on the whole data set at once
//! - [`metrics`], [`folds`], [`RateSearch`]: what helps to choose
#![cfg_attr(feature = "gradcheck", doc = "- [`gradcheck`]: whole networks under the gradient checker")]
//! - [`idioms`]: what you know from notebooks, PyTorch and Keras, in the words of this library
//! - With the features of these names: `recipe`, `report`, `onnx`, `npy`; `CheckpointStore` with `checkpoint`
//!
//! Everything here is generic over the scalar and over the network, which may be any
//! [`Backprop`](layers::Backprop).
//!
#![doc = include_str!("../docs/optimisers_and_schedules.md")]
#![cfg_attr(
    not(feature = "train"),
    allow(rustdoc::broken_intra_doc_links, reason = "what a feature leaves out cannot be linked to")
)]

mod error;
mod meaning;
mod model;

#[cfg(feature = "checkpoint")]
mod checkpoint;
#[cfg(all(feature = "serde", feature = "train"))]
mod exact;
#[cfg(feature = "files")]
#[cfg_attr(
    not(any(feature = "model-file", feature = "checkpoint")),
    allow(dead_code, reason = "npy has no tensors")
)]
mod files;
#[cfg(feature = "model-file")]
mod model_file;
#[cfg(feature = "npy")]
pub mod npy;

#[cfg(feature = "onnx")]
pub mod onnx;

#[cfg(feature = "inputs")]
pub mod inputs;

#[cfg(feature = "train")]
mod assess;
#[cfg(feature = "train")]
mod average;
#[cfg(feature = "train")]
mod clip;
#[cfg(feature = "train")]
mod data;
#[cfg(feature = "train")]
mod early_stopping;
#[cfg(feature = "train")]
mod evaluate;
#[cfg(feature = "train")]
pub mod folds;
#[cfg(feature = "gradcheck")]
pub mod gradcheck;
#[cfg(feature = "train")]
mod groups;
#[cfg(feature = "train")]
mod history;
#[cfg(feature = "train")]
mod lbfgs;
#[cfg(feature = "train")]
pub mod metrics;
#[cfg(feature = "train")]
mod optimizer;
#[cfg(feature = "train")]
mod options;
#[cfg(feature = "train")]
mod plateau;
#[cfg(feature = "train")]
mod rate_finder;
#[cfg(feature = "recipe")]
pub mod recipe;
#[cfg(feature = "report")]
pub mod report;
#[cfg(feature = "train")]
mod schedule;
mod summary;
mod table;
#[cfg(feature = "train")]
mod trace;
#[cfg(feature = "train")]
mod trainer;
#[cfg(feature = "train")]
pub mod warning;
#[cfg(feature = "train")]
mod watch;

#[cfg(feature = "checkpoint")]
pub use checkpoint::{Checkpoint, CheckpointStore, Found, Run};
pub use error::Error;
#[cfg(feature = "files")]
pub use files::{FileFault, Stored, write_atomically};
pub use meaning::{Answer, Meaning, Score};
pub use model::{Model, Predictor};
#[cfg(feature = "model-file")]
pub use model_file::Layout;
pub use summary::{LayerSummary, Summary, summary};
pub use table::{Table, four_digits};

#[cfg(feature = "train")]
pub use {
    assess::{Assessment, Scores, assess},
    average::Average,
    clip::{Clip, global_norm},
    data::{Source, TargetBuffer},
    early_stopping::{EarlyStopping, StoppingState},
    evaluate::{Evaluation, evaluate, outputs},
    groups::{Group, Kind},
    history::{History, Record},
    lbfgs::{Lbfgs, Minimum, Stopped},
    optimizer::{
        AdaDelta, AdaGrad, Adam, AdamW, Lion, MAX_SLOTS, Optimizer, RmsProp, Sgd, Spec as OptimizerSpec,
        Update,
    },
    options::{Every, Length, Options, Order},
    plateau::{Plateau, PlateauState},
    rate_finder::{RateSearch, Tried},
    schedule::{Anneal, OneCycle, RunLength, Schedule},
    trace::{Norms, Phase, Trace},
    trainer::{Progress, Since, State, StepReport, Trainer},
    warning::Warning,
    watch::{Margin, Metric},
};

#[cfg(all(any(doc, doctest), feature = "train"))]
#[doc = include_str!("../docs/idioms.md")]
pub mod idioms {}

/// The example of the front page.
#[cfg(all(doctest, feature = "train"))]
#[doc = include_str!("../../../README.md")]
#[derive(Debug)]
pub struct Readme;
