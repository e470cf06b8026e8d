//! The table of a network.

use super::support::{empty_folder, prints, run_in};

const MNIST: &str = "\
layer     output    parameters  multiply-adds
  input   [28, 28]
0 affine  [50]          39,250         39,200
1 relu    [50]               0              0
2 affine  [10]             510            500
  total                 39,760         39,700
";

#[test]
fn a_recipe_of_a_known_set_needs_no_data() {
    let here = empty_folder("summary-mnist");
    assert_eq!(prints(&here, &["summary", "mnist", "--data", "nowhere"]), MNIST);
}

#[test]
fn a_trained_model_and_its_recipe_give_the_same_table() {
    let here = empty_folder("summary-model");
    prints(&here, &["train", "digits", "--steps", "1", "--quiet", "--out", "run"]);
    let of_recipe = prints(&here, &["summary", "digits"]);
    assert!(of_recipe.contains("0 affine   [256]       16,640         16,384"), "{of_recipe}");
    assert_eq!(prints(&here, &["summary", "run"]), of_recipe);
    assert_eq!(prints(&here, &["summary", "run/model.safetensors"]), of_recipe);
}

#[test]
fn train_shows_the_network_first_unless_it_is_to_be_quiet() {
    let here = empty_folder("summary-train");
    let train = |how: &[&str]| prints(&here, &[&["train", "--steps", "1", "--out", "run"], how].concat());
    assert!(train(&[]).contains("multiply-adds"));
    assert!(!train(&["--quiet"]).contains("multiply-adds"));
    assert!(!train(&["--json"]).contains("multiply-adds"));
}

#[test]
fn a_folder_without_a_model_says_how_one_is_made() {
    let here = empty_folder("summary-none");
    let ended = run_in(&here, &["summary", "."]);
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.stderr.contains("no model.safetensors in it; a model is what `cargo xtask train"),
        "{ended:?}"
    );
}
