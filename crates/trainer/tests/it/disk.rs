//! Disks that are full or cannot be written to.
//!
//! Each test runs in a child of its own, inside a limit or a small file system that ends with it.

use std::path::{Path, PathBuf};
use std::process::Command;

use ndarray::ArrayD;
use trainer::{Checkpoint, CheckpointStore, Order, Run, write_atomically};

use super::support::{Folder, skipped, trainer};

const FOLDER: &str = "TRAINER_TEST_FOLDER";

/// About 200 kB.
fn checkpoint(step: u64) -> Checkpoint<f64> {
    let mut state = trainer::<f64>(Order::Shuffled, 1).state();
    state.arrays.insert("large".into(), ArrayD::from_elem(vec![25_000], step as f64));
    state.progress.step = step;
    Checkpoint { run: Run::new(&"disk", &[]).unwrap(), state }
}

/// Runs one of the children below under a shell script that ends with `exec "$0" "$@"`.
fn run_child(name: &str, script: &str, folder: &Path) -> (bool, String) {
    let child = format!("it::disk::{name}");
    let mut command = Command::new("sh");
    command.args(["-c", script]).arg(std::env::current_exe().unwrap());
    command.args([&child, "--exact", "--ignored", "--nocapture"]).env(FOLDER, folder);
    let output = command.output().unwrap();
    let text =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (output.status.success() && text.contains("1 passed"), text)
}

/// In a mount namespace of its own, so that nothing stays mounted whatever happens.
fn run_child_on_small_disk(name: &str) {
    let folder = Folder::new(name);
    let mount = "mount -t tmpfs -o size=1m tmpfs \"$TRAINER_TEST_FOLDER\"";
    let script = format!(
        "unshare -m true && exec unshare -m sh -c '{mount} || exit 77; exec \"$0\" \"$@\"' \"$0\" \"$@\" || exit 77"
    );
    let (passed, text) = run_child(name, &script, &folder.0);
    if !passed && !text.contains("running 1 test") {
        return skipped(&format!("{name}: a small file system needs the right to mount: {}", text.trim()));
    }
    assert!(passed, "{text}");
}

fn folder() -> PathBuf {
    PathBuf::from(std::env::var_os(FOLDER).expect("set by the parent"))
}

fn names() -> Vec<String> {
    let mut names: Vec<_> =
        std::fs::read_dir(folder()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_full_disk_leaves_the_older_checkpoints() {
    run_child_on_small_disk("child_on_a_full_disk");
}

#[test]
#[ignore = "the child of the test above"]
fn child_on_a_full_disk() {
    let store = CheckpointStore::open(folder()).unwrap();
    let mut saved = vec![store.save(&checkpoint(1)).unwrap(), store.save(&checkpoint(2)).unwrap()];
    let filler = folder().join("filler");
    std::fs::write(&filler, vec![1; 500_000]).unwrap();
    let error = store.save(&checkpoint(3)).unwrap_err().to_string();
    let path = folder().join("checkpoint-000003.ckpt");
    assert!(
        error.starts_with(&format!("{}: cannot write: No space left on device", path.display())),
        "{error}"
    );
    assert_eq!(
        names(),
        ["checkpoint-000001.ckpt", "checkpoint-000002.ckpt", "filler"],
        "no temporary file is left"
    );
    let found = store.latest::<f64>().unwrap().unwrap();
    assert_eq!((Some(found.path), found.checkpoint), (saved.pop(), checkpoint(2)));

    std::fs::remove_file(&filler).unwrap();
    store.save(&checkpoint(3)).unwrap();
    assert_eq!(store.latest::<f64>().unwrap().unwrap().checkpoint, checkpoint(3));
}

#[test]
fn a_read_only_folder_is_an_error_with_its_path() {
    run_child_on_small_disk("child_on_a_read_only_disk");
}

#[test]
#[ignore = "the child of the test above"]
fn child_on_a_read_only_disk() {
    let store = CheckpointStore::open(folder()).unwrap();
    store.save(&checkpoint(1)).unwrap();
    let remount = Command::new("mount").args(["-o", "remount,ro"]).arg(folder()).status().unwrap();
    assert!(remount.success());
    let error = store.save(&checkpoint(2)).unwrap_err().to_string();
    let path = folder().join("checkpoint-000002.ckpt");
    assert!(
        error.starts_with(&format!("{}: cannot write: Read-only file system", path.display())),
        "{error}"
    );
    assert_eq!(store.latest::<f64>().unwrap().unwrap().checkpoint, checkpoint(1));
}

#[test]
fn a_limit_on_the_size_of_files_leaves_the_older_checkpoints() {
    let folder = Folder::new("limit");
    let store = CheckpointStore::open(&folder.0).unwrap();
    store.save(&checkpoint(1)).unwrap();
    let limited = "trap '' XFSZ; ulimit -f 64; exec \"$0\" \"$@\""; // 32 or 64 KiB, by the shell
    let (passed, text) = run_child("child_under_a_limit", limited, &folder.0);
    assert!(passed, "{text}");
    assert_eq!(store.latest::<f64>().unwrap().unwrap().checkpoint, checkpoint(1));
    assert_eq!(folder.names(), ["checkpoint-000001.ckpt"]);
}

#[test]
#[ignore = "the child of the test above"]
fn child_under_a_limit() {
    let error = CheckpointStore::open(folder()).unwrap().save(&checkpoint(2)).unwrap_err().to_string();
    assert!(error.contains("checkpoint-000002.ckpt: cannot write: File too large"), "{error}");
}

#[test]
fn a_folder_in_the_place_of_the_file_is_an_error_and_nothing_is_left_behind() {
    let folder = Folder::new("in-place");
    let path = folder.0.join("file");
    std::fs::create_dir(&path).unwrap();
    let error = write_atomically(&path, |file| file.write_all(b"x")).unwrap_err().to_string();
    assert!(error.starts_with(&format!("{}: cannot put the new file in place: ", path.display())), "{error}");
    assert_eq!(folder.names(), ["file"]);
    let missing = folder.0.join("no/such/file");
    let error = write_atomically(&missing, |file| file.write_all(b"x")).unwrap_err().to_string();
    assert!(error.starts_with(&format!("{}: cannot write: ", missing.display())), "{error}");
}

#[test]
fn a_writer_that_fails_leaves_the_old_file() {
    let folder = Folder::new("fails");
    let path = folder.0.join("file");
    write_atomically(&path, |file| file.write_all(b"old")).unwrap();
    let fault = || std::io::Error::other("out of ideas");
    let error =
        write_atomically(&path, |file| file.write_all(b"new").and_then(|()| Err(fault()))).unwrap_err();
    assert_eq!(error.to_string(), format!("{}: cannot write: out of ideas", path.display()));
    assert_eq!(std::fs::read(&path).unwrap(), b"old");
    assert_eq!(folder.names(), ["file"]);
}

#[test]
fn a_new_file_is_for_whom_the_old_one_was() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    let folder = Folder::new("mode");
    let path = folder.0.join("file");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().mode() & 0o777;
    for wanted in [0o600, 0o640, 0o644, 0o666, 0o755] {
        std::fs::write(&path, "old").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(wanted)).unwrap();
        let mut meanwhile = 0;
        write_atomically(&path, |file| {
            file.write_all(b"new")?;
            meanwhile = folder
                .names()
                .iter()
                .find(|name| name.ends_with(".tmp"))
                .map(|n| mode(&folder.0.join(n)))
                .unwrap();
            Ok(())
        })
        .unwrap();
        assert_eq!((mode(&path), meanwhile), (wanted, wanted), "{wanted:o}");
    }
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o444)).unwrap();
    let error = write_atomically(&path, |file| file.write_all(b"newer")).unwrap_err().to_string();
    let refused = "cannot write: expected a file that may be written, got one that is read-only";
    assert_eq!(error, format!("{}: {refused}", path.display()));
    assert_eq!((std::fs::read(&path).unwrap(), folder.names()), (b"new".to_vec(), vec!["file".to_owned()]));
}

/// A pipe without a writer keeps whoever opens it waiting for ever.
#[test]
fn a_pipe_in_the_place_of_a_checkpoint_is_refused_and_keeps_nobody_waiting() {
    let folder = Folder::new("waiting");
    let store = CheckpointStore::open(&folder.0).unwrap();
    store.save(&checkpoint(1)).unwrap();
    let pipes =
        [folder.0.join("checkpoint-000002.ckpt"), folder.0.join(".checkpoint-000002.ckpt.4711-0.tmp")];
    assert!(Command::new("mkfifo").args(&pipes).status().unwrap().success());
    let found = CheckpointStore::open(&folder.0).unwrap().latest::<f64>().unwrap().unwrap();
    assert_eq!(found.checkpoint, checkpoint(1));
    let refused = format!("{}: cannot read: expected a file", pipes[0].display());
    assert_eq!(found.refused.iter().map(ToString::to_string).collect::<Vec<_>>(), [refused]);
}

#[test]
fn files_of_others_are_not_swept() {
    let folder = Folder::new("others");
    std::fs::write(folder.0.join(".m.onnx.2024-01-31.tmp"), "of a user").unwrap();
    std::fs::write(folder.0.join(".m.onnx.4711-0.tmp"), "of a dead process").unwrap();
    write_atomically(folder.0.join("m.onnx"), |file| file.write_all(b"x")).unwrap();
    assert_eq!(folder.names(), [".m.onnx.2024-01-31.tmp", "m.onnx"]);
}

#[test]
fn a_name_may_be_as_long_as_the_file_system_allows_and_need_not_be_text() {
    use std::os::unix::ffi::OsStrExt;

    let folder = Folder::new("names");
    let (long, wide) = ("x".repeat(255), "\u{fffd}".repeat(85));
    for name in [long.as_bytes(), wide.as_bytes(), b"no text: \xff"] {
        let path = folder.0.join(std::ffi::OsStr::from_bytes(name));
        for content in [b"old", b"new"] {
            write_atomically(&path, |file| file.write_all(content)).unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), content);
        }
        std::fs::remove_file(&path).unwrap();
        assert!(folder.names().is_empty(), "no temporary file is left");
    }
    let stale = folder.0.join(format!(".{}.4711-0.tmp", "x".repeat(218)));
    std::fs::write(&stale, "of a dead process").unwrap();
    write_atomically(folder.0.join(&long), |file| file.write_all(b"new")).unwrap();
    assert_eq!(folder.names(), [long]);
}

#[cfg(unix)]
#[test]
fn links_are_followed_and_stay() {
    let folder = Folder::new("links");
    let at = |name: &str| folder.0.join(name);
    std::fs::create_dir(at("other")).unwrap();
    std::fs::write(at("other/there"), b"old").unwrap();
    for target in ["other/there", "other/not-yet"] {
        let _ = std::fs::remove_file(at("link"));
        std::os::unix::fs::symlink(target, at("link")).unwrap();
        write_atomically(at("link"), |file| file.write_all(b"new")).unwrap();
        assert!(at("link").is_symlink(), "{target}");
        assert_eq!(std::fs::read(at(target)).unwrap(), b"new", "{target}");
    }
    assert_eq!(folder.names(), ["link", "other"]);
    std::os::unix::fs::symlink("circle", at("circle")).unwrap();
    let error = write_atomically(at("circle"), |file| file.write_all(b"new")).unwrap_err().to_string();
    assert!(error.ends_with("cannot write: expected an end of the symbolic links, got a circle"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_pipe_is_written_into_and_stays_a_pipe() {
    use std::os::unix::fs::FileTypeExt;

    let folder = Folder::new("pipe");
    let path = folder.0.join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let reader = path.clone();
    let read = std::thread::spawn(move || std::fs::read(reader).unwrap());
    // A write that replaced the pipe would leave the reader waiting for ever.
    let done = write_atomically(&path, |file| file.write_all(&[7; 100_000]));
    assert!(std::fs::symlink_metadata(&path).unwrap().file_type().is_fifo());
    done.unwrap();
    assert_eq!(read.join().unwrap(), [7; 100_000]);
}

#[test]
fn what_a_process_has_open_is_written_into_and_never_replaced() {
    let folder = Folder::new("stdout");
    let log = folder.0.join("log");
    for (redirect, target) in [
        (">>", "/dev/stdout"),
        (">", "/dev/stdout"),
        (">>", "/dev/fd/1"),
        ("2>>", "/dev/stderr"),
        ("7>>", "/proc/self/fd/7"),
        (">>", "link"),
    ] {
        let _ = std::fs::remove_file(folder.0.join("link"));
        std::os::unix::fs::symlink("/dev/stdout", folder.0.join("link")).unwrap();
        std::fs::write(&log, "kept\n").unwrap();
        let script = format!(
            "cd \"$TRAINER_TEST_FOLDER\"; TRAINER_TEST_TARGET={target}; export TRAINER_TEST_TARGET; exec \"$0\" \"$@\" {redirect} log"
        );
        let (_, text) = run_child("child_that_writes_to_what_it_has_open", &script, &folder.0);
        let log = std::fs::read_to_string(&log).unwrap();
        let kept = if redirect == ">" { "" } else { "kept\n" };
        assert!(
            log.starts_with(kept) && log.contains("new content\n"),
            "{redirect} {target}: {log:?}, {text}"
        );
        // What the process says itself comes before and after, and overwrites nothing.
        assert_eq!(
            (log.clone() + &text).matches("1 passed").count(),
            1,
            "{redirect} {target}: {log:?}, {text}"
        );
        assert_eq!(folder.names(), ["link", "log"], "{redirect} {target}");
    }
}

#[test]
#[ignore = "the child of the test above"]
fn child_that_writes_to_what_it_has_open() {
    let target = std::env::var_os("TRAINER_TEST_TARGET").expect("set by the parent");
    write_atomically(target, |file| file.write_all(b"new content\n")).unwrap();
}
