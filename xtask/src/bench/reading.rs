//! The works that read files.

use std::path::{Path, PathBuf};

use datasets::{Dataset, Features, Set};

use super::measure::{Error, Measured, time};
use crate::output::workspace;

pub(super) fn four_archives(data: &Path, repeats: u32) -> Result<Measured, Error> {
    let folder = data.join(Set::FashionMnist.name());
    let read = || Ok(datasets::load(Set::FashionMnist, &folder)?);
    let times = (0..repeats).map(|_| time(read)).collect::<Result<_, _>>()?;
    let measured = Measured::untrained(times);
    let (train, test) = read()?;
    if (train.len(), test.len()) != (60_000, 10_000) {
        return Err(format!("expected 60000 and 10000 images, got {} and {}", train.len(), test.len()).into());
    }
    Ok(measured)
}

/// The training images of MNIST as CSV: kept, as it takes a while to write.
fn path() -> PathBuf {
    workspace().join("target/bench/mnist-train.csv")
}

fn mnist(data: &Path) -> Result<Dataset, Error> {
    Ok(datasets::load(Set::Mnist, data.join(Set::Mnist.name()))?.0)
}

pub(super) fn write_csv(data: &Path) -> Result<(), Error> {
    let path = path();
    if path.exists() {
        return Ok(());
    }
    let train = mnist(data)?;
    std::fs::create_dir_all(workspace().join("target/bench"))?;
    trainer::write_atomically(&path, |file| {
        datasets::csv::write(file, &train).map_err(std::io::Error::other)
    })?;
    Ok(())
}

pub(super) fn csv(data: &Path, repeats: u32) -> Result<Measured, Error> {
    let path = path();
    let read = || Ok(datasets::csv::read(&path, &datasets::csv::Options::default())?);
    let times = (0..repeats).map(|_| time(read)).collect::<Result<_, _>>()?;
    let measured = Measured::untrained(times);
    check(&read()?, &mnist(data)?)?;
    Ok(measured)
}

/// That the numbers are those that were written.
fn check(read: &Dataset, written: &Dataset) -> Result<(), Error> {
    let (Features::F32(read_numbers), Features::U8(numbers)) = (&read.features, &written.features) else {
        return Err("expected numbers in f32 of bytes".into());
    };
    let same = read_numbers.iter().eq(numbers.mapv(f32::from).iter()) && read.targets == written.targets;
    if same { Ok(()) } else { Err(format!("{} holds other numbers than MNIST", path().display()).into()) }
}
