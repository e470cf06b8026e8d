//! `cargo xtask fuzz`: mutated files against everything that reads files.
//!
//! No coverage guidance, so it runs on a stable toolchain; the tests of each crate have the systematic part (every
//! truncation, every bit of a header). This adds hours of breadth to whoever wants them.

use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use datasets::{csv, idx};
use ndarray::array;
use rand::{Rng, RngExt};
use sha2::{Digest, Sha256};
use tensor_ops::random::{Purpose, stream};
use trainer::npy;
use trainer::recipe::Recipe;
use trainer::{Checkpoint, Model};

use crate::output::workspace;
use crate::{Outcome, suggest};

/// Feed mutated files to the readers and report any that panics.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// csv, idx, model, checkpoint, npy, recipe or all
    #[arg(default_value = "all")]
    target: String,
    /// How long for each target
    #[arg(long, value_name = "N", default_value_t = 10)]
    seconds: u64,
    /// The seed of the mutations
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Feed this one file instead
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
}

struct Target {
    name: &'static str,
    read: fn(&[u8]),
    /// Small good files to start from.
    seeds: fn() -> Vec<Vec<u8>>,
}

const TARGETS: [Target; 6] = [
    Target { name: "csv", read: |bytes| drop(csv::parse(bytes, &csv::Options::default())), seeds: csv_seeds },
    Target { name: "idx", read: |bytes| drop(idx::parse(bytes, &idx::Options::default())), seeds: idx_seeds },
    Target {
        name: "model",
        read: |bytes| drop(Model::<f32>::from_bytes(bytes)),
        seeds: || golden("safetensors"),
    },
    Target {
        name: "checkpoint",
        read: |bytes| drop(Checkpoint::<f32>::from_bytes(bytes)),
        seeds: || golden("ckpt"),
    },
    Target { name: "npy", read: |bytes| drop(npy::parse::<f32>(bytes)), seeds: npy_seeds },
    Target { name: "recipe", read: read_recipe, seeds: recipe_seeds },
];

fn read_recipe(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    // A recipe may ask for a network of any size; building one is not reading one.
    drop(Recipe::parse(text, "fuzz.toml".as_ref()));
}

fn csv_seeds() -> Vec<Vec<u8>> {
    let texts = ["label,a,b\n1,2.5,-3e2\n0,\"1\",.5\n", "a;b\r\n1;2\r\n", "0,1,2\n1,3,4\n"];
    texts.map(|text| text.as_bytes().to_vec()).to_vec()
}

fn idx_seeds() -> Vec<Vec<u8>> {
    let labels = [&[0, 0, 8, 1, 0, 0, 0, 3][..], &[0, 1, 2]].concat();
    let images = [&[0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2][..], &[7; 8]].concat();
    let floats = [&[0, 0, 0x0d, 1, 0, 0, 0, 1][..], &1.5_f32.to_be_bytes()].concat();
    vec![labels, images, floats]
}

fn npy_seeds() -> Vec<Vec<u8>> {
    let (floats, bytes) = (array![[1.5_f32, -2.0], [0.0, 3.0]].into_dyn(), array![7_u8, 8].into_dyn());
    vec![npy::to_bytes(&floats), npy::to_bytes(&bytes)]
}

fn recipe_seeds() -> Vec<Vec<u8>> {
    trainer::recipe::BUILT_IN.map(|(_, text)| text.as_bytes().to_vec()).to_vec()
}

/// The files of the first format versions, which are checked in.
fn golden(extension: &str) -> Vec<Vec<u8>> {
    let folder = workspace().join("crates/trainer/tests/golden");
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|e| e == extension)).collect();
    files.sort(); // the order of a folder is not the same everywhere
    files.iter().filter_map(|path| std::fs::read(path).ok()).collect()
}

pub fn run(args: &Args) -> Outcome {
    let names = TARGETS.map(|target| target.name);
    let chosen: Vec<_> = TARGETS.iter().filter(|t| args.target == "all" || args.target == t.name).collect();
    if chosen.is_empty() {
        let help = "`all` is every one of them";
        return Err(suggest::unknown("target", &args.target, &names, help).into());
    }
    let mut panicked = false;
    for target in chosen {
        let found = match &args.input {
            Some(path) => fails(target, &content(path)?).then(|| path.clone()),
            None => fuzz(target, args)?,
        };
        if let Some(path) = found {
            panicked = true;
            let shown = path.display();
            println!(
                "{:<12} panicked; again with: cargo xtask fuzz {} --input {shown}",
                target.name, target.name
            );
        }
    }
    Ok(if panicked { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn content(path: &Path) -> Result<Vec<u8>, trainer::Error> {
    std::fs::read(path).map_err(|source| trainer::Error::Io { path: path.to_owned(), action: "read", source })
}

/// Mutates until the time is over or a file makes the reader panic; that file is kept.
fn fuzz(target: &Target, args: &Args) -> Result<Option<PathBuf>, Box<dyn std::error::Error>> {
    let seeds = (target.seeds)();
    if seeds.is_empty() {
        return Err(format!("{}: expected at least one good file to start from", target.name).into());
    }
    let end = Instant::now() + Duration::from_secs(args.seconds);
    let mut files = 0;
    while Instant::now() < end {
        let mut rng = stream(args.seed, Purpose::Other, files);
        let mut bytes = mutated(&seeds, &mut rng);
        if files % 2 == 0 {
            seal(&mut bytes);
        }
        if fails(target, &bytes) {
            return Ok(Some(keep(target, files, &bytes)?));
        }
        files += 1;
    }
    println!("{:<12} {files} files, none made it panic", target.name);
    Ok(None)
}

fn fails(target: &Target, bytes: &[u8]) -> bool {
    catch_unwind(|| (target.read)(bytes)).is_err()
}

fn keep(target: &Target, number: u64, bytes: &[u8]) -> std::io::Result<PathBuf> {
    let folder = Path::new("target/fuzz");
    std::fs::create_dir_all(folder)?;
    let path = folder.join(format!("{}-{number}", target.name));
    std::fs::write(&path, bytes)?;
    Ok(path)
}

/// Puts the right checksum in its place, if there is one: what it guards is to be reached too.
fn seal(bytes: &mut [u8]) {
    const KEY: &[u8] = b"\"sha256\":\"";
    const DIGITS: usize = 64;
    let Some(at) = bytes.windows(KEY.len()).position(|window| window == KEY) else { return };
    let Some(place) = bytes.get_mut(at + KEY.len()..at + KEY.len() + DIGITS) else { return };
    place.fill(b'0');
    let digits: String = Sha256::digest(&*bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    bytes[at + KEY.len()..][..DIGITS].copy_from_slice(digits.as_bytes());
}

/// One of the good files after up to eight changes.
fn mutated(seeds: &[Vec<u8>], rng: &mut impl Rng) -> Vec<u8> {
    const EDGES: [u8; 8] = [0, 1, 0x7f, 0x80, 0xff, b'"', b',', b'\n'];
    let mut bytes = seeds[rng.random_range(0..seeds.len())].clone();
    for _ in 0..rng.random_range(1..=8) {
        if bytes.is_empty() {
            bytes.push(rng.random());
        }
        let at = rng.random_range(0..bytes.len());
        let to = rng.random_range(at..=bytes.len().min(at + 64));
        match rng.random_range(0..7) {
            0 => bytes[at] ^= 1 << rng.random_range(0..8),
            1 => bytes[at] = EDGES[rng.random_range(0..EDGES.len())],
            2 => bytes[at] = rng.random(),
            3 => bytes.truncate(at),
            4 => drop(bytes.drain(at..to)),
            5 => drop(bytes.splice(at..at, bytes[at..to].to_vec())),
            _ => {
                let other = &seeds[rng.random_range(0..seeds.len())];
                let from = rng.random_range(0..=other.len());
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
        }
    }
    bytes
}
