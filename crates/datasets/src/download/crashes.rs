//! A fetch that loses power, or whose disk fails, at any of its operations.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use md5::{Digest, Md5};
use sha2::Sha256;

use super::attempts::Attempts;
use super::verify::Hex;
use super::{FetchOptions, Mirror};
use crate::durable::faults::{Memory, Plan, every_loss};
use crate::durable::{Fs, NewFile, create_dirs};
use crate::{Error, File};

const OLD: &[u8] = b"what was there before";
const TARGET: &str = "folder/data.bin";

fn published_bytes() -> Vec<u8> {
    (0..3000_u32).map(|i| (i * i % 251) as u8).collect()
}

/// Two mirrors: one has a file of the right length and the wrong content, the other the published one.
struct Setting {
    folder: PathBuf,
    file: File,
    options: FetchOptions<'static>,
}

impl Setting {
    fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("datasets-crashes-{}-{count}", std::process::id()));
        let bytes = published_bytes();
        let mut forged = bytes.clone();
        forged[2999] ^= 1;
        let mirrors = [("wrong", &forged), ("right", &bytes)].map(|(name, bytes)| {
            let mirror = folder.join(name);
            std::fs::create_dir_all(&mirror).unwrap();
            std::fs::write(mirror.join("data.bin"), bytes).unwrap();
            Mirror::Folder(mirror)
        });
        let leak = |hex: Hex<'_>| -> &'static str { Box::leak(hex.to_string().into_boxed_str()) };
        let (md5, sha256) = (leak(Hex(&Md5::digest(&bytes))), leak(Hex(&Sha256::digest(&bytes))));
        let file = File { name: "data.bin", bytes: bytes.len() as u64, md5, sha256 };
        Self { folder, file, options: FetchOptions { mirrors: mirrors.to_vec(), ..FetchOptions::default() } }
    }

    fn fetch(&self, fs: &Memory) -> Result<String, Error> {
        let (target, options) = (Path::new(TARGET), &self.options);
        Attempts { fs, file: &self.file, folder: "set", target, options, progress: &mut |_| () }.run()
    }
}

impl Drop for Setting {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A disk that holds another file in the place of the published one, or nothing.
fn disk(old: bool) -> Memory {
    let fs = Memory::new();
    create_dirs(&fs, Path::new("folder")).unwrap();
    if old {
        let mut file = fs.create_new(Path::new(TARGET), None).unwrap();
        file.write_all(OLD).unwrap();
        NewFile::sync(&mut *file).unwrap();
        fs.sync_dir(Path::new("folder")).unwrap();
    }
    fs
}

fn target(fs: &Memory) -> Option<Vec<u8>> {
    fs.read(Path::new(TARGET)).ok()
}

#[test]
fn power_lost_at_any_operation_of_a_fetch_leaves_what_was_there_or_the_published_file() {
    let setting = Setting::new();
    for old in [true, false] {
        let (start, before) = (disk(old), old.then(|| OLD.to_vec()));
        let (mut olds, mut news) = (0, 0);
        for at in 0.. {
            let mut finished = false;
            for (torn, loss) in
                [false, true].into_iter().flat_map(|torn| every_loss().map(move |l| (torn, l)))
            {
                let fs = start.with_plan(Plan::Stop { at, torn });
                finished = setting.fetch(&fs).is_ok() && fs.operations() <= at;
                let fs = fs.restarted(loss);
                match target(&fs) {
                    now if now == before && !finished => olds += 1,
                    Some(now) if now == published_bytes() => news += 1,
                    now => panic!("{now:?} at operation {at}, torn: {torn}, {loss:?}"),
                }
                setting.fetch(&fs).unwrap();
                assert_eq!(target(&fs), Some(published_bytes()));
            }
            if finished {
                break;
            }
        }
        assert!(olds > 100 && news > 10, "{olds} {news}: both outcomes happen");
    }
}

#[test]
fn any_failing_operation_of_a_fetch_leaves_what_was_there_or_the_published_file() {
    let setting = Setting::new();
    for (old, for_good) in [(true, false), (true, true), (false, false), (false, true)] {
        let (start, before) = (disk(old), old.then(|| OLD.to_vec()));
        for at in 0.. {
            let fs = start.with_plan(Plan::Fail { at, for_good });
            let result = setting.fetch(&fs);
            let finished = fs.operations() <= at;
            let fs = fs.with_plan(Plan::Nothing);
            let now = target(&fs);
            assert!(
                now == Some(published_bytes()) || (now == before && result.is_err()),
                "{result:?} at {at}"
            );
            if let Err(error) = &result {
                let text = error.to_string();
                assert!(text.starts_with("folder") && text.ends_with("planned failure"), "{text}");
            }
            setting.fetch(&fs).unwrap();
            assert_eq!(target(&fs), Some(published_bytes()));
            if finished {
                break;
            }
        }
    }
}
