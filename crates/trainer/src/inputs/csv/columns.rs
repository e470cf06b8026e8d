//! Which columns of a file are labels.

use std::collections::HashSet;
use std::path::Path;

use datasets::csv::Label;

use super::CsvForm;
use crate::Error;

/// Names of columns that hold the class, where nothing else is said.
const LABEL_NAMES: [&str; 4] = ["label", "class", "target", "y"];

/// What is known of the columns of a file, and of the model that it is for.
pub(super) struct Columns<'a> {
    pub(super) path: &'a Path,
    pub(super) line: u64,
    pub(super) first: &'a [String],
    pub(super) header: Option<&'a Vec<String>>,
    /// The names of the features, if they are to be found by name.
    pub(super) features: &'a [String],
    /// The names of the values that the model gives, if it knows them.
    pub(super) values: &'a [String],
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) has_classes: bool,
}

impl Columns<'_> {
    /// Which columns are the targets.
    pub(super) fn label(&self, form: &CsvForm) -> Result<Label, Error> {
        let known = Label::Values(self.values.to_vec());
        let mut said = form.label.as_ref();
        if form.label_required {
            self.check_names(names_of(said))?;
        } else if !self.values.is_empty() && self.check_names(self.values).is_ok() {
            said = Some(&known); // rather than by their position
        }
        let rows = match said {
            Some(Label::Values(names)) if self.has_classes => Some(names.len()),
            Some(Label::LastValues(n)) if self.has_classes => Some(*n),
            _ => None,
        };
        let one = if self.has_classes { 1 } else { self.outputs };
        let count = self.first.len();
        let n = match count.checked_sub(self.inputs) {
            Some(0) if !form.label_required => {
                self.check_names(self.features)?;
                return Ok(Label::None);
            }
            Some(n) if rows == Some(n) || (n == one && !(form.label_required && rows.is_some())) => n,
            _ => return Err(self.wrong_count(form, rows.unwrap_or(one), rows.is_none() && self.has_classes)),
        };
        self.check_names(self.features)?;
        if rows.is_some() && rows != Some(n) {
            said = None; // one label, where the training had a probability for each class
        }
        let place =
            place(said, self.header.map(|header| &header[..]), self.has_classes && rows != Some(n), n);
        let place = place.ok_or_else(|| {
            let got = format!("{count}, of which it is not known where the labels are");
            self.wrong(self.expected(n, self.has_classes && rows != Some(n)), got)
        })?;
        if self.features.is_empty() { Ok(place) } else { self.by_name(place) }
    }

    /// The same targets by their names: the columns that are no features.
    fn by_name(&self, label: Label) -> Result<Label, Error> {
        let features: HashSet<&String> = self.features.iter().collect();
        let others = self.first.iter().filter(|name| !features.contains(name));
        let others: Vec<String> = others.cloned().collect();
        if let Some(name) = names_of(Some(&label)).iter().find(|name| !others.contains(name)) {
            return Err(self.wrong("a label that is no feature".into(), format!("the column {name:?}")));
        }
        if others.len() != self.first.len() - self.inputs {
            return Err(self.wrong("columns with different names".into(), listed(self.first)));
        }
        Ok(match label {
            Label::First | Label::Last => others.into_iter().next().map_or(Label::None, Label::Named),
            Label::LastValues(_) => Label::Values(others),
            by_name => by_name,
        })
    }

    /// That the header has these names.
    fn check_names(&self, names: &[String]) -> Result<(), Error> {
        let header: HashSet<&String> = self.header.into_iter().flatten().collect();
        let is_there = |name: &&String| header.contains(name);
        match (names.iter().find(|name| !is_there(name)), self.header) {
            (None, _) => Ok(()),
            (Some(name), Some(header)) => Err(self.wrong(format!("a column {name:?}"), listed(header))),
            (Some(name), None) => {
                Err(self.wrong(format!("a header with a column {name:?}"), "no header".into()))
            }
        }
    }

    fn wrong_count(&self, form: &CsvForm, n: usize, is_class: bool) -> Error {
        let expected = match form.label_required {
            true => format!("{} columns with the label", self.inputs + n),
            false => self.expected(n, is_class),
        };
        self.wrong(expected, self.first.len().to_string())
    }

    fn expected(&self, n: usize, is_class: bool) -> String {
        let what = if is_class { "label" } else { "values" };
        format!("{} columns, or {} with the {what}", self.inputs, self.inputs + n)
    }

    fn wrong(&self, expected: String, got: String) -> Error {
        Error::Input { path: self.path.to_owned(), at: format!("line {}: ", self.line), expected, got }
    }
}

/// The columns that a label names.
fn names_of(label: Option<&Label>) -> &[String] {
    match label {
        Some(Label::Named(name)) => std::slice::from_ref(name),
        Some(Label::Values(names)) => names,
        _ => &[],
    }
}

/// The first few names of a header, and the start of each: a hostile file may have a long one.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 12;
    const CHARS: usize = 40;
    let shown = names.iter().take(SHOWN).map(|name| match name.char_indices().nth(CHARS) {
        Some((end, _)) => format!("{:?}...", &name[..end]),
        None => format!("{name:?}"),
    });
    let shown: Vec<String> = shown.collect();
    format!("{}{}", shown.join(", "), if names.len() > SHOWN { ", ..." } else { "" })
}

/// Which columns are the targets: as said, as far as this file can have it, else by their name.
fn place(said: Option<&Label>, header: Option<&[String]>, is_class: bool, n: usize) -> Option<Label> {
    let by_name = |name: &String| header.is_some_and(|header| header.contains(name));
    match said {
        // Names are of use in a file with a header alone.
        Some(Label::Named(name)) if by_name(name) => said.cloned(),
        Some(Label::Values(names)) if names.iter().all(by_name) => said.cloned(),
        Some(Label::Named(_) | Label::Values(_) | Label::None) | None => {
            let known = |name: &&String| LABEL_NAMES.iter().any(|label| name.eq_ignore_ascii_case(label));
            let name = header?.iter().find(known)?.clone();
            Some(if is_class { Label::Named(name) } else { Label::Values(vec![name]) }).filter(|_| n == 1)
        }
        Some(Label::Last) if !is_class => Some(Label::LastValues(n)),
        said => said.cloned(),
    }
}

pub(super) fn in_words(label: &Label) -> String {
    match label {
        Label::First => "the first column".into(),
        Label::Last | Label::LastValues(1) => "the last column".into(),
        Label::LastValues(n) => format!("the last {n} columns"),
        Label::Named(name) => format!("the column {name:?}"),
        Label::Values(names) => {
            let names: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
            format!("the column{} {}", if names.len() == 1 { "" } else { "s" }, names.join(", "))
        }
        Label::None => "no column".into(),
    }
}
