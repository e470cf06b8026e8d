# /// script
# requires-python = ">=3.11"
# dependencies = ["torch==2.8.0", "numpy==2.3.3"]
# ///
"""Runs PyTorch's losses in f64 on the CPU and writes their values and gradients.

README.md beside this file has the format, the conventions, and how to run this.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "layers" / "tests"))

import numpy as np
import torch
from torch.nn import functional as F

from foreign import Draw, array, require, write

require(torch="2.8.0", numpy="2.3.3")
torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)

REDUCTIONS = ("mean", "sum")
WEIGHTS = [0.5, 2.0, 1.25, 0.0, 3.0]  # one class does not count at all


def case(name, loss, function, x, target, kink=False):
    """`function(x, target)` is the loss; the gradient is that of `upstream` times the loss."""
    x = torch.as_tensor(x).clone().requires_grad_()
    target = torch.as_tensor(target)
    upstream = float(Draw(f"{name} upstream").uniform(0.4, 2.5))
    value = function(x, target)
    (upstream * value).backward()
    indices = not target.is_floating_point()
    result = {
        "case": name,
        "loss": loss,
        "x": array(x),
        "target": {"indices": target.tolist()} if indices else array(target),
        "value": value.item(),
        "upstream": upstream,
        "dx": array(x.grad),
    }
    if kink:
        result["kink"] = True
    return result


def softmax_cross_entropy():
    """Rows of logits against class indices or rows of probabilities."""
    labels = [3, 0, 4, 0, 1, 2]
    extreme = [
        [1e4, -1e4, 0.0],
        [-1e4, 1e4, 0.0],
        [0.0, 0.0, 0.0],
        [1000.0, 999.0, -1000.0],
        [20.0, 0.0, 40.0],
    ]
    huge = [[1e300, -1e300, 0.0]]
    for reduction in REDUCTIONS:
        for smoothing in (0.0, 0.1):
            for weights in (None, WEIGHTS):

                def loss(x, t):
                    w = None if weights is None else torch.tensor(weights)
                    return F.cross_entropy(x, t, weight=w, reduction=reduction, label_smoothing=smoothing)

                options = {
                    "name": "softmax_cross_entropy",
                    "reduction": reduction,
                    "label_smoothing": smoothing,
                    "class_weights": weights,
                }
                name = f"softmax_cross_entropy {reduction}"
                name += f" smoothing {smoothing}" if smoothing else ""
                name += " weighted" if weights else ""
                draw = Draw(name)
                yield case(f"{name} indices", options, loss, draw.normal(6, 5, scale=2.0), labels)
                yield case(
                    f"{name} probabilities",
                    options,
                    loss,
                    draw.normal(6, 5, scale=2.0),
                    draw.probabilities(6, 5),
                )
                if weights is None:
                    yield case(f"{name} extreme logits", options, loss, extreme, [0, 0, 2, 1, 0])
        plain = {
            "name": "softmax_cross_entropy",
            "reduction": reduction,
            "label_smoothing": 0.0,
            "class_weights": None,
        }

        def loss(x, t):
            return F.cross_entropy(x, t, reduction=reduction)

        name = f"softmax_cross_entropy {reduction}"
        yield case(f"{name} one example", plain, loss, Draw(name).normal(1, 4), [2])
        yield case(f"{name} extreme logits one-hot", plain, loss, extreme, torch.eye(3)[[0, 0, 2, 1, 0]])
        yield case(f"{name} huge logits", plain, loss, huge, [1])


def negative_log_likelihood():
    for reduction in REDUCTIONS:
        for weights in (None, WEIGHTS):

            def loss(x, t):
                return F.nll_loss(
                    x, t, weight=None if weights is None else torch.tensor(weights), reduction=reduction
                )

            options = {"name": "negative_log_likelihood", "reduction": reduction, "class_weights": weights}
            name = f"negative_log_likelihood {reduction}" + (" weighted" if weights else "")
            x = F.log_softmax(torch.as_tensor(Draw(name).normal(6, 5)), dim=1)
            yield case(name, options, loss, x, [3, 0, 4, 0, 1, 2])


def elementwise():
    """Losses of one number against one number; the mean is over all elements."""
    for reduction in REDUCTIONS:

        def options(loss, **rest):
            return {"name": loss, "reduction": reduction} | rest

        def run(name, options, function, draw, target=None, x=None, **flags):
            x = draw.normal(4, 3, scale=1.5) if x is None else x
            target = draw.normal(4, 3) + 1 / 32 if target is None else target  # never equal to x
            return case(
                f"{name} {reduction}",
                options,
                lambda x, t: function(x, t, reduction=reduction),
                x,
                target,
                **flags,
            )

        draw = Draw(f"elementwise {reduction}")
        yield run("mean_squared_error", options("mean_squared_error"), F.mse_loss, draw)
        yield run("mean_absolute_error", options("mean_absolute_error"), F.l1_loss, draw)
        yield run(
            "mean_absolute_error at its kink",
            options("mean_absolute_error"),
            F.l1_loss,
            draw,
            x=[[0.5, 0.5, -1.0]],
            target=[[0.5, 0.0, -1.0]],
            kink=True,
        )
        for delta in (1.0, 0.5):

            def huber(x, t, reduction):
                return F.huber_loss(x, t, reduction=reduction, delta=delta)

            yield run(f"huber delta {delta}", options("huber", delta=delta), huber, draw)
            edge = [[delta, -delta, 0.0, 1e6, -1e6]]
            yield run(
                f"huber delta {delta} at its joints",
                options("huber", delta=delta),
                huber,
                draw,
                x=edge,
                target=[[0.0] * 5],
            )
        bce = options("binary_cross_entropy_with_logits")
        yield run(
            "binary_cross_entropy_with_logits",
            bce,
            F.binary_cross_entropy_with_logits,
            draw,
            target=draw.uniform(0.0, 1.0, 4, 3),
        )
        yield run(
            "binary_cross_entropy_with_logits zeros and ones",
            bce,
            F.binary_cross_entropy_with_logits,
            draw,
            target=draw.integers(0, 2, 4, 3).astype(float),
        )
        wide = [[-1e4, -1000.0, -40.0, -20.0, 0.0], [20.0, 40.0, 88.8, 1000.0, 1e4]]
        for label in (0.0, 1.0):
            yield run(
                f"binary_cross_entropy_with_logits extreme logits label {label:.0f}",
                bce,
                F.binary_cross_entropy_with_logits,
                draw,
                x=wide,
                target=torch.full((2, 5), label),
            )


def rows():
    """Losses of one row against one row or class."""
    for reduction, ours in (("batchmean", "mean"), ("sum", "sum")):

        def loss(x, t):
            return F.kl_div(x, t, reduction=reduction)

        name = f"kullback_leibler {ours}"
        draw = Draw(name)
        x = F.log_softmax(torch.as_tensor(draw.normal(5, 4)), dim=1)
        yield case(name, {"name": "kullback_leibler", "reduction": ours}, loss, x, draw.probabilities(5, 4))
    for reduction in REDUCTIONS:
        for power, margin in ((1, 1.0), (2, 1.0), (1, 0.5)):

            def loss(x, t):
                return F.multi_margin_loss(x, t, p=power, margin=margin, reduction=reduction)

            options = {"name": "hinge", "reduction": reduction, "power": power, "margin": margin}
            name = f"hinge {reduction} power {power} margin {margin}"
            x = Draw(name).normal(5, 4) + np.arange(4) / 64  # no difference is a margin exactly
            yield case(name, options, loss, x, [1, 3, 0, 0, 2])


if __name__ == "__main__":
    for make in (softmax_cross_entropy, negative_log_likelihood, elementwise, rows):
        write(HERE / f"{make.__name__}.jsonl", list(make()))
