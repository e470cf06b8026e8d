//! The page in a real browser, where there is one: Debian's chromium, or the program that `CHROMIUM` names.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{Folder, history, images, report};

const PATIENCE: Duration = Duration::from_secs(120);

/// Moves the pointer over each chart and writes down what is shown then; switches the colours.
const PROBE: &str = r#"<script>
addEventListener("load", () => {
  const tip = document.getElementById("tip");
  const colour = () => getComputedStyle(document.body).backgroundColor;
  const move = (element) => {
    const box = element.getBoundingClientRect();
    const at = { clientX: box.left + box.width * 0.6, clientY: box.top + box.height / 2, bubbles: true };
    element.dispatchEvent(new PointerEvent("pointermove", at));
    return tip.hidden ? "nothing" : tip.textContent;
  };
  const seen = {};
  for (const svg of document.querySelectorAll("svg[data-hover]")) seen[svg.id] = move(svg);
  seen.cell = move(document.querySelector('#confusion .cell'));
  seen.bar = move(document.querySelector('#histogram .bar'));
  const before = colour();
  document.getElementById("theme").click();
  seen.switched = String(before !== colour());
  seen.wider = String(document.documentElement.scrollWidth > innerWidth);
  for (const [key, value] of Object.entries(seen)) document.body.setAttribute(`data-seen-${key}`, value);
});
</script>"#;

/// The browser, or none and a word about it.
fn browser() -> Option<PathBuf> {
    let named = std::env::var_os("CHROMIUM").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let known = ["chromium", "chromium-browser", "google-chrome"];
    let mut places = known.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    let found = named.or_else(|| places.find(|place| place.is_file()));
    if found.is_none() {
        // Not through the macro, whose output a passing test swallows.
        let word = b"skipped: the report in a browser, because there is no chromium here\n";
        std::io::stderr().write_all(word).expect("standard error takes a line");
    }
    found
}

/// What the browser prints, and what it says of errors.
fn run(browser: &Path, dir: &Path, page: &Path, what: &[String]) -> (String, String) {
    let (out, log) = (dir.join("out"), dir.join("log"));
    let mut child = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--hide-scrollbars", "--enable-logging=stderr", "--virtual-time-budget=5000"])
        .arg(format!("--user-data-dir={}", dir.join("profile").display()))
        .args(what)
        .arg(format!("file://{}", page.display()))
        .stdin(Stdio::null())
        .stdout(File::create(&out).unwrap())
        .stderr(File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > PATIENCE {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("the browser did not end within {PATIENCE:?}");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let text = |path| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
    (text(&out), text(&log))
}

/// What the page said on the console.
fn console(log: &str) -> Vec<&str> {
    log.lines().filter(|line| line.contains("CONSOLE")).collect()
}

fn seen<'d>(dom: &'d str, key: &str) -> &'d str {
    let attribute = format!("data-seen-{key}=\"");
    let start = dom.find(&attribute).unwrap_or_else(|| panic!("no {key} in the page")) + attribute.len();
    &dom[start..start + dom[start..].find('"').unwrap()]
}

#[test]
fn a_report_opens_in_a_browser_without_errors_and_shows_values_under_the_pointer() {
    let Some(browser) = browser() else { return };
    let dir = Folder::new("browser");
    report(&dir, &images(30, 3, vec![]), &history(5)).unwrap();
    let page = fs::read_to_string(dir.join("report.html")).unwrap();
    let probed = dir.join("probed.html");
    fs::write(&probed, page.replace("</body>", &format!("{PROBE}</body>"))).unwrap();

    for width in [1240, 500] {
        let (dom, log) =
            run(&browser, &dir, &probed, &["--dump-dom".into(), format!("--window-size={width},900")]);
        assert!(console(&log).is_empty(), "{:?}", console(&log));
        for (id, shown) in [
            ("loss", "step 9train, while learning0.66667test0.83333"),
            ("accuracy", "train, while learning70 %"),
            ("learning-rate", "learning rate0.1"),
            ("gradients", "0.weight10.bias0.5"),
            ("updates", "0.weight0.10.bias0.05"),
            ("cell", "truth 0, guess "),
            ("bar", ": "),
            ("switched", "true"),
            ("wider", "false"),
        ] {
            assert!(seen(&dom, id).contains(shown), "{width}: {id}: {}", seen(&dom, id));
        }
    }

    let picture = dir.join("report.png");
    let screenshot = [format!("--screenshot={}", picture.display()), "--window-size=1240,3200".into()];
    run(&browser, &dir, &dir.join("report.html"), &screenshot);
    assert!(fs::metadata(&picture).unwrap().len() > 20_000, "an empty screenshot");
}

#[test]
fn an_error_in_a_page_would_be_noticed() {
    let Some(browser) = browser() else { return };
    let dir = Folder::new("browser_error");
    let page = dir.join("broken.html");
    fs::write(&page, "<!DOCTYPE html><script>undefined.x</script>").unwrap();
    let (_, log) = run(&browser, &dir, &page, &["--dump-dom".into()]);
    assert_eq!(console(&log).len(), 1, "{log}");
}
