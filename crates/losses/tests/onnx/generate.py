# /// script
# requires-python = ">=3.11"
# dependencies = ["onnx==1.22.0", "numpy==2.3.3"]
# ///
"""Turns the cross-entropy tests of the `onnx` package into cases of this crate's losses, values only, in f32.

README.md beside this file has the format and how to run this; LEFT_OUT.md the tests not used, and why.
"""

import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "layers" / "tests"))

import numpy as np

from foreign import array, plain, require
from onnx_tests import LeftOut, convert

require(onnx="1.22.0", numpy="2.3.3")

ENOUGH = 12  # rows: a case whose loss is given row by row keeps its first ones


def loss(name):
    def converter(test):
        x, labels, *rest = test.inputs
        weights = rest[0] if rest else None
        if x.size > 600:
            raise LeftOut("size: more than 4 kB as text")
        notes = []
        if x.ndim > 2:
            x = np.moveaxis(x, 1, -1).reshape(-1, x.shape[1])
            notes.append("each position is a row")
        labels, y = labels.reshape(-1), test.outputs[0].reshape(-1)
        reduction = test.attributes.get("reduction", "mean")
        counted = labels != test.attributes.get("ignore_index", -(10**9))
        if reduction == "none":
            reduction, y = "sum", y[:ENOUGH]
            notes.append("the sum of the rows' losses" + (f", the first {ENOUGH}" if len(x) > ENOUGH else ""))
            x, labels, counted = x[:ENOUGH], labels[:ENOUGH], counted[:ENOUGH]
        if not counted.all():
            notes.append("rows of the ignored label are dropped")
        value = plain(y[0]) if len(y) == 1 else float(np.sum(y, dtype=np.float64))
        options = {"name": name, "reduction": reduction}
        options |= {"label_smoothing": 0.0} if name == "softmax_cross_entropy" else {}
        options |= {"class_weights": None if weights is None else array(weights)["data"]}
        case = {
            "loss": options,
            "x": array(x[counted]),
            "target": {"indices": labels[counted].tolist()},
            "value": value,
        }
        return case | ({"note": "; ".join(notes)} if notes else {})

    return converter


CONVERTERS = {
    "SoftmaxCrossEntropyLoss": loss("softmax_cross_entropy"),
    "NegativeLogLikelihoodLoss": loss("negative_log_likelihood"),
}


if __name__ == "__main__":
    convert(HERE, CONVERTERS, {}, lambda case: json.dumps([case[k] for k in ("loss", "x", "target")]))
