//! `cargo xtask fetch-data`: the data sets that do not ship with the project.

use std::path::PathBuf;
use std::process::ExitCode;

use datasets::Set;
use datasets::download::{Event, FetchOptions, Mirror, fetch};
use indicatif::{ProgressBar, ProgressStyle};

use crate::output::{shown, workspace};
use crate::{Outcome, signals, suggest};

/// Download MNIST and Fashion-MNIST, each file verified; what is there and right is not downloaded again.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// mnist, fashion-mnist or all
    #[arg(default_value = "all")]
    set: String,
    /// Where to: the files land in DIR/SET [default: datasets]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// An address or a folder that has the files; may be repeated, tried in this order
    #[arg(long = "mirror", value_name = "URL-or-folder")]
    mirrors: Vec<Mirror>,
    /// Use no network
    #[arg(long)]
    offline: bool,
    /// Download again what is there
    #[arg(long)]
    force: bool,
}

pub fn run(args: &Args) -> Outcome {
    let sets = match args.set.as_str() {
        "all" => Set::ALL.to_vec(),
        name => match name.parse() {
            Ok(set) => vec![set],
            Err(_) => {
                let known = ["mnist", "fashion-mnist", "all"];
                let help = "the small sets ship with the project";
                return Err(suggest::unknown("data set", name, &known, help).into());
            }
        },
    };
    let cancel = signals::asked_to_end()?;
    let dir = args.dir.clone().unwrap_or_else(|| workspace().join("datasets"));
    let options = FetchOptions {
        mirrors: args.mirrors.clone(),
        offline: args.offline,
        force: args.force,
        cancel: Some(&cancel),
        ..FetchOptions::default()
    };
    for set in sets {
        let bar = ProgressBar::no_length().with_style(style());
        let folder = dir.join(set.name());
        let fetched = match fetch(set, &folder, &options, &mut |event| show(&bar, event)) {
            Ok(fetched) => fetched,
            Err(datasets::Error::Cancelled) => {
                eprintln!("stopped; what had arrived of the current file is gone, complete files stay");
                return Ok(ExitCode::from(130));
            }
            Err(error) => {
                let what_to_do = match error.fault() {
                    datasets::Error::Io(_) => "; --dir names another folder to write to",
                    datasets::Error::NoMirror { .. } => {
                        ", or name an address or a folder that has it by --mirror"
                    }
                    _ => "",
                };
                return Err(format!("{error}{what_to_do}").into());
            }
        };
        bar.finish_and_clear();
        println!("{set} in {}:", shown(&folder));
        for file in fetched {
            let name = file.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let from = file.from.map_or("was there".into(), |from| format!("from {from}"));
            println!("  {name:<28} {:>12} bytes  verified, {from}", file.bytes);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn style() -> ProgressStyle {
    let template = "{msg:<28} {bar:30} {bytes}/{total_bytes}  {bytes_per_sec}  {eta}";
    ProgressStyle::with_template(template).expect("a well-formed template")
}

fn show(bar: &ProgressBar, event: Event<'_>) {
    match event {
        Event::Started { file, .. } => {
            bar.set_length(file.bytes);
            bar.set_message(file.name);
            bar.reset();
        }
        Event::Received { bytes, .. } => bar.set_position(bytes),
        Event::Waiting { file, from, reason, wait } => {
            bar.suspend(|| {
                eprintln!("{}: {from}: {reason}; again in {:.0} s", file.name, wait.as_secs_f64())
            });
        }
        Event::Failed { file, from, reason } => {
            bar.suspend(|| eprintln!("{}: {from}: {reason}", file.name));
        }
        _ => {}
    }
}
