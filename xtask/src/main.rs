//! The front door of the workspace: `cargo xtask COMMAND`.
//!
//! Words in, a crate called, text out: what a command does is in the crates. Exit code 0 for success, 1 if it failed, 2 for
//! wrong usage, 130 if it was interrupted, 141 if nobody reads its output any more.

mod advice;
mod bench;
mod compare;
mod completions;
mod eval;
mod export;
mod fetch_data;
mod find;
mod fuzz;
mod gradcheck;
mod list;
mod output;
mod predict;
mod signals;
mod suggest;
mod summary;
mod test;
mod train;
mod trained;
mod words;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

/// Train and check small neural networks on the CPU.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Train(train::Args),
    Eval(eval::Args),
    Predict(predict::Args),
    Bench(bench::Args),
    Compare(compare::Args),
    Completions(completions::Args),
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
    output::end_when_output_fails();
    signals::limits_are_errors();
    let outcome = match Cli::parse().command {
        Command::Bench(args) => bench::run(&args),
        Command::Train(args) => train::run(&args),
        Command::Eval(args) => eval::run(&args),
        Command::Predict(args) => predict::run(&args),
        Command::Compare(args) => compare::run(&args),
        Command::Completions(args) => completions::run(&args, &Cli::command()),
        Command::Export(args) => export::run(&args),
        Command::FetchData(args) => fetch_data::run(&args),
        Command::Fuzz(args) => fuzz::run(&args),
        Command::Gradcheck(args) => gradcheck::run(&args),
        Command::List(args) => list::run(&args),
        Command::Summary(args) => summary::run(&args),
        Command::Test(args) => test::run(&args),
    };
    outcome.unwrap_or_else(|error| {
        if output::is_broken_pipe(&*error) {
            return ExitCode::from(output::BROKEN_PIPE);
        }
        eprintln!("error: {}", output::harmless(&error.to_string()));
        if let Some(next) = advice::next_step(&*error) {
            eprintln!("  {next}");
        }
        if error.is::<suggest::Usage>() { ExitCode::from(2) } else { ExitCode::FAILURE }
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
