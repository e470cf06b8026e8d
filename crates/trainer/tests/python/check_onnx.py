"""Holds exported models to onnx.checker and to onnxruntime.

    python -m venv venv && venv/bin/pip install onnx==1.22.0 onnxruntime==1.31.1
    ONNX_PYTHON=venv/bin/python cargo test -p trainer --features onnx,recipe onnx

The test of that name writes `cases.json`, a model and its inputs and outputs as raw f32 for each case, and calls this
script with the folder.
"""

import json
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime

TOLERANCE = 1e-5  # absolute, and relative where outputs are above 1


def largest_error(session, x, expected):
    (got,) = session.run(["output"], {"input": x})
    if got.shape != expected.shape:
        raise AssertionError(f"shape {got.shape}, expected {expected.shape}")
    if got.dtype != np.float32 or not np.isfinite(got).all():
        raise AssertionError("expected finite float32")
    return float(np.max(np.abs(got - expected) / np.maximum(1, np.abs(expected)), initial=0))


def check(folder, case):
    model = onnx.load(folder / case["model"])
    onnx.checker.check_model(model, full_check=True)
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    for value, shape in ((inferred.graph.input[0], case["x_shape"]), (inferred.graph.output[0], case["y_shape"])):
        dims = value.type.tensor_type.shape.dim
        if dims[0].dim_param != "n" or [d.dim_value for d in dims[1:]] != shape[1:]:
            raise AssertionError(f"{value.name} is declared as {dims}")
    names = [tensor.name for tensor in model.graph.initializer]
    missing = set(case["params"]) - set(names)
    if missing:
        raise AssertionError(f"no initialisers {missing}")
    session = onnxruntime.InferenceSession(folder / case["model"], providers=["CPUExecutionProvider"])
    x = np.fromfile(folder / case["x"], "<f4").reshape(case["x_shape"])
    y = np.fromfile(folder / case["y"], "<f4").reshape(case["y_shape"])
    # The whole batch and one example of it, since the batch axis is open.
    return max(largest_error(session, x, y), largest_error(session, x[:1], y[:1]))


def main():
    onnxruntime.set_default_logger_severity(3)
    folder = pathlib.Path(sys.argv[1])
    failed = 0
    for case in json.loads((folder / "cases.json").read_text()):
        try:
            error = check(folder, case)
            verdict = "ok" if error <= TOLERANCE else "FAILED"
            message = f"{error:.1e} over {case['x_shape'][0]} examples"
        except Exception as problem:  # every other case is to be judged too
            verdict, message = "FAILED", f"{type(problem).__name__}: {problem}"
        failed += verdict != "ok"
        print(f"{verdict:<6} {case['name']}: {message}")
    print(f"onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}, {failed} failed")
    return failed > 0


sys.exit(main())
