# /// script
# requires-python = ">=3.11"
# dependencies = ["torch==2.8.0", "numpy==2.3.3"]
# ///
"""Runs PyTorch's layers in f64 on the CPU and writes what they computed, in this workspace's layout.

Each case has the input and the parameters, the output, a cotangent `dy`, and the gradients that PyTorch's
backward pass gave for it. README.md beside this file has the format and how to run this.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import torch
from torch import nn

from foreign import Draw, array, require, write

require(torch="2.8.0", numpy="2.3.3")
torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)


class Affine(nn.Linear):
    """Flattens each example first, as this workspace's Affine does."""

    def forward(self, x):
        return super().forward(x.flatten(1))


class HardSigmoid(nn.Module):
    """What nn.Hardsigmoid is by its documentation; its own backward pass multiplies by 1/6 in f32 even in f64."""

    def forward(self, x):
        return nn.functional.relu6(x + 3) / 6


class Residual(nn.Sequential):
    def forward(self, x):
        return x + super().forward(x)


class Concat(nn.ModuleList):
    def forward(self, x):
        return torch.cat([branch(x) for branch in self], dim=1)


NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.LayerNorm, nn.GroupNorm)


def own_name(module, name):
    """The name that this workspace gives to PyTorch's parameter or buffer `name` of `module`."""
    if isinstance(module, NORMS):
        return {"weight": "gamma", "bias": "beta"}.get(name, name)
    return {"weight": "alpha"}[name] if isinstance(module, nn.PReLU) else name


def own_layout(module, tensor):
    """Affine keeps [d_in, d_out], PyTorch [d_out, d_in]; all others agree."""
    return tensor.T if isinstance(module, nn.Linear) and tensor.ndim == 2 else tensor


def leaves(module, prefix=""):
    """Every parameter and running statistic as (own name, module, tensor); children's names with index."""
    for name, tensor in [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]:
        if name != "num_batches_tracked":
            yield prefix + own_name(module, name), module, tensor
    for name, child in module.named_children():
        yield from leaves(child, f"{prefix}{name}.")


def fill(draw, module):
    """Replaces PyTorch's initial parameters by drawn ones; variances are positive."""
    for name, _, tensor in leaves(module):
        positive = name.endswith("running_var")
        drawn = draw.uniform(0.3, 1.7, *tensor.shape) if positive else draw.normal(*tensor.shape, scale=0.6)
        tensor.data.copy_(torch.as_tensor(drawn))


def case(name, layer, module, x, mode="train", kink=False):
    """One forward and one backward pass. `x` is an array, or a shape to draw it for."""
    draw = Draw(name)
    fill(draw, module)
    module.train(mode == "train")
    x = torch.as_tensor(draw.normal(*x) if isinstance(x, tuple) else x)
    if x.is_floating_point():
        x.requires_grad_()
    params = {own: array(own_layout(m, t)) for own, m, t in leaves(module)}
    y = module(x)
    dy = torch.as_tensor(draw.normal(*y.shape))
    y.backward(dy)
    result = {
        "case": name,
        "layer": layer,
        "input_shape": list(x.shape[1:]),
        "mode": mode,
        "params": params,
        "x": array(x),
        "y": array(y),
        "dy": array(dy),
        "dx": None if x.grad is None else array(x.grad),
        "dparams": {own: array(own_layout(m, t.grad)) for own, m, t in leaves(module) if t.requires_grad},
    }
    after = {own: array(t) for own, _, t in leaves(module) if not t.requires_grad}
    if after:
        result["after"] = after
    if kink:
        result["kink"] = True
    return result


def activations():
    kinds = [
        ({"layer": "relu"}, nn.ReLU()),
        ({"layer": "leaky_relu", "slope": 0.01}, nn.LeakyReLU(0.01)),
        ({"layer": "leaky_relu", "slope": 0.3}, nn.LeakyReLU(0.3)),
        ({"layer": "sigmoid"}, nn.Sigmoid()),
        ({"layer": "tanh"}, nn.Tanh()),
        ({"layer": "softmax"}, nn.Softmax(dim=-1)),
        ({"layer": "log_softmax"}, nn.LogSoftmax(dim=-1)),
        ({"layer": "elu", "alpha": 1.0}, nn.ELU()),
        ({"layer": "elu", "alpha": 0.7}, nn.ELU(0.7)),
        ({"layer": "selu"}, nn.SELU()),
        ({"layer": "gelu", "approximate": "none"}, nn.GELU()),
        ({"layer": "gelu", "approximate": "tanh"}, nn.GELU(approximate="tanh")),
        ({"layer": "silu"}, nn.SiLU()),
        ({"layer": "softplus"}, nn.Softplus()),
        ({"layer": "mish"}, nn.Mish()),
        ({"layer": "hard_swish"}, nn.Hardswish()),
        ({"layer": "hard_sigmoid"}, HardSigmoid()),
    ]
    # 20 to 36 is left out: PyTorch's Softplus is the identity there, up to 2e-9 off the formula.
    wide = [
        [-1000.0, -88.8, -40.0, -19.5, -7.0],
        [-3.5, -1e-3, 1e-300, 2.5, 6.0],
        [14.0, 19.5, 40.0, 88.8, 1000.0],
    ]
    ties = [
        [-1000.0, 1000.0, 999.0, 1000.0],
        [0.0, 0.0, 0.0, 0.0],
        [1e300, -1e300, 0.0, 5.0],
        [-700.0, -701.5, -745.0, -702.0],
    ]
    kinks = {
        "relu": [0.0, -0.0],
        "leaky_relu": [0.0, -0.0],
        "elu": [0.0, -0.0],
        "selu": [0.0],
        "hard_swish": [-3.0, 0.0, 3.0],
        "hard_sigmoid": [-3.0, 0.0, 3.0],
    }
    for layer, module in kinds:
        options = " ".join(f"{key} {value}" for key, value in layer.items() if key != "layer")
        name = f"{layer['layer']} {options}".strip()
        rows = "softmax" in name
        yield case(name, layer, module, (3, 7))
        yield case(f"{name} at extremes", layer, module, torch.tensor(ties if rows else wide))
        if layer["layer"] in kinks:
            yield case(
                f"{name} at its kinks", layer, module, torch.tensor([kinks[layer["layer"]]]), kink=True
            )
    yield case("relu on an image", {"layer": "relu"}, nn.ReLU(), (2, 3, 2, 2))
    one, three = {"layer": "prelu", "slopes": 1}, {"layer": "prelu", "slopes": 3}
    yield case("prelu one slope", one, nn.PReLU(), (4, 5))
    yield case("prelu one slope on an image", one, nn.PReLU(), (2, 3, 2, 3))
    yield case("prelu a slope per feature", three, nn.PReLU(3), (5, 3))
    yield case("prelu a slope per channel", three, nn.PReLU(3), (2, 3, 2, 3))
    yield case("prelu at its kink", one, nn.PReLU(), torch.tensor([[0.0, -0.0]]), kink=True)


def dense():
    yield case("affine", {"layer": "affine", "units": 4}, Affine(7, 4), (3, 7))
    yield case("affine one example", {"layer": "affine", "units": 5}, Affine(1, 5), (1, 1))
    yield case("affine square", {"layer": "affine", "units": 5}, Affine(5, 5), (6, 5))
    yield case("affine on an image", {"layer": "affine", "units": 4}, Affine(18, 4), (2, 3, 2, 3))
    words = torch.tensor([[0, 3, 3], [5, 0, 2]])  # row 1 and 4 are never used, rows 0 and 3 twice
    yield case("embedding", {"layer": "embedding", "rows": 6, "d": 4}, nn.Embedding(6, 4), words)
    yield case("reshape", {"layer": "reshape", "shape": [3, 2, 2]}, nn.Unflatten(1, (3, 2, 2)), (2, 12))
    yield case("flatten", {"layer": "flatten"}, nn.Flatten(), (2, 3, 2, 2))
    yield case("dropout p 0 in training", {"layer": "dropout", "p": 0.0}, nn.Dropout(0.0), (3, 5))
    yield case("dropout p 0.4 in inference", {"layer": "dropout", "p": 0.4}, nn.Dropout(0.4), (3, 5), "eval")


def containers():
    a55, a53 = {"layer": "affine", "units": 5}, {"layer": "affine", "units": 3}
    tanh = {"layer": "tanh"}
    yield case(
        "residual affine tanh affine",
        {"layer": "residual", "layers": [a55, tanh, a55]},
        Residual(Affine(5, 5), nn.Tanh(), Affine(5, 5)),
        (3, 5),
    )
    yield case(
        "residual conv",
        {"layer": "residual", "layers": [conv_options(2, [3, 3], padding=[1, 1])]},
        Residual(nn.Conv2d(2, 2, 3, padding=1)),
        (2, 2, 3, 4),
    )
    yield case(
        "concat of two affines",
        {"layer": "concat", "branches": [a53, a55]},
        Concat([Affine(5, 3), Affine(5, 5)]),
        (4, 5),
    )
    small = [
        conv_options(3, [3, 2], padding=[1, 0]),
        {"layer": "relu"},
        pool_options("max_pool2d", [2, 2]),
        {"layer": "flatten"},
        {"layer": "affine", "units": 4},
        {"layer": "log_softmax"},
    ]
    module = nn.Sequential(
        nn.Conv2d(1, 3, (3, 2), padding=(1, 0)),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        Affine(18, 4),
        nn.LogSoftmax(dim=-1),
    )
    yield case(
        "sequential small convolutional network",
        {"layer": "sequential", "layers": small},
        module,
        (2, 1, 5, 7),
    )


def conv_options(c_out, kernel, *, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1, bias=True):
    return {
        "layer": "conv2d",
        "filters": c_out,
        "kernel": list(kernel),
        "stride": list(stride),
        "padding": list(padding),
        "dilation": list(dilation),
        "groups": groups,
        "bias": bias,
    }


def convolutions():
    for name, c_in, c_out, kernel, rest, image in [
        ("3 x 3", 2, 3, (3, 3), {}, (4, 5)),
        ("1 x 1", 4, 3, (1, 1), {}, (2, 3)),
        ("kernel 2 x 3", 2, 3, (2, 3), {}, (4, 5)),
        ("kernel as large as the image", 2, 3, (4, 3), {}, (4, 3)),
        ("padding 2 x 1", 2, 2, (3, 2), {"padding": (2, 1)}, (3, 4)),
        ("stride 2 x 1 that does not divide", 2, 2, (3, 2), {"stride": (2, 1)}, (6, 4)),
        ("stride 3 with cells never read", 1, 2, (2, 2), {"stride": (3, 3)}, (7, 6)),
        ("dilation 2 x 1", 1, 2, (3, 2), {"dilation": (2, 1)}, (6, 4)),
        ("groups 2", 4, 6, (2, 2), {"groups": 2}, (3, 4)),
        ("depthwise with multiplier 2", 3, 6, (2, 2), {"groups": 3}, (3, 3)),
        (
            "stride 2 padding 1 groups 2",
            4,
            2,
            (3, 3),
            {"stride": (2, 2), "padding": (1, 1), "groups": 2},
            (5, 4),
        ),
        (
            "stride 2 padding 2 dilation 2 x 3",
            2,
            2,
            (2, 2),
            {"stride": (2, 2), "padding": (2, 2), "dilation": (2, 3)},
            (5, 4),
        ),
        ("without bias", 2, 2, (2, 2), {"bias": False}, (3, 3)),
    ]:
        module = nn.Conv2d(c_in, c_out, kernel, **rest)
        yield case(f"conv2d {name}", conv_options(c_out, kernel, **rest), module, (2, c_in, *image))
    for name, c_in, c_out, kernel, rest, length in [
        ("kernel 3", 2, 3, 3, {}, 6),
        ("stride 2 padding 1", 2, 3, 3, {"stride": 2, "padding": 1}, 6),
        ("dilation 2 groups 2", 4, 2, 3, {"dilation": 2, "groups": 2}, 7),
    ]:
        options = {
            "layer": "conv1d",
            "filters": c_out,
            "kernel": kernel,
            "stride": 1,
            "padding": 0,
            "dilation": 1,
            "groups": 1,
            "bias": True,
        } | rest
        yield case(f"conv1d {name}", options, nn.Conv1d(c_in, c_out, kernel, **rest), (2, c_in, length))
    for name, c_in, c_out, kernel, rest, image in [
        ("kernel 3 x 2", 2, 3, (3, 2), {}, (2, 3)),
        ("stride 2", 2, 2, (2, 2), {"stride": (2, 2)}, (2, 3)),
        (
            "stride 3 x 2 padding 1 output padding 2 x 1",
            2,
            2,
            (3, 3),
            {"stride": (3, 2), "padding": (1, 1), "output_padding": (2, 1)},
            (2, 3),
        ),
        ("groups 2", 4, 2, (2, 2), {"groups": 2}, (2, 2)),
        ("dilation 2 x 1 padding 1", 2, 2, (2, 3), {"dilation": (2, 1), "padding": (1, 1)}, (3, 2)),
    ]:
        options = conv_options(c_out, kernel, **{k: v for k, v in rest.items() if k != "output_padding"})
        options |= {"layer": "conv_transpose2d", "output_padding": list(rest.get("output_padding", (0, 0)))}
        module = nn.ConvTranspose2d(c_in, c_out, kernel, **rest)
        yield case(f"conv_transpose2d {name}", options, module, (2, c_in, *image))


def pool_options(
    layer, kernel, *, stride=None, padding=(0, 0), dilation=(1, 1), ceil_mode=False, count_include_pad=True
):
    options = {
        "layer": layer,
        "kernel": list(kernel),
        "stride": list(stride or kernel),
        "padding": list(padding),
    }
    if layer == "max_pool2d":
        options["dilation"] = list(dilation)
    options["ceil"] = ceil_mode
    if layer == "avg_pool2d":
        options["count_include_pad"] = count_include_pad
    return options


def pools():
    for name, kernel, rest, image in [
        ("2 x 2", (2, 2), {}, (4, 4)),
        ("3 x 2 that does not divide", (3, 2), {}, (5, 5)),
        ("overlapping stride 1 x 2", (2, 3), {"stride": (1, 2)}, (4, 6)),
        ("padding 1", (3, 3), {"stride": (2, 2), "padding": (1, 1)}, (4, 5)),
        ("dilation 2", (2, 2), {"stride": (1, 1), "dilation": (2, 2)}, (4, 4)),
        ("ceil", (2, 2), {"ceil_mode": True}, (5, 3)),
        ("ceil with padding", (3, 3), {"stride": (2, 2), "padding": (1, 1), "ceil_mode": True}, (4, 4)),
    ]:
        x = Draw(f"max_pool2d {name}").distinct(2, 2, *image)
        options = pool_options("max_pool2d", kernel, **rest)
        yield case(f"max_pool2d {name}", options, nn.MaxPool2d(kernel, **rest), x)
    tied = torch.tensor([[[[1.0, 1.0, 2.0], [1.0, 1.0, 2.0], [0.0, 2.0, 2.0]]]])
    options = pool_options("max_pool2d", (2, 2), stride=(1, 1))
    yield case("max_pool2d at ties", options, nn.MaxPool2d(2, stride=1), tied, kink=True)
    for name, kernel, rest, image in [
        ("2 x 2", (2, 2), {}, (4, 4)),
        ("3 x 2 that does not divide", (3, 2), {}, (5, 5)),
        ("overlapping stride 1 x 2", (2, 3), {"stride": (1, 2)}, (4, 6)),
        ("padding 1 counted", (3, 3), {"stride": (2, 2), "padding": (1, 1)}, (4, 5)),
        (
            "padding 1 not counted",
            (3, 3),
            {"stride": (2, 2), "padding": (1, 1), "count_include_pad": False},
            (4, 5),
        ),
        ("ceil", (2, 2), {"ceil_mode": True}, (5, 3)),
        (
            "ceil with padding counted",
            (3, 3),
            {"stride": (2, 2), "padding": (1, 1), "ceil_mode": True},
            (4, 4),
        ),
    ]:
        options = pool_options("avg_pool2d", kernel, **rest)
        yield case(f"avg_pool2d {name}", options, nn.AvgPool2d(kernel, **rest), (2, 2, *image))
    average = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    yield case("global_avg_pool2d", {"layer": "global_average_pool"}, average, (2, 3, 2, 4))


def norms():
    for mode in ("train", "eval"):
        for name, channels, rest, shape in [
            ("dense", 3, {}, (5, 3)),
            ("dense batch of 2", 4, {"momentum": 0.3}, (2, 4)),
            ("image", 3, {}, (2, 3, 2, 3)),
            ("image eps 0.01 momentum 1", 2, {"eps": 0.01, "momentum": 1.0}, (3, 2, 2, 2)),
        ]:
            options = {"layer": "batch_norm", "momentum": 0.1, "eps": 1e-5} | rest
            module = (nn.BatchNorm2d if len(shape) == 4 else nn.BatchNorm1d)(channels, **rest)
            yield case(f"batch_norm {name} {mode}", options, module, shape, mode)
    for name, shape, over, eps in [
        ("dense", (3, 5), (5,), 1e-5),
        ("eps 0.1", (3, 4), (4,), 0.1),
        ("rows of a sequence", (2, 3, 4), (4,), 1e-5),
        ("whole image", (2, 2, 2, 3), (2, 2, 3), 1e-5),
    ]:
        options = {"layer": "layer_norm", "axes": len(over), "eps": eps}
        yield case(f"layer_norm {name}", options, nn.LayerNorm(over, eps=eps), shape)
    for name, groups, channels, shape, eps in [
        ("2 of 4 channels", 2, 4, (2, 4, 2, 3), 1e-5),
        ("one group", 1, 3, (2, 3, 2, 2), 1e-5),
        ("a group per channel", 3, 3, (2, 3, 2, 2), 1e-3),
        ("dense", 2, 6, (3, 6), 1e-5),
    ]:
        options = {"layer": "group_norm", "groups": groups, "eps": eps}
        yield case(f"group_norm {name}", options, nn.GroupNorm(groups, channels, eps=eps), shape)


if __name__ == "__main__":
    for make in (activations, dense, containers, convolutions, pools, norms):
        write(HERE / f"{make.__name__}.jsonl", list(make()))
