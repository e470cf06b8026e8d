"""Reads the operator tests that the `onnx` package carries, for the scripts that turn them into case files.

A test is a folder with a model (usually of one operator), its inputs and its expected outputs, in protobuf.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from foreign import dumps, plain, write

DATA = Path(onnx.__file__).parent / "backend" / "test" / "data"
FOLDERS = ("node", "pytorch-converted", "pytorch-operator", "simple")
# Bytes of JSON. A larger case is cut down where its converter knows how, and left out otherwise.
LIMIT = 4000


class LeftOut(Exception):
    """Why a test is not converted."""


class OperatorTest:
    """One test: operator names, attributes, inputs (constants included, absent ones None) and outputs."""

    def __init__(self, folder):
        self.name = f"{folder.parent.name}/{folder.name}" if folder.parent.name != "node" else folder.name
        graph = onnx.load(folder / "model.onnx").graph
        self.ops = [node.op_type for node in graph.node]
        self.folder, self.graph = folder, graph

    def load(self, op):
        """Reads the arrays, as inputs and attributes of the only node `op`."""
        nodes = [node for node in self.graph.node if node.op_type == op]
        if len(nodes) != 1:
            raise LeftOut(f"{len(nodes)} operators of this kind in one model")
        node = nodes[0]
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        self.attributes = {k: v.decode() if isinstance(v, bytes) else v for k, v in attributes.items()}
        values = {t.name: numpy_helper.to_array(t) for t in self.graph.initializer}
        fed = [i.name for i in self.graph.input if i.name not in values]
        values |= {name: self.array(f"input_{k}") for k, name in enumerate(fed)}
        self.outputs = [self.array(f"output_{k}") for k in range(len(self.graph.output))]
        if self.ops == [op]:
            self.inputs = [values.get(name) for name in node.input]
        else:  # what feeds and reads the operator is the converter's matter
            self.inputs = [values[name] for name in fed] + [
                numpy_helper.to_array(t) for t in self.graph.initializer
            ]
        self.outputs = [y for y in self.outputs if y is not None]

    def array(self, name):
        path = self.folder / "test_data_set_0" / f"{name}.pb"
        return numpy_helper.to_array(onnx.load_tensor(path)) if path.exists() else None

    def number(self, name, default):
        """An attribute that ONNX stores as f32, as the short decimal that was meant."""
        return plain(np.float32(self.attributes.get(name, default)))


def concerned(ops):
    """The tests that contain one of these operators, and the number of tests seen in all."""
    found, seen = [], 0
    for folder in FOLDERS:
        for path in sorted((DATA / folder).iterdir()):
            seen += "_expanded" not in path.name
            test = None if "_expanded" in path.name else OperatorTest(path)
            if test and set(test.ops) & set(ops):
                found.append(test)
    return found, seen


def convert(here, converters, twins, same):
    """Writes cases.jsonl and LEFT_OUT.md. `converters` maps an operator to a function from a test to a case.

    `twins` maps the name of a test to that of the like test which is used; `same(case)` is equal for cases of
    the same numbers.
    """
    tests, seen = concerned(converters)
    cases, left, keys = [], {}, {}
    for test in tests:
        try:
            op = next(op for op in converters if op in test.ops)
            test.load(op)
            if test.name in twins:
                raise LeftOut(f"another draw of `{twins[test.name]}`")
            case = {"case": test.name} | converters[op](test)
            if len(dumps(case)) > LIMIT:
                raise LeftOut("size: more than 4 kB as text")
            if same(case) in keys:
                raise LeftOut(f"the same numbers as `{keys[same(case)]}`")
            keys[same(case)] = test.name
            cases.append(case)
        except LeftOut as reason:
            left.setdefault(str(reason), []).append(test.name)
    write(here / "cases.jsonl", cases)
    lines = [
        "# ONNX operator tests that are left out",
        "",
        f"Made by `generate.py` from onnx {onnx.__version__}. Of {seen} tests, {len(tests)} concern this",
        f"crate (operators {', '.join(sorted(converters))});",
        f"{len(cases)} are in `cases.jsonl`, and these are not:",
        "",
    ]
    for reason, names in sorted(left.items()):
        lines.append(f"- {reason}: " + ", ".join(f"`{name}`" for name in names))
    lines += [
        "",
        "Numbers are compared as they would stand in `cases.jsonl`, where some are cut down. The `_expanded`",
        "twins are not counted: they have the numbers of the test they are named after. Of the outputs, masks,",
        "places of maxima, log-probabilities, inverse deviations and running variances are not used.",
        "",
    ]
    (here / "LEFT_OUT.md").write_text("\n".join(lines))
    print(f"left out: {sum(map(len, left.values()))}")
