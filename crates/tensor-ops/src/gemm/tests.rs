//! The kernels of every instruction set of this machine against the textbook, and their bits against each other.

use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2, Axis, ShapeBuilder, s};
use proptest::prelude::*;

use super::*;
use crate::pool;

/// Numbers with rounding errors in every product and sum.
fn noise<T: Scalar>(dim: (usize, usize), seed: usize) -> Array2<T> {
    Array2::from_shape_fn(dim, |(i, j)| {
        let mut hash = (i << 40 ^ j << 20 ^ seed) as u64;
        for _ in 0..2 {
            hash = (hash ^ hash >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        }
        T::from_f64((hash >> 40) as f64 / f64::from(1 << 24) * 2.0 - 1.0)
    })
}

/// Memory that holds a matrix in one of several layouts, and not-a-number around it.
struct Held<T> {
    memory: Array2<T>,
    layout: u8,
    dim: (usize, usize),
}

/// Layouts that [`Held`] knows.
const LAYOUTS: u8 = 6;

impl<T: Scalar> Held<T> {
    fn new(x: &Array2<T>, layout: u8) -> Self {
        let (m, n) = x.dim();
        let nan = T::from_f64(f64::NAN);
        let memory = match layout {
            0 => Array2::from_elem((m, n), nan),
            1 => Array2::from_elem((m, n).f(), nan),
            2 => Array2::from_elem((2 * m + 1, n + 3), nan),
            3 => Array2::from_elem((m + 3, n).f(), nan),
            4 => Array2::from_elem((m, 2 * n + 1), nan),
            _ => Array2::from_elem((m, n), nan),
        };
        let mut held = Held { memory, layout, dim: (m, n) };
        held.view_mut().assign(x);
        held
    }

    fn view_mut(&mut self) -> ArrayViewMut2<'_, T> {
        let (m, n) = self.dim;
        match self.layout {
            2 => self.memory.slice_mut(s![1..;2, 2..n + 2]),
            3 => self.memory.slice_mut(s![1..m + 1, ..]),
            4 => self.memory.slice_mut(s![.., 1..;2]),
            5 => self.memory.slice_mut(s![..;-1, ..;-1]),
            _ => self.memory.view_mut(),
        }
    }

    fn view(&self) -> ArrayView2<'_, T> {
        let (m, n) = self.dim;
        match self.layout {
            2 => self.memory.slice(s![1..;2, 2..n + 2]),
            3 => self.memory.slice(s![1..m + 1, ..]),
            4 => self.memory.slice(s![.., 1..;2]),
            5 => self.memory.slice(s![..;-1, ..;-1]),
            _ => self.memory.view(),
        }
    }
}

fn run<T: Driven>(
    isa: Isa,
    alpha: T,
    a: &ArrayView2<'_, T>,
    b: &ArrayView2<'_, T>,
    beta: T,
    c: ArrayViewMut2<'_, T>,
) {
    let start = if beta == T::zero() { Start::Zero } else { Start::Scaled(beta) };
    drive::product(isa, (alpha, a.view(), b.view()), start, c, None);
}

fn bits<T: Scalar>(x: &ArrayView2<'_, T>) -> Vec<u64> {
    x.iter().map(|x| x.value().to_bits()).collect()
}

/// Every element within the rounding that any order of summation may have, given the sum of absolute values.
fn close<T: Scalar>(found: &ArrayView2<'_, T>, expected: &Array2<f64>, bound: &Array2<f64>) {
    for (((ij, found), expected), bound) in found.indexed_iter().zip(expected).zip(bound) {
        assert!((found.value() - expected).abs() <= *bound, "{ij:?}: {found} for {expected} within {bound}");
    }
}

fn textbook<T: Driven>(
    (m, k, n): (usize, usize, usize),
    layouts: [u8; 3],
    alpha: f64,
    beta: f64,
    epsilon: f64,
) {
    let (a, b) = (noise::<T>((m, k), 1), noise::<T>((k, n), 2));
    let c = if beta == 0.0 { Array2::from_elem((m, n), T::from_f64(f64::NAN)) } else { noise((m, n), 3) };
    let (alpha, beta) = (T::from_f64(alpha), T::from_f64(beta));
    let (mut expected, mut bound) = (c.mapv(|c| c.value()), c.mapv(|c| c.value().abs()));
    let (exact_a, exact_b) = (a.mapv(|a| a.value()), b.mapv(|b| b.value()));
    plain(alpha.value(), &exact_a, &exact_b, beta.value(), &mut expected);
    plain(alpha.value().abs(), &exact_a.abs(), &exact_b.abs(), beta.value().abs(), &mut bound);
    bound *= epsilon / 2.0 * (2 * k + 4) as f64;
    for isa in Isa::available() {
        let (a, b) = (Held::new(&a, layouts[0]), Held::new(&b, layouts[1]));
        let mut c = Held::new(&c, layouts[2]);
        run(isa, alpha, &a.view(), &b.view(), beta, c.view_mut());
        close(&c.view(), &expected, &bound);
        // What lies between the elements of c has not been touched.
        c.view_mut().fill(T::from_f64(f64::NAN));
        assert!(c.memory.iter().all(|c| c.value().is_nan()));
    }
}

/// Every way to cut one product, with every instruction set: all have the bits of the first.
fn cuts<T: Driven>((m, k, n): (usize, usize, usize), layouts: [u8; 3], beta: T, row: usize, column: usize) {
    let (a, b, c) = (noise::<T>((m, k), 4), noise::<T>((k, n), 5), noise::<T>((m, n), 6));
    for fused in [false, true] {
        let mut first: Option<Vec<u64>> = None;
        for isa in Isa::available().into_iter().filter(|isa| (*isa != Isa::Portable) == fused) {
            for layouts in [[0, 0, 0], layouts] {
                let (a, b) = (Held::new(&a, layouts[0]), Held::new(&b, layouts[1]));
                let (a, b) = (a.view(), b.view());
                let (mut whole, mut cut) = (Held::new(&c, layouts[2]), Held::new(&c, layouts[2]));
                run(isa, T::one(), &a, &b, beta, whole.view_mut());
                let (a_up, a_down) = a.split_at(Axis(0), row);
                let (b_left, b_right) = b.split_at(Axis(1), column);
                let (up, down) = cut.view_mut().split_at(Axis(0), row);
                for (a, c) in [(a_up, up), (a_down, down)] {
                    let (left, right) = c.split_at(Axis(1), column);
                    run(isa, T::one(), &a, &b_left, beta, left);
                    run(isa, T::one(), &a, &b_right, beta, right);
                }
                let mut rows = Held::new(&c, layouts[2]);
                for (a, c) in
                    a.axis_chunks_iter(Axis(0), 1).zip(rows.view_mut().axis_chunks_iter_mut(Axis(0), 1))
                {
                    run(isa, T::one(), &a, &b, beta, c);
                }
                for found in [whole, cut, rows].map(|c| bits(&c.view())) {
                    assert!(*first.get_or_insert_with(|| found.clone()) == found, "{isa:?} {layouts:?}");
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn every_layout_gives_the_textbook_product(
        dim in (0..40_usize, 0..70_usize, 0..70_usize),
        layouts in [0..LAYOUTS, 0..LAYOUTS, 0..LAYOUTS],
        alpha in prop_oneof![Just(1.0), -2.0..2.0],
        beta in prop_oneof![Just(0.0), Just(1.0), -2.0..2.0],
    ) {
        textbook::<f64>(dim, layouts, alpha, beta, f64::EPSILON);
        textbook::<f32>(dim, layouts, alpha, beta, f64::from(f32::EPSILON));
    }

    #[test]
    fn any_cut_of_a_product_has_the_bits_of_the_whole(
        (m, n) in (1..70_usize, 1..90_usize),
        k in prop_oneof![0..40_usize, 480..530_usize],
        layouts in [0..LAYOUTS, 0..LAYOUTS, 0..LAYOUTS],
        beta in prop_oneof![Just(0.0), Just(1.0), Just(0.7)],
        cut in (0.0..1.0, 0.0..1.0),
    ) {
        let at = |of: usize, cut: f64| (of as f64 * cut) as usize;
        cuts::<f64>((m, k, n), layouts, beta, at(m, cut.0), at(n, cut.1));
        cuts::<f32>((m, k, n), layouts, beta as f32, at(m, cut.0), at(n, cut.1));
    }
}

#[test]
fn large_products_agree_with_the_textbook_and_with_their_cuts() {
    // Beyond the size of a block in each direction, and with both factors packed.
    for layouts in [[0, 0, 0], [1, 1, 1]] {
        textbook::<f32>((150, 1100, 300), layouts, 1.0, 0.0, f64::from(f32::EPSILON));
        textbook::<f64>((140, 600, 1050), layouts, 0.5, 1.0, f64::EPSILON);
        cuts::<f32>((150, 1100, 300), layouts, 1.0, 77, 150);
    }
    // The last columns of c as rows of its transpose, whatever the instruction set.
    for n in [18, 33, 50] {
        textbook::<f32>((70, 40, n), [1, 0, 0], 0.5, 1.0, f64::from(f32::EPSILON));
        textbook::<f64>((70, 520, n), [1, 0, 2], 1.0, 0.0, f64::EPSILON);
        cuts::<f32>((70, 520, n), [1, 0, 2], 0.7, 35, n - 2);
        cuts::<f64>((70, 40, n), [1, 1, 0], 0.0, 5, n - 1);
    }
    textbook::<f32>((1100, 20, 18), [1, 0, 0], 0.5, 1.0, f64::from(f32::EPSILON));
}

/// One product with all that goes with it, by so many threads.
fn on_threads<T: Driven>(threads: usize, (m, k, n): (usize, usize, usize), layout: u8) -> Vec<Vec<u64>> {
    let (a, b, bias) = (noise::<T>((m, k), 1), noise::<T>((k, n), 2), noise::<T>((1, n), 3));
    let (a, c) = (Held::new(&a, layout), noise((m, n), 4));
    let product = |f: &dyn Fn(&ArrayView2<'_, T>, ArrayViewMut2<'_, T>)| {
        let mut c = Held::new(&c, if layout == 1 { 2 } else { layout });
        pool::with_threads(threads, || f(&a.view(), c.view_mut()));
        bits(&c.view())
    };
    let of = T::from_f64;
    vec![
        product(&|a, mut c| gemm(of(0.3), a, &b, of(0.5), &mut c)),
        product(&|a, mut c| gemm(of(1.0), a, &b, of(0.5), &mut c)),
        product(&|a, mut c| gemm(of(1.0), a, &b, of(0.0), &mut c)),
        product(&|a, mut c| {
            gemm_bias(a, &b, &bias.row(0), &mut c, |c| c.iter_mut().for_each(|c| *c = c.maximum(of(0.0))));
        }),
    ]
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    // The first and the last one by blocks of k, of which the last has six.
    for dim in [(125, 784, 64), (20, 300, 576), (1, 1000, 700), (67, 513, 65), (60, 2201, 80)] {
        for layout in [0, 1, 2] {
            let one = (on_threads::<f32>(1, dim, layout), on_threads::<f64>(1, dim, layout));
            for threads in 2..6 {
                let several =
                    (on_threads::<f32>(threads, dim, layout), on_threads::<f64>(threads, dim, layout));
                assert!(several == one, "{threads} threads, {dim:?}, layout {layout}");
            }
        }
    }
}

#[test]
fn a_negative_zero_stays_one_on_any_number_of_threads() {
    const FUSED: bool = cfg!(any(target_arch = "aarch64", target_feature = "fma"));
    // Each product is too small for f32, and its sum with 0 rounds to -0.
    let (a, b) = (Array2::from_elem((100, 784), 1e-30_f32), Array2::from_elem((784, 64), -1e-30_f32));
    let bias = Array1::from_elem(64, -0.0);
    for threads in 1..4 {
        let mut c = Array2::ones((100, 64));
        pool::with_threads(threads, || gemm_bias(&a, &b, &bias, &mut c, |_| {}));
        // Rounded by itself, each product is -0, and the first sum is 0 - 0.
        let zero: f32 = if FUSED || Isa::best() > Isa::Portable { -0.0 } else { 0.0 };
        assert!(c.iter().all(|c| c.to_bits() == zero.to_bits()), "{threads} threads");
    }
}

#[test]
fn a_factor_may_repeat_one_row_or_column() {
    let (row, column) = (noise::<f64>((1, 30), 1), noise::<f64>((20, 1), 2));
    let (a, b) = (row.broadcast((20, 30)).unwrap(), column.t());
    let b = b.broadcast((30, 20)).unwrap();
    for isa in Isa::available() {
        for (a, b) in [(a, b), (b.reversed_axes(), a.reversed_axes())] {
            let mut expected = Array2::zeros((20, 20));
            plain(1.0, &a, &b, 0.0, &mut expected);
            let mut c = Array2::from_elem((20, 20), f64::NAN);
            run(isa, 1.0, &a, &b, 0.0, c.view_mut());
            close(&c.view(), &expected, &Array2::from_elem((20, 20), 1e-14));
        }
    }
}

#[test]
fn a_single_row_may_lie_any_distance_from_the_next() {
    let row: Vec<f32> = (0..20).map(|j| j as f32).collect();
    let b = ArrayView2::from_shape((1, 20).strides((usize::MAX / 16, 1)), &row).unwrap();
    let a = Array2::ones((40, 1));
    let product = crate::matmul(&a, &b);
    assert!(product.rows().into_iter().all(|found| found.iter().eq(&row)));
}

#[test]
fn a_bias_and_a_function_see_each_element_once() {
    for (m, k, n) in [(1, 3, 70), (9, 20, 33), (70, 0, 40), (80, 1030, 1030)] {
        let (a, b, bias) = (noise::<f32>((m, k), 1), noise::<f32>((k, n), 2), noise::<f32>((1, n), 3));
        let bias: Array1<f32> = bias.remove_axis(Axis(0));
        let mut expected = Array2::from_shape_fn((m, n), |(_, j)| bias[j]);
        gemm(1.0, &a, &b, 1.0, &mut expected);
        expected.mapv_inplace(|c| 2.0 * c);
        for layout in 0..LAYOUTS {
            let mut c = Held::new(&Array2::from_elem((m, n), f32::NAN), layout);
            gemm_bias(&a, &b, &bias, &mut c.view_mut(), |c| c.iter_mut().for_each(|c| *c *= 2.0));
            assert_eq!(c.view(), expected);
        }
    }
}

#[test]
fn a_function_may_itself_multiply() {
    let eye = Array2::<f32>::eye(40);
    let mut c = Array2::zeros((40, 40));
    let one = || matmul(&eye, &eye)[[0, 0]];
    gemm_bias(&eye, &eye, &Array1::zeros(40), &mut c, |c| c.iter_mut().for_each(|c| *c += one()));
    assert_eq!(c, &eye + 1.0);
}

#[test]
#[should_panic(expected = "gemm: 2x3 times 2x3 into (2, 3)")]
fn shapes_that_do_not_fit_are_named() {
    let a = Array2::<f32>::zeros((2, 3));
    gemm(1.0, &a, &a, 0.0, &mut a.clone());
}
