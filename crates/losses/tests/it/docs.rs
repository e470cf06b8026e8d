//! The table of losses in the docs is complete.

use std::collections::BTreeSet;
use std::path::Path;

use losses::Spec;

#[test]
fn every_loss_has_a_row_in_the_table_and_the_file_that_it_names() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let table = std::fs::read_to_string(root.join("docs/losses.md")).unwrap();
    let mut rows = BTreeSet::new();
    for row in table.lines().filter(|line| line.starts_with("| `")) {
        let row = row.replace(r"\|", "/"); // a bar within a formula
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        assert_eq!(cells.len(), 6, "{row}");
        assert!(cells.iter().all(|cell| !cell.is_empty()), "{row}");
        let file = cells[5].trim_matches('`');
        assert!(root.join("src").join(file).is_file(), "{row}");
        rows.insert(cells[0].trim_matches('`').to_string());
    }
    let all: BTreeSet<_> = Spec::all().iter().map(|spec| spec.kind().to_string()).collect();
    assert_eq!(rows, all);
}
