//! Commands given wrongly: what is said, what to do next, and the exit code.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use super::predict::RECIPE;
use super::support::{empty_folder, run_in};

#[test]
fn every_error_says_what_to_do_next() {
    let here = empty_folder("errors");
    let write = |name: &str, text: &str| std::fs::write(here.join(name), text).unwrap();
    write("text.safetensors", "hello, I am no model");
    write("bad.toml", "data = \n");
    write("rows.csv", "1,2,3\n");
    let digits = trainer::recipe::Recipe::built_in("digits").unwrap().to_toml();
    write("lost.toml", &digits);
    write("typo.toml", &digits.replace("units", "unit"));
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/../datasets/digits/digits.csv.gz");
    let never = digits.replace("[training.evaluate]\nepochs = 1", "[training.evaluate]\nsteps = 0");
    write("never.toml", &never.replace("digits/digits.csv.gz", shipped));
    let cases: [(&[&str], i32, &str, &str); 19] = [
        (&["tran"], 2, "unrecognized subcommand 'tran'", "'train'"),
        (&["train", "digts"], 2, "there is no recipe 'digts'", "did you mean 'digits'?"),
        (&["train", "nowhere.toml"], 1, "nowhere.toml: cannot read: ", "look at the path"),
        (&["train", "bad.toml"], 1, "bad.toml:1:8: ", "`cargo xtask list` names"),
        (&["fuzz", "csv", "--input", "nowhere.csv"], 1, "nowhere.csv: cannot read: ", "look at the path"),
        (
            &["train", "never.toml"],
            1,
            "evaluate: expected a period of at least 1, got { steps = 0 }",
            "the recipe",
        ),
        (&["train", "typo.toml"], 1, "unknown field `unit`, expected `units`", "`cargo xtask list` names"),
        (&["train", "lost.toml"], 1, "digits/digits.csv.gz: ", "in the folder of the recipe"),
        (&["train", "."], 2, "expected a recipe, got a folder", "name the .toml file in it"),
        (&["train", "mnist", "--data", "."], 1, "mnist is not in .", "`cargo xtask fetch-data mnist`"),
        (&["train", "--epochs", "0"], 2, "invalid value '0' for '--epochs <N>'", "'--help'"),
        (
            &["train", "--lr", "-1"],
            1,
            "learning_rate: expected a finite number from 0",
            "options of the command",
        ),
        (&["train", "--resume", "--out", "run"], 1, "there is no checkpoint in run/", "leave out --resume"),
        (
            &["train", "--out", "rows.csv"],
            1,
            "rows.csv: expected a folder, got a file",
            "--out names another",
        ),
        (&["eval", "nowhere"], 2, "nowhere: no such file or folder", "`cargo xtask train RECIPE`"),
        (&["eval", "text.safetensors"], 1, "text.safetensors: ", "a model is a model.safetensors"),
        (&["predict", "text.safetensors"], 2, "--csv <FILE>|--idx <FILE>|--png", "'--help'"),
        (&["compare", "."], 1, "history.json: cannot read", "`cargo xtask train --out DIR`"),
        (&["fetch-data", "--offline", "--dir", "."], 1, "to be there when offline", "fetch it online"),
    ];
    for (args, code, what, next) in cases {
        let ended = run_in(&here, args);
        assert_eq!(ended.code, Some(code), "{args:?}: {}", ended.stderr);
        assert!(ended.stderr.starts_with("error: "), "{args:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(what) && ended.stderr.contains(next), "{args:?}: {}", ended.stderr);
    }
}

#[test]
fn a_reader_that_leaves_ends_the_training_quietly_with_files_to_go_on_from() {
    let here = empty_folder("errors-pipe");
    let args = ["train", "digits", "--epochs", "30", "--json", "--out", "run"];
    let mut child = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .current_dir(&here)
        .args(args)
        .args(["--checkpoint-every", "20"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // As `head -n 3` does: the start and two epochs, then no more.
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for _ in 0..3 {
        lines.next().unwrap().unwrap();
    }
    drop(lines);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(141), "as other programs end, by SIGPIPE");
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");

    assert!(!here.join("run/model.safetensors").exists(), "no model of half a training");
    let resumed = run_in(&here, &[&args[..], &["--resume"]].concat());
    assert_eq!((resumed.code, resumed.stderr.as_str()), (Some(0), ""));
    assert!(here.join("run/model.safetensors").exists());
}

#[cfg(unix)]
#[test]
fn a_reader_of_errors_that_leaves_ends_the_command_quietly() {
    use std::os::unix::process::ExitStatusExt as _;

    let mut child = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["train", "digits16", "--steps", "20", "--out"]) // which warns
        .arg(empty_folder("errors-stderr"))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stderr.take());
    let status = child.wait().unwrap();
    assert_eq!((status.code(), status.signal()), (Some(141), None));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_under_the_output_is_an_error_with_its_reason() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_xtask")).arg("list").stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let expected = "error: stdout: No space left on device (os error 28)\n";
    assert_eq!(String::from_utf8(output.stderr).unwrap(), expected);
}

#[test]
fn words_as_labels_get_a_recipe_that_says_which_there_are() {
    let here = empty_folder("errors-words");
    std::fs::write(here.join("mine.csv"), "a,b,kind\n".to_owned() + &"1,2.5,cat\n3,4.5,dog\n".repeat(10))
        .unwrap();
    let said = |columns: &str| {
        let (_, after) = RECIPE.split_once("scaling").unwrap();
        let recipe = format!("[data]\ncsv = {{ train = 'mine.csv', {columns} }}\nscaling{after}");
        std::fs::write(here.join("mine.toml"), recipe).unwrap();
        run_in(&here, &["train", "mine.toml", "--out", "run"]).stderr
    };
    let words = said("label = { column = 'kind' }");
    assert!(
        words.contains(r#"mine.csv: line 2, column 3: expected a class below 10000, got "cat""#),
        "{words}"
    );
    assert!(words.contains(r#"csv = { ..., classes = ["cat", "..."] }"#), "{words}");
    let numbers = said("label = { column = 'b' }");
    assert!(
        numbers.contains(r#"label = { values = ["NAME"] }"#) && !numbers.contains("classes ="),
        "{numbers}"
    );
    // What the advice says is a recipe that is read.
    let followed = said(r#"label = { column = 'kind' }, classes = ["cat", "dog"]"#);
    assert!(!followed.contains("error"), "{followed}");
}
