//! `cargo xtask export`: a trained model for other programs.

use std::path::PathBuf;
use std::process::ExitCode;

use trainer::onnx::OnnxOptions;
use trainer::{Model, write_atomically};

use crate::output::shown;
use crate::{Outcome, find};

/// Write a trained model as an ONNX file, which other runtimes read.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A model file, or the folder that holds a `model.safetensors`
    model: PathBuf,
    /// The file to write; a pipe, such as /dev/stdout, will do
    #[arg(long, value_name = "FILE")]
    onnx: PathBuf,
    /// Put the scaling of inputs into the graph, so that it takes raw inputs
    #[arg(long)]
    preprocessing: bool,
}

pub fn run(args: &Args) -> Outcome {
    let model = Model::<f64>::load(find::model(&args.model)?)?;
    let bytes = model.to_onnx(&OnnxOptions { preprocessing: args.preprocessing })?;
    write_atomically(&args.onnx, |file| file.write_all(&bytes))?;
    let inputs = if args.preprocessing { "raw" } else { "scaled" };
    let said = format!(
        "{}: {} bytes, takes {inputs} inputs {:?}",
        shown(&args.onnx),
        bytes.len(),
        model.input_shape()
    );
    // What is no file may be the standard output itself, where a line would damage the model.
    if args.onnx.is_file() {
        println!("{said}")
    } else {
        eprintln!("{said}")
    }
    Ok(ExitCode::SUCCESS)
}
