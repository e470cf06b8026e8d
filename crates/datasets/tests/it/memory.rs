//! Hostile files cannot make a loader take more memory than a small multiple of themselves or of the stated limit.
//!
//! The counting allocator is the whole test program's; each measurement counts its own thread only.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use datasets::csv::{self, Label, Options};
use datasets::idx;

use super::support::gzip;

struct Counting;

thread_local! {
    static NOW: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
}

fn count(change: impl Fn(usize) -> usize) {
    let _ = NOW.try_with(|now| {
        now.set(change(now.get()));
        PEAK.with(|peak| peak.set(peak.get().max(now.get())));
    });
}

#[expect(unsafe_code, reason = "an allocator can be observed in no other way")]
// SAFETY: every call is passed on unchanged to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(|now| now.wrapping_add(layout.size()));
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(|now| now.saturating_sub(layout.size()));
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most memory that was held at once while `run` ran, beyond what was held before.
fn peak(run: impl FnOnce()) -> usize {
    let before = NOW.get();
    PEAK.set(before);
    run();
    PEAK.get() - before
}

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

#[test]
fn the_counter_counts() {
    let held = peak(|| drop(std::hint::black_box(vec![0_u8; 3 * MIB])));
    assert!((3 * MIB..3 * MIB + 4 * KIB).contains(&held), "{held}");
}

#[test]
fn a_huge_header_on_a_tiny_file_allocates_next_to_nothing() {
    for code in [0x08, 0x0B, 0x0E] {
        let header = [&[0, 0, code, 3][..], &[0, 1, 0, 0, 0, 0, 128, 0, 0, 0, 0, 1]].concat(); // 2 GiB and more
        let packed = gzip(&header);
        for file in [&header, &packed] {
            let held = peak(|| assert!(idx::parse(file, &idx::Options::default()).is_err()));
            assert!(held < 128 * KIB, "{held} bytes for type {code:02x}");
        }
    }
}

#[test]
fn an_idx_bomb_is_stopped_at_the_limit() {
    let bytes = [&[0, 0, 8, 1, 2, 0, 0, 0][..], &vec![0; 32 * MIB]].concat(); // 32 MiB in 32 KiB
    let packed = gzip(&bytes);
    let options = idx::Options { max_bytes: MIB as u64 };
    let held = peak(|| assert!(idx::parse(&packed, &options).is_err()));
    assert!(held < 128 * KIB, "{held}: refused by its header");
    // A header that a file of this length might fill, but does not: memory grows with what comes.
    let lie = [gzip(&[0, 0, 8, 1, 2, 0, 0, 0]), vec![0x1f; 32 * KIB]].concat();
    let held = peak(|| assert!(idx::parse(&lie, &idx::Options::default()).is_err()));
    assert!(held < 5 * lie.len() + 128 * KIB, "{held} bytes for a file of {}", lie.len());
}

#[test]
fn a_good_idx_file_takes_its_size_and_little_more() {
    let bytes = [&[0, 0, 8, 1, 0, 128, 0, 0][..], &vec![7; 8 * MIB]].concat();
    let held = peak(|| assert!(idx::parse(&bytes, &idx::Options::default()).is_ok()));
    assert!(held < 8 * MIB + 128 * KIB, "{held}");
}

#[test]
fn csv_text_of_any_shape_takes_a_small_multiple_of_itself() {
    let n = 2 * MIB;
    let texts: [(&str, Vec<u8>); 7] = [
        ("one line without end", vec![b'1'; n]),
        ("one line of empty fields", vec![b','; n]),
        ("one line of fields", b"1,".repeat(n / 2)),
        ("short records", b"1,2\n".repeat(n / 4)),
        ("empty lines", vec![b'\n'; n]),
        ("an open quote", [&b"label,a\n1,\""[..], &vec![b'x'; n]].concat()),
        ("quotes", [&b"label,a\n1,"[..], &vec![b'"'; n]].concat()),
    ];
    for (name, text) in &texts {
        for label in
            [Label::First, Label::LastValues(1), Label::LastValues(usize::MAX), Label::Named("a".to_owned())]
        {
            let header =
                if matches!(label, Label::Named(_)) { csv::Header::Present } else { csv::Header::None };
            let options = Options { header, label, ..Options::default() };
            let held = peak(|| drop(csv::parse(text, &options)));
            assert!(held < 12 * n + MIB, "{name}: {held} bytes for {n}, {:?}", options.label);
        }
    }
}

#[test]
fn a_csv_bomb_is_stopped_at_the_limit() {
    let packed = gzip(&b"1,2\n".repeat(8 * MIB));
    let options = Options { header: csv::Header::None, max_bytes: MIB as u64, ..Options::default() };
    let held = peak(|| assert!(csv::parse(&packed, &options).is_err()));
    assert!(held < 12 * MIB, "{held} bytes for a limit of 1 MiB");
}

#[test]
fn numbers_take_at_most_twelve_times_their_text_in_every_type() {
    let n = 4 * MIB;
    for (text, label) in [
        ("1\n", Label::None),
        ("1,2\n", Label::First),
        ("1,2\n", Label::LastValues(1)),
        (",2\n", Label::First),
    ] {
        for numbers in [csv::NumberType::U8, csv::NumberType::F32, csv::NumberType::F64] {
            let class_names = if text.starts_with(',') { vec![String::new()] } else { vec![] };
            let options = Options {
                header: csv::Header::None,
                label: label.clone(),
                numbers,
                class_names,
                ..Options::default()
            };
            let text = text.repeat(n / text.len());
            let held = peak(|| assert!(csv::parse(text.as_bytes(), &options).is_ok()));
            assert!(held < 12 * n, "{held} bytes for {n}, {numbers:?}, {label:?}");
        }
    }
}

#[test]
fn labels_of_another_number_are_refused_before_they_become_larger() {
    let labels = ndarray::ArrayD::<u8>::zeros(vec![8 * MIB]);
    let features = idx::Data::U8(ndarray::ArrayD::zeros(vec![3, 2]));
    let labels = idx::Data::U8(labels);
    let held = peak(|| assert!(idx::dataset(features, labels, vec![]).is_err()));
    assert!(held < MIB, "{held} bytes");
}

/// Small packed files of more numbers than there is memory for end in an error: the child has a limit, in KiB, on its
/// memory, and a failed allocation would abort it.
#[cfg(unix)]
#[test]
fn without_enough_memory_there_is_an_error_and_no_end_of_the_program() {
    let script = "ulimit -v 400000 || exit 77; exec \"$0\" \"$@\"";
    let mut command = std::process::Command::new("sh");
    command.args(["-c", script]).arg(std::env::current_exe().unwrap());
    command.args([
        "it::memory::child_with_little_memory",
        "--exact",
        "--ignored",
        "--nocapture",
        "--test-threads=1",
    ]);
    let output = command.env("RUST_BACKTRACE", "0").output().unwrap();
    if output.status.code() == Some(77) {
        return super::support::skip("memory", "the shell sets no limit on it");
    }
    let text =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success() && text.contains("1 passed"), "{:?}: {text}", output.status);
}

#[test]
#[ignore = "the child of the test above"]
fn child_with_little_memory() {
    let refused = |result: Result<datasets::Dataset, datasets::Error>| {
        let error = result.unwrap_err();
        assert!(matches!(error.fault(), datasets::Error::OutOfMemory { .. }), "{error}");
    };
    let numbers = gzip(&b"1,2\n".repeat(24 * MIB));
    for label in [Label::First, Label::LastValues(1), Label::None] {
        let options =
            Options { header: csv::Header::None, label, numbers: csv::NumberType::F64, ..Options::default() };
        refused(csv::parse(&numbers, &options));
    }
    let line = gzip(&vec![b'1'; 200 * MIB]);
    refused(csv::parse(
        &line,
        &Options { header: csv::Header::None, max_line_bytes: usize::MAX, ..Options::default() },
    ));
    let array = |code: u8, n: usize, size: usize| {
        let header = [&[0, 0, code, 1][..], &(n as u32).to_be_bytes()].concat();
        idx::parse(&gzip(&[header, vec![0; n * size]].concat()), &idx::Options::default()).unwrap()
    };
    let bytes = array(0x08, 40 * MIB, 1);
    refused(idx::dataset(bytes, array(0x08, 40 * MIB, 1), vec![]));
    refused(idx::dataset(array(0x09, 40 * MIB, 1), array(0x08, 40 * MIB, 1), vec![]));
}
