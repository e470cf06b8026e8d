//! What can go wrong around a model.

/// Why a model cannot be built, trained or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The network is not well formed.
    #[error(transparent)]
    Network(#[from] layers::Error),
    /// The loss refused the targets.
    #[cfg(feature = "train")]
    #[error("step {step}: {source}")]
    Loss {
        /// The step, counted from 1; 0 outside training.
        step: u64,
        /// What the loss says.
        source: losses::Error,
    },
    /// The data could not be prepared.
    #[error(transparent)]
    Data(#[from] datasets::Error),
    /// Inputs of another shape than the network takes.
    #[error("expected examples of shape {expected:?}, got {got:?}")]
    InputShape {
        /// The shape of one example that the network takes.
        expected: Vec<usize>,
        /// The shape of one example that it was given.
        got: Vec<usize>,
    },
    /// Inputs that are no batch of what the network takes, or more than there is memory for.
    #[error("expected a batch of shape [{}{}], got {got:?}{}", n(most), axes(example), hint(example, got))]
    BatchShape {
        /// The shape of one example that the network takes.
        example: Vec<usize>,
        /// How many examples there may be, if that is bounded.
        most: Option<usize>,
        /// The shape of the array that it was given.
        got: Vec<usize>,
    },
    /// An input that is no index although the network's first layer looks rows up by index.
    #[error("example {example}: expected whole numbers below {bound}, got {got}")]
    Index {
        /// The example, counted from 0.
        example: usize,
        /// The number of rows to look up.
        bound: usize,
        /// What was found.
        got: f64,
    },
    /// The network's outputs do not fit the data's targets.
    #[error("expected {expected} outputs for these targets, got {got}")]
    Outputs {
        /// Classes or values of a target.
        expected: usize,
        /// Outputs of the network.
        got: usize,
    },
    /// Parameters that are not those of the network.
    #[error("parameter {index} ({name}): expected shape {expected:?}, got {got:?}")]
    ParamShape {
        /// Its position.
        index: usize,
        /// Its name.
        name: String,
        /// The shape the network states.
        expected: Vec<usize>,
        /// The shape given.
        got: Vec<usize>,
    },
    /// Two parameters of one name, in a layer that is the user's own: a file holds each under its name.
    #[error("parameters: expected names that all differ, got {name} twice")]
    ParamName {
        /// The name of both.
        name: String,
    },
    /// Another number of parameters than the network has.
    #[error("expected {expected} parameters, got {got}")]
    ParamCount {
        /// How many the network states.
        expected: usize,
        /// How many were given.
        got: usize,
    },
    /// A trainable parameter that the backward pass of the first step did not touch.
    #[error(
        "parameter {name} receives no gradient: its layer's backward pass did not add to it in the first step \
         (a gradient of 0 is added too, also where no example uses the parameter)"
    )]
    NoGradient {
        /// Its name.
        name: String,
    },
    /// A loss or gradient that is infinite or not a number; the parameters are those before the step. Or a parameter, or
    /// what the network makes of the examples, after the last step, which no later one is there to find.
    #[error(
        "step {step}: {what} is {value}{}; lower the learning rate or look at the data",
        if *taken { "" } else { ", so the step was not taken" }
    )]
    NotFinite {
        /// The step, counted from 1.
        step: u64,
        /// `the loss`, or `the gradient of 2.weight`, or `2.weight after the step`.
        what: String,
        /// Its value.
        value: f64,
        /// Whether the step was taken: it is the update that left this.
        taken: bool,
    },

    /// A state that is not one of this trainer.
    #[error("state, {}: expected {expected}, got {got}", name.escape_debug())]
    State {
        /// The name of the array.
        name: String,
        /// What the trainer needs.
        expected: String,
        /// What the state holds.
        got: String,
    },
    /// A file or folder that cannot be read or written.
    #[error("{}: cannot {action}: {source}", path.display())]
    Io {
        /// The file that was wanted.
        path: std::path::PathBuf,
        /// What failed: `read`, `write`.
        action: &'static str,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// Bytes that are not a sound model or checkpoint.
    #[cfg(feature = "files")]
    #[error(transparent)]
    Content(#[from] crate::FileFault),
    /// What is wrong with a file.
    #[cfg(feature = "files")]
    #[error("{}: {fault}", path.display())]
    File {
        /// The file.
        path: std::path::PathBuf,
        /// What is wrong with it.
        #[source]
        fault: Box<Error>,
    },
    /// A checkpoint of another configuration or other data.
    #[cfg(feature = "checkpoint")]
    #[error("the checkpoint is of another run: {}", differences.join("; "))]
    OtherRun {
        /// What differs, one line each.
        differences: Vec<String>,
    },
    /// A folder in which every checkpoint is damaged.
    #[cfg(feature = "checkpoint")]
    #[error(
        "{}: no checkpoint can be read: {}", dir.display(),
        refused.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    )]
    NoCheckpoint {
        /// The folder.
        dir: std::path::PathBuf,
        /// Why each is refused.
        refused: Vec<Error>,
    },
    /// A recipe that is not well formed.
    #[cfg(feature = "recipe")]
    #[error("{}:{line}:{column}: {message}", path.display())]
    Recipe {
        /// The file.
        path: std::path::PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The column, counted from 1.
        column: usize,
        /// What is wrong.
        message: String,
    },
    /// A file whose inputs are not those of the model.
    #[error("{}: {at}expected {expected}, got {got}", path.display())]
    Input {
        /// The file.
        path: std::path::PathBuf,
        /// Where in it: `line 1: `, or nothing.
        at: String,
        /// What the model takes.
        expected: String,
        /// What is there.
        got: String,
    },
    /// A file of a run that is not well formed.
    #[error("{}:{line}:{column}: {message}", path.display())]
    Run {
        /// The file.
        path: std::path::PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The column, counted from 1.
        column: usize,
        /// What is wrong.
        message: String,
    },
    /// A model that an ONNX graph cannot hold.
    #[cfg(feature = "onnx")]
    #[error("{at}: expected {expected}, got {got}")]
    Onnx {
        /// Where: the name of a parameter, or the position of a layer.
        at: String,
        /// What can be exported.
        expected: String,
        /// What the model has.
        got: String,
    },
    /// An option with a value that makes no sense.
    #[error("{option}: expected {expected}, got {got}")]
    Option {
        /// The name of the option.
        option: &'static str,
        /// What it may be.
        expected: String,
        /// What it is.
        got: String,
    },
}

#[cfg(feature = "train")]
impl Error {
    pub(crate) fn option(option: &'static str, expected: &str, got: impl std::fmt::Debug) -> Self {
        Error::Option { option, expected: expected.into(), got: format!("{got:?}") }
    }

    /// The same, with the example under its number in the data set: the `i`-th of a batch is `indices[i]`.
    #[cfg(feature = "train")]
    pub(crate) fn renumbered(mut self, indices: &[usize]) -> Self {
        match &mut self {
            Error::Index { example, .. } => *example = indices[*example],
            Error::Loss { source, .. } => {
                *source = source.clone().renumbered(|row| indices.get(row).copied().unwrap_or(row));
            }
            _ => {}
        }
        self
    }
}

impl Error {
    /// The same of an array that begins so many examples before this part of it.
    pub(crate) fn further_on(mut self, by: usize) -> Self {
        if let Error::Index { example, .. } = &mut self {
            *example += by;
        }
        self
    }
}

fn n(most: &Option<usize>) -> String {
    most.map_or_else(|| "n".to_owned(), |most| format!("n up to {most}"))
}

fn axes(example: &[usize]) -> String {
    example.iter().map(|axis| format!(", {axis}")).collect()
}

/// What to say of one example that is not in a batch.
fn hint(example: &[usize], got: &[usize]) -> String {
    if got == example {
        format!("; one example is a batch too, of shape [1{}]", axes(example))
    } else {
        String::new()
    }
}

#[cfg(feature = "onnx")]
impl Error {
    pub(crate) fn onnx(at: &str, expected: &str, got: String) -> Self {
        Error::Onnx { at: at.into(), expected: expected.into(), got }
    }
}

#[cfg(feature = "files")]
impl Error {
    pub(crate) fn io(action: &'static str, path: &std::path::Path, source: std::io::Error) -> Self {
        Error::Io { path: path.to_owned(), action, source }
    }

    /// The same error, found in this file.
    pub(crate) fn in_file(self, path: &std::path::Path) -> Self {
        Error::File { path: path.to_owned(), fault: Box::new(self) }
    }
}
