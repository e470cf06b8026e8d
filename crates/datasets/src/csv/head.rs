//! The first record of a file, for those who have to know its form before they read it.

use std::path::Path;

use super::field::{Place, field, is_line_end};
use super::lines::{Blocks, skip_empty};
use super::{Header, Options};
use crate::Error;
use crate::source::Source;

/// The number, from 1, of the first line that is not empty, and its fields as text: names if the file has a header.
///
/// # Errors
///
/// [`Error::In`] with the path and what is wrong: as [`read`](super::read), as far as it can be seen in that line.
pub fn first_record(path: impl AsRef<Path>, options: &Options) -> Result<(u64, Vec<String>), Error> {
    let path = path.as_ref();
    let source = Source::open(path)?;
    first(&mut Blocks::new(source, options), options).map_err(|error| error.at(path))
}

fn first(blocks: &mut Blocks<Source<'_>>, options: &Options) -> Result<(u64, Vec<String>), Error> {
    let mut line = 1;
    while let Some(mut block) = blocks.next(line)? {
        skip_empty(&mut block, &mut line);
        if block.is_empty() {
            continue;
        }
        let (mut fields, mut at) = (Vec::new(), 0);
        loop {
            let place = Place { line, column: fields.len() + 1 };
            let (text, end) = field(block, at, options.delimiter, place)?;
            fields.push(String::from_utf8_lossy(&text).into_owned());
            if is_line_end(block[end]) {
                return Ok((line, fields));
            }
            at = end + 1;
        }
    }
    Err(Error::NoRecords { header: options.header == Header::Present })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first_of(text: &str) -> Result<(u64, Vec<String>), Error> {
        let options = Options::default();
        first(&mut Blocks::new(Source::bytes(text.as_bytes()).unwrap(), &options), &options)
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
}
