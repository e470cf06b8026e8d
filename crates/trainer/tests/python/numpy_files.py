"""The other side of tests/it/npy.rs: numpy writes arrays for us and reads ours.

numpy_files.py write DIR    writes one file for each type, byte order and order of axes, and two archives
numpy_files.py read DIR     reads DIR/ours-*.npy and DIR/ours-*.npz

Needs numpy (pip install numpy).
"""

import sys
from pathlib import Path

import numpy as np

TYPES = {"u8": "u1", "u16": "u2", "u32": "u4", "u64": "u8", "i8": "i1", "i16": "i2", "i32": "i4", "i64": "i8",
         "f32": "f4", "f64": "f8"}


def numbers(kind):
    return np.arange(24).reshape(2, 3, 4).astype(kind)


def write(folder):
    for name, kind in TYPES.items():
        for order, sign in ("little", "<"), ("big", ">"):
            for axes in "CF":
                np.save(folder / f"{name}-{order}-{axes}.npy", np.asarray(numbers(sign + kind), order=axes))
    np.savez(folder / "stored.npz", **{name: numbers(kind) for name, kind in TYPES.items()})
    np.savez_compressed(folder / "packed.npz", **{name: numbers(kind) for name, kind in TYPES.items()})
    np.save(folder / "scalar.npy", np.float64(2.5))
    np.save(folder / "empty.npy", np.zeros((0, 5), np.float32))
    np.save(folder / "objects.npy", np.array([{}, None]), allow_pickle=True)
    np.save(folder / "complex.npy", np.zeros(2, complex))
    np.save(folder / "half.npy", np.zeros(2, np.float16))
    np.save(folder / "text.npy", np.array(["abc"]))
    np.save(folder / "truths.npy", np.array([True]))


def read(folder):
    for name, kind in TYPES.items():
        for array in np.load(folder / f"ours-{name}.npy"), np.load(folder / f"ours-{name}.npz")["x"]:
            assert array.dtype == np.dtype(kind) and np.array_equal(array, numbers(kind)), (name, array)


if __name__ == "__main__":
    {"write": write, "read": read}[sys.argv[1]](Path(sys.argv[2]))
