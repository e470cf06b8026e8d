//! What a training says while it runs.

use std::path::Path;

use super::support::{Ended, empty_folder, prints, run_in};

fn train(here: &Path, args: &[&str]) -> Ended {
    let ended = run_in(here, &[&["train"], args, &["--out", "run"]].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended
}

/// The messages of the warnings that a training with `--json` prints.
fn warnings(here: &Path, args: &[&str]) -> Vec<String> {
    let stdout = train(here, &[args, &["--json"]].concat()).stdout;
    let events = stdout.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    events.filter(|e| e["event"] == "warning").map(|e| e["message"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn without_a_terminal_there_is_a_line_an_epoch_however_often_it_evaluates() {
    let here = empty_folder("train-lines");
    let lines = |args: &[&str]| {
        let ended = train(&here, args);
        ended.stdout.lines().filter(|line| line.starts_with("epoch ")).map(str::to_owned).collect::<Vec<_>>()
    };
    let digits = lines(&["digits", "--epochs", "3"]);
    assert_eq!(digits.len(), 3);
    assert!(digits[2].starts_with("epoch 3.00/3  loss 0.") && digits[2].ends_with("  learning rate 0.05"));
    // It evaluates every third step: many records an epoch.
    let digits16 = lines(&["digits16", "--epochs", "2"]);
    assert_eq!(digits16.len(), 2, "{digits16:?}");
    assert!(lines(&["digits", "--epochs", "1", "--quiet"]).is_empty());
}

#[test]
fn nothing_but_text_is_printed_where_there_is_no_terminal() {
    let here = empty_folder("train-plain");
    let ended = train(&here, &["digits", "--epochs", "1"]);
    assert!(!ended.stdout.contains('\u{1b}') && ended.stderr.is_empty(), "{ended:?}");
}

#[test]
fn the_digits_are_trained_without_a_warning_and_raw_pixels_with_one() {
    let here = empty_folder("train-warnings");
    assert_eq!(warnings(&here, &["digits", "--epochs", "4"]), [""; 0]);
    let raw = warnings(&here, &["digits16", "--steps", "100"]);
    assert_eq!(raw.len(), 1, "{raw:?}");
    assert!(raw[0].starts_with("the inputs are not scaled: "), "{raw:?}");
    let report = std::fs::read_to_string(here.join("run/report.html")).unwrap();
    assert!(report.contains("the inputs are not scaled"));
    let said = train(&here, &["digits16", "--steps", "100"]).stderr;
    assert!(said.starts_with("warning: the inputs are not scaled: ") && said.lines().count() == 1, "{said}");
}

#[test]
fn a_rate_of_nearly_0_is_said_to_move_nothing() {
    let here = empty_folder("train-stuck");
    let stuck = warnings(&here, &["digits", "--epochs", "4", "--lr", "1e-9"]);
    assert_eq!(stuck.len(), 1, "{stuck:?}");
    assert!(stuck[0].starts_with("the loss hardly moves: "), "{stuck:?}");
}

/// A recipe of its own, `mine.toml`, with this in its `[data]`: 40 rows of two numbers, of which many are equal.
fn write_small(here: &Path, data: &str) {
    let rows: String = (0..40).map(|i| format!("{},{},{}\n", i % 2 + 1, i % 2, i % 5)).collect();
    std::fs::write(here.join("mine.csv"), format!("label,a,b\n{rows}")).unwrap();
    let recipe = "[data]\ncsv = { train = 'mine.csv' }\nDATA\n[model]\nlayers = [{ layer = 'affine', units = 3 }]\n\
                  [loss]\nname = 'softmax_cross_entropy'\n[optimizer]\nname = 'sgd'\n[training]\n\
                  length = { epochs = 2 }\nbatch_size = 8\nlearning_rate = 0.1\n";
    std::fs::write(here.join("mine.toml"), recipe.replace("DATA", data)).unwrap();
}

#[test]
fn labels_from_1_and_examples_in_both_sets_are_said() {
    let here = empty_folder("train-labels");
    write_small(&here, "");
    let said = warnings(&here, &["mine.toml"]);
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].starts_with("the labels start at 1"), "{said:?}");
    assert!(said[1].starts_with("8 of 8 test examples are training examples too"), "{said:?}");
}

#[test]
fn the_model_is_kept_though_the_report_cannot_be_written() {
    let here = empty_folder("train-no-report");
    std::fs::create_dir_all(here.join("run/report.html")).unwrap();
    let ended = run_in(&here, &["train", "digits", "--steps", "3", "--out", "run"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("report.html: "), "{}", ended.stderr);
    assert!(ended.stderr.contains("; the model is in run/model.safetensors"), "{}", ended.stderr);
    prints(&here, &["summary", "run/model.safetensors"]);
}

#[test]
fn an_image_that_the_examples_are_not_is_refused_before_the_training() {
    let here = empty_folder("train-image");
    write_small(&here, "image = [3, 3]");
    let ended = run_in(&here, &["train", "mine.toml", "--out", "run"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "before anything is said");
    let expected = "image: expected a height and a width that divide the 2 numbers of an example, got [3, 3]";
    assert!(ended.stderr.contains(expected), "{}", ended.stderr);
}

#[test]
fn what_the_training_reads_is_never_written_over() {
    let here = empty_folder("train-spares");
    write_small(&here, "");
    std::fs::create_dir_all(here.join("run")).unwrap();
    let refused = |recipe: &str, args: &[&str], what: &str| {
        let read = || std::fs::read(here.join(what)).unwrap();
        let before = read();
        let ended = run_in(&here, &[&["train", recipe, "--epochs", "1"], args].concat());
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{what}: {}", ended.stderr);
        assert!(
            ended.stderr.starts_with(&format!("error: {what}: this file would be written over")),
            "{}",
            ended.stderr
        );
        assert_eq!(read(), before, "{what}");
    };
    std::fs::copy(here.join("mine.toml"), here.join("recipe.toml")).unwrap();
    refused("recipe.toml", &["--out", "."], "recipe.toml");
    refused("recipe.toml", &["--out", "run/.."], "recipe.toml");
    let mine = std::fs::read_to_string(here.join("mine.toml")).unwrap();
    std::fs::copy(here.join("mine.csv"), here.join("run/history.json")).unwrap();
    std::fs::write(here.join("mine.toml"), mine.replace("mine.csv", "run/history.json")).unwrap();
    refused("mine.toml", &["--out", "run"], "run/history.json");
}

#[test]
fn data_that_are_named_win_and_a_recipe_that_was_left_is_trained_again() {
    let here = empty_folder("train-data");
    write_small(&here, "");
    std::fs::create_dir_all(here.join("elsewhere")).unwrap();
    std::fs::rename(here.join("mine.csv"), here.join("elsewhere/mine.csv")).unwrap();
    let lost = run_in(&here, &["train", "mine.toml", "--out", "run"]);
    assert!(lost.code == Some(1) && lost.stderr.contains("mine.csv: "), "{lost:?}");
    prints(&here, &["summary", "mine.toml", "--data", "elsewhere"]);
    train(&here, &["mine.toml", "--data", "elsewhere"]);

    let first = std::fs::read(here.join("run/model.safetensors")).unwrap();
    prints(&here, &["train", "run/recipe.toml", "--out", "again"]);
    assert!(std::fs::read(here.join("again/model.safetensors")).unwrap() == first, "the same bytes");
}

#[test]
fn pictures_of_an_earlier_run_are_removed_and_other_files_stay() {
    let here = empty_folder("train-stale");
    train(&here, &["digits", "--steps", "2"]);
    assert!(here.join("run/samples.svg").is_file());
    std::fs::write(here.join("run/notes.svg"), "mine").unwrap();
    write_small(&here, "");
    train(&here, &["mine.toml"]);
    assert!(!here.join("run/samples.svg").exists(), "the rows of this run are no images");
    assert!(here.join("run/curves.svg").is_file() && here.join("run/notes.svg").is_file());
}

#[test]
fn numbers_are_kept_though_no_picture_can_be_written() {
    let here = empty_folder("train-no-picture");
    std::fs::create_dir_all(here.join("run/samples.svg")).unwrap();
    let ended = run_in(&here, &["train", "digits", "--steps", "3", "--out", "run"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    prints(&here, &["eval", "run"]);
    prints(&here, &["compare", "run", "--out", "page.html"]);
}

#[test]
fn runs_are_compared_whatever_lies_among_them() {
    let here = empty_folder("train-compare");
    train(&here, &["digits", "--steps", "2"]);
    for _ in 0..2 {
        let ended = run_in(&here, &["compare", "run", "compare.html", "--out", "compare.html"]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(ended.stdout.starts_with("run: test accuracy "), "{}", ended.stdout);
        let note = "note: leaving out compare.html, which is no run: it has no history.json\n";
        assert_eq!(ended.stderr, note);
    }
}
