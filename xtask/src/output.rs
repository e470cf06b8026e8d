//! Where things are, and how they are shown.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

/// The exit code of a program that was ended by a broken pipe: 128 and the number of the signal.
pub const BROKEN_PIPE: u8 = 128 + 13;

/// Ends the program when its output cannot be written: quietly when the reader has gone, as in `cargo xtask list | head -n
/// 3`, else with the reason, such as a full disk.
///
/// `println!` panics then, and the signal that ends other programs is ignored in Rust. The exit code is that of those
/// programs: a training that ended so has left no model.
pub fn end_when_output_fails() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let message = panic.payload_as_str().unwrap_or_default();
        let Some(reason) = message.strip_prefix("failed printing to ") else { return usual(panic) };
        if reason.contains("Broken pipe") {
            std::process::exit(BROKEN_PIPE.into());
        }
        // What cannot be written either is left out.
        let _ = writeln!(std::io::stderr(), "error: {reason}");
        std::process::exit(1);
    }));
}

/// Whether a command failed because the reader of what it wrote has gone.
pub fn is_broken_pipe(error: &(dyn std::error::Error + 'static)) -> bool {
    match error.downcast_ref() {
        Some(trainer::Error::Io { source, .. }) => source.kind() == std::io::ErrorKind::BrokenPipe,
        _ => false,
    }
}

/// The folder of the workspace: xtask is always built inside it.
pub fn workspace() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.parent().map_or(here.clone(), PathBuf::from)
}

/// A path as a person would type it: below the current folder without its prefix, and a point for that folder.
pub fn shown(path: &std::path::Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    let path = path.strip_prefix(&here).or_else(|_| path.strip_prefix(".")).unwrap_or(path);
    let text = harmless(&path.display().to_string());
    if text.is_empty() { ".".into() } else { text }
}

/// A text that may hold names out of files, with escapes for what would move a terminal's cursor or change its colours.
pub fn harmless(text: &str) -> String {
    let escaped =
        |c: char| if c.is_control() && c != '\n' { c.escape_debug().to_string() } else { c.to_string() };
    text.chars().map(escaped).collect()
}

/// `734.0 ms`, `12.30 s`, `4 min 05 s`.
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    match seconds {
        0.0..1e-3 => format!("{:.0} us", seconds * 1e6),
        1e-3..1.0 => format!("{:.1} ms", seconds * 1e3),
        1.0..60.0 => format!("{seconds:.2} s"),
        _ => format!("{} min {:02} s", time.as_secs() / 60, time.as_secs() % 60),
    }
}

/// `97.22 %`, or a dash.
pub fn percent(share: Option<f64>) -> String {
    share.map_or("-".into(), |share| format!("{:.2} %", 100.0 * share))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_shown_as_typed_and_harm_no_terminal() {
        let here = std::env::current_dir().unwrap();
        let found = [here.clone(), PathBuf::new(), here.join("a/b"), "./a/b".into(), "a\u{1b}[2J".into()];
        assert_eq!(found.map(|path| shown(&path)), [".", ".", "a/b", "a/b", "a\\u{1b}[2J"]);
        assert_eq!(harmless("a\nb\r\u{9b}1m"), "a\nb\\r\\u{9b}1m");
    }
}
