"""w8: read the four Fashion-MNIST .gz with their checksums. w9: read a CSV of integers into float32.
Usage: read_files.py w8 REPEATS | read_files.py w9 REPEATS polars|pandas|pyarrow CSV"""

import platform
import sys

import numpy as np

from common import DATA, idx, report, timed

work, repeats = sys.argv[1], int(sys.argv[2])
if work == "w8":
    files = sorted((DATA / "fashion-mnist").glob("*.gz"))
    assert len(files) == 4, files
    peer, read = f"Python {platform.python_version()} gzip, numpy", lambda: [idx(file) for file in files]
else:
    library, path = sys.argv[3:]
    if library == "polars":
        import polars as module

        read = lambda: module.read_csv(path).to_numpy().astype(np.float32)
    elif library == "pandas":
        import pandas as module

        read = lambda: module.read_csv(path).to_numpy(np.float32)
    else:
        import pyarrow as module
        import pyarrow.csv

        read = lambda: np.stack([c.to_numpy() for c in module.csv.read_csv(path).columns], 1).astype(np.float32)
    peer = f"{library} {module.__version__}"
report(work, peer, timed(read, repeats), "reading")
