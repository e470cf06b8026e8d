//! Texts of files in errors.

/// The most characters of a name or a value in an error.
pub(crate) const VALUE: usize = 60;

/// The most characters of what several values make.
pub(crate) const MESSAGE: usize = 240;

/// A text as an error prints it: without characters that a terminal obeys or that cannot be seen, and with its middle
/// left out if it has more than `most` of them. What was shown once stays as it is.
pub(crate) fn shown(text: &str, most: usize) -> String {
    const LEFT_OUT: &str = "...";
    let start = first(text.chars(), most);
    if start.1 {
        return start.0.concat();
    }
    let (start, _) = first(text.chars(), most - most / 3);
    let (mut end, _) = first(text.chars().rev(), most / 3 - LEFT_OUT.len());
    end.reverse();
    start.concat() + LEFT_OUT + &end.concat()
}

/// So many of the first characters as `most` has room for, and whether these are all.
fn first(chars: impl Iterator<Item = char>, most: usize) -> (Vec<String>, bool) {
    let (mut taken, mut room) = (Vec::new(), most);
    for char in chars {
        let text = match char {
            '"' | '\'' | '\\' => char.to_string(),
            other => other.escape_debug().collect(),
        };
        match room.checked_sub(text.chars().count()) {
            Some(left) => room = left,
            None => return (taken, false),
        }
        taken.push(text);
    }
    (taken, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_escaped_and_the_rest_is_not() {
        assert_eq!(shown("0.weight", VALUE), "0.weight");
        assert_eq!(shown("\"größe\" 'a\\b' 寸", VALUE), "\"größe\" 'a\\b' 寸");
        assert_eq!(
            shown("a\x1b[2J\n\u{9b}1m\u{202e}b\u{7f}", VALUE),
            "a\\u{1b}[2J\\n\\u{9b}1m\\u{202e}b\\u{7f}"
        );
    }

    #[test]
    fn long_text_keeps_its_start_and_its_end() {
        let long = format!("start{}end", "x".repeat(3_000_000));
        let short = shown(&long, VALUE);
        assert_eq!(short, format!("start{}...{}end", "x".repeat(35), "x".repeat(14)));
        assert_eq!(shown(&short, VALUE), short);
        assert_eq!(shown(&"x".repeat(60), VALUE), "x".repeat(60));
        assert!(shown(&"\x1b".repeat(61), VALUE).chars().count() <= VALUE);
    }
}
