//! What a program depends on that only predicts, and one that only trains.

use std::collections::BTreeSet;
use std::process::Command;

/// The names of the crates that `trainer` pulls in, itself among them.
fn crates(features: &str) -> BTreeSet<String> {
    let flags = ["--no-default-features", "--features", features, "--edges", "normal", "--prefix", "none"];
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--package", env!("CARGO_PKG_NAME")])
        .args(flags)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let names = String::from_utf8(tree.stdout).unwrap();
    names.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn a_program_that_only_predicts_pulls_in_nothing_of_training() {
    let predicts = crates("model-file");
    for other in ["losses", "toml", "zip", "maud", "png", "ureq", "rustls", "clap"] {
        assert!(!predicts.contains(other), "{other}");
    }
    assert!(predicts.contains("layers") && crates("train").contains("losses"), "the names are read");
    assert!(predicts.len() <= 38, "{}: {predicts:?}", predicts.len());
}

#[test]
fn a_program_that_trains_pulls_in_no_digests_and_no_formats_that_it_did_not_ask_for() {
    let trains = crates("train");
    for other in ["sha2", "md-5", "ureq", "serde", "toml", "png", "zip"] {
        assert!(!trains.contains(other), "{other}");
    }
    assert!(trains.len() <= 26, "ARCHITECTURE.md says 26: {}: {trains:?}", trains.len());
}
