"""What the peer programs share: data, and the line that each prints.

DATA_DIR in the environment is the folder with mnist/ and fashion-mnist/, as `cargo xtask fetch-data --dir` fills it.
"""

import gzip
import json
import os
import resource
import statistics
import time
from pathlib import Path

import numpy as np

WORKSPACE = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("DATA_DIR", WORKSPACE / "datasets"))

# What the works train: data set, sizes of the network, batch, learning rate.
WORKS = {
    "w1": ("fashion-mnist", [784, 64, 10], 125, 0.001),
    "w2": ("mnist", [784, 50, 10], 100, 0.1),
    "w3": ("digits16", [256, 50, 10], 100, 0.005),
    "w5": ("fashion-mnist", [784, 512, 512, 10], 128, 0.001),
    "w6": ("fashion-mnist", None, 128, 0.001),
}
DRAWN = ("w2", "w3")  # 1,000 steps with batches drawn with replacement; the others take shuffled epochs
SMALL_INIT = 0.01  # the deviation of their weights, as in the recipes


def idx(path):
    """An IDX file of bytes; the gzip module checks its sum."""
    with gzip.open(path, "rb") as file:
        raw = file.read()
    dims = [int.from_bytes(raw[4 + 4 * i : 8 + 4 * i], "big") for i in range(raw[3])]
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(dims)


def digits16(file):
    rows = np.loadtxt(WORKSPACE / "datasets/digits16" / file, delimiter=",", skiprows=1)
    return rows[:, 1:], rows[:, 0]


def load(work, dtype=np.float32):
    """Training inputs and labels, test inputs and labels, scaled as the recipe of the work says."""
    name = WORKS[work][0]
    if name == "digits16":
        (x, y), (x_test, y_test) = digits16("trainset.csv"), digits16("evalset.csv")
    else:
        read = lambda what: idx(DATA / name / f"{what}-ubyte.gz")
        x, y = read("train-images-idx3"), read("train-labels-idx1")
        x_test, y_test = read("t10k-images-idx3"), read("t10k-labels-idx1")
        x, x_test = x.reshape(len(x), -1), x_test.reshape(len(x_test), -1)
        shift, factor = (0, 255) if name == "mnist" else (x.mean(), x.std())
        x, x_test = (x - shift) / factor, (x_test - shift) / factor
    return x.astype(dtype), y.astype(np.int64), x_test.astype(dtype), y_test.astype(np.int64)


def batches(work, n, rng):
    """The indices of each batch of one unit of the work."""
    size = WORKS[work][2]
    if work in DRAWN:
        return [rng.integers(0, n, size) for _ in range(1000)]
    order = rng.permutation(n)
    return [order[i : i + size] for i in range(0, n, size)]


def timed(f, repeats):
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        f()
        times.append(time.perf_counter() - start)
    return times


def report(work, peer, times, unit, test_acc=None):
    line = {
        "work": work,
        "peer": peer,
        "median_s": statistics.median(times),
        "best_s": min(times),
        "unit": unit,
        "test_acc": test_acc,
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "repeats": len(times),
    }
    print(json.dumps(line), flush=True)


def unit(work):
    return "1000 steps" if work in DRAWN else "epoch"
