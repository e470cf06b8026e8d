//! The matrix products of one epoch of w1 alone, on one thread, each by the kernel that is fastest at it: the floor
//! under w1 on one thread. Prints one JSON line.

use std::hint::black_box;
use std::time::Instant;

use gemm::Parallelism;
use tensor_ops::pool;

const STEPS: f64 = 480.0; // 60,000 images in batches of 125

/// m, k, n of c[m, n] ← a[m, k] · b[k, n], and whether a and b are stored transposed.
const PRODUCTS: [([usize; 3], bool, bool); 5] = [
    ([125, 784, 64], false, false), // forward
    ([125, 64, 10], false, false),
    ([784, 125, 64], true, false), // weight gradients
    ([64, 125, 10], true, false),
    ([125, 10, 64], false, true), // input gradient of the second layer
];

/// The best time of many, in seconds.
fn best(mut f: impl FnMut()) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..2000 {
        let start = Instant::now();
        f();
        best = best.min(start.elapsed().as_secs_f64());
    }
    best
}

fn noise(len: usize) -> Vec<f32> {
    (0..len).map(|i| ((i * 7) % 11) as f32 / 8.0 - 0.6).collect()
}

/// Row stride and column stride of an m x n matrix in memory.
fn strides(m: usize, n: usize, transposed: bool) -> (isize, isize) {
    if transposed { (1, m as isize) } else { (n as isize, 1) }
}

fn by_gemm([m, k, n]: [usize; 3], turned_a: bool, turned_b: bool) -> f64 {
    let (a, b, mut c) = (noise(m * k), noise(k * n), vec![0.0_f32; m * n]);
    let ((a_rs, a_cs), (b_rs, b_cs)) = (strides(m, k, turned_a), strides(k, n, turned_b));
    best(|| {
        let (a, b, c) = (black_box(&a), black_box(&b), black_box(&mut c));
        // SAFETY: the three matrices are as large as the sizes and strides say, and c is no other's memory.
        unsafe {
            gemm::gemm(
                m, n, k,
                c.as_mut_ptr(), 1, n as isize, false,
                a.as_ptr(), a_cs, a_rs,
                b.as_ptr(), b_cs, b_rs,
                0.0, 1.0, false, false, false, Parallelism::None,
            );
        }
    })
}

fn by_tensor_ops([m, k, n]: [usize; 3], turned_a: bool, turned_b: bool) -> f64 {
    use ndarray::{Array2, ShapeBuilder};
    let a = Array2::from_shape_vec((m, k).set_f(turned_a), noise(m * k)).expect("as many numbers as the shape has");
    let b = Array2::from_shape_vec((k, n).set_f(turned_b), noise(k * n)).expect("as many numbers as the shape has");
    let mut c = Array2::zeros((m, n));
    best(|| tensor_ops::gemm(1.0, black_box(&a), black_box(&b), 0.0, black_box(&mut c)))
}

fn main() {
    pool::set_threads(1);
    let mut total = 0.0;
    for (shape, turned_a, turned_b) in PRODUCTS {
        let times = [by_gemm(shape, turned_a, turned_b), by_tensor_ops(shape, turned_a, turned_b)];
        let rate = |time: f64| 2e-9 * shape.iter().product::<usize>() as f64 / time;
        eprintln!("{shape:?}: gemm {:.0}, tensor-ops {:.0} GFLOP/s", rate(times[0]), rate(times[1]));
        total += STEPS * times[0].min(times[1]);
    }
    println!(
        r#"{{"work": "w1", "peer": "matrix products alone", "threads": 1, "unit": "epoch", "median_s": {total:e}, "best_s": {total:e}}}"#
    );
}
