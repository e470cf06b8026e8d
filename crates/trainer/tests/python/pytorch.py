"""The other side of tests/it/pytorch.rs: PyTorch reads our model files and writes some for us.

pytorch.py check        exit 0 if the packages are there
pytorch.py read DIR     loads DIR/ours.safetensors into torch.nn, compares outputs with DIR/ours.json
pytorch.py write DIR    writes DIR/theirs.safetensors and inputs with outputs as DIR/theirs.json

Needs torch and safetensors (pip install torch safetensors).
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn


def network():
    """The network of `network()` in tests/it/pytorch.rs."""
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.ConvTranspose2d(4, 6, 2, stride=2),
        nn.GroupNorm(3, 6),
        nn.MaxPool2d(2),
        nn.Sequential(nn.Flatten(), nn.Linear(6 * 6 * 6, 10), nn.LayerNorm(10), nn.LeakyReLU(0.01)),
        nn.Linear(10, 3),
    )


def read(folder):
    tensors = load_file(folder / "ours.safetensors")
    case = json.loads((folder / "ours.json").read_text())
    dtype = tensors["0.weight"].dtype
    net = network().to(dtype)
    net.load_state_dict(tensors, strict=True)
    net.eval()
    x = torch.tensor(case["x"], dtype=dtype).reshape(-1, 1, 6, 6)
    y = torch.tensor(case["y"], dtype=dtype).reshape(-1, 3)
    with torch.no_grad():
        error = (net(x) - y).abs().max().item()
    assert error <= case["tolerance"], f"outputs differ by {error}"
    print(f"largest difference {error:.1e} in {dtype}")


def write(folder):
    torch.manual_seed(1)
    net = network().double()
    for name, buffer in net.named_buffers():
        if name.endswith("running_mean"):
            buffer.uniform_(-1, 1)
        if name.endswith("running_var"):
            buffer.uniform_(0.5, 2)
    for parameter in net.parameters():
        nn.init.uniform_(parameter, -0.5, 0.5)
    net.eval()
    x = torch.rand(5, 1, 6, 6, dtype=torch.float64)
    with torch.no_grad():
        y = net(x)
    save_file(net.state_dict(), folder / "theirs.safetensors")
    (folder / "theirs.json").write_text(json.dumps({"x": x.flatten().tolist(), "y": y.flatten().tolist()}))


if __name__ == "__main__":
    {"check": lambda: None, "read": lambda: read(Path(sys.argv[2])), "write": lambda: write(Path(sys.argv[2]))}[sys.argv[1]]()
