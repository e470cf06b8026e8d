//! The table of optimisers and schedules in the docs is complete.

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
