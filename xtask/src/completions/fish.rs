//! For fish, which adds these lines to its own completion of cargo.

use std::fmt::Write;

use super::{Opt, Words};

pub fn script(commands: &[Words]) -> String {
    let mut script = HEAD.to_owned();
    for Words { name, about, options, words } in commands {
        let about = quoted(about);
        let _ = writeln!(script, "complete -c cargo -n __cargo_xtask -f -a {name} -d {about}");
        let here = format!("'__cargo_xtask {name}'");
        if !words.is_empty() {
            let _ = writeln!(script, "complete -c cargo -n {here} -a '{}'", words.join(" "));
        }
        for Opt { long, about, takes_value, values } in options {
            let value = match (takes_value, values.is_empty()) {
                (false, _) => String::new(),
                (true, true) => " -r -F".into(),
                (true, false) => format!(" -x -a '{}'", values.join(" ")),
            };
            let _ = writeln!(script, "complete -c cargo -n {here} -l {long}{value} -d {}", quoted(about));
        }
    }
    script
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', r"\\").replace('\'', r"\'"))
}

const HEAD: &str = r#"# Completes `cargo xtask`: belongs into ~/.config/fish/conf.d/cargo-xtask.fish
# Whether the words of this command are to come; without an argument, whether the command itself is.
function __cargo_xtask
    set -l words (commandline -opc)
    test "$words[2]" = xtask; and test "$words[3]" = "$argv[1]"
end
complete -c cargo -n '__fish_is_nth_token 1' -f -a xtask -d 'Train and check small neural networks'
"#;

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_text_is_one_word_of_the_shell() {
        assert_eq!(quoted(r"it's a \ here"), r"'it\'s a \\ here'");
    }
}
