//! `cargo xtask completions`: what a shell needs to complete the words of the other commands.
//!
//! The words come from the command line itself. `clap_complete` writes scripts for programs of one word; these hook into
//! the completion of `cargo`, whose second word is `xtask`, and leave the other words of `cargo` to what completed them
//! before.

mod bash;
mod fish;
mod zsh;

use std::process::ExitCode;

use clap::{Arg, Command};
use trainer::recipe::BUILT_IN;

use crate::Outcome;

/// Print a script that completes `cargo xtask` in a shell
///
/// Put it where the shell reads it when it starts, and open a new shell:
///
///   bash:  cargo xtask completions bash >> ~/.bashrc
///   zsh:   cargo xtask completions zsh >> ~/.zshrc
///   fish:  cargo xtask completions fish > ~/.config/fish/conf.d/cargo-xtask.fish
///          (the folder is there once fish has been started)
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
    let mut cli = cli.clone();
    cli.build(); // adds `help` and `--help`
    let commands: Vec<Words> = cli.get_subcommands().map(Words::of).collect();
    let script = match args.shell {
        Shell::Bash => bash::script(&commands),
        Shell::Zsh => zsh::script(&commands),
        Shell::Fish => fish::script(&commands),
    };
    print!("{script}");
    Ok(ExitCode::SUCCESS)
}

/// A command and the words that may follow it.
struct Words {
    name: String,
    about: String,
    options: Vec<Opt>,
    /// What may stand alone: the names of recipes where a recipe is expected, or the values of an argument.
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
        let options = command.get_arguments().filter(|arg| !arg.is_hide_set()).filter_map(|arg| {
            Some(Opt {
                long: arg.get_long()?.to_owned(),
                about: first_line(arg.get_help()),
                takes_value: arg.get_action().takes_values(),
                values: values(arg),
            })
        });
        // Those of `help`; of them all, `help` itself need not be explained.
        let commands =
            command.get_subcommands().map(|c| c.get_name().to_owned()).filter(|name| name != "help");
        Words {
            name: command.get_name().to_owned(),
            about: first_line(command.get_about()),
            options: options.collect(),
            words: command.get_positionals().flat_map(values).chain(commands).collect(),
        }
    }

    fn all(&self) -> impl Iterator<Item = String> {
        self.words.iter().cloned().chain(self.options.iter().map(|option| format!("--{}", option.long)))
    }
}

/// The words that an argument may be, where they are known; else it is a path or a number.
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

fn first_line(text: Option<&clap::builder::StyledStr>) -> String {
    let text = text.map(ToString::to_string).unwrap_or_default();
    text.lines().next().unwrap_or_default().to_owned()
}

fn joined(words: impl Iterator<Item = String>) -> String {
    words.collect::<Vec<_>>().join(" ")
}
