//! A training that is stopped, and what the screen says of it.

use std::fs::DirEntry;
use std::io::{BufRead as _, BufReader};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::support::{ended, folder};

fn train(out: &Path, args: &[&str]) -> Command {
    let mut command = spoken(out, args);
    command.arg("--json");
    command
}

/// The same, in words.
fn spoken(out: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(["train", "digits", "--out"]).arg(out).args(args);
    command
}

fn run(out: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    ended(train(out, args).output().unwrap())
}

/// The last line, without the time it took.
fn result(stdout: &str) -> serde_json::Value {
    let mut object: serde_json::Value = serde_json::from_str(stdout.lines().last().unwrap()).unwrap();
    assert_eq!(object["event"], "done", "{stdout}");
    object.as_object_mut().unwrap().remove("seconds");
    object
}

/// Starts a training and presses Ctrl-C when its first checkpoint is there.
fn interrupt(out: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    interrupt_command(train(out, args), out)
}

/// Starts a training that says what it does, and sends a signal when it has learned something.
fn signalled(mut command: Command, signal: &str) -> (Option<i32>, String, String) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let before: Vec<String> = lines.by_ref().take_while(|line| !line.contains("\"record\"")).collect();
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
    let after: Vec<String> = lines.collect();
    let (code, _, stderr) = ended(child.wait_with_output().unwrap());
    (code, [before, after].concat().join("\n"), stderr)
}

fn interrupt_command(mut command: Command, out: &Path) -> (Option<i32>, String, String) {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let start = Instant::now();
    // What begins with a point is a file half written, or the trial whether one could be.
    let is_whole = |file: std::io::Result<DirEntry>| !file.unwrap().file_name().as_bytes().starts_with(b".");
    let saved = || std::fs::read_dir(out.join("checkpoints")).is_ok_and(|mut files| files.any(is_whole));
    while !saved() {
        assert!(start.elapsed() < Duration::from_secs(120), "no checkpoint appeared");
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    ended(child.wait_with_output().unwrap())
}

#[test]
fn an_interrupted_training_goes_on_to_the_same_model() {
    let (whole, parts) = (folder("whole"), folder("parts"));
    let args = ["--steps", "3000", "--checkpoint-every", "20", "--threads", "1"];
    let (code, expected, _) = run(&whole, &["--steps", "3000", "--threads", "4"]);
    assert_eq!(code, Some(0));
    assert!(!whole.join("checkpoints").exists(), "who asks for no checkpoint gets no folder");

    let (code, stdout, _) = interrupt(&parts, &args);
    assert_eq!(code, Some(130));
    let stopped: serde_json::Value = serde_json::from_str(stdout.lines().last().unwrap()).unwrap();
    assert_eq!(stopped["event"], "interrupted");
    assert!(stopped["step"].as_u64().unwrap() < 3000);

    // What must not happen by mistake: this training with other options.
    let (code, _, stderr) = run(&parts, &["--steps", "3000", "--lr", "0.25", "--resume"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("the checkpoint is of another run:\n  training.learning_rate: "), "{stderr}");
    let advice = "--resume goes on with the same recipe, options and data; without --resume it begins anew and keeps what is there";
    assert!(stderr.ends_with(&format!("0.25 now\n{advice}\n")), "{stderr}");

    let (code, stdout, stderr) = run(&parts, &["--steps", "3000", "--resume", "--threads", "2"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert_eq!(result(&stdout), result(&expected));
    let model = |out: &Path| std::fs::read(out.join("model.safetensors")).unwrap();
    assert!(model(&parts) == model(&whole), "the same bytes");
}

#[test]
fn a_training_that_is_interrupted_says_how_to_go_on() {
    let out = folder("spoken");
    let (code, stdout, _) =
        interrupt_command(spoken(&out, &["--steps", "2000", "--checkpoint-every", "5"]), &out);
    assert_eq!(code, Some(130), "{stdout}");
    let lines: Vec<&str> = stdout.lines().collect();
    let [.., stopped, how] = &lines[..] else { panic!("{stdout}") };
    let step: u64 = stopped.strip_prefix("stopped after step ").unwrap().parse().unwrap();
    assert!(how.contains(&format!("checkpoint-{step:06}.ckpt")), "{stdout}");
    assert!(how.ends_with("the same command with --resume goes on"), "{stdout}");
}

#[test]
fn a_damaged_checkpoint_is_refused_aloud_and_the_older_one_used() {
    let out = folder("damaged");
    let (code, ..) = interrupt(&out, &["--steps", "2000", "--checkpoint-every", "10"]);
    assert_eq!(code, Some(130));
    let mut files: Vec<_> =
        std::fs::read_dir(out.join("checkpoints")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let [older, newer] = &files[..] else { panic!("two are kept: {files:?}") };
    let mut bytes = std::fs::read(newer).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    std::fs::write(newer, bytes).unwrap();
    let (code, stdout, stderr) = run(&out, &["--steps", "2000", "--resume"]);
    assert_eq!(code, Some(0));
    assert!(stdout.contains(&name(older)), "{stdout}");
    assert!(stderr.contains(&format!("{}: damaged: expected the SHA-256 ", name(newer))), "{stderr}");
    assert!(stderr.contains("taking the checkpoint before it"), "{stderr}");

    std::fs::write(older, b"").unwrap();
    let (code, _, stderr) = run(&out, &["--steps", "2000", "--resume"]);
    assert_eq!(code, Some(1), "no fresh start over what may still be saved");
    assert!([older, newer].iter().all(|path| stderr.contains(&name(path))), "{stderr}");
    assert!(stderr.ends_with("; without --resume it begins anew and keeps what is there\n"), "{stderr}");
}

#[test]
fn a_folder_that_cannot_be_made_ends_the_training_before_it_begins() {
    let (code, stdout, stderr) = run(Path::new("/dev/null/out"), &[]);
    assert_eq!(code, Some(1));
    assert!(!stdout.contains("record"), "{stdout}");
    assert!(stderr.starts_with("error: /dev/null/out: cannot make the folder: "), "{stderr}");
    assert!(stderr.ends_with("; --out names another\n"), "{stderr}");
}

/// As someone who may not write everywhere: root becomes nobody.
fn as_a_user(command: &mut Command) -> &mut Command {
    let root = std::fs::metadata("/proc/self").is_ok_and(|this| this.uid() == 0);
    if root { command.uid(65534).gid(65534) } else { command }
}

#[test]
fn a_folder_that_cannot_be_written_to_ends_the_training_before_it_begins() {
    let out = folder("read-only");
    std::fs::create_dir_all(out.join("checkpoints")).unwrap();
    let allow = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let refused = |args: &[&str]| match as_a_user(&mut train(&out, args)).output() {
        Ok(output) => Some(ended(output)),
        Err(error) => {
            eprintln!("skipped: the program cannot be run by another user: {error}");
            None
        }
    };
    allow(&out, 0o555);
    let Some((code, stdout, stderr)) = refused(&[]) else { return };
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    assert!(stderr.contains("read-only: cannot write into the folder: Permission denied"), "{stderr}");
    assert!(stderr.ends_with("; --out names another\n"), "{stderr}");

    allow(&out, 0o777);
    allow(&out.join("checkpoints"), 0o555);
    let (code, stdout, stderr) = refused(&["--checkpoint-every", "5"]).unwrap();
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    assert!(stderr.contains("read-only/checkpoints: cannot write into the folder: "), "{stderr}");

    let (code, _, stderr) = refused(&["--steps", "2"]).unwrap();
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "who wants no checkpoints needs no folder for them");
    let mut left = std::fs::read_dir(&out).unwrap().map(|file| file.unwrap().file_name());
    assert!(left.all(|name| !name.to_str().unwrap().starts_with('.')), "what was tried leaves nothing");
}

#[test]
fn a_quiet_training_says_nothing_and_one_in_json_nothing_else() {
    let out = folder("quiet");
    let quiet =
        |args: &[&str]| ended(spoken(&out, &[&["-q", "--steps", "60"], args].concat()).output().unwrap());
    let silence = (Some(0), String::new(), String::new());
    assert_eq!(quiet(&["--checkpoint-every", "20"]), silence);
    assert_eq!(quiet(&["--resume"]), silence);
    let (code, stdout, stderr) = run(&out, &["-q", "--steps", "60", "--resume"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    let events: Vec<serde_json::Value> =
        stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.iter().filter(|event| event["event"] == "resumed").count(), 1, "{stdout}");

    let out = folder("quiet-stopped");
    let args = ["-q", "--steps", "2000", "--checkpoint-every", "5"];
    let (code, stdout, stderr) = interrupt_command(spoken(&out, &args), &out);
    assert_eq!((code, stdout.as_str()), (Some(130), ""));
    assert!(stderr.starts_with("stopped after step ") && stderr.contains("--resume goes on"), "{stderr}");
}

/// Whether SIGHUP, the lowest bit, is ignored by this process and so by those that it starts.
fn ignores_hup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap_or_default();
    mask.ends_with(['1', '3', '5', '7', '9', 'b', 'd', 'f'])
}

/// The names in a folder, in order.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn whatever_ends_a_training_its_state_is_kept_beside_that_of_an_earlier_one() {
    let out = folder("kept");
    let args = ["--steps", "60", "--checkpoint-every", "30"];
    assert_eq!(run(&out, &args).0, Some(0));
    let of_first = names(&out.join("checkpoints"));
    assert_eq!(of_first, ["checkpoint-000030.ckpt", "checkpoint-000060.ckpt"]);

    let long = ["--steps", "200000"];
    // Tests that run under `nohup` hand on that this signal is ignored.
    let signals = ["-INT", "-TERM", "-HUP"].into_iter().filter(|&signal| signal != "-HUP" || !ignores_hup());
    for (signal, aside) in signals.zip(["checkpoints-1", "checkpoints-2", "checkpoints-3"]) {
        let (code, stdout, stderr) = signalled(train(&out, &long), signal);
        assert_eq!(code, Some(130), "{signal}: {stderr}");
        let last: serde_json::Value = serde_json::from_str(stdout.lines().last().unwrap()).unwrap();
        let state = Path::new(last["checkpoint"].as_str().unwrap());
        assert!(last["event"] == "interrupted" && state.is_file(), "{signal}: {last}");
        let said =
            format!("note: the checkpoints of the earlier run are in {} now\n", out.join(aside).display());
        assert_eq!(stderr, said, "{signal}");
        assert!(out.join(aside).is_dir(), "{signal}");

        let go_on = ["--steps", "200000", "--resume"];
        let (code, stdout, stderr) = signalled(train(&out, &go_on), signal);
        assert_eq!((code, stderr.as_str()), (Some(130), ""), "{signal}");
        let resumed = format!("\"event\":\"resumed\",\"step\":{}", last["step"]);
        assert!(stdout.contains(&resumed), "{signal}: {stdout}");
    }
    assert_eq!(names(&out.join("checkpoints-1")), of_first, "never removed");
}

#[test]
fn what_stands_in_the_place_of_the_checkpoints_keeps_no_state_from_being_saved() {
    let out = folder("in-the-way");
    std::fs::create_dir_all(&out).unwrap();
    std::fs::write(out.join("checkpoints"), "notes of mine").unwrap();
    let (code, _, stderr) = signalled(train(&out, &["--steps", "200000"]), "-INT");
    assert_eq!(code, Some(130), "{stderr}");
    assert_eq!(names(&out.join("checkpoints")).len(), 1);
    assert_eq!(std::fs::read_to_string(out.join("checkpoints-1")).unwrap(), "notes of mine");
}

#[test]
fn a_finished_training_is_repeated_and_its_checkpoints_stay() {
    let out = folder("repeated");
    let args = ["--steps", "40", "--checkpoint-every", "20"];
    assert_eq!(run(&out, &args).0, Some(0));
    let (code, stdout, stderr) = ended(spoken(&out, &args).output().unwrap());
    assert_eq!(code, Some(0), "{stderr}");
    assert!(
        stderr.contains("a checkpoint of an earlier run, after step 40, with which --resume"),
        "{stderr}"
    );
    assert!(stderr.ends_with("repeated/checkpoints-1 now\n"), "{stderr}");
    assert!(stdout.contains("test   loss"), "{stdout}");
    for folder in ["checkpoints", "checkpoints-1"] {
        assert_eq!(
            names(&out.join(folder)),
            ["checkpoint-000020.ckpt", "checkpoint-000040.ckpt"],
            "{folder}"
        );
    }
    // One that wants no checkpoints and is not stopped leaves all as it is.
    assert_eq!(run(&out, &["--steps", "2"]).0, Some(0));
    assert!(!out.join("checkpoints-2").exists());
}

#[test]
fn what_nohup_starts_goes_on_when_the_terminal_is_closed() {
    let out = folder("nohup");
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' HUP; exec \"$0\" \"$@\""]).arg(env!("CARGO_BIN_EXE_xtask"));
    command.args(["train", "digits", "--json", "--epochs", "20", "--out"]).arg(&out);
    let (code, stdout, stderr) = signalled(command, "-HUP");
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(result(&stdout)["epochs"], 20.0);
}

#[test]
fn a_limit_on_the_size_of_files_is_an_error_with_the_path() {
    let out = folder("limited");
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -f 16; exec \"$0\" \"$@\""]).arg(env!("CARGO_BIN_EXE_xtask"));
    command.args(["train", "digits", "--quiet", "--steps", "3", "--out"]).arg(&out);
    let (code, _, stderr) = ended(command.output().unwrap());
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("limited/model.safetensors: cannot write: File too large"), "{stderr}");
}

#[test]
fn a_rate_that_is_far_too_large_stops_with_step_layer_and_last_checkpoint() {
    let out = folder("diverged");
    let (code, _, stderr) = run(&out, &["--lr", "1e30", "--checkpoint-every", "1"]);
    assert_eq!(code, Some(1));
    assert!(stderr.starts_with("error: step 2: the output of layer "), "{stderr}");
    assert!(stderr.contains("so the step was not taken; lower the learning rate"), "{stderr}");
    assert!(stderr.contains("the last good checkpoint, after step 1, is in "), "{stderr}");
}

#[test]
fn a_rate_that_is_far_too_large_in_the_last_step_is_an_error() {
    // A model whose parameters are numbers is kept, however bad it is; the report is that of a success.
    for (rate, what, is_kept) in [("1e38", "the loss after", true), ("1e300", "0.weight after", false)] {
        let out = folder("diverged-last");
        let (code, _, stderr) = run(&out, &["--lr", rate, "--steps", "1"]);
        assert_eq!(code, Some(1), "{rate}: {stderr}");
        assert!(stderr.starts_with(&format!("error: step 1: {what} the step is ")), "{rate}: {stderr}");
        assert!(!stderr.contains("the step was not taken"), "{stderr}");
        assert_eq!(stderr.contains("; the model is in "), is_kept, "{stderr}");
        assert_eq!(out.join("model.safetensors").exists(), is_kept, "{rate}");
        assert!(!out.join("report.html").exists(), "{rate}");
    }
}
