//! Commands as a person runs them, and what they say.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A folder of its own, not there at first.
pub(super) fn folder(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&path);
    path
}

/// A folder of its own, there and empty.
pub(super) fn empty_folder(name: &str) -> PathBuf {
    let path = folder(name);
    std::fs::create_dir_all(&path).unwrap();
    path
}

/// The exit code, and what was printed.
#[cfg(unix)]
pub(super) fn ended(output: Output) -> (Option<i32>, String, String) {
    let Ended { code, stdout, stderr } = output.into();
    (code, stdout, stderr)
}

/// How a command ended: its exit code, and what it printed.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

/// Runs `cargo xtask ARGS` in this folder.
pub(super) fn run_in(folder: &Path, args: &[&str]) -> Ended {
    Command::new(env!("CARGO_BIN_EXE_xtask")).current_dir(folder).args(args).output().unwrap().into()
}

/// Runs `cargo xtask ARGS` in this folder with a pipe as its input, through which this text comes.
#[cfg(unix)]
pub(super) fn run_piped(folder: &Path, args: &[&str], text: &str) -> Ended {
    use std::io::Write;
    use std::process::Stdio;

    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.current_dir(folder).args(args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || pipe.write_all(text.as_bytes()).unwrap());
        child.wait_with_output().unwrap().into()
    })
}

/// Runs `cargo xtask ARGS`, which must succeed, and returns what it printed.
pub(super) fn prints(folder: &Path, args: &[&str]) -> String {
    let ended = run_in(folder, args);
    assert_eq!(ended.code, Some(0), "{args:?}: {}", ended.stderr);
    ended.stdout
}
