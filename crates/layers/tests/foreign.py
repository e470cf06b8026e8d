"""What the scripts share that make this workspace's foreign numbers: drawing inputs and writing case files.

A case file is JSON Lines: one case is one object on one line, so that a diff shows the cases that changed.
An array is {"shape": [...], "data": [...]}, data in row-major order. A number is written with the fewest
digits that give back the same f64 (or f32), which is never more than 17 (or 9).
"""

import hashlib
import importlib.metadata
import json
import sys
from pathlib import Path

import numpy as np


def require(**versions):
    """Stops unless exactly these versions are installed: other versions may print other last digits."""
    for name, wanted in versions.items():
        found = importlib.metadata.version(name).split("+")[0]
        if found != wanted:
            sys.exit(f"{name}: expected version {wanted}, got {found}")


class Draw:
    """A stream of numbers that depends on the name of the case alone, so that a new case changes no other."""

    def __init__(self, case):
        digest = hashlib.sha256(case.encode()).digest()
        self.rng = np.random.default_rng(int.from_bytes(digest[:8], "little"))

    def normal(self, *shape, scale=1.0):
        """Gaussian multiples of 1/16, never 0: short to write, off ReLU's kink, and products are exact."""
        x = on_grid(scale * self.rng.standard_normal(shape))
        return np.where(x == 0.0, 1 / 16, x)

    def uniform(self, low, high, *shape):
        return on_grid(self.rng.uniform(low, high, shape))

    def distinct(self, *shape):
        """Numbers without ties, at least 1/16 apart: a maximum has one place."""
        n = int(np.prod(shape))
        return (self.rng.permutation(n).reshape(shape) - n // 2) / 16 + 1 / 32

    def integers(self, low, high, *shape):
        return self.rng.integers(low, high, shape)

    def probabilities(self, rows, columns):
        """Rows that sum to 1, some entries 0."""
        x = self.rng.integers(0, 4, (rows, columns)).astype(float)
        x[:, 0] += x.sum(axis=1) == 0
        return x / x.sum(axis=1, keepdims=True)


def on_grid(x):
    return np.round(16 * x) / 16


def plain(number):
    """The Python float whose repr is the shortest decimal of this f32 or f64."""
    return float(str(number)) if isinstance(number, np.float32) else float(number)


def array(x):
    """The JSON form of a numpy array or a CPU tensor. Integers stay integers."""
    x = np.asarray(x.detach() if hasattr(x, "detach") else x)
    data = x.reshape(-1)
    numbers = [int(v) for v in data] if data.dtype.kind in "iu" else [plain(v) for v in data]
    return {"shape": list(x.shape), "data": numbers}


def dumps(case):
    return json.dumps(case, separators=(",", ":"), allow_nan=False)


def write(path, cases):
    """Writes one case a line. A name that occurs twice, or a number that is not finite, is an error."""
    names = [case["case"] for case in cases]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        sys.exit(f"{path}: the same name twice: {sorted(twice)}")
    lines = [dumps(case) for case in cases]
    Path(path).write_text("\n".join(lines) + "\n")
    print(f"{Path(path).name}: {len(cases)} cases, {Path(path).stat().st_size} bytes")
