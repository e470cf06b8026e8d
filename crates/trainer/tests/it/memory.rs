//! A counting allocator for the whole test program; each measurement counts its own thread only.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use datasets::{Dataset, Features, Scaling, Targets};
use layers::{Affine, Conv2d, GlobalAveragePool, Relu, Sequential};
use losses::SoftmaxCrossEntropy;
use ndarray::ArrayD;
use tensor_ops::pool;
use trainer::{Model, Source, evaluate};

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
pub(super) fn peak(run: impl FnOnce()) -> usize {
    let before = NOW.get();
    PEAK.set(before);
    run();
    PEAK.get() - before
}

#[test]
fn the_counter_counts() {
    let held = peak(|| drop(std::hint::black_box(vec![0_u8; 3 << 20])));
    assert!((3 << 20..(3 << 20) + 4096).contains(&held), "{held}");
}

#[test]
fn large_activations_are_held_of_few_examples_at_a_time() {
    let network = Sequential::new(&[1, 64, 64])
        .push(Conv2d { padding: [1, 1], ..Conv2d::new(1, 32, [3, 3]) })
        .and_then(|network| network.push(Relu))
        .and_then(|network| network.push(GlobalAveragePool))
        .and_then(|network| network.push(Affine::new(32, 2)))
        .unwrap();
    let model = Model::<f32>::new(network, 1).unwrap();
    let n = 100;
    let images = Features::U8(ArrayD::zeros(vec![n, 1, 64, 64]));
    let data = Dataset::new(images, Targets::Classes(vec![0; n]), vec!["a".into(), "b".into()]).unwrap();
    let scaling = Scaling::none();
    let source = Source::new(&data, &scaling).unwrap();
    let loss = SoftmaxCrossEntropy::default();
    let held = pool::with_threads(1, || {
        peak(|| assert!(evaluate(&model, &source, &loss).unwrap().accuracy.is_some()))
    });
    assert!(held < 40 << 20, "an evaluation: {held} bytes");
    let x = ArrayD::zeros(vec![n, 1, 64, 64]);
    let held = pool::with_threads(1, || peak(|| drop(model.predict(&x).unwrap())));
    assert!(held < 40 << 20, "a prediction: {held} bytes");
}
