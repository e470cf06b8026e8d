//! A file that is open, for those who have to know its form before they read it.

use std::path::{Path, PathBuf};

use super::field::{Place, field, is_line_end};
use super::lines::{Blocks, check_line, skip_empty};
use super::{Options, read_blocks};
use crate::memory::grow;
use crate::source::Source;
use crate::{Dataset, Error};

/// An open CSV file, plain or gzip, whose first record can be looked at before all is read.
///
/// The file is opened and read once, so that a pipe will do.
///
/// # Examples
///
/// ```no_run
/// use datasets::csv::{Header, Options, Reader};
///
/// let mut options = Options::default();
/// let mut reader = Reader::open("mine.csv", &options)?;
/// let (_, first) = reader.first_record(options.delimiter)?;
/// if first.iter().all(|field| field.parse::<f64>().is_ok()) {
///     options.header = Header::None;
/// }
/// let data = reader.read(&options)?;
/// # Ok::<(), datasets::Error>(())
/// ```
#[derive(Debug)]
pub struct Reader {
    path: PathBuf,
    blocks: Blocks<Source<'static>>,
    /// The number of the line that comes next.
    line: u64,
}

impl Reader {
    /// Opens a file; the limits of size are those of these options.
    ///
    /// # Errors
    ///
    /// [`Error::In`] with the path if it cannot be opened.
    pub fn open(path: impl AsRef<Path>, options: &Options) -> Result<Self, Error> {
        let path = path.as_ref();
        let blocks = Blocks::new(Source::open(path)?, options);
        Ok(Self { path: path.to_owned(), blocks, line: 1 })
    }

    /// The number, from 1, of the first line that is not empty, and its fields as text: names if the file has a header.
    /// It stays there to be read.
    ///
    /// # Errors
    ///
    /// [`Error::In`] with the path and what is wrong: as [`read`](super::read), as far as it can be seen in that line.
    pub fn first_record(&mut self, delimiter: u8) -> Result<(u64, Vec<String>), Error> {
        first(&mut self.blocks, &mut self.line, delimiter).map_err(|error| error.at(&self.path))
    }

    /// Reads the file, the first record included.
    ///
    /// # Errors
    ///
    /// As [`read`](super::read).
    pub fn read(self, options: &Options) -> Result<Dataset, Error> {
        read_blocks(self.blocks, self.line, options).map_err(|error| error.at(&self.path))
    }
}

/// The first record and its line; the block that begins with `line` is the next to come.
fn first<R: std::io::Read>(
    blocks: &mut Blocks<R>,
    line: &mut u64,
    delimiter: u8,
) -> Result<(u64, Vec<String>), Error> {
    let limit = blocks.max_line_bytes;
    while let Some(mut block) = blocks.next(*line)? {
        let mut at_line = *line;
        skip_empty(&mut block, &mut at_line);
        if !block.is_empty() {
            let found = check_line(block, at_line, limit).and_then(|()| fields(block, at_line, delimiter));
            blocks.again();
            return Ok((at_line, found?));
        }
        *line = at_line;
    }
    Err(Error::NoRecords { header: false })
}

/// The fields of the first line of a block.
fn fields(block: &[u8], line: u64, delimiter: u8) -> Result<Vec<String>, Error> {
    let (mut fields, mut at) = (Vec::new(), 0);
    loop {
        let place = Place { line, column: fields.len() + 1 };
        let (text, end) = field(block, at, delimiter, place)?;
        grow(&mut fields, 1)?;
        fields.push(String::from_utf8_lossy(&text).into_owned());
        if is_line_end(block[end]) {
            return Ok(fields);
        }
        at = end + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::csv::Header;

    fn first_of(text: &str) -> Result<(u64, Vec<String>), Error> {
        let options = Options::default();
        first(&mut Blocks::new(Source::bytes(text.as_bytes()).unwrap(), &options), &mut 1, b',')
    }

    #[test]
    fn empty_lines_are_passed_over_but_counted() {
        let (line, fields) = first_of("\n\r\nlabel, \"a,b\" ,2\n1,2,3\n").unwrap();
        assert_eq!((line, fields), (3, vec!["label".into(), "a,b".into(), "2".into()]));
    }

    #[test]
    fn a_file_without_records_and_a_stray_quote_are_errors() {
        assert!(matches!(first_of("\n\n"), Err(Error::NoRecords { .. })));
        assert!(matches!(first_of("1,\"2\n"), Err(Error::UnterminatedQuote { line: 1, column: 2 })));
    }

    #[test]
    fn another_thread_may_read_what_this_one_has_opened() {
        fn is_send<T: Send>() {}
        is_send::<Reader>();
    }

    #[test]
    fn a_first_line_above_the_limit_is_refused() {
        let first_of = |text: &str| {
            let options = Options { max_line_bytes: 5, ..Options::default() };
            first(&mut Blocks::new(text.as_bytes(), &options), &mut 1, b',').map(|(_, fields)| fields.len())
        };
        assert!(matches!(first_of("\n1,2,3\n"), Ok(3)));
        assert!(matches!(first_of("\n1,2,34\n"), Err(Error::LineTooLong { line: 2, limit: 5 })));
    }

    #[test]
    fn what_was_looked_at_is_still_read_and_lines_keep_their_numbers() {
        let options = Options { header: Header::None, ..Options::default() };
        let rows = |text: &str| {
            let mut blocks = Blocks::new(text.as_bytes(), &options);
            let mut line = 1;
            let found = (0..2).map(|_| first(&mut blocks, &mut line, b',').unwrap().0).last().unwrap();
            (found, read_blocks(blocks, line, &options))
        };
        let many = "1,2\n0,3\n".repeat(1 << 16);
        let (found, data) = rows(&format!("{}{many}", "\n".repeat(1 << 19)));
        assert_eq!((found, data.unwrap().len()), ((1 << 19) + 1, 1 << 17));
        let (_, data) = rows("\n\n1,2\n0,x\n");
        assert!(matches!(data, Err(Error::BadNumber { line: 4, .. })));
    }
}
