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

/// That `word` is no `what`, with the nearest known one, all of them, and where to look.
pub fn unknown(what: &str, word: &str, known: &[&str], help: &str) -> Usage {
    let mut text = format!("there is no {what} '{word}'");
    let alike = |known: &str| strsim::jaro_winkler(known, word);
    let nearest = known.iter().max_by(|a, b| alike(a).total_cmp(&alike(b)));
    if let Some(nearest) = nearest.filter(|nearest| alike(nearest) > 0.6) {
        text += &format!("\n  did you mean '{nearest}'?");
    }
    let more = match known.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    let shown = known[..known.len().min(SHOWN)].join(", ");
    Usage(format!("{text}\n  known: {shown}{more}\n  {help}"))
}
