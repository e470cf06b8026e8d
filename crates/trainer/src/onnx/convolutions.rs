//! Convolutions.

use layers::Spec;

use super::graph::Value;
use super::layers::Export;
use super::pools::pad;
use super::proto::Attribute::{self, Int};
use super::window;

impl Export {
    /// The output of the layer, or nothing if it is no convolution.
    pub(super) fn convolution(&mut self, spec: &Spec, path: &str, x: &Value) -> Option<String> {
        let name = match *spec {
            Spec::Conv1d { kernel, stride, padding, dilation, groups, bias, filters: _ } => {
                let options = options(&[kernel], &[stride], &[padding, padding], &[dilation], groups);
                self.conv("Conv", path, &x.name, bias, options)
            }
            Spec::Conv2d { kernel, stride, padding: [p, q], dilation, groups, bias, filters: _ } => {
                let options = options(&kernel, &stride, &[p, q, p, q], &dilation, groups);
                self.conv("Conv", path, &x.name, bias, options)
            }
            Spec::ConvTranspose2d {
                kernel,
                stride,
                padding: [p, q],
                dilation,
                output_padding: added,
                groups,
                bias,
                filters: _,
            } => {
                let mut options = options(&kernel, &stride, &[p, q, p, q], &dilation, groups);
                // Runtimes want output padding below the stride; a zero at the end of the input adds a stride.
                let [zeros, rest] = [|a: usize, s: usize| a / s, |a, s| a % s]
                    .map(|f| [0, 1].map(|i| f(added[i], stride[i])));
                options.push(("output_padding", window(&rest)));
                let padded =
                    (zeros != [0, 0]).then(|| pad(&mut self.graph, path, x, [0, 0, zeros[0], zeros[1]], 0.0));
                self.conv("ConvTranspose", path, padded.as_ref().unwrap_or(&x.name), bias, options)
            }
            _ => return None,
        };
        Some(name)
    }

    fn conv(
        &mut self,
        op: &'static str,
        path: &str,
        x: &str,
        bias: bool,
        options: Vec<(&'static str, Attribute)>,
    ) -> String {
        let weight = self.param(path, "weight");
        let bias = bias.then(|| self.param(path, "bias"));
        let inputs: Vec<&str> = [x, &weight].into_iter().chain(bias.as_deref()).collect();
        self.graph.node(path, op, &inputs, options)
    }
}

/// The options that all convolutions have.
fn options(
    kernel: &[usize],
    stride: &[usize],
    padding: &[usize],
    dilation: &[usize],
    groups: usize,
) -> Vec<(&'static str, Attribute)> {
    vec![
        ("kernel_shape", window(kernel)),
        ("strides", window(stride)),
        ("pads", window(padding)),
        ("dilations", window(dilation)),
        ("group", Int(groups as i64)),
    ]
}
