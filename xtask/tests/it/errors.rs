//! Commands given wrongly: what is said, what to do next, and the exit code.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
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
    write("many.csv", &(0..20).map(|i| format!("{},{i},{}\n", i % 2, i % 7)).collect::<String>());
    let rows = RECIPE.split_once("scaling").unwrap().1.replace("softmax_cross_entropy", "mean_squared_error");
    write("rows.toml", &format!("[data]\ncsv = {{ train = 'many.csv', header = false }}\nscaling{rows}"));
    write("lost.toml", &digits);
    write("typo.toml", &digits.replace("units", "unit"));
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/../datasets/digits/digits.csv.gz");
    let never = digits.replace("[training.evaluate]\nepochs = 1", "[training.evaluate]\nsteps = 0");
    write("never.toml", &never.replace("digits/digits.csv.gz", shipped));
    let cases: [Case<'_>; 20] = [
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
        (
            &["train", "typo.toml"],
            1,
            "unknown field `unit`, expected `units`",
            "did you mean 'units'?\n  a recipe",
        ),
        (&["train", "lost.toml"], 1, "digits/digits.csv.gz: ", "in the folder of the recipe"),
        (&["train", "."], 2, "expected a recipe, got a folder", "name the .toml file in it"),
        (&["train", "mnist", "--data", "."], 1, "mnist is not in .", "`cargo xtask fetch-data mnist`"),
        (&["train", "--epochs", "0"], 2, "invalid value '0' for '--epochs <N>'", "'--help'"),
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
        (
            &["compare", "."],
            2,
            ".: expected runs, got none with a history.json",
            "`cargo xtask train --out DIR`",
        ),
        (&["gradcheck", "--recipe", "mnist", "--data", "."], 1, "mnist is not in .", "--data DIR"),
        (&["train", "rows.toml"], 1, "expected targets as rows of numbers", "one_hot = true"),
        (&["fetch-data", "--offline", "--dir", "."], 1, "to be there when offline", "fetch it online"),
    ];
    cases.into_iter().for_each(|case| fails(&here, case));
}

/// The words, the exit code, what is wrong, and what to do next.
type Case<'a> = (&'a [&'a str], i32, &'a str, &'a str);

fn fails(here: &Path, (args, code, what, next): Case<'_>) {
    let ended = run_in(here, args);
    assert_eq!(ended.code, Some(code), "{args:?}: {}", ended.stderr);
    assert!(ended.stderr.starts_with("error: "), "{args:?}: {}", ended.stderr);
    assert!(ended.stderr.contains(what) && ended.stderr.contains(next), "{args:?}: {}", ended.stderr);
}

#[test]
fn numbers_that_make_no_sense_are_refused_as_they_are_typed() {
    let here = empty_folder("errors-numbers");
    let lr = "invalid value 'nan' for '--lr <X>': expected a finite number from 0";
    let white = "expected a finite number that is not 0";
    let png = |white| ["predict", "m", "--png", "a.png", "--white", white];
    let cases: [Case<'_>; 8] = [
        (&["train", "--lr", "nan"], 2, lr, "'--help'"),
        (&["train", "--seed", "-1"], 2, "invalid value '-1' for '--seed <N>'", "'--help'"),
        (&["train", "--batch-size", "-1"], 2, "invalid value '-1' for '--batch-size <N>'", "'--help'"),
        (&["train", "--threads", "-1"], 2, "invalid value '-1' for '--threads <N>'", "'--help'"),
        (&["train", "--checkpoint-every", "-1"], 2, "'-1' for '--checkpoint-every <N>'", "'--help'"),
        (&png("0"), 2, white, "'--help'"),
        (&png("inf"), 2, white, "'--help'"),
        (&["predict"], 2, "Usage: cargo xtask predict <MODEL> <--csv <FILE>|", "'--help'"),
    ];
    cases.into_iter().for_each(|case| fails(&here, case));
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
fn a_reader_of_a_model_that_leaves_ends_the_command_quietly() {
    let here = super::predict::trained("errors-export");
    let mut child = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .current_dir(&here)
        .args(["export", "run", "--onnx", "/dev/stdout"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap()), (Some(141), String::new()));
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
