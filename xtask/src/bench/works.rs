//! The works: what is done, and what for.

use std::path::Path;

use datasets::Set;

use super::measure::{Error, Measured};
use super::{checking, predicting, reading, training};

/// A whole task that is timed.
pub(super) struct Work {
    pub name: &'static str,
    pub about: &'static str,
    /// What one time is the time of.
    pub unit: &'static str,
    /// The data set that has to be downloaded.
    pub needs: Option<Set>,
    /// The number of threads, if it is not the caller's choice.
    pub threads: Option<usize>,
    /// What has to be done once before, in another process than the one that is measured.
    pub prepare: fn(data: &Path) -> Result<(), Error>,
    /// Does it so many times.
    pub run: fn(data: &Path, repeats: u32) -> Result<Measured, Error>,
}

/// A work that trains; its recipe has the details.
macro_rules! trains {
    ($name:literal, $about:literal, $unit:literal, $needs:expr) => {
        Work {
            name: $name,
            about: $about,
            unit: $unit,
            needs: $needs,
            threads: None,
            prepare: |_| Ok(()),
            run: |data, repeats| {
                training::run(include_str!(concat!("../../works/", $name, ".toml")), data, repeats)
            },
        }
    };
}

const FASHION: Option<Set> = Some(Set::FashionMnist);
const MNIST: Option<Set> = Some(Set::Mnist);

pub(super) const WORKS: [Work; 9] = [
    trains!("w1", "Fashion-MNIST 784-64-10, leaky ReLU, SGD, batch 125", "epoch", FASHION),
    trains!("w2", "MNIST 784-50-10, ReLU, SGD, batch 100 drawn with replacement", "1000 steps", MNIST),
    trains!("w3", "16x16 digits 256-50-10, ReLU, SGD, batch 100 of 300 rows", "1000 steps", None),
    Work {
        name: "w4",
        about: "all 39,760 parameters of 784-50-10 against numerical gradients, 3 rows, f64",
        unit: "check",
        needs: MNIST,
        threads: None,
        prepare: |_| Ok(()),
        run: checking::run,
    },
    trains!("w5", "Fashion-MNIST 784-512-512-10, ReLU, Adam, batch 128", "epoch", FASHION),
    trains!("w6", "Fashion-MNIST LeNet, Adam, batch 128", "epoch", FASHION),
    Work {
        name: "w7",
        about: "one image through the network of w1, already loaded",
        unit: "prediction",
        needs: FASHION,
        threads: None,
        prepare: |_| Ok(()),
        run: predicting::run,
    },
    Work {
        name: "w8",
        about: "read and check the four .gz of Fashion-MNIST, 55 MB unpacked",
        unit: "reading",
        needs: FASHION,
        threads: Some(2),
        prepare: |_| Ok(()),
        run: reading::four_archives,
    },
    Work {
        name: "w9",
        about: "read a CSV of 60,000 x 785 integers, 110 MB, into f32",
        unit: "reading",
        needs: MNIST,
        threads: Some(1),
        prepare: reading::write_csv,
        run: reading::csv,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_works_are_named_in_order() {
        for (i, work) in WORKS.iter().enumerate() {
            assert_eq!(work.name, format!("w{}", i + 1));
        }
    }
}
