//! CSV files as they come: from a pipe, with columns in any order, with large numbers.

use super::predict::{RECIPE, trained, write};
use super::support::{empty_folder, prints};

#[cfg(unix)]
#[test]
fn a_pipe_gives_all_of_its_rows() {
    use super::support::run_piped;

    let here = trained("csv-pipe");
    let text = format!("width,height,kind\n{}", "3,0.5,cat\n-3,0.25,dog\n".repeat(30_000));
    write(&here, "new.csv", &text);
    let through_the_pipe = |text: &str| {
        let args = ["predict", "run", "--csv", "/dev/stdin", "--format", "csv"];
        let ended = run_piped(&here, &args, text);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ended.stdout
    };
    let of_the_file = prints(&here, &["predict", "run", "--csv", "new.csv", "--format", "csv"]);
    assert_eq!(of_the_file.lines().count(), 60_001);
    assert!(through_the_pipe(&text) == of_the_file, "the same rows");
    let small = through_the_pipe("3,0.5\n-3,0.25\n");
    assert_eq!(small, of_the_file.lines().take(3).map(|line| format!("{line}\n")).collect::<String>());
    let judged = run_piped(&here, &["eval", "run", "--csv", "/dev/stdin", "--json"], &text);
    assert!(judged.stdout.contains("\"examples\":60000"), "{} {}", judged.stdout, judged.stderr);
}

#[test]
fn a_recipe_in_double_precision_reads_double_precision() {
    let here = empty_folder("csv-f64");
    let row = |i: u32| format!("{},{},{}\n", 16_777_216 + i % 2, i, ["cat", "dog"][i as usize % 2]);
    write(&here, "animals.csv", &format!("a,b,kind\n{}", (0..40).map(row).collect::<String>()));
    let per_feature = RECIPE.replace("'standardise'", "'standardise_per_feature'");
    write(&here, "animals.toml", &format!("precision = 'f64'\n{per_feature}"));
    prints(&here, &["train", "animals.toml", "--quiet", "--out", "run"]);
    let judged = prints(&here, &["eval", "run"]);
    assert!(judged.contains("accuracy  100.00 %"), "{judged}");
    write(&here, "new.csv", "16777216,0\n16777217,0\n1e39,0\n");
    let predicted = prints(&here, &["predict", "run", "--csv", "new.csv", "--format", "csv"]);
    let classes: Vec<_> = predicted.lines().skip(1).map(|line| line.split(',').nth(1).unwrap()).collect();
    assert_eq!(classes, ["cat", "dog", "dog"]);
}
