//! Pools: ours reach beyond the padding as PyTorch's do, which runtimes read differently into `ceil_mode`, so the
//! cells that the last window lacks become padding at the end.

use super::graph::{Graph, Value};
use super::proto::Attribute::Int;
use super::window;

/// A pool without the question what it does with padding.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pool {
    pub(super) kernel: [usize; 2],
    pub(super) stride: [usize; 2],
    pub(super) padding: [usize; 2],
    pub(super) dilation: [usize; 2],
}

impl Pool {
    /// For each axis, the cells of the last window beyond the padding.
    fn overhang(&self, input: &[usize], output: &[usize]) -> [usize; 2] {
        [0, 1].map(|axis| {
            let extent = (self.kernel[axis] - 1) * self.dilation[axis] + 1;
            let reached = (output[axis + 1] - 1) * self.stride[axis] + extent;
            reached.saturating_sub(input[axis + 1] + 2 * self.padding[axis])
        })
    }

    /// Cells at the beginning and at the end of each axis, in the order of ONNX.
    fn pads(&self, overhang: [usize; 2]) -> [usize; 4] {
        let [top, left] = self.padding;
        [top, left, top + overhang[0], left + overhang[1]]
    }

    pub(super) fn max(&self, graph: &mut Graph, path: &str, x: &Value, output: &[usize]) -> String {
        let pads = self.pads(self.overhang(&x.shape, output));
        let attributes = |pads: [usize; 4]| {
            [
                ("kernel_shape", window(&self.kernel)),
                ("strides", window(&self.stride)),
                ("dilations", window(&self.dilation)),
                ("pads", window(&pads)),
            ]
        };
        // Runtimes want padding below the kernel even where dilation makes the window larger.
        if (0..4).all(|side| pads[side] < self.kernel[side % 2]) {
            return graph.node(path, "MaxPool", &[&x.name], attributes(pads));
        }
        let x = pad(graph, path, x, pads, f32::NEG_INFINITY);
        graph.node(path, "MaxPool", &[&x], attributes([0; 4]))
    }

    pub(super) fn average(
        &self,
        graph: &mut Graph,
        path: &str,
        x: &Value,
        output: &[usize],
        count_include_pad: bool,
    ) -> String {
        let overhang = self.overhang(&x.shape, output);
        let attributes = |pads: [usize; 4], counted: bool| {
            [
                ("kernel_shape", window(&self.kernel)),
                ("strides", window(&self.stride)),
                ("pads", window(&pads)),
                ("count_include_pad", Int(counted.into())),
            ]
        };
        if !count_include_pad || overhang == [0, 0] {
            return graph.node(
                path,
                "AveragePool",
                &[&x.name],
                attributes(self.pads(overhang), count_include_pad),
            );
        }
        // Padding counts, what lies beyond it does not: the former becomes part of the image.
        let x = pad(graph, path, x, self.pads([0, 0]), 0.0);
        graph.node(path, "AveragePool", &[&x], attributes([0, 0, overhang[0], overhang[1]], false))
    }
}

/// Images with a frame of `value`.
pub(super) fn pad(
    graph: &mut Graph,
    path: &str,
    x: &Value,
    [top, left, bottom, right]: [usize; 4],
    value: f32,
) -> String {
    let pads = [0, 0, top, left, 0, 0, bottom, right].map(|cells| cells as i64);
    let pads = graph.ints(format!("{path}pads"), pads.into());
    let value = graph.floats(format!("{path}frame"), &[], vec![value]);
    graph.node(path, "Pad", &[&x.name, &pads, &value], [])
}
