# /// script
# requires-python = ">=3.11"
# dependencies = ["torch==2.8.0", "numpy==2.3.3"]
# ///
"""Runs PyTorch's optimisers in f64 on the CPU and writes what they did, step by step.

The gradients of the first-order optimisers are given numbers, so that nothing but the optimiser is compared.
Lion is not in PyTorch: it is written here from its paper. README.md beside this file has the format and how
to run this; generate_schedules.py does the learning rates.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "layers" / "tests"))

import numpy as np
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_avg_fn

from foreign import Draw, plain, require, write

require(torch="2.8.0", numpy="2.3.3")
torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)

STEPS = 10


SHAPES = [[3, 2], [4]]


def flat(tensors):
    """Tensors of SHAPES as one flat list of numbers each."""
    return [
        [plain(v) for v in np.asarray(t.detach() if torch.is_tensor(t) else t).reshape(-1)] for t in tensors
    ]


def problem(name):
    """Two parameters and ten gradients of each. One element has gradient 0 always, one for the first five."""
    draw = Draw(name)
    params = [draw.normal(3, 2), draw.normal(4)]
    gradients = [[draw.normal(3, 2, scale=0.8), draw.normal(4, scale=0.8)] for _ in range(STEPS)]
    for t, (first, second) in enumerate(gradients):
        second[1] = 0.0
        if t < 5:
            first[1, 0] = 0.0
    return params, gradients


class Lion(torch.optim.Optimizer):
    """Chen et al. 2023, Symbolic Discovery of Optimization Algorithms, Algorithm 2, with decoupled decay."""

    def __init__(self, params, lr, betas=(0.9, 0.99), weight_decay=0.0):
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for p in group["params"]:
                m = self.state[p].setdefault("m", torch.zeros_like(p))
                update = torch.sign(beta1 * m + (1 - beta1) * p.grad)
                p.copy_(p - group["lr"] * (update + group["weight_decay"] * p))
                m.copy_(beta2 * m + (1 - beta2) * p.grad)


FIRST_ORDER = [
    (
        "sgd",
        torch.optim.SGD,
        {"lr": 0.1, "momentum": 0.0, "nesterov": False, "weight_decay": 0.0},
        [
            {},
            {"momentum": 0.9},
            {"momentum": 0.9, "nesterov": True},
            {"weight_decay": 0.05},
            {"momentum": 0.8, "nesterov": True, "weight_decay": 0.05},
        ],
    ),
    (
        "adagrad",
        torch.optim.Adagrad,
        {"lr": 0.1, "lr_decay": 0.0, "initial_accumulator_value": 0.0, "eps": 1e-10, "weight_decay": 0.0},
        [
            {},
            {"lr_decay": 0.1, "initial_accumulator_value": 0.3},
            {"eps": 0.01, "weight_decay": 0.05},
        ],
    ),
    (
        "rmsprop",
        torch.optim.RMSprop,
        {"lr": 0.01, "alpha": 0.99, "eps": 1e-8, "centered": False, "momentum": 0.0, "weight_decay": 0.0},
        [
            {},
            {"centered": True},
            {"momentum": 0.9},
            {"alpha": 0.9, "eps": 0.01, "centered": True, "momentum": 0.5, "weight_decay": 0.05},
        ],
    ),
    (
        "adadelta",
        torch.optim.Adadelta,
        {"lr": 1.0, "rho": 0.9, "eps": 1e-6, "weight_decay": 0.0},
        [
            {},
            {"lr": 0.5, "rho": 0.95, "eps": 1e-3, "weight_decay": 0.05},
        ],
    ),
    (
        "adam",
        torch.optim.Adam,
        {"lr": 0.01, "betas": [0.9, 0.999], "eps": 1e-8, "amsgrad": False, "weight_decay": 0.0},
        [
            {},
            {"amsgrad": True},
            {"weight_decay": 0.05},
            {"betas": [0.5, 0.7], "eps": 0.01, "amsgrad": True, "weight_decay": 0.05},
        ],
    ),
    (
        "adamw",
        torch.optim.AdamW,
        {"lr": 0.01, "betas": [0.9, 0.999], "eps": 1e-8, "amsgrad": False, "weight_decay": 0.01},
        [
            {},
            {"weight_decay": 0.0},
            {"lr": 0.1, "amsgrad": True, "weight_decay": 0.3},
        ],
    ),
    ("lion", Lion, {"lr": 0.01, "betas": [0.9, 0.99], "weight_decay": 0.0}, [{}, {"weight_decay": 0.3}]),
]


def trajectory(name, kind, options, decays=(True, True)):
    """The parameters after each of the ten steps. A parameter that does not decay has weight_decay 0."""
    start, gradients = problem(name)
    params = [torch.tensor(p, requires_grad=True) for p in start]
    groups = [{"params": [p]} if d else {"params": [p], "weight_decay": 0.0} for p, d in zip(params, decays)]
    rest = (
        {} if kind is Lion else {"foreach": False}
    )  # one tensor after the other, as in the documented formulas
    optimizer = kind(groups, **options, **rest)
    path = []
    for step in gradients:
        for p, g in zip(params, step):
            p.grad = torch.tensor(g)
        optimizer.step()
        path.append(flat(params))
    return {
        "decays": list(decays),
        "shapes": SHAPES,
        "params": flat(start),
        "gradients": [flat(step) for step in gradients],
        "trajectory": path,
    }


def optimizers():
    for own, kind, defaults, variants in FIRST_ORDER:
        for change in variants:
            name = " ".join([own, *(f"{key} {value}" for key, value in change.items())])
            options = defaults | change
            yield {"case": name, "optimizer": {"name": own} | options} | trajectory(name, kind, options)
    options = FIRST_ORDER[5][2] | {"weight_decay": 0.3}
    name = "adamw second parameter does not decay"
    yield {"case": name, "optimizer": {"name": "adamw"} | options} | trajectory(
        name, torch.optim.AdamW, options, decays=(True, False)
    )


# 0.5 x'Ax - b'x with A symmetric and positive definite
QUADRATIC_A = [[4.0, 1.0, 0.0, 0.5], [1.0, 3.0, -0.5, 0.0], [0.0, -0.5, 2.0, 0.25], [0.5, 0.0, 0.25, 1.0]]
QUADRATIC_B = [1.0, -2.0, 0.5, 3.0]


def quadratic(x):
    a, b = torch.tensor(QUADRATIC_A), torch.tensor(QUADRATIC_B)
    return 0.5 * x @ a @ x - b @ x


def rosenbrock(x):
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2


def lbfgs():
    """One iteration a step (max_iter 1), so that each iteration is seen."""
    objectives = {"quadratic": (quadratic, [2.0, -1.0, 0.5, -3.0]), "rosenbrock": (rosenbrock, [-1.2, 1.0])}
    for objective, steps, change in [
        ("quadratic", 8, {}),  # two of these end early: what follows at the minimum is round-off
        ("quadratic", 5, {"lr": 3.0, "line_search": "strong_wolfe"}),
        ("quadratic", 10, {"lr": 0.5, "history_size": 2}),
        ("rosenbrock", 10, {"line_search": "strong_wolfe"}),
        ("rosenbrock", 10, {"lr": 0.02}),
        ("rosenbrock", 10, {"line_search": "strong_wolfe", "history_size": 2}),
    ]:
        options = {"lr": 1.0, "history_size": 10, "line_search": None} | change
        function, start = objectives[objective]
        x = torch.tensor(start, requires_grad=True)
        optimizer = torch.optim.LBFGS(
            [x],
            lr=options["lr"],
            max_iter=1,
            history_size=options["history_size"],
            line_search_fn=options["line_search"],
            tolerance_grad=1e-12,
            tolerance_change=1e-14,
        )
        evaluations = 0

        def closure():
            nonlocal evaluations
            evaluations += 1
            optimizer.zero_grad()
            value = function(x)
            value.backward()
            return value

        path, values = [], []
        for _ in range(steps):
            optimizer.step(closure)
            path.append(x.tolist())
            values.append(function(x).item())
        name = " ".join(["lbfgs", objective, *(f"{key} {value}" for key, value in change.items())])
        yield {
            "case": name,
            "optimizer": {"name": "lbfgs"} | options,
            "objective": objective,
            "a": QUADRATIC_A if objective == "quadratic" else None,
            "b": QUADRATIC_B if objective == "quadratic" else None,
            "start": start,
            "trajectory": path,
            "values": values,
            "evaluations": evaluations,
        }


def clipping():
    for kind, limit, scale in [
        ("global_norm", 1.0, 1.0),
        ("global_norm", 100.0, 1.0),
        ("global_norm", 0.5, 1e6),
        ("global_norm", 1.0, 0.0),
        ("value", 0.5, 1.0),
        ("value", 100.0, 1.0),
    ]:
        name = f"clip by {kind} {limit} gradients times {scale:g}"
        draw = Draw(name)
        before = [scale * draw.normal(3, 2), scale * draw.normal(4)]
        params = [torch.zeros(g.shape, requires_grad=True) for g in before]
        for p, g in zip(params, before):
            p.grad = torch.tensor(g)
        clip = torch.nn.utils.clip_grad_norm_ if kind == "global_norm" else torch.nn.utils.clip_grad_value_
        norm = clip(params, limit, foreach=False)
        yield {
            "case": name,
            "clip": {"name": kind, "limit": limit},
            "shapes": SHAPES,
            "gradients": flat(before),
            "norm": None if norm is None else norm.item(),
            "clipped": flat(p.grad for p in params),
        }


def averages():
    """The parameters given after each step, and the average after each: the first is taken as it is."""
    for name, options in [
        ("ema decay 0.9", {"name": "ema", "decay": 0.9}),
        ("ema decay 0.5", {"name": "ema", "decay": 0.5}),
        ("equal", {"name": "equal"}),
    ]:
        draw = Draw(f"average {name}")
        model = torch.nn.ParameterList([torch.zeros(3, 2), torch.zeros(4)])
        average_of = get_ema_avg_fn(options["decay"]) if "decay" in options else None
        averaged = AveragedModel(model, avg_fn=average_of)
        given, result = [], []
        for _ in range(STEPS):
            values = [draw.normal(3, 2), draw.normal(4)]
            for p, v in zip(model, values):
                p.data.copy_(torch.tensor(v))
            averaged.update_parameters(model)
            given.append(flat(values))
            result.append(flat(averaged.module))
        yield {
            "case": f"average {name}",
            "average": options,
            "shapes": SHAPES,
            "params": given,
            "averages": result,
        }


if __name__ == "__main__":
    for make in (optimizers, lbfgs, clipping, averages):
        write(HERE / f"{make.__name__}.jsonl", list(make()))
