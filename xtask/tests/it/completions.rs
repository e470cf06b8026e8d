//! The scripts for shells, each in its shell where that is installed, as a person sets it up in an empty home.

use std::path::Path;
use std::process::Command;

use super::support::{empty_folder, prints};

/// What bash offers for these words, the last of which is being typed.
fn offered(words: &[&str]) -> Option<Vec<String>> {
    let here = empty_folder("completions-bash");
    let script = prints(&here, &["completions", "bash"]);
    std::fs::write(here.join("script"), script).unwrap();
    let words: String = words.iter().map(|word| format!(" '{word}'")).collect();
    let ask = format!(
        ". ./script; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _cargo_with_xtask; \
         printf '%s\\n' \"${{COMPREPLY[@]}}\""
    );
    let output = Command::new("bash").current_dir(&here).args(["-c", &ask]).output().ok()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect())
}

#[test]
fn bash_offers_commands_recipes_options_and_values() {
    let Some(commands) = offered(&["cargo", "xtask", ""]) else {
        return eprintln!("skipped: there is no bash here");
    };
    assert!(
        ["train", "eval", "predict"].iter().all(|name| commands.contains(&name.to_string())),
        "{commands:?}"
    );
    assert_eq!(offered(&["cargo", "xtask", "tra"]).unwrap(), ["train"]);
    assert_eq!(offered(&["cargo", "xtask", "train", "fa"]).unwrap(), ["fashion", "fashion-cnn"]);
    assert_eq!(
        offered(&["cargo", "xtask", "train", "mnist", "--checkpoint"]).unwrap(),
        ["--checkpoint-every"]
    );
    assert_eq!(
        offered(&["cargo", "xtask", "predict", "run", "--format", ""]).unwrap(),
        ["table", "csv", "json"]
    );
    assert_eq!(offered(&["cargo", "xtask", "predict", "run", "--format", "=", "c"]).unwrap(), ["csv"]);
    assert_eq!(offered(&["cargo", "xta"]).unwrap(), ["xtask"]);
}

/// What fish offers for this line, without what it means.
fn fish_offers(home: &Path, line: &str) -> Option<Vec<String>> {
    let ask = format!("complete -C '{line}'");
    let output = in_home("fish", home).args(["-c", &ask]).output().ok()?;
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!errors.contains("__cargo_xtask"), "{errors}");
    let text = String::from_utf8(output.stdout).unwrap();
    Some(text.lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect())
}

/// A shell that finds its settings in this folder alone.
fn in_home(shell: &str, home: &Path) -> Command {
    let mut command = Command::new(shell);
    command.current_dir(home).env("HOME", home).env("TERM", "dumb");
    for name in ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "ZDOTDIR"] {
        command.env_remove(name);
    }
    command
}

#[test]
fn fish_offers_commands_recipes_options_and_values() {
    let home = empty_folder("completions-fish");
    let settings = home.join(".config/fish/conf.d");
    std::fs::create_dir_all(&settings).unwrap();
    std::fs::write(settings.join("cargo-xtask.fish"), prints(&home, &["completions", "fish"])).unwrap();
    std::fs::write(home.join("mine.toml"), "").unwrap();
    let Some(xtask) = fish_offers(&home, "cargo xta") else {
        return eprintln!("skipped: there is no fish here");
    };
    assert_eq!(xtask, ["xtask"]);
    let offered = |line: &str| fish_offers(&home, line).unwrap();
    let commands = offered("cargo xtask ");
    assert!(
        ["train", "eval", "help"].iter().all(|name| commands.contains(&name.to_string())),
        "{commands:?}"
    );
    assert_eq!(offered("cargo xtask tra"), ["train"]);
    assert_eq!(offered("cargo xtask train fa"), ["fashion", "fashion-cnn"]);
    assert_eq!(offered("cargo xtask train mi"), ["mine.toml"]);
    assert_eq!(offered("cargo xtask train mnist --checkpoint"), ["--checkpoint-every"]);
    assert_eq!(offered("cargo xtask train mnist --out mi"), ["mine.toml"]);
    assert_eq!(offered("cargo xtask predict train --format "), ["csv", "json", "table"]);
    assert_eq!(offered("cargo xtask predict train --format=c"), ["--format=csv"]);
    assert_eq!(offered("cargo xtask completions z"), ["zsh"]);
    assert!(offered("cargo buil").contains(&"build".to_owned()), "the words of cargo itself stay");
}

/// What the screen shows when this line and a tab are typed into a zsh, up to the next prompt.
fn zsh_shows(home: &Path, line: &str) -> Option<String> {
    let keys = format!(
        "zmodload zsh/zpty || exit 9; zpty shell zsh -i; zpty -r shell screen '*ready>*'
         zpty -w -n shell $'{line}\\t'; zpty -w -n shell $'\\x15exit\\n'
         while zpty -r shell screen; do print -rn -- $screen; done; zpty -d shell"
    );
    let output = in_home("zsh", home).args(["-f", "-c", &keys]).output().ok()?;
    assert!(output.status.code() != Some(9), "zsh without its module zpty");
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn zsh_offers_commands_recipes_options_and_values() {
    let home = empty_folder("completions-zsh");
    // The prompt tells when the shell has read its settings.
    let settings =
        format!("{}\nstty rows 50 cols 200\nPS1='ready> '\n", prints(&home, &["completions", "zsh"]));
    std::fs::write(home.join(".zshrc"), settings).unwrap();
    std::fs::write(home.join("mine.toml"), "").unwrap();
    for (line, shown) in [
        ("cargo xta", &["cargo xtask"][..]),
        ("cargo xtask ", &["train", "fetch-data", "Measure whole tasks on real data: time,"]),
        ("cargo xtask tra", &["cargo xtask train"]),
        ("cargo xtask train fashion", &["fashion-cnn"]),
        ("cargo xtask train mi", &["cargo xtask train mine.toml"]),
        ("cargo xtask train mnist --checkp", &["--checkpoint-every"]),
        ("cargo xtask train mnist --out mi", &["--out mine.toml"]),
        ("cargo xtask predict train --format ", &["table", "csv", "json"]),
        ("cargo xtask predict train --format=c", &["--format=csv"]),
        ("cargo xtask completions z", &["cargo xtask completions zsh"]),
    ] {
        let Some(screen) = zsh_shows(&home, line) else {
            return eprintln!("skipped: there is no zsh here");
        };
        assert!(shown.iter().all(|text| screen.contains(text)), "{line}: expected {shown:?}, got\n{screen}");
    }
}

#[test]
fn every_shell_gets_every_command() {
    let here = empty_folder("completions-all");
    for shell in ["bash", "zsh", "fish"] {
        let script = prints(&here, &["completions", shell]);
        for command in ["train", "eval", "predict", "summary", "list", "fetch-data", "completions"] {
            assert!(script.contains(command), "{shell}: {command}");
        }
    }
}
