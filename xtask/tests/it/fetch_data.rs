//! Fetching data sets as a person does, from folders and from a server that never ends.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::support::{ended, folder};

fn fetch(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.arg("fetch-data").args(args).arg("--dir").arg(dir);
    command
}

fn run(dir: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    ended(fetch(dir, args).output().unwrap())
}

/// The published files; without them a test says that it is skipped.
fn mirror() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/mirror");
    let path = std::env::var_os("DATASETS_MIRROR").map_or_else(beside, PathBuf::from);
    if !path.is_dir() {
        eprintln!("skipped: there is no {}; DATASETS_MIRROR can name the folder", path.display());
    }
    path.is_dir().then_some(path)
}

fn names(dir: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(dir) else { return vec![] };
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn each_way_to_fail_says_what_where_and_what_to_do() {
    let (dir, empty) = (folder("fetch-fails"), folder("fetch-empty"));
    let file = dir.join("mnist/train-images-idx3-ubyte.gz");
    let (file, empty) = (file.to_str().unwrap(), empty.to_str().unwrap());

    let (code, stdout, stderr) = run(&dir, &["minst"]);
    assert_eq!((code, stdout.as_str()), (Some(2), ""));
    assert!(stderr.contains("there is no data set 'minst'\n  did you mean 'mnist'?"), "{stderr}");

    let (code, _, stderr) = run(&dir, &["mnist", "--mirror", empty]);
    assert_eq!(code, Some(1));
    let lines = [
        format!("error: {file}: expected a mirror with the file, got none:\n  {empty}: No such file"),
        "to place it by hand, put a file of 9912422 bytes with sha256 440fcabf".to_owned(),
        " there, or name an address or a folder that has it by --mirror\n".to_owned(),
    ];
    assert!(lines.iter().all(|line| stderr.contains(line)), "{stderr}");

    let (code, _, stderr) = run(&dir, &["mnist", "--offline"]);
    assert_eq!(code, Some(1));
    let text = format!("error: {file}: expected the file to be there when offline, but it is missing; ");
    assert!(stderr.starts_with(&text), "{stderr}");

    let (code, _, stderr) = run(&dir, &["mnist", "--mirror", "ftp://example.org"]);
    assert_eq!(code, Some(2));
    assert!(stderr.contains("expected https://, http:// on this machine, or a folder"), "{stderr}");
    assert_eq!(names(&dir.join("mnist")), [""; 0]);

    let (code, _, stderr) = run(Path::new("/dev/null"), &["mnist", "--mirror", empty]);
    assert_eq!(code, Some(1));
    assert!(stderr.starts_with("error: /dev/null/mnist: ") && stderr.contains("--dir names"), "{stderr}");
}

#[test]
fn ctrl_c_in_the_middle_of_a_file_leaves_nothing_half_written() {
    let dir = folder("fetch-interrupted");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    // Announces the whole file, sends a part, and falls silent.
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 1024]);
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 9912422\r\n\r\n";
        let _ = stream.write_all(&[head.as_bytes(), &[7; 50_000]].concat());
        std::thread::sleep(Duration::from_secs(120));
    });
    let mut command = fetch(&dir, &["mnist", "--mirror", &url]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let start = Instant::now();
    while names(&dir.join("mnist")).is_empty() {
        assert!(start.elapsed() < Duration::from_secs(60), "nothing arrived");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let (code, _, stderr) = ended(child.wait_with_output().unwrap());
    assert_eq!(code, Some(130), "{stderr}");
    assert!(stderr.contains("stopped; what had arrived of the current file is gone"), "{stderr}");
    assert_eq!(names(&dir.join("mnist")), [""; 0]);
}

#[test]
fn what_was_fetched_is_there_offline_and_two_at_once_are_both_right() {
    let Some(mirror) = mirror() else { return };
    let dir = folder("fetch-twice");
    let args = ["fashion-mnist", "--mirror", mirror.to_str().unwrap()];
    let spawn = || fetch(&dir, &args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    for child in [spawn(), spawn()] {
        let (code, stdout, stderr) = ended(child.wait_with_output().unwrap());
        assert_eq!((code, stderr.as_str()), (Some(0), ""));
        assert_eq!(stdout.matches("  verified, ").count(), 4, "{stdout}");
    }
    let (code, stdout, _) = run(&dir, &["fashion-mnist", "--offline"]);
    assert_eq!((code, stdout.matches("verified, was there").count()), (Some(0), 4), "{stdout}");
    let (code, stdout, _) = run(&dir, &[&args[..], &["--force"]].concat());
    assert_eq!((code, stdout.matches("verified, from ").count()), (Some(0), 4), "{stdout}");
    assert_eq!(names(&dir.join("fashion-mnist")).len(), 4, "and nothing else");
}
