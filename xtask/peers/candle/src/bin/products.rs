//! The matrix products of a work alone, each by the kernel that is fastest at it, on one thread: the floor under the
//! work on one thread and, halved, under the work on two. Prints one JSON line.
//!
//! ```sh
//! products WORK THREADS
//! ```

use std::hint::black_box;
use std::time::Instant;

use gemm::Parallelism;
use tensor_ops::pool;

/// m, k, n of c[m, n] ← a[m, k] · b[k, n], and whether a and b are stored transposed.
type Product = ([usize; 3], bool, bool);

/// All products of a dense layer for a batch of n: forward, of its weight, and of its input unless it is the first.
fn dense(n: usize, inputs: usize, outputs: usize, first: bool) -> Vec<Product> {
    let mut products = vec![([n, inputs, outputs], false, false), ([inputs, n, outputs], true, false)];
    if !first {
        products.push(([n, outputs, inputs], false, true));
    }
    products
}

/// All products of a convolution for one example: cells under a filter, filters, places.
fn convolution(cells: usize, filters: usize, places: usize, first: bool) -> Vec<Product> {
    let mut products = vec![([filters, cells, places], false, false), ([cells, places, filters], false, true)];
    if !first {
        products.push(([cells, filters, places], true, false));
    }
    products
}

/// What a work is timed by, how often it takes a step or sees an example in that, and the products of one.
fn work(name: &str) -> Option<(&'static str, Vec<(f64, Vec<Product>)>)> {
    const IMAGES: f64 = 60_000.0;
    Some(match name {
        "w1" => ("epoch", vec![(IMAGES / 125.0, [dense(125, 784, 64, true), dense(125, 64, 10, false)].concat())]),
        "w2" => ("1000 steps", vec![(1000.0, [dense(100, 784, 50, true), dense(100, 50, 10, false)].concat())]),
        "w3" => ("1000 steps", vec![(1000.0, [dense(100, 256, 50, true), dense(100, 50, 10, false)].concat())]),
        "w5" => {
            let layers = [dense(128, 784, 512, true), dense(128, 512, 512, false), dense(128, 512, 10, false)];
            ("epoch", vec![(IMAGES / 128.0, layers.concat())])
        }
        "w6" => {
            let images = [convolution(25, 20, 576, true), convolution(500, 50, 64, false)];
            let layers = [dense(128, 800, 500, false), dense(128, 500, 10, false)];
            ("epoch", vec![(IMAGES, images.concat()), (IMAGES / 128.0, layers.concat())])
        }
        _ => return None,
    })
}

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
    let words: Vec<String> = std::env::args().skip(1).collect();
    let parsed = match words.as_slice() {
        [name, threads] => work(name).zip(threads.parse::<f64>().ok()).map(|found| (name, found)),
        _ => None,
    };
    let Some((name, ((unit, parts), threads))) = parsed else {
        eprintln!("usage: products w1|w2|w3|w5|w6 THREADS");
        std::process::exit(2);
    };
    pool::set_threads(1);
    let mut total = 0.0;
    for (times, products) in parts {
        for (shape, turned_a, turned_b) in products {
            let found = [by_gemm(shape, turned_a, turned_b), by_tensor_ops(shape, turned_a, turned_b)];
            let rate = |time: f64| 2e-9 * shape.iter().product::<usize>() as f64 / time;
            eprintln!("{shape:?}: gemm {:.0}, tensor-ops {:.0} GFLOP/s", rate(found[0]), rate(found[1]));
            total += times * found[0].min(found[1]) / threads;
        }
    }
    println!(
        r#"{{"work": "{name}", "peer": "matrix products alone", "threads": {threads}, "unit": "{unit}", "median_s": {total:e}, "best_s": {total:e}}}"#
    );
}
