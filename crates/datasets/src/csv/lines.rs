//! Text in blocks of whole lines, in bounded memory.

use std::fmt;
use std::io::{self, Read};

use super::Options;
use super::field::is_line_end;
use crate::Error;
use crate::memory::grow;

const BLOCK: usize = 1 << 18;

/// Blocks of whole lines, each line with its end.
pub(super) struct Blocks<R> {
    reader: R,
    buffer: Vec<u8>,
    /// What was returned last: the next block starts behind it.
    returned: usize,
    filled: usize,
    total: u64,
    max_bytes: u64,
    pub(super) max_line_bytes: usize,
    /// Whether the last block is to come once more.
    again: bool,
}

impl<R> fmt::Debug for Blocks<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blocks").field("total", &self.total).finish_non_exhaustive()
    }
}

impl<R: Read> Blocks<R> {
    pub(super) fn new(reader: R, options: &Options) -> Self {
        let (max_bytes, max_line_bytes) = (options.max_bytes, options.max_line_bytes);
        let (buffer, again) = (vec![0; BLOCK], false);
        Self { reader, buffer, returned: 0, filled: 0, total: 0, max_bytes, max_line_bytes, again }
    }

    /// Has the last block come once more.
    pub(super) fn again(&mut self) {
        self.again = true;
    }

    /// The next block; `line` is the number of its first line, for errors.
    pub(super) fn next(&mut self, line: u64) -> Result<Option<&[u8]>, Error> {
        if std::mem::take(&mut self.again) {
            return Ok(Some(&self.buffer[..self.returned]));
        }
        self.buffer.copy_within(self.returned..self.filled, 0);
        self.filled -= self.returned;
        self.returned = 0;
        let mut searched = 0;
        loop {
            // No whole line is in the buffer, at most its bytes and half of its end.
            let half_end = self.buffer[..self.filled].ends_with(b"\r");
            if self.filled - usize::from(half_end) > self.max_line_bytes {
                return Err(Error::LineTooLong { line, limit: self.max_line_bytes });
            }
            if self.filled == self.buffer.len() {
                grow(&mut self.buffer, self.filled)?;
                self.buffer.resize(2 * self.filled, 0);
            }
            let at_start = self.total == 0;
            let n = self.read()?;
            if at_start {
                self.byte_order_mark()?;
            }
            if n == 0 {
                return Ok(self.rest());
            }
            // A CR at the very end may be half of a line end: it is looked at again with what follows.
            if let Some(end) = last_line_end(&self.buffer[searched..self.filled]) {
                self.returned = searched + end;
                return Ok(Some(&self.buffer[..self.returned]));
            }
            searched = self.filled.saturating_sub(1);
        }
    }

    /// Fills the buffer as far as one successful read does.
    fn read(&mut self) -> Result<usize, Error> {
        // The first bytes are wanted together, to recognise a byte order mark.
        let least = if self.total == 0 { 3 } else { 1 };
        let before = self.filled;
        while self.filled - before < least {
            match self.reader.read(&mut self.buffer[self.filled..]) {
                Ok(0) => break,
                Ok(n) => self.filled += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        let n = self.filled - before;
        self.total += n as u64;
        if self.total > self.max_bytes {
            return Err(Error::TooMuchText { limit: self.max_bytes });
        }
        Ok(n)
    }

    fn byte_order_mark(&mut self) -> Result<(), Error> {
        match &self.buffer[..self.filled] {
            [0xEF, 0xBB, 0xBF, ..] => {
                self.buffer.copy_within(3..self.filled, 0);
                self.filled -= 3;
                Ok(())
            }
            [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => {
                Err(Error::NotText { line: 1, column: 1, found: "a UTF-16 byte order mark".to_owned() })
            }
            _ => Ok(()),
        }
    }

    /// What is left at the end of the file, with a line end even if it has none.
    fn rest(&mut self) -> Option<&[u8]> {
        if self.filled == 0 {
            return None;
        }
        if !is_line_end(self.buffer[self.filled - 1]) {
            self.buffer[self.filled] = b'\n'; // there is room: the buffer was not full when it was read into
            self.filled += 1;
        }
        self.returned = self.filled;
        Some(&self.buffer[..self.filled])
    }
}

/// The place behind the last line end that is surely whole.
fn last_line_end(bytes: &[u8]) -> Option<usize> {
    let line_feed = bytes.iter().rposition(|&byte| byte == b'\n');
    let last = line_feed.or_else(|| {
        let (_, but_last) = bytes.split_last()?;
        but_last.iter().rposition(|&byte| byte == b'\r')
    });
    last.map(|at| at + 1)
}

/// Refuses a first line above the limit: a whole block may hold longer ones.
pub(super) fn check_line(block: &[u8], line: u64, limit: usize) -> Result<(), Error> {
    match line_length(block) > limit {
        true => Err(Error::LineTooLong { line, limit }),
        false => Ok(()),
    }
}

/// The bytes of the first line, without its end.
fn line_length(block: &[u8]) -> usize {
    block.iter().take_while(|&&byte| !is_line_end(byte)).count()
}

/// Passes over the first line.
pub(super) fn skip_line(block: &mut &[u8], line: &mut u64) {
    *block = &block[line_length(block)..];
    skip_line_end(block, line);
}

/// Passes over empty lines at the start.
pub(super) fn skip_empty(block: &mut &[u8], line: &mut u64) {
    while block.first().is_some_and(|&byte| is_line_end(byte)) {
        skip_line_end(block, line);
    }
}

fn skip_line_end(block: &mut &[u8], line: &mut u64) {
    *line += 1;
    *block = block.strip_prefix(b"\r\n").unwrap_or_else(|| block.get(1..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A reader that returns so many bytes at a time.
    struct Drip<'a>(&'a [u8], usize);

    impl Read for Drip<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let n = self.1.min(into.len()).min(self.0.len());
            into[..n].copy_from_slice(&self.0[..n]);
            self.0 = &self.0[n..];
            Ok(n)
        }
    }

    fn all(text: &[u8], drip: usize) -> Vec<Vec<u8>> {
        let mut blocks = Blocks::new(Drip(text, drip), &Options::default());
        let mut all = vec![];
        while let Some(block) = blocks.next(1).unwrap() {
            all.push(block.to_vec());
        }
        all
    }

    proptest! {
        #[test]
        fn blocks_are_the_text_cut_between_lines(text in "[1,\r\n]{0,40}", drip in 1_usize..5) {
            let blocks = all(text.as_bytes(), drip);
            let mut joined = blocks.concat();
            if !text.is_empty() && !text.ends_with(['\r', '\n']) {
                prop_assert_eq!(joined.pop(), Some(b'\n'));
            }
            prop_assert_eq!(joined, text.as_bytes());
            for pair in blocks.windows(2) {
                prop_assert!(is_line_end(*pair[0].last().unwrap()));
                prop_assert!(!(pair[0].ends_with(b"\r") && pair[1].starts_with(b"\n")), "a line end is not cut");
            }
        }
    }

    #[test]
    fn a_byte_order_mark_is_passed_over_however_it_arrives() {
        for drip in 1..5 {
            assert_eq!(all(b"\xEF\xBB\xBF1,2\n", drip).concat(), b"1,2\n");
        }
    }

    #[test]
    fn a_line_longer_than_a_block_is_whole_and_one_beyond_the_limit_is_refused() {
        let text = [vec![b'1'; 3 * BLOCK], b"\n2\n".to_vec()].concat();
        assert_eq!(all(&text, BLOCK).concat(), text);
        let options = Options { max_line_bytes: BLOCK, ..Options::default() };
        let refused = matches!(
            Blocks::new(&text[BLOCK / 2..], &options).next(7),
            Err(Error::LineTooLong { line: 7, limit: BLOCK })
        );
        assert!(refused);
    }

    #[test]
    fn a_line_of_the_longest_length_is_read_however_its_end_arrives() {
        let options = Options { max_line_bytes: 5, ..Options::default() };
        for text in ["12345\r\n6", "12345\n6", "12345\r6", "12345"] {
            for drip in 1..9 {
                let mut blocks = Blocks::new(Drip(text.as_bytes(), drip), &options);
                assert!(blocks.next(1).unwrap().unwrap().starts_with(b"12345"), "{text:?}, {drip} at a time");
            }
        }
    }
}
