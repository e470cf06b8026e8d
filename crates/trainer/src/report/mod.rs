//! What a training looked like: pictures and a report.
//!
//! [`write`] puts into the folder of a run:
//!
//! - `samples.svg`: examples with their labels, if they are images
//! - `histogram.svg`: the inputs as the network sees them
//! - `curves.svg`: loss and accuracy over time
//!
//! Charts are drawn here and not by a plotting library: the same drawing serves as a file of its own and as part of a
//! page, where it takes the reader's light or dark colours and carries its values. `maud` writes the elements and
//! escapes every text.

#![allow(dead_code, reason = "the page that uses the rest follows")]

mod chart;
mod curves;
mod histogram;
mod images;
mod line_chart;
mod number;
mod raster;
mod samples;
mod scale;
mod theme;
mod thin;

use std::path::{Path, PathBuf};

use tensor_ops::Scalar;

use crate::{Error, History, Source, write_atomically};
use histogram::Histogram;
use images::ImageShape;

/// Everything that a report is made from.
#[derive(Debug)]
pub struct Report<'a, T: Scalar> {
    /// The examples that were learned from.
    pub train: &'a Source<'a, T>,
    /// Height and width, if examples are rows of numbers that are images.
    pub image: Option<[usize; 2]>,
    /// What happened.
    pub history: &'a History,
}

/// Writes the pictures of a run into `dir`, which is made if it is not there, and returns their paths.
///
/// A file is there in full or not at all.
///
/// # Errors
///
/// [`Error::Io`] if a file cannot be written, [`Error::Option`] if [`Report::image`] does not fit the examples.
pub fn write<T: Scalar>(dir: &Path, report: &Report<'_, T>) -> Result<Vec<PathBuf>, Error> {
    std::fs::create_dir_all(dir).map_err(|error| Error::io("make", dir, error))?;
    let mut files = Vec::new();
    let mut save = |name: &str, text: String| -> Result<(), Error> {
        let path = dir.join(name);
        write_atomically(&path, |file| file.write_all(text.as_bytes()))?;
        files.push(path);
        Ok(())
    };
    let data = report.train.dataset();
    if let Some(shape) = ImageShape::of(data.feature_shape(), report.image)? {
        save("samples.svg", chart::to_svg(&[samples::chart(data, shape)]))?;
    }
    let (inputs, what) = inputs(report.train);
    if let Some(histogram) = Histogram::new(&inputs) {
        save("histogram.svg", chart::to_svg(&[histogram.draw(&what)]))?;
    }
    save("curves.svg", chart::to_svg(&curves::charts(report.history)))?;
    Ok(files)
}

/// Numbers that a histogram looks at; more would not change its shape.
const HISTOGRAM_NUMBERS: usize = 2_000_000;
/// Examples gathered at once.
const BLOCK: usize = 100;

/// Scaled inputs, of all examples or of as many as are enough, evenly spread; and what they are, in words.
fn inputs<T: Scalar>(train: &Source<'_, T>) -> (Vec<f64>, String) {
    let shape = train.dataset().feature_shape();
    let width = shape.iter().product::<usize>();
    let every = train.len().saturating_mul(width).div_ceil(HISTOGRAM_NUMBERS).max(1);
    let indices: Vec<usize> = (0..train.len()).step_by(every).collect();
    let mut numbers = Vec::with_capacity(indices.len() * width);
    for block in indices.chunks(BLOCK) {
        let mut x = ndarray::ArrayD::<T>::zeros(layers::views::batched(block.len(), shape));
        train.inputs(block, &mut x);
        numbers.extend(x.iter().map(|v| v.value()));
    }
    let of = if every > 1 { format!(" of {}", number::count(train.len())) } else { String::new() };
    (numbers, format!("{}{of} examples x {} numbers", number::count(indices.len()), number::count(width)))
}
