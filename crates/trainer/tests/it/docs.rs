//! The table of optimisers and schedules in the docs is complete, and the recipe of the README trains.

use std::collections::BTreeSet;
use std::path::Path;

use trainer::{OptimizerSpec, Schedule};

/// What each table names, by its heading.
fn rows(heading: &str) -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("docs/optimisers_and_schedules.md")).unwrap();
    let part = text.split("## ").find(|part| part.starts_with(heading)).unwrap();
    let row = |row: &str| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        assert_eq!(cells.len(), 5, "{row}");
        assert!(cells.iter().all(|cell| !cell.is_empty()), "{row}");
        assert!(root.join("src").join(cells[4].trim_matches('`')).is_file(), "{row}");
        cells[0].trim_matches('`').to_string()
    };
    part.lines().filter(|line| line.starts_with("| `")).map(row).collect()
}

#[test]
fn every_optimiser_has_a_row_and_the_file_that_it_names() {
    let all = OptimizerSpec::all();
    let all = all.iter().map(|spec| spec.kind().to_string()).chain(["lbfgs".to_string()]);
    assert_eq!(rows("Optimisers"), all.collect());
}

#[test]
fn every_schedule_has_a_row_and_the_file_that_it_names() {
    let all = Schedule::all();
    let all = all.iter().map(|schedule| schedule.kind().to_string()).chain(["plateau".to_string()]);
    assert_eq!(rows("Schedules"), all.collect());
}

/// The first block of this kind in the README of the workspace.
#[cfg(feature = "recipe")]
fn readme_block(kind: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let text = std::fs::read_to_string(path).unwrap();
    let start = text.find(&format!("```{kind}\n")).unwrap() + kind.len() + 4;
    text[start..start + text[start..].find("```").unwrap()].to_owned()
}

#[cfg(feature = "recipe")]
#[test]
fn the_recipe_of_the_readme_trains_on_a_file_like_that_of_the_readme() {
    use trainer::{Source, evaluate, recipe::Recipe};

    let folder = std::env::temp_dir().join(format!("trainer-readme-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let csv = readme_block("csv");
    let (header, rows) = csv.split_once('\n').unwrap();
    std::fs::write(folder.join("flowers.csv"), format!("{header}\n{}", rows.repeat(20))).unwrap();
    let mut recipe = Recipe::parse(&readme_block("toml"), "flowers.toml".as_ref()).unwrap();
    recipe.training.length = trainer::Length::Epochs(10);

    let data = recipe.load_data(&folder).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!((data.train.len(), data.test.len(), data.test.n_classes()), (48, 12, 3));
    let mut trainer = recipe.trainer(recipe.model::<f32>(&data).unwrap()).unwrap();
    let source = |set| Source::new(set, &data.scaling).unwrap();
    trainer.fit(&source(&data.train), None, |_| {}).unwrap();
    let result = evaluate(trainer.model(), &source(&data.test), trainer.loss()).unwrap();
    assert_eq!(result.accuracy, Some(1.0), "three rows, known by heart");
}
