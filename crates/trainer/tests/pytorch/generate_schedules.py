# /// script
# requires-python = ">=3.11"
# dependencies = ["torch==2.8.0", "numpy==2.3.3"]
# ///
"""Runs PyTorch's learning-rate schedules and writes the rate of each step.

README.md beside this file has the format and how to run this.
"""

import sys
import warnings
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "layers" / "tests"))

import torch
from torch.optim import lr_scheduler as lrs

from foreign import require, write

require(torch="2.8.0", numpy="2.3.3")
warnings.filterwarnings(
    "ignore", module="torch.optim"
)  # schedules are stepped here without an optimiser step


def sgd(lr):
    return torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)


def rates(optimizer, scheduler, steps):
    """The learning rate of step 0, 1, ..., steps."""
    result = [float(optimizer.param_groups[0]["lr"])]
    for _ in range(steps):
        scheduler.step()
        result.append(float(optimizer.param_groups[0]["lr"]))
    return result


def schedules():
    base, steps = 0.3, 20
    cosine = {"name": "cosine", "t_max": 12, "eta_min": 0.01}
    step = {"name": "step", "step_size": 4, "gamma": 0.5}
    kinds = [
        ({"name": "constant"}, 5, lambda o: lrs.LambdaLR(o, lambda t: 1.0)),
        (step, steps, lambda o: lrs.StepLR(o, 4, 0.5)),
        (
            {"name": "multi_step", "milestones": [2, 3, 11], "gamma": 0.3},
            steps,
            lambda o: lrs.MultiStepLR(o, [2, 3, 11], 0.3),
        ),
        ({"name": "exponential", "gamma": 0.9}, steps, lambda o: lrs.ExponentialLR(o, 0.9)),
        (cosine, 12, lambda o: lrs.CosineAnnealingLR(o, 12, 0.01)),
        ({"name": "cosine", "t_max": 7, "eta_min": 0.0}, 7, lambda o: lrs.CosineAnnealingLR(o, 7)),
        (
            {"name": "cosine_restarts", "t_0": 5, "t_mult": 1, "eta_min": 0.01},
            steps,
            lambda o: lrs.CosineAnnealingWarmRestarts(o, 5, 1, 0.01),
        ),
        (
            {"name": "cosine_restarts", "t_0": 3, "t_mult": 2, "eta_min": 0.0},
            25,
            lambda o: lrs.CosineAnnealingWarmRestarts(o, 3, 2),
        ),
        (
            {"name": "linear", "start_factor": 1.0, "end_factor": 0.1, "total_iters": 8},
            12,
            lambda o: lrs.LinearLR(o, 1.0, 0.1, 8),
        ),
        (
            {"name": "linear", "start_factor": 0.25, "end_factor": 1.0, "total_iters": 6},
            12,
            lambda o: lrs.LinearLR(o, 0.25, 1.0, 6),
        ),
        (
            {"name": "warm_up", "start_factor": 0.2, "total_iters": 4, "then": cosine},
            16,
            lambda o: lrs.SequentialLR(
                o, [lrs.LinearLR(o, 0.2, 1.0, 4), lrs.CosineAnnealingLR(o, 12, 0.01)], [4]
            ),
        ),
        (
            {"name": "warm_up", "start_factor": 0.1, "total_iters": 5, "then": step},
            steps,
            lambda o: lrs.SequentialLR(o, [lrs.LinearLR(o, 0.1, 1.0, 5), lrs.StepLR(o, 4, 0.5)], [5]),
        ),
    ]
    for options, count, make in kinds:
        optimizer = sgd(base)
        name = " ".join(f"{k} {v['name'] if isinstance(v, dict) else v}" for k, v in options.items())
        yield {
            "case": name.removeprefix("name "),
            "schedule": options,
            "base_lr": base,
            "lr": rates(optimizer, make(optimizer), count),
        }
    for anneal, three, pct in [("cos", False, 0.3), ("linear", False, 0.25), ("cos", True, 0.3)]:
        options = {
            "max_lr": 0.3,
            "total_steps": 20,
            "pct_start": pct,
            "anneal_strategy": anneal,
            "div_factor": 25.0,
            "final_div_factor": 1e4,
            "three_phase": three,
        }
        optimizer = sgd(base)
        scheduler = lrs.OneCycleLR(optimizer, cycle_momentum=False, **options)
        yield {
            "case": f"one_cycle {anneal} pct_start {pct} three_phase {three}",
            "schedule": {"name": "one_cycle"} | options,
            "base_lr": base,
            "lr": rates(optimizer, scheduler, 19),
        }


def plateaus():
    """`lr[0]` is the rate before any metric, `lr[i + 1]` after `metrics[i]`."""
    falling = [
        1.0,
        0.8,
        0.8,
        0.7999,
        0.79995,
        0.81,
        0.6,
        0.61,
        0.6,
        0.62,
        0.6,
        0.63,
        0.5,
        0.5,
        0.5,
        0.5,
        0.5,
        0.5,
    ]
    defaults = {
        "mode": "min",
        "factor": 0.1,
        "patience": 2,
        "threshold": 1e-4,
        "threshold_mode": "rel",
        "cooldown": 0,
        "min_lr": 0.0,
        "eps": 1e-8,
    }
    for change in [
        {},
        {"factor": 0.5, "patience": 0, "min_lr": 0.02},
        {"threshold": 0.15, "threshold_mode": "abs", "patience": 1},
        {"threshold": 0.15, "patience": 1},
        {"patience": 1, "cooldown": 2, "factor": 0.5},
        {"mode": "max", "patience": 1},
        {"mode": "max", "threshold": 0.15, "threshold_mode": "abs", "patience": 1},
    ]:
        options = defaults | change
        metrics = [round(1.5 - m, 6) for m in falling] if options["mode"] == "max" else falling
        optimizer = sgd(0.3)
        scheduler = lrs.ReduceLROnPlateau(optimizer, **options)
        path = [0.3]
        for metric in metrics:
            scheduler.step(metric)
            path.append(float(optimizer.param_groups[0]["lr"]))
        name = " ".join(["reduce_on_plateau", *(f"{key} {value}" for key, value in change.items())])
        yield {
            "case": name,
            "schedule": {"name": "reduce_on_plateau"} | options,
            "base_lr": 0.3,
            "metrics": metrics,
            "lr": path,
        }


if __name__ == "__main__":
    for make in (schedules, plateaus):
        write(HERE / f"{make.__name__}.jsonl", list(make()))
