//! The table of layers in the docs is complete.

use std::collections::BTreeSet;
use std::path::Path;

use layers::registry;

use super::cases::{kind, kinds};

#[test]
fn every_layer_has_a_row_in_the_table_and_the_file_that_it_names() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let table = std::fs::read_to_string(root.join("docs/layers.md")).expect("the table is readable");
    let mut rows = BTreeSet::new();
    for row in table.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        assert_eq!(cells.len(), 5, "{row}");
        assert!(cells.iter().all(|cell| !cell.is_empty()), "{row}");
        assert!(root.join("src").join(cells[4].trim_matches('`')).is_file(), "no such file: {row}");
        assert!(rows.insert(cells[0].trim_matches('`').to_owned()), "a second row: {row}");
    }
    assert_eq!(rows, kinds());
}

#[test]
fn a_layer_is_written_down_under_the_name_of_its_kind() {
    for case in registry::cases() {
        if let Some(spec) = case.layer.spec() {
            assert_eq!(kind(&spec), case.layer.kind());
            let text = serde_json::to_string(&spec).expect("a layer without strange numbers");
            assert_eq!(serde_json::from_str::<layers::Spec>(&text).expect("what was written"), spec);
            let again = spec.build(&case.input).expect("the shape of its case");
            assert_eq!(again.spec().as_ref(), Some(&spec), "{}", case.name);
            assert_eq!(again.params(), case.layer.params(), "{}", case.name);
        }
    }
}
