//! A trained model at work: predictions, and how good they are.

use std::path::{Path, PathBuf};

use super::support::{empty_folder, prints, run_in};

/// Two classes that the first number tells apart; the third column is the name of the class.
fn cats_and_dogs() -> String {
    let rows = (0..40).map(|i| {
        let x = f64::from(i % 10) / 10.0;
        if i % 2 == 0 { format!("{},{x},cat\n", 2.0 + x) } else { format!("{},{x},dog\n", -2.0 - x) }
    });
    std::iter::once("width,height,kind\n".to_owned()).chain(rows).collect()
}

pub(super) const RECIPE: &str = "\
[data]
csv = { train = 'animals.csv', label = { column = 'kind' }, classes = ['cat', 'dog'] }
scaling = 'standardise'
[model]
layers = [{ layer = 'affine', units = 2 }]
[loss]
name = 'softmax_cross_entropy'
[optimizer]
name = 'sgd'
[training]
length = { steps = 200 }
batch_size = 8
learning_rate = 0.5
";

/// A folder with a trained model in `run`.
pub(super) fn trained(name: &str) -> PathBuf {
    let here = empty_folder(name);
    std::fs::write(here.join("animals.csv"), cats_and_dogs()).unwrap();
    std::fs::write(here.join("animals.toml"), RECIPE).unwrap();
    prints(&here, &["train", "animals.toml", "--quiet", "--out", "run"]);
    here
}

pub(super) fn write(here: &Path, name: &str, text: &str) {
    std::fs::write(here.join(name), text).unwrap();
}

#[test]
fn a_csv_file_is_read_with_and_without_header_and_label() {
    let here = trained("predict-csv");
    let predict = |text: &str, args: &[&str]| {
        write(&here, "new.csv", text);
        prints(&here, &[&["predict", "run", "--csv", "new.csv", "--format", "csv"], args].concat())
    };
    let bare = predict("3,0.5\n-3,0.5\n", &[]);
    let lines: Vec<_> = bare.lines().collect();
    assert_eq!((lines.len(), lines[0]), (3, "row,class,probability"));
    assert!(lines[1].starts_with("0,cat,0.9") && lines[2].starts_with("1,dog,0.9"), "{bare}");
    assert_eq!(predict("width,height\n3,0.5\n-3,0.5\n", &[]), bare);
    assert_eq!(
        predict("width,height,kind\n3,0.5,dog\n-3,0.5,dog\n", &[]),
        bare,
        "the label has no influence"
    );
    assert_eq!(predict("width,height,kind\n3,0.5,\n-3,0.5,bird\n", &[]), bare, "whatever it is");
    assert_eq!(predict("cat,3,0.5\ndog,-3,0.5\n", &["--label", "first"]), bare);
    assert_eq!(predict("height,width\n0.5,3\n0.5,-3\n", &["--header"]), bare, "columns have names");
    assert_eq!(predict("3;0.5\n-3;0.5\n", &["--delimiter", ";"]), bare);
}

#[test]
fn predictions_are_a_table_csv_or_json_lines() {
    let here = trained("predict-formats");
    write(&here, "new.csv", "3,0.5\n-3,0.5\n");
    let predict = |format| prints(&here, &["predict", "run", "--csv", "new.csv", "--format", format]);
    assert!(
        predict("table").starts_with("row  class  probability\n0    cat         0.9"),
        "{}",
        predict("table")
    );
    let objects: Vec<serde_json::Value> =
        predict("json").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        (&objects[1]["row"], &objects[1]["class"], &objects[1]["index"]),
        (&1.into(), &"dog".into(), &1.into())
    );
    assert!(objects[1]["probability"].as_f64().unwrap() > 0.9);
}

#[test]
fn what_is_no_probability_is_not_called_one() {
    let here = trained("predict-hinge");
    write(&here, "hinge.toml", &RECIPE.replace("softmax_cross_entropy", "hinge"));
    prints(&here, &["train", "hinge.toml", "--quiet", "--out", "hinge"]);
    write(&here, "new.csv", "3,0.5\n");
    let predict = |format| prints(&here, &["predict", "hinge", "--csv", "new.csv", "--format", format]);
    assert_eq!(predict("csv").lines().next(), Some("row,class,output"));
    let object: serde_json::Value = serde_json::from_str(&predict("json")).unwrap();
    assert!(object["output"].is_number() && object.get("probability").is_none(), "{object}");
}

#[test]
fn a_file_with_other_columns_is_refused_with_its_name_and_line() {
    let here = trained("predict-wrong");
    write(&here, "new.csv", "\n1,2,3,4\n");
    let ended = run_in(&here, &["predict", "run", "--csv", "new.csv"]);
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.stderr.contains("new.csv: line 2: expected 2 columns, or 3 with the label, got 4"),
        "{}",
        ended.stderr
    );
    let ended = run_in(&here, &["predict", "run"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
}

#[test]
fn the_model_file_alone_predicts() {
    let here = trained("predict-alone");
    write(&here, "new.csv", "3,0.5\n");
    let with_recipe = prints(&here, &["predict", "run", "--csv", "new.csv"]);
    std::fs::copy(here.join("run/model.safetensors"), here.join("alone.safetensors")).unwrap();
    assert_eq!(prints(&here, &["predict", "alone.safetensors", "--csv", "new.csv"]), with_recipe);
    let ended = run_in(&here, &["eval", "alone.safetensors"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("no recipe.toml beside it"), "{}", ended.stderr);
    let judged = prints(&here, &["eval", "alone.safetensors", "--csv", "animals.csv", "--label", "kind"]);
    assert!(judged.contains("accuracy  100.00 %") && !judged.contains("loss"), "{judged}");
}

#[test]
fn the_test_set_of_a_training_gives_the_results_of_the_training() {
    let here = empty_folder("eval-digits");
    let done = prints(&here, &["train", "digits", "--epochs", "2", "--json", "--out", "run"]);
    let done: serde_json::Value = serde_json::from_str(done.lines().last().unwrap()).unwrap();
    let judged: serde_json::Value = serde_json::from_str(&prints(&here, &["eval", "run", "--json"])).unwrap();
    assert_eq!(judged["loss"], done["test_loss"]);
    assert_eq!(judged["accuracy"], done["test_accuracy"]);
    assert_eq!(judged["examples"], 359);
    let counts = judged["confusion"].as_array().unwrap().iter().flat_map(|row| row.as_array().unwrap());
    assert_eq!(counts.map(|n| n.as_u64().unwrap()).sum::<u64>(), 359);
    let text = prints(&here, &["eval", "run"]);
    for part in ["class  examples  precision", "confusion matrix:", "mean"] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn the_training_of_ones_own_recipe_knows_where_its_data_were() {
    let here = trained("eval-own");
    let elsewhere = empty_folder("eval-elsewhere");
    let judged = prints(&elsewhere, &["eval", here.join("run").to_str().unwrap()]);
    assert!(judged.contains("examples  8\n") && judged.contains("cat"), "{judged}");
}

#[test]
fn a_regression_is_judged_by_how_far_it_is_off() {
    let here = empty_folder("eval-values");
    let rows = (0..30).map(|i| format!("{},{},{}\n", i, i % 7, 2 * i - i % 7));
    write(&here, "line.csv", &std::iter::once("a,b,y\n".to_owned()).chain(rows).collect::<String>());
    let recipe = RECIPE
        .replace("animals.csv", "line.csv")
        .replace("label = { column = 'kind' }, classes = ['cat', 'dog']", "label = { values = ['y'] }")
        .replace("units = 2", "units = 1")
        .replace("softmax_cross_entropy", "mean_squared_error")
        .replace("learning_rate = 0.5", "learning_rate = 0.1");
    write(&here, "line.toml", &recipe);
    prints(&here, &["train", "line.toml", "--quiet", "--out", "run"]);
    let judged: serde_json::Value = serde_json::from_str(&prints(&here, &["eval", "run", "--json"])).unwrap();
    assert!(judged["r2"].as_f64().unwrap() > 0.99, "{judged}");
    assert_eq!(judged["accuracy"], serde_json::Value::Null);
    write(&here, "new.csv", "10,3\n");
    let predicted = prints(&here, &["predict", "run", "--csv", "new.csv", "--format", "json"]);
    let predicted: serde_json::Value = serde_json::from_str(&predicted).unwrap();
    assert!((predicted["values"][0].as_f64().unwrap() - 17.0).abs() < 1.0, "{predicted}");
}

#[test]
fn labels_that_hold_by_themselves_have_the_names_of_their_columns() {
    let here = empty_folder("eval-labels");
    let rows = (0..40)
        .map(|i| format!("{},{},{},{}\n", i % 5 - 2, i % 7 - 3, u8::from(i % 5 > 2), u8::from(i % 7 > 3)));
    write(
        &here,
        "things.csv",
        &std::iter::once("a,b,round,red\n".to_owned()).chain(rows).collect::<String>(),
    );
    let recipe = RECIPE
        .replace("animals.csv", "things.csv")
        .replace(
            "label = { column = 'kind' }, classes = ['cat', 'dog']",
            "label = { values = ['round', 'red'] }",
        )
        .replace("softmax_cross_entropy", "binary_cross_entropy");
    write(&here, "things.toml", &recipe);
    let said = prints(&here, &["train", "things.toml", "--out", "run"]);
    assert!(!said.contains("accuracy"), "values have none while training: {said}");
    let judged = prints(&here, &["eval", "run"]);
    assert!(judged.contains("\nround ") && judged.contains("\nred "), "{judged}");
    let predicted = run_in(&here, &["predict", "run", "--csv", "things.csv", "--format", "csv"]);
    assert_eq!(predicted.stdout.lines().next(), Some("row,round,red"));
    let note = "note: leaving out the columns \"round\", \"red\" of things.csv, taken as the label\n";
    assert_eq!(predicted.stderr, note);
}

/// Grey values of 8 x 8 pixels from 0 to 255, the middle white.
fn write_image(path: &Path) {
    let mut encoder = png::Encoder::new(std::fs::File::create(path).unwrap(), 8, 8);
    encoder.set_color(png::ColorType::Grayscale);
    let grey = |i: usize| if (3..5).contains(&(i % 8)) { 255 } else { 10 };
    let pixels: Vec<u8> = (0..64).map(grey).collect();
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
}

#[test]
fn white_is_what_the_model_scales_to_1() {
    let here = empty_folder("predict-white");
    prints(&here, &["train", "digits", "--epochs", "2", "--quiet", "--out", "run"]);
    write_image(&here.join("one.png"));
    let predict = |args: &[&str]| {
        prints(&here, &[&["predict", "run", "--png", "one.png", "--format", "csv"], args].concat())
    };
    assert_eq!(predict(&[]), predict(&["--white", "16"]));
    assert_ne!(predict(&[]), predict(&["--white", "255"]));
}

#[test]
fn a_row_that_overflows_is_null_under_the_name_that_it_would_have() {
    let here = trained("predict-overflow");
    let recipe = RECIPE
        .replace("animals.csv", "line.csv")
        .replace("label = { column = 'kind' }, classes = ['cat', 'dog']", "label = { values = ['y'] }")
        .replace("units = 2", "units = 1")
        .replace("'softmax_cross_entropy'", "'mean_squared_error'")
        .replace("learning_rate = 0.5", "learning_rate = 0.1");
    let rows: String = (0..30).map(|i| format!("{i},{},{}\n", i % 7, 2 * i)).collect();
    write(&here, "line.csv", &format!("a,b,y\n{rows}"));
    write(&here, "line.toml", &recipe);
    prints(&here, &["train", "line.toml", "--quiet", "--out", "line"]);
    write(&here, "new.csv", "1e308,-1e308\n");
    let predict = |run| prints(&here, &["predict", run, "--csv", "new.csv", "--format", "json"]);
    let said: serde_json::Value = serde_json::from_str(&predict("line")).unwrap();
    assert!(said.get("class").is_none() && said.as_object().unwrap().contains_key("values"), "{said}");
}

#[test]
fn a_file_that_is_not_there_is_said_to_be_so_and_nothing_of_recipes() {
    let here = trained("predict-nowhere");
    for (command, option) in
        [("predict", "--csv"), ("predict", "--idx"), ("predict", "--png"), ("eval", "--csv")]
    {
        let ended = run_in(&here, &[command, "run", option, "nowhere"]);
        assert_eq!(ended.code, Some(2), "{command} {option}: {}", ended.stderr);
        let said = "error: nowhere: no such file; the path begins in the current folder\n";
        assert_eq!(ended.stderr, said, "{command} {option}");
    }
}
