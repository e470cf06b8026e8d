//! One field of a line: where it ends and what is in it.

use std::borrow::Cow;

use crate::Error;

/// Where a field stands, for errors; both from 1.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) line: u64,
    pub(super) column: usize,
}

/// A line ends here. Every block of lines ends in such a byte.
pub(super) fn is_line_end(byte: u8) -> bool {
    byte == b'\n' || byte == b'\r'
}

/// The field that starts at `start`: its text without quotes and blanks around it, and where its end stands, which is
/// a delimiter or the end of the line.
pub(super) fn field(
    bytes: &[u8],
    start: usize,
    delimiter: u8,
    place: Place,
) -> Result<(Cow<'_, [u8]>, usize), Error> {
    let blank = |byte: u8| (byte == b' ' || byte == b'\t') && byte != delimiter;
    let end = |byte: u8| byte == delimiter || is_line_end(byte);
    let skip_blanks = |from: usize| from + bytes[from..].iter().take_while(|&&byte| blank(byte)).count();
    let first = skip_blanks(start);
    if bytes[first] == b'"' {
        let (text, after) = quoted(bytes, first, place)?;
        let after = skip_blanks(after);
        if !end(bytes[after]) {
            return Err(Error::BadQuote { line: place.line, column: place.column });
        }
        check_text(&text, place)?;
        return Ok((text, after));
    }
    let length = bytes[first..].iter().take_while(|&&byte| !end(byte)).count();
    let mut text = &bytes[first..first + length];
    while let [rest @ .., last] = text
        && blank(*last)
    {
        text = rest;
    }
    check_text(text, place)?;
    if text.contains(&b'"') {
        return Err(Error::BadQuote { line: place.line, column: place.column });
    }
    Ok((Cow::Borrowed(text), first + length))
}

/// The text between the quote at `open` and the one that closes it on the same line, and the place behind that.
fn quoted(bytes: &[u8], open: usize, place: Place) -> Result<(Cow<'_, [u8]>, usize), Error> {
    let mut before = Vec::new(); // what precedes the last doubled quote, in the rare field that has one
    let mut from = open + 1;
    loop {
        let length = bytes[from..].iter().take_while(|&&byte| byte != b'"' && !is_line_end(byte)).count();
        let to = from + length;
        if is_line_end(bytes[to]) {
            return Err(Error::UnterminatedQuote { line: place.line, column: place.column });
        }
        if bytes[to + 1] == b'"' {
            before.extend_from_slice(&bytes[from..=to]); // a doubled quote stands for one
            from = to + 2;
            continue;
        }
        let text = match before.is_empty() {
            true => Cow::Borrowed(&bytes[from..to]),
            false => Cow::Owned([&before, &bytes[from..to]].concat()),
        };
        return Ok((text, to + 1));
    }
}

fn check_text(text: &[u8], place: Place) -> Result<(), Error> {
    if text.contains(&0) || str::from_utf8(text).is_err() {
        return Err(Error::NotText { line: place.line, column: place.column, found: shown(text) });
    }
    Ok(())
}

/// A field's text for an error that prints it as it is: short, and safe to print.
pub(super) fn shown(text: &[u8]) -> String {
    short(text).escape_debug().to_string()
}

/// A field's text for an error that quotes it: short, and not yet escaped.
pub(super) fn short(text: &[u8]) -> String {
    const MOST: usize = 40;
    let lossy = String::from_utf8_lossy(&text[..text.len().min(4 * MOST)]);
    let start: String = lossy.chars().take(MOST).collect();
    if lossy.chars().count() > MOST || text.len() > 4 * MOST { start + "..." } else { start }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(line: &str) -> Result<(String, usize), Error> {
        let place = Place { line: 1, column: 1 };
        let (text, end) = field(line.as_bytes(), 0, b',', place)?;
        Ok((String::from_utf8(text.into_owned()).unwrap(), end))
    }

    #[test]
    fn fields_end_at_a_delimiter_or_the_end_of_the_line() {
        for (line, text, end) in [
            ("12,3\n", "12", 2),
            ("12\r\n", "12", 2),
            (",3\n", "", 0),
            (" \t12 ,\n", "12", 5),
            ("\"a,b\",\n", "a,b", 5),
            ("\"say \"\"x\"\"\" ,\n", "say \"x\"", 12),
            ("\"\"\n", "", 2),
        ] {
            assert_eq!(first(line).unwrap(), (text.to_owned(), end), "{line:?}");
        }
    }

    #[test]
    fn stray_quotes_are_errors() {
        assert!(matches!(first("\"12,3\n"), Err(Error::UnterminatedQuote { line: 1, column: 1 })));
        assert!(matches!(first("\"12\"\"\n"), Err(Error::UnterminatedQuote { .. })));
        for line in ["\"1\"x,\n", "1\"x,\n"] {
            assert!(matches!(first(line), Err(Error::BadQuote { line: 1, column: 1 })), "{line:?}");
        }
    }

    #[test]
    fn shown_text_is_short_and_printable() {
        assert_eq!(shown(b"a\x1b[2Jb"), "a\\u{1b}[2Jb");
        assert_eq!(shown(&[b'x'; 1000]), "x".repeat(40) + "...");
    }

    #[test]
    fn a_tab_that_separates_is_no_blank() {
        for (line, text, end) in [
            ("\"a\"\t3\n", "a", 3),
            (" \"a\" \t3\n", "a", 5),
            ("12 \t3\n", "12", 3),
            ("\t3\n", "", 0),
            (" \t3\n", "", 1),
        ] {
            let found = field(line.as_bytes(), 0, b'\t', Place { line: 1, column: 1 }).unwrap();
            assert_eq!(found, (Cow::Borrowed(text.as_bytes()), end), "{line:?}");
        }
    }
}
