//! What a training looked like: pictures and a report.
//!
//! [`write()`] puts into the folder of a run, and removes what of it an earlier run left and this one has not:
//!
//! - `samples.svg`: examples with their labels, if they are images
//! - `histogram.svg`: the inputs as the network sees them
//! - `curves.svg`: loss and accuracy over time
//! - `report.html`: these and all else worth a look, in one file that needs no other
//! - `recipe.toml`: the configuration
//! - `history.json`: the results and records as a [`RunFile`], of which [`compare`] shows several side by side
//!
//! Charts are drawn here and not by a plotting library: the same drawing serves as a file of its own and as part of a
//! page, where it takes the reader's light or dark colours and carries its values. `maud` writes the elements and
//! escapes every text.

mod chart;
mod compare;
mod confusion;
mod curves;
mod histogram;
mod images;
mod judgement;
mod line_chart;
mod number;
mod page;
mod raster;
mod run_file;
mod samples;
mod scale;
mod sections;
mod theme;
mod thin;

use std::path::{Path, PathBuf};

use layers::{Backprop, Sequential};
use losses::Loss;
use maud::{Markup, html};
use tensor_ops::Scalar;

pub use compare::compare;
pub use run_file::{RUN_FILE, RunFile, Score};

use crate::warning::last_layer;
use crate::{Error, Evaluation, History, Meaning, Model, Source, Trace, Warning, summary, write_atomically};
use chart::Chart;
use histogram::Histogram;
use images::ImageShape;
use judgement::Verdict;

/// The names of the files that [`write()`] writes, pictures as far as there are some.
pub const FILES: [&str; 6] =
    ["recipe.toml", RUN_FILE, "samples.svg", "histogram.svg", "curves.svg", "report.html"];

/// Everything that a report is made from.
#[derive(Debug)]
pub struct Report<'a, T: Scalar> {
    /// What to call the run: the name of the recipe.
    pub name: &'a str,
    /// The recipe as TOML.
    pub recipe: &'a str,
    /// The trained model.
    pub model: &'a Model<T>,
    /// The loss, which knows what the outputs mean.
    pub loss: &'a dyn Loss<T>,
    /// The examples that were learned from.
    pub train: &'a Source<'a, T>,
    /// The examples that the model is judged by.
    pub test: Option<&'a Source<'a, T>>,
    /// The trained model on `train`.
    pub on_train: Evaluation,
    /// The trained model on `test`.
    pub on_test: Option<Evaluation>,
    /// Height and width, if examples are rows of numbers that are images.
    pub image: Option<[usize; 2]>,
    /// What happened.
    pub history: &'a History,
    /// What it looked like from inside.
    pub trace: Option<&'a Trace>,
    /// The time that training took, in seconds.
    pub seconds: f64,
    /// The seed.
    pub seed: u64,
    /// Where the relative paths of the recipe's data begin.
    pub data_root: Option<&'a Path>,
    /// What there is to be warned of.
    pub warnings: &'a [Warning],
}

/// Writes pictures, page and numbers of a run into `dir`, which is made if it is not there, and returns their paths.
///
/// Each file is there in full or not at all. The numbers come first, so that a full disk costs pictures alone; pictures
/// that an earlier run left and this one does not have are removed.
///
/// # Errors
///
/// [`Error::Io`] if a file cannot be written, [`Error::Option`] if [`Report::image`] does not fit the examples,
/// [`Error::InputShape`] or [`Error::Outputs`] if the examples are not for this model.
pub fn write<T: Scalar>(dir: &Path, report: &Report<'_, T>) -> Result<Vec<PathBuf>, Error>
where
    Sequential: Backprop<T>,
{
    report.image_shape()?; // before there is anything to leave behind
    std::fs::create_dir_all(dir).map_err(|error| Error::io("make", dir, error))?;
    let save = |(name, text): (&str, String)| -> Result<PathBuf, Error> {
        let path = dir.join(name);
        write_atomically(&path, |file| file.write_all(text.as_bytes()))?;
        Ok(path)
    };
    let run = report.run_file();
    let mut written =
        vec![save(("recipe.toml", report.recipe.to_owned()))?, save((RUN_FILE, run.to_json()))?];

    let pictures = Pictures::draw(report)?;
    let mut files: Vec<(&str, String)> = Vec::new();
    files.extend(
        pictures.samples.iter().map(|chart| ("samples.svg", chart::to_svg(std::slice::from_ref(chart)))),
    );
    files.extend(
        pictures.histogram.iter().map(|chart| ("histogram.svg", chart::to_svg(std::slice::from_ref(chart)))),
    );
    files.push(("curves.svg", chart::to_svg(&pictures.curves)));
    files.push(("report.html", html(report, &run, &pictures)?));
    for file in files {
        written.push(save(file)?);
    }
    for stale in FILES.map(|name| dir.join(name)) {
        if stale.is_file() && !written.contains(&stale) {
            std::fs::remove_file(&stale).map_err(|error| Error::io("remove", &stale, error))?;
        }
    }
    Ok(written)
}

/// That examples of this shape have pixels for [`Report::image`]: what [`write()`] would find after the training, before it.
///
/// # Errors
///
/// [`Error::Option`] if height and width do not fit the examples.
pub fn check_image(example: &[usize], image: Option<[usize; 2]>) -> Result<(), Error> {
    ImageShape::of(example, image).map(drop)
}

impl<T: Scalar> Report<'_, T> {
    fn run_file(&self) -> RunFile {
        RunFile {
            format: RunFile::current_format(),
            name: self.name.to_owned(),
            recipe: self.recipe.to_owned(),
            seed: self.seed,
            data_root: self.data_root.map(Path::to_owned),
            parameters: self.model.n_trainable(),
            seconds: self.seconds,
            train: self.on_train.into(),
            test: self.on_test.map(Score::from),
            history: self.history.clone(),
        }
    }

    fn image_shape(&self) -> Result<Option<ImageShape>, Error> {
        ImageShape::of(self.train.dataset().feature_shape(), self.image)
    }
}

/// The charts that are files of their own and part of the page.
struct Pictures {
    samples: Option<Chart>,
    histogram: Option<Chart>,
    curves: Vec<Chart>,
}

impl Pictures {
    fn draw<T: Scalar>(report: &Report<'_, T>) -> Result<Self, Error> {
        let (inputs, what) = inputs(report.train);
        Ok(Pictures {
            samples: report.image_shape()?.map(|shape| samples::chart(report.train.dataset(), shape)),
            histogram: Histogram::new(&inputs).map(|histogram| histogram.draw(&what)),
            curves: curves::charts(report.history),
        })
    }
}

fn html<T: Scalar>(report: &Report<'_, T>, run: &RunFile, pictures: &Pictures) -> Result<String, Error>
where
    Sequential: Backprop<T>,
{
    let model = report.model;
    let mut sections = vec![sections::facts(run)];
    sections.extend(sections::warnings(report.warnings));
    sections.extend(pictures.curves.iter().map(page::chart_card));
    sections.push(page::chart_card(&curves::learning_rate(report.history)));
    if let Some(trace) = report.trace {
        sections.push(sections::times(trace));
        sections.extend(curves::norms(trace).iter().map(page::chart_card));
    }
    if let Some(test) = report.test {
        sections.extend(judged(report, test)?);
    }
    sections.extend(sections::weights(model, report.image_shape()?));
    sections.extend(pictures.samples.iter().chain(&pictures.histogram).map(page::chart_card));
    sections.push(sections::network(&summary(model.network()), model.input_shape()));
    sections.push(sections::configuration(report.recipe));
    let (train, test) = (report.train.len(), report.test.map_or(0, Source::len));
    let (train, test) = (number::count(train as u64), number::count(test as u64));
    let head = html! { p .note { (train) " training examples, " (test) " test examples" } };
    Ok(page::page(report.name, &head, &sections))
}

/// What the model makes of the test examples.
fn judged<T: Scalar>(report: &Report<'_, T>, test: &Source<'_, T>) -> Result<Vec<Markup>, Error>
where
    Sequential: Backprop<T>,
{
    let data = test.dataset();
    report.model.check_fit(test)?;
    let outputs = crate::outputs(report.model, test)?.mapv(T::value);
    let last = || last_layer(report.model.network()).unwrap_or_default();
    let meaning = match report.model.meaning {
        Meaning::Unknown => Meaning::of(report.loss.kind(), last()),
        known => known,
    };
    let Some(verdict) = Verdict::new(&outputs, data, meaning) else {
        return Ok(vec![sections::errors(&outputs, data)]);
    };
    let shape = report.image_shape()?;
    Ok(vec![
        page::chart_card(&confusion::chart(verdict.confusion.counts(), &data.class_names)),
        sections::classes(&verdict, &data.class_names),
        sections::mistakes(&verdict, data, shape),
    ])
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
    let of = if every > 1 { format!(" of {}", number::count(train.len() as u64)) } else { String::new() };
    (
        numbers,
        format!(
            "{}{of} examples x {} numbers",
            number::count(indices.len() as u64),
            number::count(width as u64)
        ),
    )
}
