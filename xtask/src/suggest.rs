//! The nearest known word to one that is not known.

use std::process::ExitCode;

/// Says that `word` is no `what`, names the nearest known one and where to look, and returns the exit code for wrong
/// usage.
pub fn unknown(what: &str, word: &str, known: &[&str], help: &str) -> ExitCode {
    eprintln!("error: there is no {what} '{word}'");
    let nearest =
        known.iter().max_by(|a, b| strsim::jaro_winkler(a, word).total_cmp(&strsim::jaro_winkler(b, word)));
    if let Some(nearest) = nearest.filter(|nearest| strsim::jaro_winkler(nearest, word) > 0.6) {
        eprintln!("  did you mean '{nearest}'?");
    }
    eprintln!("  known: {}", known.join(", "));
    eprintln!("  {help}");
    ExitCode::from(2)
}
