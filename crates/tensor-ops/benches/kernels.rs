//! The kernels alone, on the shapes of the works: `cargo bench -p tensor-ops`, or with the name of one.
//!
//! Products report multiply-adds a second as items; `matrixmultiply`, ndarray's own kernel, stands beside them.
//! `TENSOR_OPS_THREADS` and `TENSOR_OPS_ISA` in the environment set the threads and the instruction set.

use std::sync::atomic::{AtomicUsize, Ordering};

use divan::counter::ItemsCount;
use divan::{AllocProfiler, Bencher, black_box};
use ndarray::linalg::general_mat_mul;
use ndarray::{Array1, Array2, ArrayView2};
use tensor_ops::{Scalar, pool};

#[global_allocator]
static ALLOC: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

/// A product c[m, n] ← a[m, k] · b[k, n], with which factors are transposed views.
#[derive(Clone, Copy, Debug)]
struct Shape(&'static str, [usize; 3], [bool; 2]);

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Shape(name, [m, k, n], _) = self;
        write!(f, "{name} {m}x{k}x{n}")
    }
}

const SHAPES: &[Shape] = &[
    Shape("w1 forward", [125, 784, 64], [false, false]),
    Shape("w1 dweight", [784, 125, 64], [true, false]),
    Shape("w1 forward 2", [125, 64, 10], [false, false]),
    Shape("w1 dx 2", [125, 10, 64], [false, true]),
    Shape("w3 forward", [100, 256, 50], [false, false]),
    Shape("w3 dweight", [256, 100, 50], [true, false]),
    Shape("w5 forward", [128, 784, 512], [false, false]),
    Shape("w5 forward 2", [128, 512, 512], [false, false]),
    Shape("w5 dx", [128, 512, 512], [false, true]),
    Shape("w5 dweight", [512, 128, 512], [true, false]),
    Shape("w6 conv 1", [20, 25, 576], [false, false]),
    Shape("w6 conv 2", [50, 500, 64], [false, false]),
    Shape("w6 dcolumns", [500, 50, 64], [true, false]),
    Shape("w7 one image", [1, 784, 64], [false, false]),
    Shape("square", [512, 512, 512], [false, false]),
];

fn noise((m, n): (usize, usize)) -> Array2<f32> {
    Array2::from_shape_fn((m, n), |(i, j)| ((i * 7 + j * 3) % 11) as f32 / 8.0 - 0.6)
}

type Multiply = fn(f32, &ArrayView2<'_, f32>, &ArrayView2<'_, f32>, f32, &mut Array2<f32>);

fn product(bencher: Bencher<'_, '_>, Shape(_, [m, k, n], [turn_a, turn_b]): Shape, multiply: Multiply) {
    let factor = |(m, n), turned| noise(if turned { (n, m) } else { (m, n) });
    let (a, b) = (factor((m, k), turn_a), factor((k, n), turn_b));
    let view = |x: &Array2<f32>, turned: bool| if turned { x.clone().reversed_axes() } else { x.clone() };
    let (a, b) = (view(&a, turn_a), view(&b, turn_b));
    let mut c = Array2::zeros((m, n));
    bencher.counter(ItemsCount::new(m * k * n)).bench_local(|| {
        multiply(1.0, &black_box(a.view()), &black_box(b.view()), 0.0, &mut c);
    });
}

#[divan::bench(args = SHAPES)]
fn gemm(bencher: Bencher<'_, '_>, shape: Shape) {
    product(bencher, shape, |alpha, a, b, beta, c| tensor_ops::gemm(alpha, a, b, beta, c));
}

#[divan::bench(args = SHAPES)]
fn matrixmultiply(bencher: Bencher<'_, '_>, shape: Shape) {
    product(bencher, shape, |alpha, a, b, beta, c| general_mat_mul(alpha, a, b, beta, c));
}

/// A region whose parts wait for each other: what it costs to have all threads at work and to hear that they are done.
#[divan::bench(args = [1, 2])]
fn region(bencher: Bencher<'_, '_>, threads: usize) {
    bencher.bench_local(|| {
        let begun = AtomicUsize::new(0);
        pool::with_threads(threads, || {
            pool::for_each(usize::MAX, 0..threads, |_| {
                begun.fetch_add(1, Ordering::Relaxed);
                // Not for ever: with fewer processors than threads one may not come.
                for _ in 0..100_000 {
                    if begun.load(Ordering::Relaxed) == threads {
                        break;
                    }
                    std::hint::spin_loop();
                }
            });
        });
    });
}

fn each(bencher: Bencher<'_, '_>, function: fn(&mut [f32])) {
    let x = Array1::linspace(-8.0, 8.0, 4096);
    let mut y = x.to_vec();
    bencher.counter(ItemsCount::new(x.len())).bench_local(|| {
        y.copy_from_slice(x.as_slice().unwrap_or_default());
        function(black_box(&mut y));
    });
}

#[divan::bench]
fn exp(bencher: Bencher<'_, '_>) {
    each(bencher, f32::exp_slice);
}

#[divan::bench]
fn exp_of_the_standard_library(bencher: Bencher<'_, '_>) {
    each(bencher, |x| x.iter_mut().for_each(|x| *x = x.exp()));
}

#[divan::bench]
fn tanh(bencher: Bencher<'_, '_>) {
    each(bencher, f32::tanh_slice);
}

#[divan::bench]
fn tanh_of_the_standard_library(bencher: Bencher<'_, '_>) {
    each(bencher, |x| x.iter_mut().for_each(|x| *x = x.tanh()));
}

#[divan::bench]
fn softmax_rows(bencher: Bencher<'_, '_>) {
    let x = noise((125, 10));
    let mut y = Array2::zeros(x.dim());
    bencher.bench_local(|| tensor_ops::softmax_rows(black_box(&x), &mut y));
}

#[divan::bench]
fn add_row_sums(bencher: Bencher<'_, '_>) {
    let x = noise((125, 64));
    let mut total = Array1::zeros(64);
    bencher.bench_local(|| tensor_ops::add_row_sums(black_box(&x), &mut total));
}
