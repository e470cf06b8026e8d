//! For zsh, with its completion of cargo or without.

use std::fmt::Write;

use super::{Words, joined};

pub fn script(commands: &[Words]) -> String {
    let names = joined(commands.iter().map(|command| entry(&command.name, &command.about)));
    let mut of_command = String::new();
    let mut of_option = String::new();
    for command in commands {
        let words = command.words.iter().map(|word| entry(word, ""));
        let options = command.options.iter().map(|o| entry(&format!("--{}", o.long), &o.about));
        let _ =
            writeln!(of_command, "        {}) choices=({}) ;;", command.name, joined(words.chain(options)));
        for option in command.options.iter().filter(|option| option.takes_value) {
            let (name, long) = (&command.name, &option.long);
            let values = joined(option.values.iter().map(|value| entry(value, "")));
            let _ = writeln!(of_option, "        '{name} --{long}') choices=({values}) ;;");
        }
    }
    WORDS.replace("@NAMES@", &names).replace("@OF_COMMAND@", &of_command).replace("@OF_OPTION@", &of_option)
}

/// A word and what it means, as `_describe` takes them: the first colon is between them.
fn entry(name: &str, about: &str) -> String {
    let text = if about.is_empty() { name.to_owned() } else { format!("{name}:{about}") };
    format!("'{}'", text.replace('\'', r"'\''"))
}

const WORDS: &str = r#"# Completes `cargo xtask`: belongs into ~/.zshrc
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
_cargo_with_xtask() {
    if [[ ${words[2]} != xtask ]] || (( CURRENT == 2 )); then
        if [[ -n $_cargo_without_xtask ]]; then
            $_cargo_without_xtask "$@"
        elif (( CURRENT == 2 )); then
            compadd xtask
        else
            _default
        fi
        return
    fi
    local -a choices
    if (( CURRENT == 3 )); then
        choices=(@NAMES@)
        _describe command choices
        return
    fi
    case ${words[3]} in
@OF_COMMAND@    esac
    local before=${words[CURRENT-1]}
    if compset -P '--*='; then
        before=${IPREFIX%=}
    fi
    case "${words[3]} $before" in
@OF_OPTION@    esac
    _describe word choices || _files
}
[[ ${_comps[cargo]} == _cargo_with_xtask ]] || _cargo_without_xtask=${_comps[cargo]}
compdef _cargo_with_xtask cargo
"#;

#[cfg(test)]
mod tests {
    use super::entry;

    #[test]
    fn an_entry_is_one_word_of_the_shell() {
        assert_eq!(entry("--format", "What it's for: people"), r"'--format:What it'\''s for: people'");
        assert_eq!(entry("csv", ""), "'csv'");
    }
}
