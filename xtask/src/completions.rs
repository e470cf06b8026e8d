//! `cargo xtask completions`: what a shell needs to complete the words of the other commands.
//!
//! The words come from the command line itself. `clap_complete` writes scripts for programs of one word; these hook into
//! the completion of `cargo`, whose second word is `xtask`.

use std::fmt::Write;
use std::process::ExitCode;

use clap::{Arg, Command};
use trainer::recipe::BUILT_IN;

use crate::Outcome;

/// Print a script that completes `cargo xtask` in a shell.
///
/// bash:  cargo xtask completions bash >> ~/.bashrc
///
/// zsh:   cargo xtask completions zsh >> ~/.zshrc      (below compinit)
///
/// fish:  cargo xtask completions fish > ~/.config/fish/completions/cargo-xtask.fish, and source it
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

pub fn run(args: &Args, cli: &Command) -> Outcome {
    let commands: Vec<Words> = cli.get_subcommands().map(Words::of).collect();
    let script = match args.shell {
        Shell::Bash => bash(&commands),
        Shell::Zsh => zsh(&commands),
        Shell::Fish => fish(&commands),
    };
    print!("{script}");
    Ok(ExitCode::SUCCESS)
}

/// A command and the words that may follow it.
struct Words {
    name: String,
    about: String,
    options: Vec<Opt>,
    /// What may stand alone: the names of recipes, where a recipe is expected.
    words: Vec<String>,
}

struct Opt {
    long: String,
    about: String,
    takes_value: bool,
    values: Vec<String>,
}

impl Words {
    fn of(command: &Command) -> Self {
        let options = command.get_arguments().filter_map(|arg| {
            Some(Opt {
                long: arg.get_long()?.to_owned(),
                about: first_line(arg.get_help()),
                takes_value: arg.get_action().takes_values(),
                values: values(arg),
            })
        });
        Words {
            name: command.get_name().to_owned(),
            about: first_line(command.get_about()),
            options: options.collect(),
            words: command.get_positionals().flat_map(values).collect(),
        }
    }

    fn all(&self) -> impl Iterator<Item = String> {
        self.words.iter().cloned().chain(self.options.iter().map(|option| format!("--{}", option.long)))
    }
}

/// The words that an argument may be, where they are known.
fn values(arg: &Arg) -> Vec<String> {
    let is_recipe = arg.get_id().as_str() == "recipe" || arg.get_id().as_str() == "network";
    if is_recipe {
        return BUILT_IN.map(|(name, _)| name.to_owned()).to_vec();
    }
    if !arg.get_action().takes_values() {
        return Vec::new();
    }
    arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect()
}

/// Quotes and colons, which mean something to shells, left out.
fn first_line(text: Option<&clap::builder::StyledStr>) -> String {
    let text = text.map(ToString::to_string).unwrap_or_default();
    text.lines().next().unwrap_or_default().replace(['\'', '`', ':', '[', ']'], "")
}

fn joined(words: impl Iterator<Item = String>) -> String {
    words.collect::<Vec<_>>().join(" ")
}

fn bash(commands: &[Words]) -> String {
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
    format!(
        "\
# The words after `cargo xtask`, the last of which is being typed.
_xtask_words() {{
    local choices='{names}'
    if (( $# > 1 )); then
        choices=''
        case $1 in
{of_command}        esac
        case \"$1 ${{@:$#-1:1}}\" in
{of_option}        esac
    fi
    COMPREPLY=($(compgen -W \"$choices\" -- \"${{@:$#:1}}\"))
}}
_cargo_with_xtask() {{
    if [[ ${{COMP_WORDS[1]}} == xtask ]] && (( COMP_CWORD > 1 )); then
        _xtask_words \"${{COMP_WORDS[@]:2:COMP_CWORD-1}}\"
    elif declare -F _cargo > /dev/null; then
        _cargo \"$@\"
    fi
}}
complete -o default -F _cargo_with_xtask cargo
"
    )
}

fn zsh(commands: &[Words]) -> String {
    let entry = |name: &str, about: &str| format!("'{name}:{about}'");
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
    // The completion of cargo calls the function of this name.
    format!(
        "\
_cargo-xtask() {{
    local -a choices
    if (( CURRENT == 2 )); then
        choices=({names})
        _describe command choices
        return
    fi
    case ${{words[2]}} in
{of_command}    esac
    case \"${{words[2]}} ${{words[CURRENT-1]}}\" in
{of_option}    esac
    _describe word choices
    _files
}}
"
    )
}

fn fish(commands: &[Words]) -> String {
    let names = joined(commands.iter().map(|command| command.name.clone()));
    let mut script = String::new();
    let xtask = "__fish_seen_subcommand_from xtask";
    for Words { name, about, options, words } in commands {
        let _ = writeln!(
            script,
            "complete -c cargo -n '{xtask}; and not __fish_seen_subcommand_from {names}' -f -a {name} -d '{about}'"
        );
        let here = format!("{xtask}; and __fish_seen_subcommand_from {name}");
        if !words.is_empty() {
            let _ = writeln!(script, "complete -c cargo -n '{here}' -a '{}'", words.join(" "));
        }
        for Opt { long, about, takes_value, values } in options {
            let value = match (takes_value, values.is_empty()) {
                (false, _) => String::new(),
                (true, true) => " -r".into(),
                (true, false) => format!(" -x -a '{}'", values.join(" ")),
            };
            let _ = writeln!(script, "complete -c cargo -n '{here}' -l {long}{value} -d '{about}'");
        }
    }
    script
}
