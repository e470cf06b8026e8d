//! Networks from their written form.

use crate::{
    Affine, AnyLayer, AvgPool2d, BatchNorm, Concat, Conv1d, Conv2d, ConvTranspose2d, Dropout, Elu, Embedding,
    Error, Flatten, Gelu, GlobalAveragePool, GroupNorm, HardSigmoid, HardSwish, LayerNorm, LeakyRelu,
    LogSoftmax, MAX_ELEMENTS, MaxPool2d, Mish, PRelu, Relu, Reshape, Residual, Selu, Sequential, Sigmoid,
    Silu, Softmax, Softplus, Spec, Tanh,
};

impl Spec {
    /// The layer, for inputs of this shape.
    ///
    /// # Errors
    ///
    /// [`Error`] if the layer cannot take inputs of this shape, an option is impossible, or something is larger than
    /// [`MAX_ELEMENTS`].
    pub fn build(&self, input: &[usize]) -> Result<Box<dyn AnyLayer>, Error> {
        check_input(input)?;
        self.check_sizes(input)?;
        let layer = self.made(input)?;
        let output = layer.output_shape(input)?;
        if too_large(&output) {
            return Err(Error::option(self.kind(), "outputs", at_most("elements"), output));
        }
        Ok(layer)
    }

    fn made(&self, input: &[usize]) -> Result<Box<dyn AnyLayer>, Error> {
        // The first axis of an example; a layer that finds none says so itself.
        let channels = input.first().copied().unwrap_or(1);
        Ok(match *self {
            Spec::Affine { units } => Box::new(Affine::new(input.iter().product(), units)),
            Spec::AvgPool2d { kernel, stride, padding, ceil, count_include_pad } => {
                let stride = stride.unwrap_or(kernel);
                Box::new(AvgPool2d { kernel, stride, padding, ceil, count_include_pad })
            }
            Spec::BatchNorm { momentum, eps } => Box::new(BatchNorm { channels, momentum, eps }),
            Spec::Concat { ref branches, axis } => {
                let mut concat = Concat::new(input);
                concat.axis = axis;
                for (i, branch) in branches.iter().enumerate() {
                    concat = concat.push_boxed(branch.build(input).map_err(|e| e.within(i, "concat"))?)?;
                }
                Box::new(concat)
            }
            Spec::Conv1d { filters: c_out, kernel, stride, padding, dilation, groups, bias } => {
                Box::new(Conv1d { c_in: channels, c_out, kernel, stride, padding, dilation, groups, bias })
            }
            Spec::Conv2d { filters: c_out, kernel, stride, padding, dilation, groups, bias } => {
                Box::new(Conv2d { c_in: channels, c_out, kernel, stride, padding, dilation, groups, bias })
            }
            Spec::ConvTranspose2d {
                filters,
                kernel,
                stride,
                padding,
                dilation,
                output_padding,
                groups,
                bias,
            } => Box::new(ConvTranspose2d {
                c_in: channels,
                c_out: filters,
                kernel,
                stride,
                padding,
                dilation,
                output_padding,
                groups,
                bias,
            }),
            Spec::Dropout { p } => Box::new(Dropout { p }),
            Spec::Elu { alpha } => Box::new(Elu { alpha }),
            Spec::Embedding { rows, d } => Box::new(Embedding { rows, d }),
            Spec::Flatten {} => Box::new(Flatten),
            Spec::Gelu { approximate } => Box::new(Gelu { approximate }),
            Spec::GlobalAveragePool {} => Box::new(GlobalAveragePool),
            Spec::GroupNorm { groups, eps } => Box::new(GroupNorm { groups, channels, eps }),
            Spec::HardSigmoid { slope, offset } => Box::new(HardSigmoid { slope, offset }),
            Spec::HardSwish {} => Box::new(HardSwish),
            Spec::LayerNorm { axes, eps } => {
                let wrong =
                    || Error::option("layer_norm", "axes", format!("from 1 to {}", input.len()), axes);
                let at = input.len().checked_sub(axes).filter(|_| axes > 0).ok_or_else(wrong)?;
                Box::new(LayerNorm { shape: input[at..].to_vec(), eps })
            }
            Spec::LeakyRelu { slope } => Box::new(LeakyRelu { slope }),
            Spec::LogSoftmax {} => Box::new(LogSoftmax),
            Spec::MaxPool2d { kernel, stride, padding, dilation, ceil } => {
                let stride = stride.unwrap_or(kernel);
                Box::new(MaxPool2d { kernel, stride, padding, dilation, ceil })
            }
            Spec::Mish {} => Box::new(Mish),
            Spec::PRelu { slopes } => Box::new(PRelu { slopes }),
            Spec::Relu {} => Box::new(Relu),
            Spec::Reshape { ref shape } => Box::new(Reshape::new(shape)),
            Spec::Residual { ref layers } => Box::new(Residual::new(sequential(layers, input)?)),
            Spec::Selu {} => Box::new(Selu),
            Spec::Sequential { ref layers } => Box::new(sequential(layers, input)?),
            Spec::Sigmoid {} => Box::new(Sigmoid),
            Spec::Silu {} => Box::new(Silu),
            Spec::Softmax {} => Box::new(Softmax),
            Spec::Softplus {} => Box::new(Softplus),
            Spec::Tanh {} => Box::new(Tanh),
        })
    }

    /// That no option, no window and no weight is larger than what can be computed with.
    fn check_sizes(&self, input: &[usize]) -> Result<(), Error> {
        let channels = input.first().copied().unwrap_or(1);
        let option = |option: &'static str, values: &[usize]| match values.iter().find(|&&n| n > MAX_ELEMENTS)
        {
            Some(n) => Err(Error::option(self.kind(), option, format!("of at most {MAX_ELEMENTS}"), n)),
            None => Ok(()),
        };
        let window = |kernel: &[usize], stride: &[usize], padding: &[usize], dilation: &[usize]| {
            let options =
                [("kernel", kernel), ("stride", stride), ("padding", padding), ("dilation", dilation)];
            options.into_iter().try_for_each(|(name, values)| option(name, values))?;
            match too_large(kernel) {
                true => Err(Error::option(self.kind(), "kernel", at_most("cells"), kernel)),
                false => Ok(()),
            }
        };
        let weight = |shape: &[usize]| match too_large(shape) {
            true => Err(Error::option(self.kind(), "weight", at_most("elements"), shape)),
            false => Ok(()),
        };
        match *self {
            Spec::Affine { units } => weight(&[input.iter().product(), units]),
            Spec::AvgPool2d { kernel, stride, padding, .. } => {
                window(&kernel, &stride.unwrap_or(kernel), &padding, &[])
            }
            Spec::MaxPool2d { kernel, stride, padding, dilation, .. } => {
                window(&kernel, &stride.unwrap_or(kernel), &padding, &dilation)
            }
            Spec::Conv1d { filters, kernel, stride, padding, dilation, groups, .. } => {
                option("filters", &[filters])?;
                window(&[kernel], &[stride], &[padding], &[dilation])?;
                weight(&[filters, channels / groups.max(1), kernel])
            }
            Spec::Conv2d { filters, kernel: [kh, kw], stride, padding, dilation, groups, .. } => {
                option("filters", &[filters])?;
                window(&[kh, kw], &stride, &padding, &dilation)?;
                weight(&[filters, channels / groups.max(1), kh, kw])
            }
            Spec::ConvTranspose2d {
                filters, kernel: [kh, kw], stride, padding, dilation, groups, ..
            } => {
                option("filters", &[filters])?;
                window(&[kh, kw], &stride, &padding, &dilation)?;
                weight(&[channels, filters / groups.max(1), kh, kw])
            }
            Spec::Embedding { rows, d } => weight(&[rows, d]),
            Spec::GroupNorm { groups, .. } => option("groups", &[groups]),
            Spec::PRelu { slopes } => option("slopes", &[slopes]),
            _ => Ok(()),
        }
    }
}

fn at_most(what: &str) -> String {
    format!("of at most {MAX_ELEMENTS} {what}")
}

/// Whether an array of this shape has more elements than [`MAX_ELEMENTS`]. Axes count though another one is 0, because
/// products of some of them are taken.
fn too_large(shape: &[usize]) -> bool {
    let elements = shape.iter().try_fold(1_usize, |product, &axis| product.checked_mul(axis.max(1)));
    elements.is_none_or(|elements| elements > MAX_ELEMENTS)
}

fn check_input(input: &[usize]) -> Result<(), Error> {
    match too_large(input) {
        true => Err(Error::input("layer", at_most("elements"), input)),
        false => Ok(()),
    }
}

/// A chain of written layers, for inputs of this shape.
///
/// # Errors
///
/// As [`Spec::build`], with the position of the layer.
pub fn sequential(layers: &[Spec], input: &[usize]) -> Result<Sequential, Error> {
    check_input(input)?;
    let empty = Ok(Sequential::new(input));
    layers.iter().enumerate().fold(empty, |chain, (i, spec)| {
        let chain = chain?;
        let layer = spec.build(chain.shape(i)).map_err(|e| e.within(i, ""))?;
        chain.push_boxed(layer)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(spec: &Spec, input: &[usize]) -> String {
        spec.build(input).unwrap_err().to_string()
    }

    fn conv_transpose2d(filters: usize, stride: usize) -> Spec {
        Spec::ConvTranspose2d {
            filters,
            kernel: [1, 1],
            stride: [stride; 2],
            padding: [0, 0],
            dilation: [1, 1],
            output_padding: [0, 0],
            groups: 1,
            bias: true,
        }
    }

    fn pool(kernel: [usize; 2], padding: [usize; 2]) -> Spec {
        Spec::AvgPool2d { kernel, stride: None, padding, ceil: false, count_include_pad: true }
    }

    #[test]
    fn what_no_machine_can_hold_is_an_error() {
        let weight = |shape: &str| format!("expected weight of at most 2147483648 elements, got {shape}");
        assert_eq!(
            refused(&Spec::Affine { units: usize::MAX / 2 }, &[4]),
            format!("affine: {}", weight("[4, 9223372036854775807]"))
        );
        let table = Spec::Embedding { rows: 1 << 40, d: 1 << 40 };
        assert_eq!(refused(&table, &[1]), format!("embedding: {}", weight("[1099511627776, 1099511627776]")));
        assert_eq!(
            refused(&conv_transpose2d(1, 1 << 31), &[1, 3, 3]),
            "conv_transpose2d: expected outputs of at most 2147483648 elements, got [1, 4294967297, 4294967297]"
        );
        assert_eq!(
            refused(&conv_transpose2d(1, 1 << 32), &[1, 1, 1]),
            "conv_transpose2d: expected stride of at most 2147483648, got 4294967296"
        );
        let both = Spec::Concat { branches: vec![Spec::Affine { units: 1 << 30 }; 3], axis: 0 };
        assert_eq!(
            refused(&both, &[1]),
            "concat: expected outputs of at most 2147483648 elements, got [3221225472]"
        );
        let wide = Spec::Concat {
            branches: vec![Spec::Affine { units: usize::MAX }, Spec::Affine { units: 2 }],
            axis: 0,
        };
        assert!(refused(&wide, &[1]).starts_with("concat, layer 0 (affine): expected weight of at most"));
        assert_eq!(
            refused(&pool([1 << 16, 1 << 16], [1 << 15, 1 << 15]), &[1, 1, 1]),
            "avg_pool2d: expected kernel of at most 2147483648 cells, got [65536, 65536]"
        );
        assert_eq!(
            refused(&Spec::Relu {}, &[1 << 31, 2]),
            "layer: expected input of at most 2147483648 elements, got [2147483648, 2]"
        );
        assert!(sequential(&[], &[1 << 31, 2]).is_err());
    }

    #[test]
    fn long_windows_and_tall_tables_are_built() {
        assert!(pool([1, 40_000], [0, 0]).build(&[1, 1, 40_000]).is_ok());
        assert!(Spec::Embedding { rows: 16_000_000, d: 64 }.build(&[8]).is_ok());
        assert!(conv_transpose2d(1, 40_000).build(&[1, 1, 2]).is_ok());
    }

    #[test]
    fn options_at_every_bound_never_panic() {
        let sizes =
            [0, 1, 2, 3, 1 << 15, (1 << 31) - 1, 1 << 31, (1 << 31) + 1, 1 << 40, usize::MAX / 2, usize::MAX];
        for (i, &a) in sizes.iter().enumerate() {
            for (j, &b) in sizes.iter().enumerate() {
                let c = sizes[(i + 3 * j) % sizes.len()];
                let (kernel, stride, padding, dilation) = ([a, b], [b, c], [c, a], [b.min(a), c]);
                let (filters, groups, bias, ceil) = (a, b, true, c % 2 == 1);
                let specs = [
                    Spec::Affine { units: a },
                    pool(kernel, padding),
                    Spec::MaxPool2d { kernel, stride: Some(stride), padding, dilation, ceil },
                    Spec::Conv1d { filters, kernel: a, stride: b, padding: c, dilation: b, groups: 1, bias },
                    Spec::Conv2d { filters, kernel, stride, padding, dilation, groups, bias },
                    Spec::Conv2d { filters: 1, kernel, stride, padding, dilation, groups: 1, bias },
                    Spec::ConvTranspose2d {
                        filters: 1,
                        kernel,
                        stride,
                        padding,
                        dilation,
                        output_padding: padding,
                        groups: 1,
                        bias,
                    },
                    Spec::Embedding { rows: a, d: b },
                    Spec::GroupNorm { groups: a, eps: 1e-5 },
                    Spec::LayerNorm { axes: a, eps: 1e-5 },
                    Spec::PRelu { slopes: a },
                    Spec::Reshape { shape: vec![a, b, c] },
                ];
                let empty = [0, a.min(9), 1];
                let inputs = [&[][..], &[1], &[3, 2], &[1, 1, 1], &[2, 1 << 29, 1], &empty];
                for (spec, input) in specs.iter().flat_map(|spec| inputs.map(|input| (spec, input))) {
                    if let Ok(layer) = spec.build(input) {
                        let output = layer.output_shape(input).unwrap();
                        assert!(!too_large(&output), "{spec:?} {input:?}");
                        assert!(layer.params().iter().all(|p| !too_large(&p.shape)), "{spec:?} {input:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn every_layer_is_built_again_from_its_written_form() {
        let others: [(Box<dyn AnyLayer>, Vec<usize>); 2] = [
            (Box::new(BatchNorm { momentum: 0.3, eps: 1e-2, channels: 3 }), vec![3]),
            (Box::new(GroupNorm { eps: 1e-2, ..GroupNorm::new(2, 4) }), vec![4, 2]),
        ];
        let cases = crate::registry::cases().into_iter().map(|case| (case.layer, case.input));
        for (layer, input) in cases.chain(others) {
            let Some(spec) = layer.spec() else { continue };
            let again = spec.build(&input).unwrap();
            assert_eq!(format!("{again:?}"), format!("{layer:?}"));
            assert_eq!(again.spec(), Some(spec));
        }
    }
}
