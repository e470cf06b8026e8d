//! What is measured, and what is said when it cannot be.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn bench(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_xtask")).arg("bench").args(args).output().unwrap()
}

#[test]
fn a_work_whose_data_ship_is_measured_and_learns() {
    let output = bench(&["w3", "--json", "--threads", "1"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(stdout.lines().count(), 1, "{stdout}");
    let line: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((&line["work"], &line["unit"]), (&"w3".into(), &"1000 steps".into()));
    assert_eq!((&line["threads"], &line["repeats"]), (&1.into(), &5.into()));
    let number = |key: &str| line[key].as_f64().unwrap_or_else(|| panic!("{key} in {line}"));
    assert!(0.0 < number("best_s") && number("best_s") <= number("median_s"));
    // The recipe reaches 80 % in 10,000 steps; these are 5,000.
    assert!(number("test_acc") > 0.75, "{line}");
    if cfg!(target_os = "linux") {
        assert!((1.0..200.0).contains(&number("peak_mib")), "{line}");
    }
}

#[test]
fn a_work_without_its_data_says_how_to_get_them() {
    let nowhere = Path::new(env!("CARGO_TARGET_TMPDIR")).join("nowhere");
    let output = bench(&["w1", "--data", nowhere.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.starts_with("w1: skipped, fashion-mnist is not in "), "{stderr}");
    assert!(stderr.contains("`cargo xtask fetch-data fashion-mnist` brings it"), "{stderr}");
}

#[test]
fn fewer_than_five_repeats_and_unknown_works_are_refused() {
    assert_eq!(bench(&["w3", "--repeats", "4"]).status.code(), Some(2));
    let output = bench(&["w10"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("there is no work 'w10'"));
}
