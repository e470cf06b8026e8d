//! One pass of a layer on the shapes of the works: `cargo bench -p layers`, or with the name of a layer.
//!
//! `TENSOR_OPS_THREADS` and `TENSOR_OPS_ISA` in the environment set the threads and the instruction set. The column of
//! allocations is empty: a pass has all its memory beforehand.

use divan::{AllocProfiler, Bencher};
use layers::{AnyLayer, BatchNorm, Conv2d, GlobalAveragePool, LayerNorm, MaxPool2d, Relu, Saved, Sigmoid};
use ndarray::ArrayD;

#[global_allocator]
static ALLOC: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

/// A layer and its input.
const SUBJECTS: &[&str] = &[
    "relu 128x20x24x24",
    "sigmoid 128x20x24x24",
    "conv 5x5 128x1x28x28 to 20",
    "conv 5x5 128x20x12x12 to 50",
    "conv 3x3 128x32x14x14 to 64",
    "conv 1x1 128x64x14x14 to 64",
    "max pool 128x20x24x24",
    "max pool 128x50x8x8",
    "batch norm 128x32x14x14",
    "batch norm 128x256",
    "layer norm 128x256",
    "global average pool 128x64x7x7",
];

fn subject(name: &str) -> (Box<dyn AnyLayer>, Vec<usize>) {
    let (kind, shape) = name.split_at(name.find("128x").expect("a batch of 128"));
    let (shape, c_out) = shape.split_once(" to ").unwrap_or((shape, "0"));
    let shape: Vec<usize> = shape.split('x').map(|d| d.parse().expect("a number")).collect();
    let (c_in, c_out) = (shape[1], c_out.parse().expect("a number"));
    let layer: Box<dyn AnyLayer> = match kind.trim() {
        "relu" => Box::new(Relu),
        "sigmoid" => Box::new(Sigmoid),
        "conv 5x5" => Box::new(Conv2d::new(c_in, c_out, [5, 5])),
        "conv 3x3" => Box::new(Conv2d { padding: [1, 1], ..Conv2d::new(c_in, c_out, [3, 3]) }),
        "conv 1x1" => Box::new(Conv2d::new(c_in, c_out, [1, 1])),
        "max pool" => Box::new(MaxPool2d::new([2, 2])),
        "batch norm" => Box::new(BatchNorm::new(c_in)),
        "layer norm" => Box::new(LayerNorm::new(&[c_in])),
        "global average pool" => Box::new(GlobalAveragePool),
        other => unreachable!("{other}"),
    };
    (layer, shape)
}

/// An input, the parameters, and what a pass writes to.
struct Pass {
    layer: Box<dyn AnyLayer>,
    params: Vec<ArrayD<f32>>,
    x: ArrayD<f32>,
    y: ArrayD<f32>,
    dx: ArrayD<f32>,
    grads: Vec<ArrayD<f32>>,
    cache: layers::Cache<f32>,
}

impl Pass {
    fn new(name: &str) -> Self {
        let (layer, shape) = subject(name);
        let noise = |shape: &[usize]| {
            let mut i = 0_u32;
            ArrayD::from_shape_simple_fn(shape, || {
                i = i.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (i >> 16) as f32 / 32_768.0 - 1.0
            })
        };
        let params: Vec<_> = layer.params().iter().map(|spec| noise(&spec.shape)).collect();
        let output = layer.output_shape(&shape[1..]).expect("a shape that fits");
        let mut pass = Pass {
            x: noise(&shape),
            y: noise(&[&shape[..1], &output].concat()),
            dx: noise(&shape),
            grads: params.clone(),
            cache: layer.new_cache(&shape),
            params,
            layer,
        };
        pass.forward();
        pass
    }

    fn forward(&mut self) {
        self.layer.forward(&self.params, &self.x, &mut self.y, &mut self.cache);
    }

    fn backward(&mut self) {
        let saved = Saved { x: &self.x, y: &self.y, cache: &mut self.cache };
        self.layer.backward(&self.params, saved, &self.y, Some(&mut self.dx), &mut self.grads);
    }
}

#[divan::bench(args = SUBJECTS)]
fn forward(bencher: Bencher<'_, '_>, name: &str) {
    let mut pass = Pass::new(name);
    bencher.bench_local(|| pass.forward());
}

#[divan::bench(args = SUBJECTS)]
fn backward(bencher: Bencher<'_, '_>, name: &str) {
    let mut pass = Pass::new(name);
    bencher.bench_local(|| pass.backward());
}
