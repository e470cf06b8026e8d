//! Which column is what.

use std::collections::{HashMap, HashSet};

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
    /// For each feature in the order of the file, its place in the order that is wanted; empty if that is the same.
    pub(super) order: Vec<usize>,
}

/// The most classes that [`Options::n_classes`] may say: each of them gets a name.
const MAX_CLASSES: usize = 1_000_000;

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
        if let Some(name) = twice(names) {
            return refuse(format!("expected different columns of values, got {name:?} twice"));
        }
    }
    check_features(options)?;
    if let Some((low, high)) = options.value_range
        && (low.is_nan() || high.is_nan() || low > high)
    {
        return refuse(format!("expected a range from low to high, got {low} to {high}"));
    }
    check_classes(options)
}

/// Labels must mean one class each, and there must be memory for the names of all classes.
fn check_classes(options: &Options) -> Result<(), Error> {
    let refuse = |text: String| Err(Error::Options(text));
    let names = options.class_names.len();
    match options.n_classes {
        Some(classes) if names > 0 && names != classes => {
            return refuse(format!("expected {classes} class names, one a class, got {names}"));
        }
        Some(classes) if names == 0 && classes > MAX_CLASSES => {
            return refuse(format!("expected at most {MAX_CLASSES} classes, got {classes}"));
        }
        _ => {}
    }
    match twice(&options.class_names) {
        Some(name) if options.label.is_class() => {
            refuse(format!("expected class names that all differ, got {name:?} twice"))
        }
        _ => Ok(()),
    }
}

/// The first name that is there before.
fn twice<'a>(names: impl IntoIterator<Item = &'a String>) -> Option<&'a String> {
    let mut seen = HashSet::new();
    names.into_iter().find(|name| !seen.insert(*name))
}

/// Features by name need a header, and targets by name.
fn check_features(options: &Options) -> Result<(), Error> {
    let features = &options.features;
    let refuse = |text: String| Err(Error::Options(text));
    let targets = match &options.label {
        _ if features.is_empty() => return Ok(()),
        _ if options.header == Header::None => {
            return refuse(format!("expected a header to find the column {:?} in, got none", features[0]));
        }
        Label::Named(name) => std::slice::from_ref(name),
        Label::Values(names) => names,
        Label::None => &[],
        Label::First | Label::Last | Label::LastValues(_) => {
            return refuse("expected targets by name where features have names, got a position".to_owned());
        }
    };
    match twice(targets.iter().chain(features)) {
        Some(name) => refuse(format!("expected different columns, got {name:?} twice")),
        None => Ok(()),
    }
}

impl Columns {
    /// The columns as the first line of the file has them, which is the first of `block`.
    pub(super) fn of_first_line(block: &[u8], line: u64, options: &Options) -> Result<Self, Error> {
        let header = options.header == Header::Present;
        let mut names = Names::new(options);
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
        let (named, order) = names.places(line, count)?;
        let targets = match &options.label {
            Label::First => vec![(0, Target::Class)],
            Label::Last => vec![(count - 1, Target::Class)],
            Label::Named(_) => named.into_iter().map(|column| (column, Target::Class)).collect(),
            Label::Values(_) => {
                named.into_iter().enumerate().map(|(i, column)| (column, Target::Value(i))).collect()
            }
            Label::LastValues(n) if *n >= count => return Err(Error::NoFeatures { line }),
            Label::LastValues(n) => {
                let first = count - n;
                (first..count).map(|column| (column, Target::Value(column - first))).collect()
            }
            Label::None => vec![],
        };
        Ok(Self { order, ..Self::new(count, targets, line, options)? })
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
        Ok(Self { count, targets, n_features, n_values, order: vec![] })
    }
}

/// The names of a header, looked at one by one: a hostile header is millions of them, and none is kept.
struct Names<'a> {
    /// Those of the targets, then those of the features.
    wanted: HashMap<&'a [u8], usize>,
    found: Vec<Option<usize>>,
    n_targets: usize,
    options: &'a Options,
    /// The first few, for the error about one that is missing.
    known: Vec<String>,
    last_number: Option<f64>,
    all_numbers: bool,
    rising: bool,
}

impl<'a> Names<'a> {
    fn new(options: &'a Options) -> Self {
        let (wanted, n_targets) = names(options);
        let found = vec![None; wanted.len()];
        let wanted = wanted.into_iter().enumerate().map(|(i, name)| (name.as_bytes(), i)).collect();
        Self {
            wanted,
            found,
            n_targets,
            options,
            known: vec![],
            last_number: None,
            all_numbers: true,
            rising: true,
        }
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
        match self.wanted.get(name) {
            Some(&i) if self.found[i].replace(column).is_some() => {
                Err(Error::AmbiguousColumn { name: names(self.options).0[i].to_owned() })
            }
            _ => Ok(()),
        }
    }

    /// Some programs number the columns; but numbers that do not even rise are a record whose header is missing.
    fn are_data(&self, count: usize) -> bool {
        self.all_numbers && !self.rising && count > 1
    }

    /// The columns of the targets, and the order of the features as [`Columns`] has it.
    fn places(self, line: u64, count: usize) -> Result<(Vec<usize>, Vec<usize>), Error> {
        let by_name = !self.options.features.is_empty();
        if by_name && count != self.found.len() {
            return Err(Error::FieldCount { line, expected: self.found.len(), got: count, hint: "" });
        }
        if let Some(i) = self.found.iter().position(Option::is_none) {
            let name = names(self.options).0[i].to_owned();
            return Err(Error::UnknownColumn { name, known: self.known.join(", ") });
        }
        let mut places: Vec<usize> = self.found.into_iter().flatten().collect();
        let features = places.split_off(self.n_targets);
        let mut order: Vec<usize> = (0..features.len()).collect();
        order.sort_unstable_by_key(|&wanted| features[wanted]);
        if order.is_sorted() {
            order.clear();
        }
        Ok((places, order))
    }
}

/// The columns that options name, those of the targets first, and the number of these.
fn names(options: &Options) -> (Vec<&str>, usize) {
    let targets: &[String] = match &options.label {
        Label::Named(name) => std::slice::from_ref(name),
        Label::Values(names) => names,
        _ => &[],
    };
    (targets.iter().chain(&options.features).map(String::as_str).collect(), targets.len())
}
