//! Fetching from folders, and what happens to the files here whatever the mirror does.

use std::fs::{self, OpenOptions};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime};

use datasets::Error;
use datasets::download::{Event, FetchOptions, Fetched, Limits, Mirror, fetch_files};

use super::support::{Folder, noise, published, skip};

pub(super) const LENGTH: usize = 200_000;

/// The options of a test that will not wait.
pub(super) fn options(mirrors: &[&str]) -> FetchOptions<'static> {
    FetchOptions {
        mirrors: mirrors.iter().map(|text| text.parse().unwrap()).collect(),
        limits: Limits {
            connect: Duration::from_secs(5),
            stall: Duration::from_secs(10),
            whole: Duration::from_secs(20),
            retries: 2,
            backoff: Duration::from_millis(10),
            longest_wait: Duration::from_secs(1),
        },
        ..FetchOptions::default()
    }
}

pub(super) fn fetch(dir: &Folder, options: &FetchOptions<'_>) -> Result<Fetched, Error> {
    let files = [published(&noise(LENGTH))];
    Ok(fetch_files(&files, "set", &dir.0, options, &mut |_| ())?.swap_remove(0))
}

/// A mirror with these bytes in the place of the file.
fn folder_with(bytes: &[u8]) -> Folder {
    let folder = Folder::new();
    folder.file("data.bin", bytes);
    folder
}

fn path(folder: &Folder) -> &str {
    folder.0.to_str().unwrap()
}

#[test]
fn a_file_is_copied_once_and_then_present() {
    let (dir, mirror) = (Folder::new(), folder_with(&noise(LENGTH)));
    let fetched = fetch(&dir, &options(&[path(&mirror)])).unwrap();
    assert_eq!(fetched.from.unwrap(), mirror.0.join("data.bin").to_str().unwrap());
    assert_eq!(fs::read(&fetched.path).unwrap(), noise(LENGTH));
    drop(mirror);
    let again = fetch(&dir, &options(&[])).unwrap();
    assert_eq!((again.from, again.bytes), (None, LENGTH as u64));
    assert_eq!(dir.names(), ["data.bin"]);
}

#[test]
fn a_mirror_may_have_a_folder_for_the_set() {
    let (dir, mirror) = (Folder::new(), Folder::new());
    fs::create_dir(mirror.0.join("set")).unwrap();
    fs::write(mirror.0.join("set/data.bin"), noise(LENGTH)).unwrap();
    assert!(fetch(&dir, &options(&[path(&mirror)])).is_ok());
}

#[test]
fn wrong_bytes_lead_to_the_next_mirror_and_never_to_the_target() {
    let mut forged = noise(LENGTH);
    forged[LENGTH / 2] ^= 1;
    let wrong = [
        folder_with(&forged),
        folder_with(&noise(LENGTH - 1)),
        folder_with(&noise(LENGTH + 1)),
        Folder::new(),
    ];
    let mirrors: Vec<&str> = wrong.iter().map(path).collect();
    let dir = Folder::new();
    let text = fetch(&dir, &options(&mirrors)).unwrap_err().to_string();
    for reason in [
        "expected md5 ",
        "expected 200000 bytes, got 199999\n",
        "expected 200000 bytes, got more\n",
        "No such file",
    ] {
        assert!(text.contains(reason), "{reason:?} in {text}");
    }
    assert!(mirrors.iter().all(|mirror| text.contains(mirror)), "every mirror is named");
    assert!(text.contains(dir.0.join("data.bin").to_str().unwrap()) && text.contains("place it by hand"));
    assert!(dir.names().is_empty(), "nothing is left behind");

    let right = folder_with(&noise(LENGTH));
    let all = [&mirrors[..], &[path(&right)]].concat();
    assert!(fetch(&dir, &options(&all)).unwrap().from.unwrap().starts_with(path(&right)));
}

#[test]
fn what_is_there_is_replaced_if_wrong_and_kept_if_right_whatever_fails() {
    let right = folder_with(&noise(LENGTH));
    for wrong in [&b""[..], b"<html>", &noise(LENGTH - 1), &vec![0; LENGTH]] {
        let dir = folder_with(wrong);
        assert!(fetch(&dir, &options(&[])).is_err());
        assert_eq!(fs::read(dir.0.join("data.bin")).unwrap(), wrong, "a failure touches nothing");
        assert!(fetch(&dir, &options(&[path(&right)])).is_ok());
        assert_eq!(fs::read(dir.0.join("data.bin")).unwrap(), noise(LENGTH));
    }
    let (dir, bad) = (folder_with(&noise(LENGTH)), folder_with(b"bad"));
    let forced = FetchOptions { force: true, ..options(&[path(&bad)]) };
    assert!(matches!(fetch(&dir, &forced), Err(Error::NoMirror { .. })));
    assert_eq!(fs::read(dir.0.join("data.bin")).unwrap(), noise(LENGTH));
    let forced = FetchOptions { force: true, ..options(&[path(&right)]) };
    assert!(fetch(&dir, &forced).unwrap().from.is_some());
}

#[test]
fn offline_needs_the_file_or_a_folder() {
    let (dir, mirror) = (folder_with(b"other"), folder_with(&noise(LENGTH)));
    let offline = |mirrors: &[&str]| FetchOptions { offline: true, ..options(mirrors) };
    let error = fetch(&dir, &offline(&["https://example.org"])).unwrap_err();
    assert!(matches!(error, Error::Offline { .. }), "{error}");
    let reason =
        "when offline, but expected 200000 bytes, got 5; fetch it online, or from a folder that has it";
    assert!(error.to_string().ends_with(reason), "{error}");
    assert!(fetch(&dir, &offline(&["https://example.org", path(&mirror)])).is_ok());
    assert!(fetch(&dir, &offline(&[])).is_ok());
}

#[test]
fn a_cancelled_fetch_leaves_nothing() {
    let (dir, mirror) = (Folder::new(), folder_with(&noise(LENGTH)));
    let cancel = AtomicBool::new(false);
    let options = FetchOptions { cancel: Some(&cancel), ..options(&[path(&mirror)]) };
    let mut stop = |event: Event<'_>| {
        if let Event::Received { .. } = event {
            cancel.store(true, std::sync::atomic::Ordering::Relaxed);
        }
    };
    let error = fetch_files(&[published(&noise(LENGTH))], "set", &dir.0, &options, &mut stop).unwrap_err();
    assert!(matches!(error, Error::Cancelled));
    assert!(dir.names().is_empty());
}

#[test]
fn events_tell_the_story_in_order() {
    let (dir, bad, mirror) = (Folder::new(), folder_with(b"bad"), folder_with(&noise(LENGTH)));
    let mut story = vec![];
    let mut tell = |event: Event<'_>| {
        story.push(match event {
            Event::Present { .. } => "present".to_owned(),
            Event::Started { .. } => "started".to_owned(),
            Event::Received { bytes, .. } => format!("received {bytes}"),
            Event::Failed { reason, .. } => format!("failed: {reason}"),
            Event::Stored { .. } => "stored".to_owned(),
            other => format!("{other:?}"),
        });
    };
    let options = options(&[path(&bad), path(&mirror)]);
    fetch_files(&[published(&noise(LENGTH))], "set", &dir.0, &options, &mut tell).unwrap();
    fetch_files(&[published(&noise(LENGTH))], "set", &dir.0, &options, &mut tell).unwrap();
    let failed = "failed: expected 200000 bytes, got 3, which looks like text";
    let received = ["received 131072", "received 200000"];
    assert_eq!(
        story,
        ["started", "received 3", failed, "started", received[0], received[1], "stored", "present"]
    );
}

#[test]
fn names_lead_nowhere_else() {
    let dir = Folder::new();
    for name in ["", ".", "..", "../x", "a/b", "a\\b", "/x", ".hidden", "C:x", "a\0"] {
        let file = datasets::File { name, ..published(b"") };
        let error = fetch_files(&[file], "set", &dir.0, &options(&[]), &mut |_| ()).unwrap_err();
        assert!(matches!(error, Error::FileName { .. }), "{name:?}: {error}");
        let error = fetch_files(&[], name, &dir.0, &options(&[]), &mut |_| ()).unwrap_err();
        assert!(matches!(error, Error::FileName { .. }), "{name:?}: {error}");
    }
}

#[test]
fn a_folder_in_the_place_of_the_file_or_a_file_in_that_of_the_folder_is_named() {
    let (dir, mirror) = (Folder::new(), folder_with(&noise(LENGTH)));
    fs::create_dir(dir.0.join("data.bin")).unwrap();
    let error = fetch(&dir, &options(&[path(&mirror)])).unwrap_err();
    assert!(matches!(error, Error::NotAFile { .. }), "{error}");
    let below = Folder(mirror.0.join("data.bin"));
    let error = fetch(&below, &options(&[path(&mirror)])).unwrap_err();
    assert!(error.to_string().starts_with(path(&below)), "{error}");
}

#[test]
fn what_killed_processes_left_is_swept_and_what_is_in_use_is_not() {
    let dir = folder_with(&noise(LENGTH));
    let an_hour_ago = SystemTime::now() - Duration::from_secs(3600);
    let aged = |name: &str| {
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(dir.0.join(name)).unwrap();
        file.set_modified(an_hour_ago).unwrap();
        file
    };
    let held = aged(".data.bin.2-0.part");
    held.lock().unwrap();
    drop((aged(".data.bin.1-0.part"), aged(".other.bin.1-0.part"), aged("data.bin.part")));
    dir.file(".data.bin.3-0.part", b"fresh");
    let ahead = |name| {
        let file = OpenOptions::new().write(true).create_new(true).open(dir.0.join(name)).unwrap();
        file.set_modified(SystemTime::now() + Duration::from_secs(3600)).unwrap();
        file
    };
    drop(ahead(".data.bin.4-0.part"));
    let held_ahead = ahead(".data.bin.5-0.part");
    held_ahead.lock().unwrap();
    fetch(&dir, &options(&[])).unwrap();
    let kept = [
        ".data.bin.2-0.part",
        ".data.bin.3-0.part",
        ".data.bin.5-0.part",
        ".other.bin.1-0.part",
        "data.bin",
        "data.bin.part",
    ];
    assert_eq!(dir.names(), kept);
}

/// A pipe without a writer keeps whoever opens it waiting for ever.
#[cfg(unix)]
#[test]
fn a_pipe_in_a_mirror_or_among_what_is_swept_keeps_nobody_waiting() {
    let (dir, mirror) = (Folder::new(), Folder::new());
    let pipes = [mirror.0.join("data.bin"), dir.0.join(".data.bin.1-0.part")];
    assert!(Command::new("mkfifo").args(pipes).status().unwrap().success());
    let touched =
        Command::new("touch").args(["-d", "2020-01-01"]).arg(dir.0.join(".data.bin.1-0.part")).status();
    assert!(touched.unwrap().success());
    let error = fetch(&dir, &options(&[path(&mirror)])).unwrap_err().to_string();
    assert!(error.contains(": expected a file"), "{error}");
}

/// Runs this test program again as a process of its own that fetches from `mirror` into `dir`.
pub(super) fn child(dir: &Path, mirror: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "it::download::in_another_process", "--nocapture", "--test-threads=1"]);
    command.env("DATASETS_TEST_DIR", dir).env("DATASETS_TEST_MIRROR", mirror);
    command.stdout(Stdio::null());
    command
}

/// Not a test by itself: what [`child`] runs.
#[test]
fn in_another_process() {
    let Some(dir) = std::env::var_os("DATASETS_TEST_DIR") else { return };
    let mirror: Mirror = std::env::var("DATASETS_TEST_MIRROR").unwrap().parse().unwrap();
    let options = FetchOptions { mirrors: vec![mirror], force: true, ..options(&[]) };
    if let Err(error) = fetch_files(&[published(&noise(LENGTH))], "set", dir, &options, &mut |_| ()) {
        panic!("{error}");
    }
}

pub(super) fn assert_failed(status: ExitStatus) {
    assert_eq!(status.code(), Some(101), "an error and not a crash");
}

/// The superuser may write everywhere, so the fetch is another user's, in a process of its own.
#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_written_is_named() {
    use std::os::unix::fs::PermissionsExt;

    let (dir, mirror) = (folder_with(b"old"), folder_with(&noise(LENGTH)));
    fs::set_permissions(&dir.0, fs::Permissions::from_mode(0o555)).unwrap();
    let child = child(&dir.0, path(&mirror));
    let drop_rights = "[ \"$(id -u)\" != 0 ] || set -- setpriv --reuid 65534 --regid 65534 --clear-groups \"$@\"; exec \"$@\"";
    let output = under_shell(drop_rights, &child).output().unwrap();
    fs::set_permissions(&dir.0, fs::Permissions::from_mode(0o755)).unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    if matches!(output.status.code(), Some(126 | 127)) {
        return skip("a_folder_that_cannot_be_written_is_named", &format!("no other user to be: {text}"));
    }
    assert_failed(output.status);
    assert!(
        text.contains(&format!("{}/.data.bin", path(&dir))) && text.contains("ermission denied"),
        "{text}"
    );
    assert_eq!(fs::read(dir.0.join("data.bin")).unwrap(), b"old");
    assert_eq!(dir.names(), ["data.bin"]);
}

/// The child as a shell script runs it that ends with `"$@"`.
#[cfg(unix)]
fn under_shell(script: &str, child: &Command) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh"]).arg(child.get_program()).args(child.get_args());
    command.envs(child.get_envs().filter_map(|(key, value)| Some((key, value?))));
    command
}

/// In a mount namespace of its own, so that nothing stays mounted whatever happens.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_named_and_leaves_the_old_file_and_no_temporary_one() {
    let (dir, mirror) = (Folder::new(), folder_with(&noise(LENGTH)));
    let small = "mount -t tmpfs -o size=100k tmpfs \"$DATASETS_TEST_DIR\" || exit 77
        cd \"$DATASETS_TEST_DIR\" && printf old >data.bin && \"$@\" >/dev/null
        code=$?; ls -A; cat data.bin; exit $code";
    let script = format!("unshare -m true || exit 77; exec unshare -m sh -c '{small}' sh \"$@\"");
    let output = under_shell(&script, &child(&dir.0, path(&mirror))).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(77) {
        let name = "a_full_disk_is_named_and_leaves_the_old_file_and_no_temporary_one";
        return skip(name, &format!("a small file system needs the right to mount: {text}"));
    }
    assert_failed(output.status);
    assert!(text.contains(&format!("{}/.data.bin", path(&dir))) && text.contains("No space left"), "{text}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "data.bin\nold");
}

/// A limit on the size of files fails a write in the same place as a full disk, and needs no disk of its own.
#[cfg(unix)]
#[test]
fn a_write_that_fails_half_way_leaves_the_old_file_and_no_temporary_one() {
    let (dir, mirror) = (folder_with(b"old"), folder_with(&noise(LENGTH)));
    // 100 blocks of 512 bytes; the signal that would kill the process is ignored, as it is when a disk is full.
    let limit = "trap '' XFSZ; ulimit -f 100; exec \"$@\"";
    let output = under_shell(limit, &child(&dir.0, path(&mirror))).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_failed(output.status);
    assert!(text.contains(path(&dir)) && text.contains("too large"), "{text}");
    assert_eq!(fs::read(dir.0.join("data.bin")).unwrap(), b"old");
    assert_eq!(dir.names(), ["data.bin"]);
}

#[test]
fn two_processes_at_once_are_both_right() {
    let (dir, mirror) = (Folder::new(), folder_with(&noise(LENGTH)));
    let mut children: Vec<_> = (0..4).map(|_| child(&dir.0, path(&mirror)).spawn().unwrap()).collect();
    assert!(children.iter_mut().all(|child| child.wait().unwrap().success()));
    assert_eq!(fs::read(dir.0.join("data.bin")).unwrap(), noise(LENGTH));
    assert_eq!(dir.names(), ["data.bin"]);
}
