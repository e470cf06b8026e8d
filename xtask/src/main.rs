//! The front door of the workspace: `cargo xtask COMMAND`.
//!
//! Words in, a crate called, text out: what a command does is in the crates. Exit code 0 for success, 1 if it failed, 2 for
//! wrong usage.

mod bench;
mod compare;
mod export;
mod fetch_data;
mod find;
mod fuzz;
mod gradcheck;
mod list;
mod output;
mod suggest;
mod summary;
mod test;
mod train;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Train and check small neural networks on the CPU.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Bench(bench::Args),
    Train(train::Args),
    Compare(compare::Args),
    Export(export::Args),
    FetchData(fetch_data::Args),
    Fuzz(fuzz::Args),
    Gradcheck(gradcheck::Args),
    List(list::Args),
    Summary(summary::Args),
    Test(test::Args),
}

/// How a command ends: with an exit code, or with an error that is printed.
type Outcome = Result<ExitCode, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Bench(args) => bench::run(&args),
        Command::Train(args) => train::run(&args),
        Command::Compare(args) => compare::run(&args),
        Command::Export(args) => export::run(&args),
        Command::FetchData(args) => fetch_data::run(&args),
        Command::Fuzz(args) => fuzz::run(&args),
        Command::Gradcheck(args) => gradcheck::run(&args),
        Command::List(args) => list::run(&args),
        Command::Summary(args) => summary::run(&args),
        Command::Test(args) => test::run(&args),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        if error.is::<suggest::Usage>() { ExitCode::from(2) } else { ExitCode::FAILURE }
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
