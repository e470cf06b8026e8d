//! What happened during training.

/// The state of training at one evaluation.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Record {
    /// Steps taken.
    pub step: u64,
    /// Epochs taken, with the fraction of the current one.
    #[cfg_attr(feature = "serde", serde(with = "crate::exact"))]
    pub epoch: f64,
    /// The learning rate of the last step.
    #[cfg_attr(feature = "serde", serde(with = "crate::exact"))]
    pub learning_rate: f64,
    /// The mean loss of the batches since the last record, as they were trained on.
    #[cfg_attr(feature = "serde", serde(with = "crate::exact"))]
    pub train_loss: f64,
    /// The share of the examples in those batches that were right before they were trained on.
    #[cfg_attr(feature = "serde", serde(with = "crate::exact::option"))]
    pub train_accuracy: Option<f64>,
    /// The mean loss over the test set.
    #[cfg_attr(feature = "serde", serde(with = "crate::exact::option"))]
    pub test_loss: Option<f64>,
    /// The share of the test set that is right.
    #[cfg_attr(feature = "serde", serde(with = "crate::exact::option"))]
    pub test_accuracy: Option<f64>,
}

/// All records of a run, in order.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct History {
    /// One for each evaluation.
    pub records: Vec<Record>,
}

impl History {
    /// The last record.
    pub fn last(&self) -> Option<&Record> {
        self.records.last()
    }
}
