//! CSV files as they come: from a pipe, with columns in any order, with large numbers.

use super::predict::{RECIPE, trained, write};
use super::support::{empty_folder, prints, run_in};

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

#[test]
fn columns_are_found_by_the_names_that_they_had_in_the_training() {
    let here = trained("csv-names");
    let predict = |model: &str, text: &str| {
        write(&here, "new.csv", text);
        run_in(&here, &["predict", model, "--csv", "new.csv", "--format", "csv"])
    };
    let as_trained = predict("run", "width,height\n3,0.5\n-3,0.25\n").stdout;
    assert_eq!(as_trained.lines().count(), 3);
    std::fs::copy(here.join("run/model.safetensors"), here.join("alone.safetensors")).unwrap();
    for model in ["run", "alone.safetensors"] {
        assert_eq!(predict(model, "height,width\n0.5,3\n0.25,-3\n").stdout, as_trained);
        let other = predict(model, "height,depth\n0.5,3\n");
        let named = "new.csv: line 1: expected a column \"width\", got \"height\", \"depth\"";
        assert_eq!(other.code, Some(1));
        assert!(other.stderr.contains(named), "{}", other.stderr);
    }
    write(&here, "judge.csv", "kind,height,width\ncat,0.5,3\ndog,0.25,-3\n");
    let judged = prints(&here, &["eval", "run", "--csv", "judge.csv"]);
    assert!(judged.contains("accuracy  100.00 %"), "{judged}");
}

#[test]
fn the_test_file_of_a_recipe_has_the_columns_of_the_training_file_in_any_order() {
    let here = trained("csv-test-file");
    let with_test = RECIPE.replace("train = 'animals.csv'", "train = 'animals.csv', test = 'test.csv'");
    for (label, name) in [("label = { column = 'kind' }", "named.toml"), ("label = 'last'", "last.toml")] {
        write(&here, name, &with_test.replace("label = { column = 'kind' }", label));
        let train = |text: &str| {
            write(&here, "test.csv", text);
            run_in(&here, &["train", name, "--out", "other"])
        };
        let good = train("kind,height,width\ncat,0.5,3\ndog,0.25,-3\n");
        assert!(good.stdout.contains("accuracy 100.00 %\n"), "{} {}", good.stdout, good.stderr);
        let other = train("width,depth,kind\n3,0.5,cat\n");
        let said = "test.csv: header: expected a column \"height\", got width, depth, kind";
        assert!(other.code == Some(1) && other.stderr.contains(said), "{}", other.stderr);
    }
    write(&here, "animals.csv", "a,a,kind\n3,0.5,cat\n-3,0.5,dog\n");
    write(&here, "test.csv", "b,c,kind\n3,0.5,cat\n-3,0.5,dog\n");
    prints(&here, &["train", "named.toml", "--quiet", "--out", "other"]); // by position, as names cannot tell
}

#[test]
fn probabilities_as_labels_are_judged_by_probabilities() {
    let here = empty_folder("csv-soft");
    let row = |i: i32| format!("{},{},{}\n", i % 9 - 4, i % 5, ["1,0", "0,1"][usize::from(i % 9 > 4)]);
    write(&here, "animals.csv", &format!("a,b,p,q\n{}", (0..90).map(row).collect::<String>()));
    let soft = RECIPE
        .replace("{ column = 'kind' }, classes = ['cat', 'dog']", "{ values = ['p', 'q'] }")
        .replace("steps = 200", "steps = 2000");
    let log = soft.replace("units = 2 }", "units = 2 }, { layer = 'log_softmax' }");
    write(&here, "softmax.toml", &soft);
    write(&here, "divergence.toml", &log.replace("softmax_cross_entropy", "kullback_leibler"));
    for name in ["softmax", "divergence"] {
        prints(&here, &["train", &format!("{name}.toml"), "--quiet", "--out", name]);
        let judged = prints(&here, &["eval", name, "--csv", "animals.csv", "--json"]);
        let judged: serde_json::Value = serde_json::from_str(&judged).unwrap();
        assert_eq!(judged["examples"], 90);
        assert!(judged["mean_absolute_error"].as_f64().unwrap() < 0.1, "{judged}");
        assert!(judged["r2"].as_f64().unwrap() > 0.9, "{judged}");
        let predicted = run_in(&here, &["predict", name, "--csv", "animals.csv", "--format", "csv"]);
        assert_eq!(predicted.stdout.lines().count(), 91, "{}", predicted.stderr);
    }
}

#[test]
fn options_that_would_have_no_effect_are_refused() {
    let here = trained("csv-options");
    write(&here, "new.csv", "3,0.5\n");
    for args in [
        &["eval", "run", "--label", "kind"][..],
        &["eval", "run", "--header"],
        &["eval", "run", "--no-header"],
        &["eval", "run", "--delimiter", ";"],
        &["eval", "run", "--csv", "new.csv", "--labels", "y.idx"],
        &["predict", "run", "--csv", "new.csv", "--white", "0"],
        &["predict", "run", "--idx", "x.idx", "--label", "kind"],
        &["predict", "run", "--png", "x.png", "--delimiter", ";"],
    ] {
        let ended = run_in(&here, args);
        assert_eq!(ended.code, Some(2), "{args:?}: {} {}", ended.stdout, ended.stderr);
    }
    for command in ["predict", "eval"] {
        let ended = run_in(&here, &[command, "run", "--csv", "animals.csv", "--label", "nope"]);
        let said = "expected a column \"nope\", got \"width\", \"height\", \"kind\"";
        assert!(ended.code == Some(1) && ended.stderr.contains(said), "{}", ended.stderr);
    }
}
