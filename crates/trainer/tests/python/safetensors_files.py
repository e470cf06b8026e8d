"""The other side of tests/it/pip_safetensors.rs: the safetensors package reads our models and writes some for us, without
torch.

safetensors_files.py check        exit 0 if the packages are there
safetensors_files.py read DIR     loads DIR/native.safetensors and DIR/pytorch.safetensors, compares with DIR/ours.json
safetensors_files.py write DIR    writes DIR/theirs.safetensors in PyTorch's layout, inputs and outputs as DIR/theirs.json

Needs numpy and safetensors (pip install numpy safetensors).
"""

import json
import sys
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file, save_file


def forward(tensors, x, weight):
    """Affine, tanh, affine; `weight` gives the matrix that rows are multiplied with."""
    h = np.tanh(x @ weight(tensors["0.weight"]) + tensors["0.bias"])
    return h @ weight(tensors["2.weight"]) + tensors["2.bias"]


def read(folder):
    case = json.loads((folder / "ours.json").read_text())
    x, y = np.array(case["x"]).reshape(-1, 6), np.array(case["y"]).reshape(-1, 3)
    for layout, weight in ("native", lambda w: w), ("pytorch", np.transpose):
        path = folder / f"{layout}.safetensors"
        with safe_open(path, "np") as file:
            assert file.metadata()["layout"] == layout, file.metadata()
        tensors = load_file(path)
        assert set(tensors) == {"0.weight", "0.bias", "2.weight", "2.bias"}, set(tensors)
        error = np.abs(forward(tensors, x, weight) - y).max()
        assert error <= case["tolerance"], f"{layout}: outputs differ by {error}"


def write(folder):
    rng = np.random.default_rng(1)
    shapes = {"0.weight": (5, 6), "0.bias": (5,), "2.weight": (3, 5), "2.bias": (3,)}
    tensors = {name: rng.uniform(-1, 1, shape) for name, shape in shapes.items()}
    x = rng.uniform(-1, 1, (7, 6))
    y = forward(tensors, x, np.transpose)
    save_file(tensors, folder / "theirs.safetensors")
    (folder / "theirs.json").write_text(json.dumps({"x": x.flatten().tolist(), "y": y.flatten().tolist()}))


if __name__ == "__main__":
    {"check": lambda: None, "read": lambda: read(Path(sys.argv[2])), "write": lambda: write(Path(sys.argv[2]))}[sys.argv[1]]()
