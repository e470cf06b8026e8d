//! The page of a run, the numbers of a run, and runs side by side.

use std::fs;

use trainer::Error;
use trainer::report::{RUN_FILE, RunFile, compare};

use super::{Folder, file, history, history_without_accuracy, images, report, values};

/// What a page has besides style and script, as text that can be searched.
fn page(test: &str, data: &datasets::Dataset, history: &trainer::History) -> String {
    file(&report(&Folder::new(test).join("run"), data, history).unwrap(), "report.html").to_owned()
}

fn has_id(page: &str, id: &str) -> bool {
    page.contains(&format!("id=\"{id}\""))
}

const ALWAYS: [&str; 9] = [
    "facts",
    "warnings",
    "loss",
    "learning-rate",
    "gradients",
    "updates",
    "time",
    "network",
    "configuration",
];

#[test]
fn a_page_has_all_its_parts_and_loads_nothing() {
    let page = page("page", &images(30, 3, vec![]), &history(5));
    let of_images = ["accuracy", "confusion", "classes", "mistakes", "weights", "samples", "histogram"];
    for id in ALWAYS.into_iter().chain(of_images) {
        assert!(has_id(&page, id), "no {id}");
    }
    for address in ["src=\"http", "href=\"http", "url(", "@import", "<link"] {
        assert!(!page.contains(address), "{address}");
    }
    assert!(page.contains("[3]") && page.contains("51 parameters, 48 multiply-adds"), "the network");
    assert!(page.contains("prefers-color-scheme:dark") && page.contains("data-theme"));
}

#[test]
fn texts_cannot_break_out_of_a_page() {
    let names = vec!["</script><script>alert(1)</script>".into(), "\"><img src=x onerror=alert(1)>".into()];
    let page = page("page_escaped", &images(8, 2, names), &history(2));
    assert!(!page.contains("<script>alert") && !page.contains("<img src=x"));
    assert!(page.contains("&lt;/script&gt;&lt;script&gt;alert(1)"));
    assert!(page.contains("<title>tried &lt;b&gt;</title>"));
    assert!(page.contains("about = &quot;&lt;i&gt;a &amp; b&lt;/i&gt;&quot;"));
    assert_eq!(page.matches("<script>").count(), 1);
}

#[test]
fn two_and_a_hundred_classes_have_a_matrix_that_fits() {
    for (classes, named) in [(2, true), (100, false)] {
        let page = page(&format!("classes{classes}"), &images(200, classes, vec![]), &history(3));
        let start = page.find("id=\"confusion\"").unwrap();
        let matrix = &page[start..start + page[start..].find("</svg>").unwrap()];
        assert!(matrix.matches("class=\"cell ").count() >= classes, "a guess for each truth");
        assert_eq!(matrix.contains("class=\"number "), named, "numbers only where there is room");
        assert!(matrix.contains("data-tip=\"truth 1, guess "));
        assert!(!matrix.contains("NaN"));
    }
}

#[test]
fn values_have_no_matrix_but_their_largest_errors() {
    let page = page("page_values", &values(6), &history_without_accuracy(3));
    for id in ALWAYS {
        assert!(has_id(&page, id), "no {id}");
    }
    for id in ["accuracy", "confusion", "classes", "samples"] {
        assert!(!has_id(&page, id), "{id}");
    }
    assert!(page.contains("Largest errors") && has_id(&page, "weights"));
    assert!(!page.contains("test accuracy"));
}

#[test]
fn no_record_and_one_record_make_a_page() {
    for n in [0, 1] {
        let page = page(&format!("page_history{n}"), &images(4, 2, vec![]), &history(n));
        assert_eq!(page.contains("no values"), n == 0);
        assert!(!page.contains("NaN"));
    }
}

#[test]
fn the_numbers_of_a_run_come_back_bit_for_bit() {
    let dir = Folder::new("numbers");
    let mut history = history(4);
    history.records[2].test_loss = Some(f64::INFINITY);
    report(&dir, &images(9, 3, vec![]), &history).unwrap();
    let run = RunFile::load(&dir).unwrap();
    assert_eq!((run.history, run.seed, run.seconds, run.parameters), (history, 7, 1.5, 51));
    assert_eq!(run.test.unwrap().accuracy, Some(0.5));
    assert_eq!(run.recipe, fs::read_to_string(dir.join("recipe.toml")).unwrap());
}

#[test]
fn a_file_that_is_no_run_is_an_error_with_its_place() {
    let dir = Folder::new("no_run");
    assert!(matches!(RunFile::load(&dir), Err(Error::Io { action: "read", .. })));
    fs::write(dir.join(RUN_FILE), "{\n  \"format\": true }").unwrap();
    let error = RunFile::load(&dir).unwrap_err().to_string();
    assert!(error.ends_with("history.json:2:16: invalid type: boolean `true`, expected u32"), "{error}");
    report(&dir, &images(9, 3, vec![]), &history(1)).unwrap();
    let newer = fs::read_to_string(dir.join(RUN_FILE)).unwrap().replace("\"format\":1", "\"format\":9");
    fs::write(dir.join(RUN_FILE), newer).unwrap();
    let error = RunFile::load(&dir).unwrap_err().to_string();
    assert!(error.ends_with("expected a format up to 1, got 9"), "{error}");
}

#[test]
fn a_comparison_shows_each_run_and_marks_what_differs() {
    let dir = Folder::new("compared");
    report(&dir, &images(9, 3, vec![]), &history(3)).unwrap();
    let first = RunFile::load(&dir).unwrap();
    let mut second = RunFile { history: history(5), ..first.clone() };
    second.recipe = second.recipe.replace("0.1", "0.2");
    let page = compare(&[("runs/<one>".into(), first), ("runs/two".into(), second)]);
    for id in ["results", "test-accuracy", "test-loss", "train-accuracy", "train-loss", "learning-rate"] {
        assert!(has_id(&page, id), "no {id}");
    }
    assert!(page.contains("runs/&lt;one&gt;") && !page.contains("<one>"));
    assert!(
        page.contains("<mark>learning_rate = 0.1</mark>")
            && page.contains("<mark>learning_rate = 0.2</mark>")
    );
    assert_eq!(page.matches("<mark>").count(), 2);
}
