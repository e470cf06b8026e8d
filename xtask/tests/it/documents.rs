//! What the documents say of the code is so.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    let path = workspace().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The rows of the tables in a text, without the lines under their headings.
fn rows(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| ---"))
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Whether the text of a file has a test of this name.
fn has_test(text: &str, name: &str) -> bool {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let head = format!("fn {name}(");
    let found = lines.iter().position(|line| line.starts_with(&head));
    found.is_some_and(|at| {
        lines[..at].iter().rev().take_while(|line| line.starts_with('#')).any(|line| *line == "#[test]")
    })
}

/// The names in a row that are no tests of the file before them, and how many are.
fn check_row(row: &str, read: &impl Fn(&str) -> String) -> (Vec<String>, usize) {
    let (mut file, mut wrong, mut right) = (None, vec![], 0);
    for word in quoted(row) {
        let named =
            word.contains('_') && word.bytes().all(|b| b.is_ascii_lowercase() || b"_0123456789".contains(&b));
        if word.ends_with(".rs") {
            file = Some((word, read(word)));
        } else if let (true, Some((path, text))) = (named, &file) {
            match has_test(text, word) {
                true => right += 1,
                false => wrong.push(format!("{path}: {word}")),
            }
        }
    }
    (wrong, right)
}

#[test]
fn every_promise_names_tests_that_exist() {
    let text = read("docs/promises.md");
    let mut promises = 0;
    for row in rows(&text).filter(|row| !row.starts_with("| promise |")) {
        let (wrong, right) = check_row(row, &read);
        assert!(wrong.is_empty(), "no such test: {wrong:?}");
        assert!(right > 0, "a promise without a test: {row}");
        promises += 1;
    }
    assert!(promises > 40, "{promises} promises: the tables are not where they were");
}

#[test]
fn a_test_that_is_gone_or_no_test_is_noticed() {
    let read = |_: &str| {
        "#[test]\nfn a_b() {\n#[cfg(unix)]\n#[test]\n#[ignore]\nfn c_d() {\nfn e_f() {\n".to_owned()
    };
    let row = "| `cargo x_y` | `x.rs`: `a_b`, `c_d`, `e_f`, `g_h` |";
    assert_eq!(check_row(row, &read), (vec!["x.rs: e_f".to_owned(), "x.rs: g_h".to_owned()], 2));
}

/// Every crate of others that a program built from the workspace contains, on this kind of machine.
fn foreign_crates() -> BTreeSet<String> {
    let mut command = Command::new(env!("CARGO"));
    command.args(["tree", "--workspace", "--all-features", "--edges", "normal,build", "--prefix", "none"]);
    let output = command.args(["--locked", "--offline"]).current_dir(workspace()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    // `ndarray v0.17.2`, or `layers v0.1.0 (/where/it/is)`
    let foreign = text.lines().filter(|line| !line.contains('/'));
    foreign.filter_map(|line| Some(line.split_once(' ')?.0.to_owned())).collect()
}

/// The words in the first column of the table of dependencies.
fn reviewed() -> BTreeSet<String> {
    let text = read("ARCHITECTURE.md");
    let section = text.split("## Dependencies").nth(1).expect("a section on dependencies");
    let section = section.split("\n## ").next().unwrap_or_default();
    let cells = rows(section).filter_map(|row| row.split('|').nth(1));
    let word = |c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_');
    cells.flat_map(|cell| cell.split(word).map(str::to_owned).collect::<Vec<_>>()).collect()
}

#[test]
fn every_dependency_is_in_the_table_that_says_what_it_may_touch() {
    let (foreign, reviewed) = (foreign_crates(), reviewed());
    assert!(foreign.len() > 50 && foreign.contains("ndarray"), "{foreign:?}");
    let missing: Vec<_> = foreign.difference(&reviewed).collect();
    assert!(missing.is_empty(), "not in the table of ARCHITECTURE.md: {missing:?}");
    // What is for tests alone is in the table too, as far as we ask for it ourselves.
    let manifest = read("Cargo.toml");
    let section = manifest.split("[workspace.dependencies]").nth(1).unwrap().split("\n[").next().unwrap();
    for line in section.lines().filter(|line| line.contains(" = ") && !line.contains("path = ")) {
        let name = line.split(" = ").next().unwrap().trim();
        assert!(reviewed.contains(name), "{name} is not in the table of ARCHITECTURE.md");
        assert!(line.contains('#'), "{name} has no reason beside it in Cargo.toml");
    }
}

/// The source files below a folder.
fn sources(folder: PathBuf) -> Vec<PathBuf> {
    let (mut found, mut open) = (vec![], vec![folder]);
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn unsafe_code_is_denied_but_in_one_module_and_in_the_allocators_of_tests() {
    let allows = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).unwrap();
        ["allow", "expect", "warn"].iter().any(|level| text.contains(&format!("[{level}(unsafe_code")))
    };
    let found: Vec<_> = ["crates", "xtask"].map(|folder| sources(workspace().join(folder))).concat();
    assert!(found.len() > 100, "{} files", found.len());
    let found: Vec<_> = found.into_iter().filter(allows).collect();
    let known = [
        "crates/datasets/tests/it/memory.rs",
        "crates/tensor-ops/src/machine/mod.rs",
        "crates/trainer/tests/it/memory.rs",
    ];
    assert_eq!(found, known.map(|path| workspace().join(path)));
    assert!(read("Cargo.toml").contains("\nunsafe_code = \"deny\""));
    for package in ["tensor-ops", "layers", "losses", "datasets", "trainer"] {
        assert!(
            read(&format!("crates/{package}/Cargo.toml")).contains("\n[lints]\nworkspace = true\n"),
            "{package}"
        );
    }
    assert!(read("xtask/Cargo.toml").contains("\nunsafe_code = \"deny\""));
}
