//! What several tests need.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use datasets::File;
use flate2::Compression;
use flate2::write::GzEncoder;
use md5::{Digest, Md5};
use sha2::Sha256;

/// A folder of its own, removed at the end.
pub(super) struct Folder(pub(super) PathBuf);

impl Folder {
    pub(super) fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(super) fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// The names in the folder, hidden ones too.
    pub(super) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(&self.0).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The data sets that ship with the workspace.
pub(super) fn shipped(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../datasets").join(path)
}

/// A folder with the published files of MNIST and Fashion-MNIST; without it the test that asks is skipped, and says so.
pub(super) fn mirror(test: &str) -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/mirror");
    let path = std::env::var_os("DATASETS_MIRROR").map_or_else(beside, PathBuf::from);
    if path.is_dir() {
        return Some(path);
    }
    skip(test, &format!("there is no {}; DATASETS_MIRROR can name the folder", path.display()));
    None
}

#[expect(clippy::print_stderr, reason = "a test that did not run must say so")]
pub(super) fn skip(test: &str, why: &str) {
    eprintln!("skipped {test}: {why}");
}

/// A file for the table, with the digests of these bytes.
pub(super) fn published(bytes: &[u8]) -> File {
    let hex = |digest: &[u8]| -> &'static str {
        let text: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Box::leak(text.into_boxed_str())
    };
    let (md5, sha256) = (Md5::digest(bytes), Sha256::digest(bytes));
    File { name: "data.bin", bytes: bytes.len() as u64, md5: hex(&md5), sha256: hex(&sha256) }
}

/// Bytes that look like nothing known.
pub(super) fn noise(length: usize) -> Vec<u8> {
    let mut x = 1_u32;
    let mut next = || {
        x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (x >> 24) as u8
    };
    (0..length).map(|_| next()).collect()
}
