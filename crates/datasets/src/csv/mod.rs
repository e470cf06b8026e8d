//! CSV into numbers, strictly: each fault is an error with its line and column, and nothing is guessed.
//!
//! A record is a line that ends in LF, CR LF or CR; the last may do without. Empty lines are passed over but counted.
//! A field is a number, with spaces and tabs around it if you like, or a number in quotes; a quoted field ends on the
//! line on which it starts, so that a forgotten quote cannot swallow the rest of a file. A byte order mark is passed
//! over. The file may be gzip, which is known from its first bytes, not its name.
//!
//! Numbers are finite: `nan`, `inf` and what overflows are errors. So are empty fields and lines with more or fewer
//! fields than the first.
//!
//! # When not to use this
//!
//! For tables with text, dates, missing values or line breaks in fields, use a data frame library. All numbers are
//! held in memory at once; the text is not. Where there is not enough of it, that is an error.
//!
//! # Examples
//!
//! ```
//! use datasets::csv;
//!
//! let text = b"label,width,height\n1,2.5,3\n0,1.5,1e1\n";
//! let data = csv::parse(text, &csv::Options::default())?;
//! assert_eq!((data.len(), data.feature_shape(), data.n_classes()), (2, &[2][..], 2));
//!
//! let error = csv::parse(b"label,x\n1,2.5\n0,2,5\n", &csv::Options::default()).unwrap_err();
//! assert_eq!(error.to_string(), "line 3: expected 2 fields, got 3");
//! # Ok::<(), datasets::Error>(())
//! ```

mod columns;
mod field;
mod lines;
mod number;
mod reader;
mod rows;
mod write;

use std::io::Read;
use std::path::Path;

use ndarray::{Array2, ArrayD, IxDyn};

use crate::source::Source;
use crate::{Dataset, Error, Targets};
use columns::Columns;
use lines::Blocks;
use number::Number;
use rows::Rows;

pub use reader::Reader;
pub use write::write;

/// What a CSV file looks like and what is expected of it.
///
/// # Examples
///
/// The 8x8 digits of the UCI repository: 64 grey values, then the label, and no header.
///
/// ```
/// use datasets::csv::{Header, Label, NumberType, Options};
///
/// let digits = Options {
///     header: Header::None,
///     label: Label::Last,
///     numbers: NumberType::U8,
///     n_classes: Some(10),
///     n_features: Some(64),
///     value_range: Some((0.0, 16.0)),
///     ..Options::default()
/// };
/// # let _ = digits;
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Whether the first line names the columns. By default it does.
    pub header: Header,
    /// Which columns are targets. By default the first is the class.
    pub label: Label,
    /// Whether targets are passed over, whatever stands in their columns, to leave rows of no values. By default they are not.
    pub skip_targets: bool,
    /// The byte between fields; a comma by default.
    pub delimiter: u8,
    /// The type in which features are held; `f32` by default.
    pub numbers: NumberType,
    /// The number of classes, a million at most, if labels are indices. By default one more than the largest label.
    pub n_classes: Option<usize>,
    /// The classes, if labels are names; if not empty, they all differ, and each label must be one of them.
    pub class_names: Vec<String>,
    /// Whether labels may be the indices of `class_names` instead; they are, all of them, if the first is a number and no
    /// name. By default they may not.
    pub class_indices: bool,
    /// The names of the features in the order that is wanted, whatever their order in the file; targets are then given by
    /// name too, and there are no other columns. By default all columns that are no targets, as they come.
    pub features: Vec<String>,
    /// The number of features, if it is known.
    pub n_features: Option<usize>,
    /// The least and the largest value that a feature may have, as it is written: before it is rounded to the type in
    /// which features are held.
    pub value_range: Option<(f64, f64)>,
    /// The most bytes of text, unpacked; 4 GiB by default. Memory stays within twelve times the text, which single digits
    /// come close to in double precision; usual numbers take about as much as their text, and up to half as much again.
    pub max_bytes: u64,
    /// The most bytes in a line; 10 MB by default.
    pub max_line_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            header: Header::Present,
            label: Label::First,
            skip_targets: false,
            delimiter: b',',
            numbers: NumberType::F32,
            n_classes: None,
            class_names: vec![],
            class_indices: false,
            features: vec![],
            n_features: None,
            value_range: None,
            max_bytes: 4 << 30,
            max_line_bytes: 10_000_000,
        }
    }
}

/// Whether the first line names the columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// The first line is data.
    None,
    /// The first line is names. If it is numbers that do not even increase, it is refused as data.
    Present,
}

/// Which columns are targets; all others are features.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Label {
    /// The class is in the first column.
    First,
    /// The class is in the last column.
    Last,
    /// The class is in the column of this name.
    Named(String),
    /// The targets are the values in the columns of these names, in this order.
    Values(Vec<String>),
    /// The targets are the values in so many last columns.
    LastValues(usize),
    /// All columns are features; the targets are rows of no values.
    None,
}

impl Label {
    /// Whether the targets are classes.
    fn is_class(&self) -> bool {
        matches!(self, Self::First | Self::Last | Self::Named(_))
    }
}

/// The type in which features are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberType {
    /// Whole numbers from 0 to 255, such as grey values: a quarter of the memory.
    U8,
    /// Single precision.
    F32,
    /// Double precision.
    F64,
}

/// Reads a CSV file, plain or gzip.
///
/// # Errors
///
/// [`Error::In`] with the path and what is wrong, with line and column where it applies: [`Error::Io`],
/// [`Error::OutOfMemory`], [`Error::Options`], [`Error::NoRecords`], [`Error::FieldCount`], [`Error::NoFeatures`], [`Error::BadNumber`],
/// [`Error::BadLabel`], [`Error::OutOfRange`], [`Error::UnterminatedQuote`], [`Error::BadQuote`], [`Error::NotText`],
/// [`Error::HeaderIsData`], [`Error::UnknownColumn`], [`Error::AmbiguousColumn`], [`Error::LineTooLong`],
/// [`Error::TooMuchText`], [`Error::TooManyClasses`], [`Error::GzipTruncated`], [`Error::GzipCorrupt`],
/// [`Error::GzipTrailing`].
pub fn read(path: impl AsRef<Path>, options: &Options) -> Result<Dataset, Error> {
    Reader::open(path, options)?.read(options)
}

/// Reads CSV from memory, plain or gzip.
///
/// # Errors
///
/// Those of [`read`] without the path.
pub fn parse(bytes: &[u8], options: &Options) -> Result<Dataset, Error> {
    read_blocks(Blocks::new(Source::bytes(bytes)?, options), 1, options)
}

/// Reads what comes from line `line` on.
fn read_blocks(blocks: Blocks<impl Read>, line: u64, options: &Options) -> Result<Dataset, Error> {
    match options.numbers {
        NumberType::U8 => read_as::<u8>(blocks, line, options),
        NumberType::F32 => read_as::<f32>(blocks, line, options),
        NumberType::F64 => read_as::<f64>(blocks, line, options),
    }
}

fn read_as<N: Number>(
    mut blocks: Blocks<impl Read>,
    mut line: u64,
    options: &Options,
) -> Result<Dataset, Error> {
    columns::check(options)?;
    let mut rows: Option<Rows<'_, N>> = None;
    let mut header = false;
    let limit = blocks.max_line_bytes;
    while let Some(mut block) = blocks.next(line)? {
        if rows.is_none() {
            lines::skip_empty(&mut block, &mut line);
            if block.is_empty() {
                continue;
            }
            lines::check_line(block, line, limit)?;
            let columns = Columns::of_first_line(block, line, options)?;
            header = options.header == Header::Present;
            if header {
                lines::skip_line(&mut block, &mut line);
            }
            rows = Some(Rows::new(columns, line, options));
        }
        if let Some(rows) = &mut rows {
            rows.block(block)?;
            line = rows.line();
        }
    }
    match rows {
        Some(rows) if rows.len() > 0 => dataset(rows, options),
        _ => Err(Error::NoRecords { header }),
    }
}

fn dataset<N: Number>(rows: Rows<'_, N>, options: &Options) -> Result<Dataset, Error> {
    let (n, columns) = (rows.len(), rows.columns());
    let (width, values, order) = (columns.n_features, columns.n_values, columns.order.clone());
    let (mut features, labels, targets) = rows.into_parts();
    features.shrink_to_fit();
    reorder(&mut features, &order);
    let fits = "every row has as many numbers";
    let features = N::features(ArrayD::from_shape_vec(IxDyn(&[n, width]), features).expect(fits));
    let targets = match options.label.is_class() {
        _ if options.skip_targets => Targets::Values(Array2::zeros((n, 0))),
        true => Targets::Classes(labels),
        false => Targets::Values(Array2::from_shape_vec((n, values), targets).expect(fits)),
    };
    let names = match options.n_classes {
        Some(classes) if options.class_names.is_empty() => (0..classes).map(|i| i.to_string()).collect(),
        _ => options.class_names.clone(),
    };
    Dataset::new(features, targets, names)
}

/// Moves the numbers of each row to where `order` says; an empty one leaves them.
fn reorder<N: Number>(features: &mut [N], order: &[usize]) {
    if order.is_empty() {
        return;
    }
    let mut row = Vec::with_capacity(order.len());
    for numbers in features.chunks_exact_mut(order.len()) {
        row.clear();
        row.extend_from_slice(numbers);
        order.iter().zip(&row).for_each(|(&to, &number)| numbers[to] = number);
    }
}
