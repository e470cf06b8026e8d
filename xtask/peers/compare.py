"""Runs our works and the peers' by turns on this machine and prints the comparison as Markdown.

    python3 -m venv /tmp/peers && /tmp/peers/bin/pip install -r xtask/peers/requirements.txt
    /tmp/peers/bin/python xtask/peers/compare.py --data datasets --into crates/trainer/docs/benchmarks.md

Every round runs each program once, each in a process of its own, in an order that turns from round to round; a row
says the median of all rounds. A program that is not there (a package, a compiler for candle) is left out, and the
page says so. All run on the same two cores.
"""

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

PEERS = Path(__file__).resolve().parent
WORKSPACE = PEERS.parents[1]
CANDLE = WORKSPACE / "target/peers"
CSV = WORKSPACE / "target/bench/mnist-train.csv"
OURS = "this project"
PRODUCTS = "matrix products alone"
MARK = "<!-- results: compare.py writes below this line -->"

# Work, threads, at most so many times, the time of. A peer is named by the beginning of its name; none is the fastest.
TARGETS = [
    ("w1", 2, 0.5, None),
    ("w1", 1, 1.25, PRODUCTS),
    ("w2", 2, 0.5, None),
    ("w3", 2, 0.25, None),
    ("w5", 2, 0.65, "JAX"),
    ("w6", 2, 0.4, "PyTorch"),
    ("w7", 2, 0.5, "candle"),
    ("w8", 2, 0.6, "Python"),
    ("w9", 2, 0.6, "polars"),
]
MEMORY = {"w1": 130, "w6": 400}  # MiB, at most


def python(script, *args):
    return [sys.executable, PEERS / script, *args]


def programs(works, repeats, data):
    """The commands of a round: work, whose, threads, command."""
    n = str(repeats)
    ours = lambda work, threads: (
        work, OURS, threads, [WORKSPACE / "target/release/xtask", "bench", work, "--json", "--threads", str(threads),
                              "--repeats", str(max(5, repeats)), "--data", data],
    )
    for work in works:
        yield ours(work, 2)
        if work == "w1":
            yield ours(work, 1)
            yield work, PRODUCTS, 1, [CANDLE / "release/products", work, "1"]
        if work in ("w1", "w2", "w3", "w5", "w6"):
            yield work, PRODUCTS, 2, [CANDLE / "release/products", work, "2"]
        if work in ("w1", "w2", "w3"):
            yield work, "numpy", 2, python("nets_numpy.py", work, n, "f64")
            yield work, "numpy", 2, python("nets_numpy.py", work, n, "f32")
        if work in ("w1", "w2", "w3", "w5"):
            yield work, "JAX", 2, python("nets_jax.py", work, n)
        if work in ("w1", "w2", "w3", "w5", "w6", "w7"):
            yield work, "PyTorch", 2, python("nets_torch.py", work, n, "2")
        if work == "w4":
            yield work, "numpy", 2, python("check_numpy.py", "1")
        if work == "w7":
            yield work, "candle", 2, [CANDLE / "release/w7", n]
        if work == "w8":
            yield work, "Python", 1, python("read_files.py", "w8", n)
        if work == "w9":
            for library in ("polars", "pandas", "pyarrow"):
                yield work, library, 2, python("read_files.py", "w9", n, library, CSV)


def build():
    subprocess.run(["cargo", "build", "--release", "--locked", "-p", "xtask"], cwd=WORKSPACE, check=True)
    command = ["cargo", "build", "--release", "--locked", "--manifest-path", PEERS / "candle/Cargo.toml"]
    subprocess.run(command, env={**os.environ, "CARGO_TARGET_DIR": str(CANDLE)})  # missing programs are said later


def run(command, data):
    """The line that the program prints, or what went wrong."""
    # Candle takes a slow way through many threads unless it is told their number.
    environment = {**os.environ, "DATA_DIR": str(data), "OMP_NUM_THREADS": "2", "RAYON_NUM_THREADS": "2"}
    try:
        done = subprocess.run([str(word) for word in command], env=environment, capture_output=True, text=True)
    except OSError as error:
        return None, str(error)
    if done.returncode != 0:
        return None, (done.stderr.strip().splitlines() or ["no message"])[-1]
    return json.loads(done.stdout.strip().splitlines()[-1]), None


def measure(works, rounds, repeats, data):
    """For each program, its lines of all rounds; and what could not be run."""
    commands, found, failed = list(programs(works, repeats, data)), {}, {}
    for turn in range(rounds):
        # Ours comes first in the first round, as it writes the CSV file of w9.
        order = commands[turn % len(commands):] + commands[: turn % len(commands)]
        for work, whose, threads, command in order:
            line, problem = run(command, data)
            if line is None:
                failed[f"{work} {whose}"] = problem
                print(f"{work} {whose}: {problem}", file=sys.stderr)
                continue
            name = line.get("peer", OURS)
            print(f"round {turn + 1}: {work} {name}, {threads} threads: {line['median_s']:.3g} s", file=sys.stderr)
            found.setdefault((work, name, line.get("threads", threads), threads), []).append(line)
    return found, failed


def seconds(time):
    if time < 1e-3:
        return f"{time * 1e6:.2f} us"
    return f"{time * 1e3:.1f} ms" if time < 1 else f"{time:.2f} s"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "| " + " | ".join("---" for _ in head) + " |"]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def median(lines):
    return statistics.median(line["median_s"] for line in lines)


def ours(found, work, asked):
    """Our lines of a work that was given so many threads; it may have used fewer."""
    return next((l for (w, name, _, n), l in found.items() if (w, name, n) == (work, OURS, asked)), None)


def targets(found):
    """The rows of the works that have a target."""
    rows = []
    for work, threads, limit, against in TARGETS:
        mine = ours(found, work, threads)
        others = {name: l for (w, name, *_), l in found.items() if w == work and name not in (OURS, PRODUCTS)}
        if against == PRODUCTS:
            others = {name: l for (w, name, n, _), l in found.items() if (w, name, n) == (work, PRODUCTS, threads)}
        elif against is not None:
            others = {name: l for name, l in others.items() if name.startswith(against)}
        if mine is None or not others:
            continue
        peer = min(others, key=lambda name: median(others[name]))
        ratio = median(mine) / median(others[peer])
        rows.append([work, str(threads), seconds(median(mine)), seconds(median(others[peer])), peer,
                     f"{ratio:.2f}", f"{limit}", "yes" if ratio <= limit else "**no**"])
    for work, limit in MEMORY.items():
        mine = ours(found, work, 2)
        if mine:
            peak = max(line["peak_mib"] for line in mine)
            rows.append([f"{work}, peak memory", "2", f"{peak:.0f} MiB", "", "", "", f"{limit} MiB",
                         "yes" if peak <= limit else "**no**"])
    return rows


def floors(found):
    """The rows of the works whose matrix products were measured alone."""
    rows = []
    for (work, name, threads, _), floor in sorted(found.items()):
        mine = ours(found, work, threads)
        if name != PRODUCTS or mine is None:
            continue
        best = [min(line["best_s"] for line in lines) for lines in (mine, floor)]
        rows.append([work, str(threads), seconds(median(floor)), seconds(median(mine)), f"{median(mine) / median(floor):.2f}",
                     f"{best[0] / best[1]:.2f}"])
    return rows


def everything(found):
    """A row of each program."""
    rows = []
    for (work, name, threads, _), lines in sorted(found.items(), key=lambda item: (item[0][0], median(item[1]))):
        accuracy, peak = lines[-1].get("test_acc"), [line["peak_mib"] for line in lines if line.get("peak_mib")]
        rows.append([work, f"**{name}**" if name == OURS else name, str(threads), seconds(median(lines)),
                     seconds(min(line["best_s"] for line in lines)), lines[0]["unit"],
                     f"{100 * accuracy:.2f} %" if accuracy is not None else "",
                     f"{max(peak):.0f} MiB" if peak else ""])
    return rows


def machine():
    names = [line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
             if line.startswith("model name")] if Path("/proc/cpuinfo").exists() else []
    flags = Path("/proc/cpuinfo").read_text() if names else ""
    vectors = "AVX-512" if "avx512f" in flags else "AVX2" if "avx2" in flags else "no AVX2"
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=WORKSPACE, capture_output=True, text=True)
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True).stdout.split()
    return (f"{names[0] if names else platform.machine()}, {len(names) or os.cpu_count()} cores of which 2 are used, "
            f"{vectors}; {platform.system()}, rustc {rustc[1]}, Python {platform.python_version()}; "
            f"commit {commit.stdout.strip()}, {datetime.date.today().isoformat()}")


def page(found, failed, rounds, repeats):
    lines = [f"Measured on: {machine()}. Medians of {rounds} rounds of {repeats} repeats.", ""]
    lines += table(["work", "threads", "ours", "theirs", "who", "ratio", "at most", "met"], targets(found))
    lines += ["", "How near the limit: the products of a work alone, on two threads half the time of one:", ""]
    lines += table(["work", "threads", "products alone", "ours", "ratio", "ratio of the best"], floors(found))
    lines += ["", "All that ran, the fastest of each work first:", ""]
    head = ["work", "program", "threads", "median", "best", "per", "test accuracy", "peak memory"]
    lines += table(head, everything(found))
    if failed:
        lines += ["", "Not measured in this run:", ""] + [f"- {what}: {why}" for what, why in failed.items()]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("works", nargs="*", metavar="WORK", help="w1 to w9; all if none is named")
    parser.add_argument("--data", type=Path, default=WORKSPACE / "datasets", help="the folder of the downloaded data sets")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=5, help="repeats in one run of a program; ours does 5 at least")
    parser.add_argument("--into", type=Path, help="a page whose results are replaced")
    parser.add_argument("--no-build", action="store_true", help="use the programs that are built already")
    args = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
    if not args.no_build:
        build()
    found, failed = measure(args.works or [f"w{i}" for i in range(1, 10)], args.rounds, args.repeats, args.data.resolve())
    text = page(found, failed, args.rounds, args.repeats)
    print(text)
    if args.into:
        before, mark, _ = args.into.read_text().partition(MARK)
        if not mark:
            sys.exit(f"{args.into} has no line {MARK}")
        args.into.write_text(f"{before}{MARK}\n\n{text}")


main()
