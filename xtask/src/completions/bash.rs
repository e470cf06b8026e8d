//! For bash, with the package bash-completion or without.

use std::fmt::Write;

use super::{Words, joined};

pub fn script(commands: &[Words]) -> String {
    let mut of_command = String::new();
    let mut of_option = String::new();
    for command in commands {
        let _ = writeln!(of_command, "            {}) choices='{}' ;;", command.name, joined(command.all()));
        for option in command.options.iter().filter(|option| option.takes_value) {
            let (name, long, values) = (&command.name, &option.long, option.values.join(" "));
            let _ = writeln!(of_option, "            '{name} --{long}') choices='{values}' ;;");
        }
    }
    let names = joined(commands.iter().map(|command| command.name.clone()));
    WORDS.replace("@NAMES@", &names).replace("@OF_COMMAND@", &of_command).replace("@OF_OPTION@", &of_option)
}

// Where nothing is offered, bash offers files (`-o default`). bash-completion loads the words of cargo when they are first
// asked for and puts its function in the place of this one, which then takes the place back.
const WORDS: &str = r#"# Completes `cargo xtask`: belongs into ~/.bashrc
# The words after `cargo xtask`, the last of which is being typed.
_xtask_words() {
    local choices='@NAMES@' typed=${@:$#:1} before=${@:$#-1:1}
    if [[ $typed == = ]]; then # bash takes --name=value for three words
        typed=''
    elif [[ $before == = ]]; then
        before=${@:$#-2:1}
    fi
    if (( $# > 1 )); then
        choices=''
        case $1 in
@OF_COMMAND@        esac
        case "$1 $before" in
@OF_OPTION@        esac
    fi
    COMPREPLY=($(compgen -W "$choices" -- "$typed"))
}
_cargo_with_xtask() {
    if [[ ${COMP_WORDS[1]} == xtask ]] && (( COMP_CWORD > 1 )); then
        _xtask_words "${COMP_WORDS[@]:2:COMP_CWORD-1}"
        return
    fi
    if ! declare -F _cargo > /dev/null && declare -F _completion_loader > /dev/null; then
        _completion_loader cargo
        complete -o default -F _cargo_with_xtask cargo
    fi
    if declare -F _cargo > /dev/null; then
        _cargo "$@"
    elif (( COMP_CWORD == 1 )); then
        COMPREPLY=($(compgen -W xtask -- "${COMP_WORDS[1]}"))
    fi
}
complete -o default -F _cargo_with_xtask cargo
"#;
