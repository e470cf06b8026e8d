//! How fast the loaders and the gathering of batches are: `cargo run --release --example read_speed -- MIRROR [CSV]`,
//! where MIRROR has a folder `fashion-mnist` with the four files. Prints the best of five runs in seconds.
#![allow(clippy::print_stdout, reason = "a program that reports")]

use std::error::Error;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use datasets::{Gather, Scaling, Set, batches};
use ndarray::Array;

fn best<X>(mut run: impl FnMut() -> Result<X, datasets::Error>) -> Result<f64, datasets::Error> {
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let start = Instant::now();
        black_box(run()?);
        best = best.min(start.elapsed().as_secs_f64());
    }
    Ok(best)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let mirror = words.next().ok_or("expected the folder of a mirror, got nothing")?;
    let dir = Path::new(&mirror).join("fashion-mnist");
    println!(
        "w8 read and check the four Fashion-MNIST files: {:.3}",
        best(|| datasets::load(Set::FashionMnist, &dir))?
    );

    let (train, _) = datasets::load(Set::FashionMnist, &dir)?;
    for (name, scaling) in [
        ("uniform", Scaling::standardise(&train)?),
        ("per feature", Scaling::standardise_per_feature(&train)?),
    ] {
        let gather = Gather::<f32>::new(&train.features, &scaling)?;
        let mut batch = Array::zeros(vec![125, 784]);
        let mut order = vec![];
        let epoch = best(|| {
            batches::shuffled_epoch_into(train.len(), 1, 0, &mut order);
            order.chunks_exact(125).for_each(|rows| gather.rows(rows, &mut batch));
            Ok(())
        })?;
        println!("one epoch of batches of 125, gathered and scaled ({name}): {epoch:.4}");
    }
    println!("standardise: {:.4}", best(|| Scaling::standardise(&train))?);
    println!("standardise per feature: {:.4}", best(|| Scaling::standardise_per_feature(&train))?);
    if let Some(csv) = words.next() {
        let options = datasets::csv::Options::default();
        println!("w9 read {csv} into f32: {:.3}", best(|| datasets::csv::read(&csv, &options))?);
    }
    Ok(())
}
