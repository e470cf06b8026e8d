//! The scripts for shells, the one for bash in a bash.

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
