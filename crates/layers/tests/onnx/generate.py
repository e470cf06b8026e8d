# /// script
# requires-python = ">=3.11"
# dependencies = ["onnx==1.22.0", "numpy==2.3.3"]
# ///
"""Turns the operator tests of the `onnx` package that concern this crate's layers into forward cases in f32.

README.md beside this file has the format and how to run this; LEFT_OUT.md the tests not used, and why.
"""

import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import numpy as np

from foreign import array, require
from onnx_tests import LeftOut, convert

require(onnx="1.22.0", numpy="2.3.3")


ENOUGH = (
    100  # numbers in and out: a case with more keeps only its first examples, where each stands for itself
)


def forward(layer, x, y, params=None, mode="eval", note=None):
    """A case. A single example without a batch axis gets one; a large batch keeps its first examples."""
    x, y = (np.atleast_2d(v) for v in (x, y))
    keep = max(1, ENOUGH * len(x) // (x.size + y.size))
    if keep < len(x) and mode == "eval":
        x, y = x[:keep], y[:keep]
        note = "; ".join(
            filter(None, [note, "the first example" if keep == 1 else f"the first {keep} examples"])
        )
    case = {
        "layer": layer,
        "input_shape": list(x.shape[1:]),
        "mode": mode,
        "params": {name: array(value) for name, value in (params or {}).items()},
        "x": array(x),
        "y": array(y),
    }
    return case | ({"note": note} if note else {})


def activation(name, **options):
    """A function of one number; `options` gives each of our options as (ONNX attribute, default)."""

    def converter(test):
        layer = {"layer": name} | {ours: test.number(*theirs) for ours, theirs in options.items()}
        x, y = test.inputs[0], test.outputs[0]
        if len(test.ops) > 1:
            raise LeftOut("more than one operator, and not a layer here")
        step = {60: 3, 120: 7, 200: 9, 10000: 397}.get(x.size)
        if step:  # as many numbers as make a point, from the whole range
            return forward(layer, x.reshape(-1)[::step], y.reshape(-1)[::step], note=f"one number in {step}")
        return forward(layer, x, y)

    return converter


def selu(test):
    if set(test.attributes) & {"alpha", "gamma"}:
        raise LeftOut("constants other than Selu's own")
    return activation("selu")(test)


def gelu(test):
    kind = test.attributes.get("approximate", "none")
    return activation("gelu")(test) | {"layer": {"layer": "gelu", "approximate": kind}}


def swish(test):
    if test.number("alpha", 1.0) != 1.0:
        raise LeftOut("Swish with a slope other than 1")
    return activation("silu")(test)


def softmax(name):
    def converter(test):
        x, y = test.inputs[0], test.outputs[0]
        if len(test.ops) > 1:
            raise LeftOut("more than one operator, and not a layer here")
        if test.attributes.get("axis", -1) not in (-1, x.ndim - 1):
            raise LeftOut("softmax over an axis that is not the last")
        note = "the leading axes are merged into rows" if x.ndim > 2 else None
        return forward({"layer": name}, x.reshape(-1, x.shape[-1]), y.reshape(-1, x.shape[-1]), note=note)

    return converter


def prelu(test):
    x, slope = test.inputs
    axes = [axis for axis, size in enumerate(slope.shape) if size > 1]
    converted = test.name.startswith("pytorch-converted")  # an older version: a vector goes along axis 1
    if len(axes) > 1 or (axes and not converted and x.ndim - slope.ndim + axes[0] != 1):
        raise LeftOut("slopes along an axis that is not the channel")
    return forward(
        {"layer": "prelu", "slopes": slope.size}, x, test.outputs[0], {"alpha": slope.reshape(-1)}
    )


def gemm(test):
    a, b, *rest = test.inputs
    if len(test.ops) > 1 or test.number("beta", 1.0) != 1.0 or test.number("alpha", 1.0) != 1.0:
        raise LeftOut("scaled products, which Affine has not")
    a = a.T if test.attributes.get("transA") else a
    weight = b.T if test.attributes.get("transB") else b
    d_out = weight.shape[1]
    bias = rest[0] if rest else np.zeros(1, np.float32)
    if bias.ndim == 2 and bias.shape[0] > 1:
        raise LeftOut("a bias that differs from row to row")
    bias = np.broadcast_to(bias.reshape(-1), d_out)
    return affine(a, weight, bias, test.outputs[0], None if rest else "bias 0")


def affine(x, weight, bias, y, note=None):
    layer = {"layer": "affine", "units": weight.shape[1]}
    return forward(layer, x, y, {"weight": weight, "bias": bias}, note=note)


def matmul(test):
    raise LeftOut("a product without a bias: `test_gemm_default_no_bias` stands for it")


def window(test, kernel, image):
    """kernel, stride, padding and dilation. Automatic padding is worked out; both ends must agree."""
    rank = len(kernel)
    stride = list(test.attributes.get("strides", [1] * rank))
    dilation = list(test.attributes.get("dilations", [1] * rank))
    pads = list(test.attributes.get("pads", [0] * 2 * rank))
    if test.attributes.get("auto_pad", "NOTSET").startswith("SAME"):
        total = [
            max((-(-size // s) - 1) * s + (k - 1) * d + 1 - size, 0)
            for size, s, k, d in zip(image, stride, kernel, dilation)
        ]
        pads = [t // 2 for t in total] + [t - t // 2 for t in total]
    if pads[:rank] != pads[rank:]:
        raise LeftOut("padding that differs between the two ends of an axis")
    return {"kernel": list(kernel), "stride": stride, "padding": pads[:rank], "dilation": dilation}


def conv(test):
    x, weight, *bias = test.inputs
    rank = x.ndim - 2
    if rank == 3:
        raise LeftOut("three spatial axes")
    if x.size > 5000:
        raise LeftOut("size: more than 4 kB as text")
    groups = test.attributes.get("group", 1)
    options = window(test, weight.shape[2:], x.shape[2:])
    options = {k: v[0] for k, v in options.items()} if rank == 1 else options
    layer = {"layer": f"conv{rank}d", "filters": weight.shape[0]} | options
    layer |= {"groups": groups, "bias": bool(bias)}
    return forward(layer, x, test.outputs[0], {"weight": weight} | ({"bias": bias[0]} if bias else {}))


def conv_transpose(test):
    x, weight, *bias = test.inputs
    y = test.outputs[0]
    if x.ndim == 5:
        raise LeftOut("three spatial axes")
    note = None
    groups = test.attributes.get("group", 1)
    if x.ndim == 3:
        x, weight, y, note = (
            x[:, :, None],
            weight[:, :, None],
            y[:, :, None],
            "one spatial axis as images of height 1",
        )
    options = window(test, weight.shape[2:], x.shape[2:]) if "auto_pad" not in test.attributes else None
    if options is None:
        raise LeftOut("padding that differs between the two ends of an axis")
    extra = list(test.attributes.get("output_padding", [0, 0]))
    if "output_shape" in test.attributes:
        extra = [
            want - ((size - 1) * s + k)
            for want, size, s, k in zip(
                test.attributes["output_shape"], x.shape[2:], options["stride"], options["kernel"]
            )
        ]
        note = "the output shape as the output padding that gives it"
    layer = {"layer": "conv_transpose2d", "filters": weight.shape[1] * groups} | options
    layer |= {"groups": groups, "bias": bool(bias), "output_padding": extra}
    return forward(layer, x, y, {"weight": weight} | ({"bias": bias[0]} if bias else {}), note=note)


def pool(name):
    def converter(test):
        x, y = test.inputs[0], test.outputs[0]
        kernel = test.attributes["kernel_shape"]
        if test.name == "test_averagepool_2d_ceil_last_window_starts_on_pad":
            raise LeftOut("expected numbers of four decimals only")
        if x.dtype == np.uint8:
            raise LeftOut("whole numbers in, the numbers of `test_maxpool_2d_precomputed_pads`")
        if len(kernel) == 3:
            raise LeftOut("three spatial axes")
        notes = []
        if test.ops[0] == "Unsqueeze":
            x, y = x[..., None], y[..., None]
            notes.append("one spatial axis as images of width 1")
        options = window(test, kernel, x.shape[2:])
        if len(kernel) == 1:
            x, y = x[:, :, None], y[:, :, None]
            options = {k: [0 if k == "padding" else 1, v[0]] for k, v in options.items()}
            notes.append("one spatial axis as images of height 1")
        x, y, cut = cut_pool(x, y, options)
        options["ceil"] = bool(test.attributes.get("ceil_mode", 0))
        if name == "avg_pool2d":
            if options.pop("dilation") != [1, 1]:
                raise LeftOut("a dilated average")
            options["count_include_pad"] = bool(test.attributes.get("count_include_pad", 0))
        return forward({"layer": name} | options, x, y, note="; ".join(notes + cut) or None)

    return converter


def cut_pool(x, y, options):
    """The first channels of large inputs, and without padding the first windows too: no more matters."""
    if x.size + y.size < 800:
        return x, y, []
    x, y, cut = x[:1, :2], y[:1, :2], ["the first two channels"]
    if x.size + y.size >= 800 and options["padding"] == [0, 0]:
        y = y[:, :, :3, :2]
        h, w = [
            (n - 1) * s + (k - 1) * d + 1
            for n, s, k, d in zip(y.shape[2:], options["stride"], options["kernel"], options["dilation"])
        ]
        x, cut = x[:, :, :h, :w], ["the first two channels and the first 3 x 2 windows"]
    return x, y, cut


def global_average(test):
    y = test.outputs[0]
    return forward({"layer": "global_average_pool"}, test.inputs[0], y.reshape(y.shape[:2]))


def batch_norm(test):
    x, gamma, beta, mean, var = test.inputs
    y = test.outputs[0]
    if x.ndim == 5:
        raise LeftOut("three spatial axes")
    note = None
    if x.ndim == 3:
        x, y, note = x[:, :, None], y[:, :, None], "one spatial axis as images of height 1"
    train = test.attributes.get("training_mode", 0) == 1
    momentum = round(1.0 - test.number("momentum", 0.9), 6)
    layer = {
        "layer": "batch_norm",
        "momentum": momentum,
        "eps": test.number("epsilon", 1e-5),
    }
    params = {"gamma": gamma, "beta": beta, "running_mean": mean, "running_var": var}
    case = forward(layer, x, y, params, "train" if train else "eval", note)
    if train:
        case["after"] = {
            "running_mean": array(test.outputs[1])
        }  # ONNX's running variance is biased, ours is not
    return case


def layer_norm(test):
    x, gamma, beta = test.inputs
    if test.attributes.get("axis", -1) in (0, -x.ndim):
        raise LeftOut("normalised over the batch too")
    layer = {"layer": "layer_norm", "axes": gamma.ndim, "eps": test.number("epsilon", 1e-5)}
    return forward(layer, x, test.outputs[0], {"gamma": gamma, "beta": beta})


def group_norm(test):
    x, gamma, beta = test.inputs
    layer = {
        "layer": "group_norm",
        "groups": test.attributes["num_groups"],
        "eps": test.number("epsilon", 1e-5),
    }
    return forward(layer, x, test.outputs[0], {"gamma": gamma, "beta": beta})


def dropout(test):
    rest = [v for v in test.inputs[1:] if v is not None]
    p = float(str(rest[0])) if rest else test.number("ratio", 0.5)
    train = len(rest) == 2 and bool(rest[1])
    if train and p > 0.0:
        raise LeftOut("random, from numpy's generator")
    return forward(
        {"layer": "dropout", "p": p}, test.inputs[0], test.outputs[0], mode="train" if train else "eval"
    )


def flatten(test):
    if test.attributes.get("axis", 1) not in (1, 1 - test.inputs[0].ndim):
        raise LeftOut("flattened at an axis that is not the first after the batch")
    return forward({"layer": "flatten"}, test.inputs[0], test.outputs[0])


def embedding(test):
    if not test.name.startswith("pytorch-converted"):
        raise LeftOut("a gather that is not an embedding")
    words, weight = test.inputs if test.inputs[0].dtype.kind == "i" else test.inputs[::-1]
    layer = {"layer": "embedding", "rows": weight.shape[0], "d": weight.shape[1]}
    return forward(layer, words, test.outputs[0], {"weight": weight})


# Tests that differ from another only in their random numbers, or by a bias of 0.
TWINS = {
    "test_layer_normalization_2d_axis_negative_1": "test_layer_normalization_2d_axis1",
    "test_layer_normalization_3d_axis_negative_1_epsilon": "test_layer_normalization_3d_axis2_epsilon",
    "test_layer_normalization_3d_axis_negative_2_epsilon": "test_layer_normalization_3d_axis1_epsilon",
    "test_layer_normalization_4d_axis_negative_1": "test_layer_normalization_4d_axis3",
    "test_layer_normalization_default_axis": "test_layer_normalization_4d_axis3",
    "test_layer_normalization_4d_axis_negative_2": "test_layer_normalization_4d_axis2",
    "test_layer_normalization_4d_axis_negative_3": "test_layer_normalization_4d_axis1",
    "pytorch-converted/test_AvgPool1d_stride": "pytorch-converted/test_AvgPool1d",
    "pytorch-converted/test_AvgPool2d_stride": "pytorch-converted/test_AvgPool2d",
    "pytorch-converted/test_MaxPool1d_stride": "pytorch-converted/test_MaxPool1d",
    "pytorch-converted/test_Conv2d_groups_thnn": "pytorch-converted/test_Conv2d_groups",
    "pytorch-converted/test_Embedding_sparse": "pytorch-converted/test_Embedding",
    "pytorch-converted/test_Linear_no_bias": "pytorch-converted/test_Linear",
    "pytorch-converted/test_log_softmax_dim3": "test_logsoftmax_axis_2",
    "pytorch-converted/test_softmax_functional_dim3": "test_softmax_axis_2",
}

CONVERTERS = {
    "Gemm": gemm,
    "MatMul": matmul,
    "Conv": conv,
    "ConvTranspose": conv_transpose,
    "MaxPool": pool("max_pool2d"),
    "AveragePool": pool("avg_pool2d"),
    "GlobalAveragePool": global_average,
    "BatchNormalization": batch_norm,
    "LayerNormalization": layer_norm,
    "GroupNormalization": group_norm,
    "Softmax": softmax("softmax"),
    "LogSoftmax": softmax("log_softmax"),
    "Relu": activation("relu"),
    "LeakyRelu": activation("leaky_relu", slope=("alpha", 0.01)),
    "PRelu": prelu,
    "Elu": activation("elu", alpha=("alpha", 1.0)),
    "Selu": selu,
    "Gelu": gelu,
    "Sigmoid": activation("sigmoid"),
    "Tanh": activation("tanh"),
    "Softplus": activation("softplus"),
    "Mish": activation("mish"),
    "Swish": swish,
    "HardSwish": activation("hard_swish"),
    "HardSigmoid": activation("hard_sigmoid", slope=("alpha", 0.2), offset=("beta", 0.5)),
    "Dropout": dropout,
    "Flatten": flatten,
    "Gather": embedding,
}


if __name__ == "__main__":

    def key(case):
        return json.dumps([case[k] for k in ("layer", "mode", "params", "x")])

    convert(HERE, CONVERTERS, TWINS, key)
