//! Records into numbers: the loop that large files spend their time in.

use std::borrow::Cow;
use std::collections::HashMap;

use super::Options;
use super::columns::{Columns, Target};
use super::field::{Place, field, is_line_end, short};
use super::number::{MAX_SMALL_DIGITS, Number, is_decimal};
use crate::memory::grow;
use crate::{Error, MAX_UNNAMED_CLASSES};

/// The records read so far.
pub(super) struct Rows<'a, N> {
    options: &'a Options,
    columns: Columns,
    range: Option<(f64, f64)>,
    classes: Classes<'a>,
    line: u64,
    n: usize,
    features: Vec<N>,
    labels: Vec<usize>,
    values: Vec<f64>,
}

/// What a label may be.
enum Classes<'a> {
    Below(usize),
    Named(HashMap<&'a [u8], usize>),
}

impl<'a, N: Number> Rows<'a, N> {
    /// No records yet; `line` is the number of the first to come.
    pub(super) fn new(columns: Columns, line: u64, options: &'a Options) -> Self {
        let names = options.class_names.iter().enumerate();
        let classes = match options.class_names.is_empty() {
            true => Classes::Below(options.n_classes.unwrap_or(MAX_UNNAMED_CLASSES)),
            false => Classes::Named(names.map(|(class, name)| (name.as_bytes(), class)).collect()),
        };
        let range = options.value_range;
        let (features, labels, values) = (vec![], vec![], vec![]);
        Self { options, columns, range, classes, line, n: 0, features, labels, values }
    }

    /// The number of records.
    pub(super) fn len(&self) -> usize {
        self.n
    }

    /// The number of the line that comes next.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    pub(super) fn columns(&self) -> &Columns {
        &self.columns
    }

    /// Features, labels and values, row after row.
    pub(super) fn into_parts(self) -> (Vec<N>, Vec<usize>, Vec<f64>) {
        (self.features, self.labels, self.values)
    }

    /// Reads a block of whole lines.
    pub(super) fn block(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.make_room(bytes.len())?;
        let mut at = 0;
        while at < bytes.len() {
            if !is_line_end(bytes[at]) {
                let start = at;
                at = self.record(bytes, start)?;
                self.n += 1;
                if at - start > self.options.max_line_bytes {
                    return Err(Error::LineTooLong { line: self.line, limit: self.options.max_line_bytes });
                }
            }
            at += if bytes[at..].starts_with(b"\r\n") { 2 } else { 1 };
            self.line += 1;
        }
        Ok(())
    }

    /// Makes room for all that so many bytes can hold, so that no record has to.
    fn make_room(&mut self, bytes: usize) -> Result<(), Error> {
        let Columns { count, n_features, n_values, .. } = self.columns;
        // A feature is a digit and what ends it, a target at least its end; the last record may be one too short.
        let records = bytes / (n_features + count) + 1;
        grow(&mut self.features, records * n_features)?;
        grow(&mut self.values, records * n_values)?;
        let classes = count - n_features - n_values;
        grow(&mut self.labels, records * classes)
    }

    /// Reads the record that starts at `start`; returns where its line ends.
    fn record(&mut self, bytes: &[u8], start: usize) -> Result<usize, Error> {
        let delimiter = self.options.delimiter;
        let last = self.columns.count - 1;
        self.values.resize(self.values.len() + self.columns.n_values, 0.0);
        let mut targets = 0;
        let mut at = start;
        for column in 0..=last {
            let target = self.columns.targets.get(targets).filter(|target| target.0 == column);
            at = match target {
                Some(&(_, target)) => {
                    targets += 1;
                    self.target(bytes, at, column, target)?
                }
                None => self.feature(bytes, at, column)?,
            };
            let ends = is_line_end(bytes[at]);
            if ends != (column == last) {
                return Err(self.field_count(bytes, start));
            }
            if bytes[at] == delimiter {
                at += 1;
            }
        }
        Ok(at)
    }

    /// Reads the feature that starts at `start`; returns where its field ends.
    #[inline]
    fn feature(&mut self, bytes: &[u8], start: usize, column: usize) -> Result<usize, Error> {
        // Nearly all fields of most files are a few digits.
        let mut x = 0_u32;
        let mut at = start;
        while at < start + MAX_SMALL_DIGITS && bytes[at].is_ascii_digit() {
            x = 10 * x + u32::from(bytes[at] - b'0');
            at += 1;
        }
        let plain = at > start && (bytes[at] == self.options.delimiter || is_line_end(bytes[at]));
        match N::small(x).filter(|_| plain) {
            Some(number) => {
                self.check_range(|| f64::from(x), column)?;
                self.features.push(number);
                Ok(at)
            }
            None => self.long_feature(bytes, start, column),
        }
    }

    #[inline(never)]
    fn long_feature(&mut self, bytes: &[u8], start: usize, column: usize) -> Result<usize, Error> {
        // A bare number needs none of the care that quotes and blanks do.
        let end = start + bytes[start..].iter().take_while(|&&byte| is_decimal(byte)).count();
        let bare = bytes[end] == self.options.delimiter || is_line_end(bytes[end]);
        let (text, end) = match bare {
            true => (Cow::Borrowed(&bytes[start..end]), end),
            false => field(bytes, start, self.options.delimiter, self.place(column))?,
        };
        let number = N::parse(&text).ok_or_else(|| self.bad_number(&text, column, N::expected(&text)))?;
        self.check_range(|| number.written(&text), column)?;
        self.features.push(number);
        Ok(end)
    }

    /// Looks at the number as it is written: rounded to f32, 0.7 is below 0.7.
    fn check_range(&self, written: impl FnOnce() -> f64, column: usize) -> Result<(), Error> {
        let Some((low, high)) = self.range else { return Ok(()) };
        let value = written();
        if value >= low && value <= high {
            return Ok(());
        }
        let Place { line, column } = self.place(column);
        Err(Error::OutOfRange { line, column, low, high, value })
    }

    /// Reads the class or value that starts at `start`; returns where its field ends.
    fn target(&mut self, bytes: &[u8], start: usize, column: usize, target: Target) -> Result<usize, Error> {
        let (text, end) = field(bytes, start, self.options.delimiter, self.place(column))?;
        match target {
            _ if self.options.skip_targets => {}
            Target::Class => {
                self.classes_by_first_label(&text);
                let class = self.classes.index(&text).ok_or_else(|| self.bad_label(&text, column))?;
                self.labels.push(class);
            }
            Target::Value(i) => {
                let value =
                    f64::parse(&text).ok_or_else(|| self.bad_number(&text, column, f64::expected(&text)))?;
                let row = self.values.len() - self.columns.n_values;
                self.values[row + i] = value;
            }
        }
        Ok(end)
    }

    /// Where labels may be indices of named classes, the first of them decides.
    fn classes_by_first_label(&mut self, text: &[u8]) {
        let Options { class_indices, class_names, .. } = self.options;
        if self.n == 0 && *class_indices && self.classes.index(text).is_none() && f64::parse(text).is_some() {
            self.classes = Classes::Below(class_names.len());
        }
    }

    fn place(&self, column: usize) -> Place {
        Place { line: self.line, column: column + 1 }
    }

    fn bad_number(&self, text: &[u8], column: usize, expected: &'static str) -> Error {
        let Place { line, column } = self.place(column);
        Error::BadNumber { line, column, expected, text: short(text), hint: self.hint() }
    }

    fn bad_label(&self, text: &[u8], column: usize) -> Error {
        let Place { line, column } = self.place(column);
        let expected = match &self.classes {
            Classes::Below(classes) => format!("a class below {classes}"),
            Classes::Named(_) => "one of the class names".to_owned(),
        };
        let open = self.options.class_names.is_empty() && self.options.n_classes.is_none();
        let hint = match self.hint() {
            "" if open && !text.is_empty() && f64::parse(text).is_none() => {
                "; classes that are words are listed in class_names"
            }
            hint => hint,
        };
        Error::BadLabel { line, column, expected, text: short(text), hint }
    }

    fn hint(&self) -> &'static str {
        let first = self.n == 0 && self.options.header == super::Header::None;
        if first { "; if the first line is a header, say so" } else { "" }
    }

    /// The error about the line that starts at `start`, whose fields are counted to its end.
    #[cold]
    fn field_count(&self, bytes: &[u8], start: usize) -> Error {
        let (mut got, mut at) = (0, start);
        let last_is_empty = loop {
            match field(bytes, at, self.options.delimiter, self.place(got)) {
                Ok((text, end)) if is_line_end(bytes[end]) => break text.is_empty(),
                Ok((_, end)) => at = end + 1,
                Err(error) => return error,
            }
            got += 1;
        };
        got += 1;
        let expected = self.columns.count;
        let trailing = got == expected + 1 && last_is_empty;
        let hint = if trailing { ": there is a delimiter at the end of the line" } else { "" };
        Error::FieldCount { line: self.line, expected, got, hint }
    }
}

impl Classes<'_> {
    /// The class that the text stands for: a name, or a whole number, be it written as 6 or as 6.0000.
    fn index(&self, text: &[u8]) -> Option<usize> {
        match self {
            Self::Named(names) => names.get(text).copied(),
            Self::Below(classes) => {
                let x = f64::parse(text)?;
                (x >= 0.0 && x.fract() == 0.0 && x < *classes as f64).then_some(x as usize)
            }
        }
    }
}
