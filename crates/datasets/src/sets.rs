//! The data sets that can be downloaded: MNIST and Fashion-MNIST.

use std::path::Path;
use std::{fmt, str, thread};

use crate::{Dataset, Error, idx};

/// A data set that can be downloaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Set {
    /// 60,000 + 10,000 handwritten digits of 28x28 grey values (Y. LeCun, C. Cortes, C. Burges).
    Mnist,
    /// 60,000 + 10,000 articles of clothing of 28x28 grey values (H. Xiao, K. Rasul, R. Vollgraf, 2017).
    FashionMnist,
}

/// A file of a set, as its publisher made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct File {
    /// Its name in the folder of the set.
    pub name: &'static str,
    /// Its length in bytes.
    pub bytes: u64,
    /// Its MD5, in hexadecimal, as published.
    pub md5: &'static str,
    /// Its SHA-256, in hexadecimal: MD5 tells accidents from the original, this tells forgeries too.
    pub sha256: &'static str,
}

const fn file(name: &'static str, bytes: u64, md5: &'static str, sha256: &'static str) -> File {
    File { name, bytes, md5, sha256 }
}

const TRAIN_IMAGES: &str = "train-images-idx3-ubyte.gz";
const TRAIN_LABELS: &str = "train-labels-idx1-ubyte.gz";
const TEST_IMAGES: &str = "t10k-images-idx3-ubyte.gz";
const TEST_LABELS: &str = "t10k-labels-idx1-ubyte.gz";

#[rustfmt::skip]
static MNIST: [File; 4] = [
    file(TRAIN_IMAGES, 9_912_422, "f68b3c2dcbeaaa9fbdd348bbdeb94873", "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
    file(TRAIN_LABELS, 28_881, "d53e105ee54ea40749a09fcbcd1e9432", "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
    file(TEST_IMAGES, 1_648_877, "9fb629c4189551a2d022fa330f9573f3", "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
    file(TEST_LABELS, 4_542, "ec29112dd5afa0611ce80d1b7f02629c", "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
];

#[rustfmt::skip]
static FASHION_MNIST: [File; 4] = [
    file(TRAIN_IMAGES, 26_421_880, "8d4fb7e6c68d591d4c3dfef9ec88bf0d", "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
    file(TRAIN_LABELS, 29_515, "25c81989df183df01b3e8a0aad5dffbe", "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
    file(TEST_IMAGES, 4_422_102, "bef4ecab320f06d8554ea6380940ec79", "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
    file(TEST_LABELS, 5_148, "bb300cfdad3c16e7a12a480ee83cd310", "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
];

impl Set {
    /// All sets.
    pub const ALL: [Self; 2] = [Self::Mnist, Self::FashionMnist];

    /// The name of the set and of its folder: `mnist` or `fashion-mnist`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mnist => "mnist",
            Self::FashionMnist => "fashion-mnist",
        }
    }

    /// The files of the set: training images and labels, test images and labels.
    pub fn files(self) -> &'static [File; 4] {
        match self {
            Self::Mnist => &MNIST,
            Self::FashionMnist => &FASHION_MNIST,
        }
    }

    /// What each class shows.
    pub fn class_names(self) -> [&'static str; 10] {
        match self {
            Self::Mnist => ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
            Self::FashionMnist => [
                "T-shirt/top",
                "Trouser",
                "Pullover",
                "Dress",
                "Coat",
                "Sandal",
                "Shirt",
                "Sneaker",
                "Bag",
                "Ankle boot",
            ],
        }
    }

    /// The addresses of the folders with the files, in the order in which they are tried.
    pub fn mirrors(self) -> &'static [&'static str] {
        match self {
            Self::Mnist => &[
                "https://ossci-datasets.s3.amazonaws.com/mnist",
                "https://storage.googleapis.com/cvdf-datasets/mnist",
            ],
            // Its own domain, fashion-mnist.s3-website..., has no TLS; the same bucket has it here.
            Self::FashionMnist => &["https://fashion-mnist.s3.eu-central-1.amazonaws.com"],
        }
    }
}

impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl str::FromStr for Set {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let known = Self::ALL.into_iter().find(|set| set.name() == name);
        known.ok_or_else(|| Error::UnknownSet { name: name.to_owned() })
    }
}

/// Reads the training and the test examples of a set from the folder with its four files, two at a time.
///
/// Images have the shape \[28, 28\] and stay bytes. The checksums inside the gzip files are verified; `fetch` verifies
/// that they are the published files.
///
/// # Errors
///
/// Those of [`idx::load`].
///
/// # Examples
///
/// ```no_run
/// let (train, test) = datasets::load(datasets::Set::Mnist, "datasets/mnist")?;
/// assert_eq!((train.len(), test.len(), train.feature_shape()), (60_000, 10_000, &[28, 28][..]));
/// # Ok::<(), datasets::Error>(())
/// ```
pub fn load(set: Set, dir: impl AsRef<Path>) -> Result<(Dataset, Dataset), Error> {
    let dir = dir.as_ref();
    let part = |images, labels| {
        let names = set.class_names().map(str::to_owned).to_vec();
        idx::load(dir.join(images), dir.join(labels), names, &idx::Options::default())
    };
    thread::scope(|scope| {
        let test = scope.spawn(|| part(TEST_IMAGES, TEST_LABELS));
        let train = part(TRAIN_IMAGES, TRAIN_LABELS)?;
        let test = test.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        Ok((train, test))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_parse_back_and_unknown_ones_are_answered_with_the_known() {
        for set in Set::ALL {
            assert_eq!(set.to_string().parse::<Set>().unwrap(), set);
        }
        let err = "minst".parse::<Set>().unwrap_err();
        assert_eq!(err.to_string(), "data set: expected mnist or fashion-mnist, got minst");
    }

    #[test]
    fn file_names_are_plain_and_checksums_have_their_length() {
        for file in Set::ALL.iter().flat_map(|set| set.files()) {
            assert!(file.name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte)));
            assert!(!file.name.starts_with('.'));
            for (digest, digits) in [(file.md5, 32), (file.sha256, 64)] {
                assert_eq!(digest.len(), digits);
                assert!(digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')));
            }
        }
    }
}
