//! What is wrong with the words of a command, and what would be right.

use std::fmt;

/// Wrong usage, as opposed to a command that failed: exit code 2.
#[derive(Debug)]
pub struct Usage(pub String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// Known words that are shown.
const SHOWN: usize = 12;

/// The known word that is most like this one, if any is.
pub fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let alike = |known: &str| strsim::jaro_winkler(known, word);
    let nearest = known.iter().copied().max_by(|a, b| alike(a).total_cmp(&alike(b)));
    nearest.filter(|nearest| alike(nearest) > 0.6)
}

/// What was meant, where serde says that `word` is none of the words it expects.
pub fn meant(message: &str) -> Option<&str> {
    // unknown variant `rely`, expected one of `elu`, `relu`
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    match quoted.split_first() {
        Some((word, known)) if message.starts_with("unknown ") => nearest(word, known),
        _ => None,
    }
}

/// That `word` is no `what`, with the nearest known one, all of them, and where to look.
pub fn unknown(what: &str, word: &str, known: &[&str], help: &str) -> Usage {
    let mut text = format!("there is no {what} '{word}'");
    if let Some(nearest) = nearest(word, known) {
        text += &format!("\n  did you mean '{nearest}'?");
    }
    let more = match known.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    let shown = known[..known.len().min(SHOWN)].join(", ");
    Usage(format!("{text}\n  known: {shown}{more}\n  {help}"))
}
