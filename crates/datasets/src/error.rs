//! What can be wrong with data, and where.

use std::io;
use std::path::{Path, PathBuf};

use crate::File;

/// What can be wrong with data.
///
/// The functions that open a file wrap what they find in [`Error::In`], so that every message starts with the path.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Something is wrong in this file.
    #[error("{}: {fault}", path.display())]
    In {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        fault: Box<Error>,
    },
    /// The operating system refused.
    #[error(transparent)]
    Io(io::Error),
    /// No memory for an array whose size is plausible.
    #[error("expected memory for {bytes} bytes, got none")]
    OutOfMemory {
        /// How much was asked for.
        bytes: u64,
    },

    /// A gzip file that ends before its trailer.
    #[error("gzip: expected more data, got the end of the file")]
    GzipTruncated,
    /// A gzip file whose stream, checksum or length is wrong.
    #[error("gzip: {reason}")]
    GzipCorrupt {
        /// What the decoder says.
        reason: String,
    },
    /// A gzip file with something behind its last member.
    #[error("gzip: expected the end of the file or a further member, got other bytes")]
    GzipTrailing,

    /// An IDX file shorter than its header says, or than a header.
    #[error("idx {part}: expected {need} bytes, got {have}")]
    Truncated {
        /// "header" or "array".
        part: &'static str,
        /// The bytes up to the end of that part, unpacked.
        need: u64,
        /// The bytes there are, unpacked.
        have: u64,
    },
    /// A file that is not IDX.
    #[error("idx byte 0: expected 00 00, got {found:02x?}{hint}")]
    BadMagic {
        /// The first bytes.
        found: Vec<u8>,
        /// What they look like.
        hint: &'static str,
    },
    /// A type that IDX does not have.
    #[error("idx byte 2: expected a type of 08, 09, 0b, 0c, 0d or 0e, got {code:02x}")]
    UnknownType {
        /// The byte.
        code: u8,
    },
    /// An axis of length 0 other than the first.
    #[error("idx axis {axis}: expected a length above 0, got 0")]
    ZeroAxis {
        /// Which axis, counted from 0.
        axis: usize,
    },
    /// A header for more than the limit, or than any file of this size can hold.
    #[error("idx header: expected at most {limit} bytes, got shape {shape:?} of {size}-byte numbers")]
    TooLarge {
        /// The lengths of the axes.
        shape: Vec<usize>,
        /// The bytes of one number.
        size: u64,
        /// The limit that was passed.
        limit: u64,
    },
    /// An IDX file longer than its header says.
    #[error("idx: expected the end after {expected} bytes, got {extra} more or above")]
    TrailingData {
        /// The bytes that the header announces, with the header.
        expected: u64,
        /// How many follow, counted to 1 MiB.
        extra: u64,
    },
    /// Options that make no sense.
    #[error("csv options: {0}")]
    Options(String),
    /// A CSV file without records.
    #[error("csv: expected at least one record{}, got none", if *.header { " after the header" } else { "" })]
    NoRecords {
        /// Whether there was a header.
        header: bool,
    },
    /// A line with another number of fields than the first.
    #[error("line {line}: expected {expected} fields, got {got}{hint}")]
    FieldCount {
        /// The line, from 1, empty lines counted.
        line: u64,
        /// The number of columns.
        expected: usize,
        /// The number of fields in the line.
        got: usize,
        /// What might be the reason.
        hint: &'static str,
    },
    /// Nothing but targets in the columns.
    #[error("line {line}: expected at least one column of features, got none")]
    NoFeatures {
        /// The line, from 1.
        line: u64,
    },
    /// A field that is not a number that the feature or value can hold.
    #[error("line {line}, column {column}: expected {expected}, got {text:?}{hint}")]
    BadNumber {
        /// The line, from 1, empty lines counted.
        line: u64,
        /// The column, from 1.
        column: usize,
        /// What the field can hold.
        expected: &'static str,
        /// The field; shortened if it is long.
        text: String,
        /// What might be the reason.
        hint: &'static str,
    },
    /// A field that is not a class.
    #[error("line {line}, column {column}: expected {expected}, got {text:?}{hint}")]
    BadLabel {
        /// The line, from 1, empty lines counted.
        line: u64,
        /// The column, from 1.
        column: usize,
        /// The classes.
        expected: String,
        /// The field; shortened if it is long.
        text: String,
        /// What might be the reason.
        hint: &'static str,
    },
    /// A feature outside the range that was asked for.
    #[error("line {line}, column {column}: expected a number from {low} to {high}, got {value}")]
    OutOfRange {
        /// The line, from 1, empty lines counted.
        line: u64,
        /// The column, from 1.
        column: usize,
        /// The least value.
        low: f64,
        /// The largest value.
        high: f64,
        /// What the field is.
        value: f64,
    },
    /// A quote that is not closed on its line.
    #[error(
        "line {line}, column {column}: expected a closing quote on the same line, got the end of the line"
    )]
    UnterminatedQuote {
        /// The line, from 1, empty lines counted.
        line: u64,
        /// The column, from 1.
        column: usize,
    },
    /// A quote inside a field, or something behind a closing quote.
    #[error("line {line}, column {column}: expected quotes only around a whole field")]
    BadQuote {
        /// The line, from 1, empty lines counted.
        line: u64,
        /// The column, from 1.
        column: usize,
    },
    /// A zero byte, or bytes that are not UTF-8.
    #[error("line {line}, column {column}: expected UTF-8 text without zero bytes, got {found}")]
    NotText {
        /// The line, from 1, empty lines counted.
        line: u64,
        /// The column, from 1.
        column: usize,
        /// What is there, with replacement characters.
        found: String,
    },
    /// A first line that is to be a header but is a record.
    #[error(
        "line {line}: expected a header, got numbers that do not rise; if the file has no header, say so"
    )]
    HeaderIsData {
        /// The line, from 1.
        line: u64,
    },
    /// A column that the header does not have.
    #[error("header: expected a column {name:?}, got {known}")]
    UnknownColumn {
        /// The name that was asked for.
        name: String,
        /// The first names there are.
        known: String,
    },
    /// A column that the header has twice.
    #[error("header: expected one column {name:?}, got several")]
    AmbiguousColumn {
        /// The name that was asked for.
        name: String,
    },
    /// A line above the limit.
    #[error("line {line}: expected at most {limit} bytes, got more")]
    LineTooLong {
        /// The line, from 1, empty lines counted.
        line: u64,
        /// The limit.
        limit: usize,
    },
    /// More text than the limit.
    #[error("csv: expected at most {limit} bytes of text, got more")]
    TooMuchText {
        /// The limit.
        limit: u64,
    },
    /// An array with a number of axes that makes no sense for its purpose.
    #[error("{what}: expected a rank of {expected}, got {got}")]
    WrongRank {
        /// "features" or "labels".
        what: &'static str,
        /// The ranks that make sense.
        expected: &'static str,
        /// The rank of the array.
        got: usize,
    },

    /// Another number of targets than of examples.
    #[error("targets: expected {examples}, one an example, got {targets}")]
    CountMismatch {
        /// The number of examples.
        examples: usize,
        /// The number of targets.
        targets: usize,
    },
    /// A label that is no class.
    #[error("label {index}: expected a class below {classes}, got {label}")]
    LabelOutOfRange {
        /// Which label, counted from 0.
        index: usize,
        /// What it is.
        label: String,
        /// The number of classes.
        classes: usize,
    },
    /// A label so large that it is more likely a mistake than a class; name the classes if it is one.
    #[error("labels: expected classes below {limit} where their number is not given, got {label}")]
    TooManyClasses {
        /// The largest label.
        label: usize,
        /// The most classes that are assumed.
        limit: usize,
    },
    /// A shape with another number of elements.
    #[error("features: expected as many numbers as in {expected:?}, got {got:?}")]
    Shape {
        /// The shape of an example.
        expected: Vec<usize>,
        /// The shape that was asked for.
        got: Vec<usize>,
    },
    /// A scaling for another number of features.
    #[error("scaling: expected {expected} features, got {got}")]
    ScalingWidth {
        /// The number of numbers in an example.
        expected: usize,
        /// The number of shifts or factors.
        got: usize,
    },
    /// No examples where some are needed.
    #[error("expected at least one example, got none")]
    NoExamples,
    /// A feature that is infinite or not a number.
    #[error("example {example}: expected finite numbers")]
    NotFinite {
        /// Which example, counted from 0.
        example: usize,
    },
    /// Numbers so large or so close together that f64 cannot hold their variance.
    #[error("features: expected a variance within the range of f64, got numbers from {low:e} to {high:e}")]
    Spread {
        /// The least of the numbers.
        low: f64,
        /// The largest of the numbers.
        high: f64,
    },
    /// A data set that is not in the table.
    #[error("data set: expected mnist or fashion-mnist, got {name}")]
    UnknownSet {
        /// The name that was given.
        name: String,
    },
    /// Every mirror failed.
    #[error("{}", no_mirror(target, file, attempts))]
    NoMirror {
        /// Where the file belongs.
        target: PathBuf,
        /// The file.
        file: Box<File>,
        /// The mirrors and why each failed.
        attempts: Vec<Attempt>,
    },
    /// A file that would have to be downloaded, but may not be.
    #[error(
        "{}: expected the file to be there when offline, but {reason}; fetch it online, or from a folder that has it",
        path.display()
    )]
    Offline {
        /// Where the file belongs.
        path: PathBuf,
        /// What is there instead.
        reason: String,
    },
    /// Something else in the place of a file, such as a folder.
    #[error("{}: expected a file or nothing, got something else; move it away", path.display())]
    NotAFile {
        /// The place.
        path: PathBuf,
    },
    /// A name in a table of files that is more than a name.
    #[error("expected a file name of letters, digits, '-', '_' and '.', got {name:?}")]
    FileName {
        /// What is there instead.
        name: String,
    },
    /// Neither an address nor a folder.
    #[error("mirror: expected https://, http:// on this machine, or a folder, got {text:?}")]
    Mirror {
        /// What was given.
        text: String,
    },
    /// The caller ended the fetch.
    #[error("cancelled")]
    Cancelled,
    /// A split that cannot be made.
    #[error("split: {0}")]
    Split(String),
}

impl Error {
    /// The same error, found in the file at `path`.
    pub(crate) fn at(self, path: &Path) -> Self {
        Self::In { path: path.to_owned(), fault: Box::new(self) }
    }

    /// What is wrong, without the path of the file.
    pub fn fault(&self) -> &Self {
        match self {
            Self::In { fault, .. } => fault.fault(),
            other => other,
        }
    }
}

/// A mirror that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The address or folder.
    pub from: String,
    /// Why it failed.
    pub reason: String,
}

fn no_mirror(target: &Path, file: &File, attempts: &[Attempt]) -> String {
    let tried: String =
        attempts.iter().map(|Attempt { from, reason }| format!("\n  {from}: {reason}")).collect();
    format!(
        "{}: expected a mirror with the file, got none:{tried}\n\
         to place it by hand, put a file of {} bytes with sha256 {} (md5 {}) there",
        target.display(),
        file.bytes,
        file.sha256,
        file.md5
    )
}

/// What a file is that starts with these bytes, if it is something that often lies in the place of data.
pub(crate) fn hint(start: &[u8]) -> &'static str {
    let text = start.trim_ascii_start();
    match start {
        [0x1f, 0x8b, ..] => ", which is gzip inside gzip",
        [b'P', b'K', ..] => ", which looks like a zip archive",
        _ if matches!(text, [b'<', b'!' | b'?' | b'a'..=b'z' | b'A'..=b'Z', ..]) => {
            ", which looks like an HTML or XML page"
        }
        _ if !text.is_empty() && text.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ') => {
            ", which looks like text"
        }
        _ => "",
    }
}
