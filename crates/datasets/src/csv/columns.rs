//! Which column is what.

use super::field::{Place, field, is_line_end, shown};
use super::number::Number;
use super::{Header, Label, Options};
use crate::Error;

/// What a column is for, unless it is a feature.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Target {
    Class,
    /// A value, by its position among the values.
    Value(usize),
}

/// The columns of a file.
#[derive(Debug)]
pub(super) struct Columns {
    pub(super) count: usize,
    /// The columns that are not features, in ascending order: there are few of them.
    pub(super) targets: Vec<(usize, Target)>,
    pub(super) n_features: usize,
    pub(super) n_values: usize,
}

/// Refuses options that make no sense.
pub(super) fn check(options: &Options) -> Result<(), Error> {
    let refuse = |text: String| Err(Error::Options(text));
    let delimiter = options.delimiter;
    if !delimiter.is_ascii() || delimiter.is_ascii_alphanumeric() || b"+-.\"\r\n\0".contains(&delimiter) {
        let shown = delimiter.escape_ascii();
        return refuse(format!(
            "expected a delimiter that is not part of a number or a line end, got {shown}"
        ));
    }
    if let (Header::None, Label::Named(name)) = (options.header, &options.label) {
        return refuse(format!("expected a header to find the column {name:?} in, got none"));
    }
    if let Label::Values(names) = &options.label {
        if options.header == Header::None {
            return refuse(format!("expected a header to find the columns {names:?} in, got none"));
        }
        if let Some(twice) = names.iter().enumerate().find(|(i, name)| names[..*i].contains(name)) {
            return refuse(format!("expected different columns of values, got {:?} twice", twice.1));
        }
    }
    if let Some((low, high)) = options.value_range
        && (low.is_nan() || high.is_nan() || low > high)
    {
        return refuse(format!("expected a range from low to high, got {low} to {high}"));
    }
    let names = options.class_names.len();
    match options.n_classes {
        Some(classes) if names > 0 && names != classes => {
            refuse(format!("expected {classes} class names, one a class, got {names}"))
        }
        _ => Ok(()),
    }
}

impl Columns {
    /// The columns as the first line of the file has them, which is the first of `block`.
    pub(super) fn of_first_line(block: &[u8], line: u64, options: &Options) -> Result<Self, Error> {
        let header = options.header == Header::Present;
        let mut names = Names::new(&options.label);
        let (mut count, mut at) = (0, 0);
        loop {
            let (text, end) = field(block, at, options.delimiter, Place { line, column: count + 1 })?;
            if header {
                names.add(&text, count)?;
            }
            count += 1;
            if is_line_end(block[end]) {
                break;
            }
            at = end + 1;
        }
        if header && names.are_data(count) {
            return Err(Error::HeaderIsData { line });
        }
        let targets = match &options.label {
            Label::First => vec![(0, Target::Class)],
            Label::Last => vec![(count - 1, Target::Class)],
            Label::Named(_) => names.places()?.into_iter().map(|column| (column, Target::Class)).collect(),
            Label::Values(_) => names
                .places()?
                .into_iter()
                .enumerate()
                .map(|(i, column)| (column, Target::Value(i)))
                .collect(),
            Label::LastValues(n) if *n >= count => return Err(Error::NoFeatures { line }),
            Label::LastValues(n) => {
                let first = count - n;
                (first..count).map(|column| (column, Target::Value(column - first))).collect()
            }
            Label::None => vec![],
        };
        Self::new(count, targets, line, options)
    }

    fn new(
        count: usize,
        mut targets: Vec<(usize, Target)>,
        line: u64,
        options: &Options,
    ) -> Result<Self, Error> {
        targets.sort_unstable_by_key(|&(column, _)| column);
        let n_features = count - targets.len();
        if let Some(expected) = options.n_features
            && expected != n_features
        {
            let expected = expected + targets.len();
            return Err(Error::FieldCount { line, expected, got: count, hint: "" });
        }
        if n_features == 0 {
            return Err(Error::NoFeatures { line });
        }
        let n_values = targets.iter().filter(|(_, target)| matches!(target, Target::Value(_))).count();
        Ok(Self { count, targets, n_features, n_values })
    }
}

/// The names of a header, looked at one by one: a hostile header is millions of them, and none is kept.
struct Names<'a> {
    wanted: Vec<&'a str>,
    found: Vec<Option<usize>>,
    /// The first few, for the error about one that is missing.
    known: Vec<String>,
    last_number: Option<f64>,
    all_numbers: bool,
    rising: bool,
}

impl<'a> Names<'a> {
    fn new(label: &'a Label) -> Self {
        let wanted: Vec<&str> = match label {
            Label::Named(name) => vec![name],
            Label::Values(names) => names.iter().map(String::as_str).collect(),
            _ => vec![],
        };
        let found = vec![None; wanted.len()];
        Self { wanted, found, known: vec![], last_number: None, all_numbers: true, rising: true }
    }

    fn add(&mut self, name: &[u8], column: usize) -> Result<(), Error> {
        const KNOWN: usize = 12;
        match f64::parse(name) {
            Some(x) => {
                self.rising &= self.last_number.is_none_or(|last| x > last);
                self.last_number = Some(x);
            }
            None => self.all_numbers = false,
        }
        if !self.wanted.is_empty() && self.known.len() < KNOWN {
            self.known.push(shown(name));
        }
        for (wanted, found) in self.wanted.iter().zip(&mut self.found) {
            if wanted.as_bytes() == name && found.replace(column).is_some() {
                return Err(Error::AmbiguousColumn { name: (*wanted).to_owned() });
            }
        }
        Ok(())
    }

    /// Some programs number the columns; but numbers that do not even rise are a record whose header is missing.
    fn are_data(&self, count: usize) -> bool {
        self.all_numbers && !self.rising && count > 1
    }

    fn places(self) -> Result<Vec<usize>, Error> {
        let missing = self.found.iter().position(Option::is_none);
        if let Some(i) = missing {
            return Err(Error::UnknownColumn {
                name: self.wanted[i].to_owned(),
                known: self.known.join(", "),
            });
        }
        Ok(self.found.into_iter().flatten().collect())
    }
}
