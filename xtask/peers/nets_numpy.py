"""w1, w2 and w3 as the notebooks wrote them. Usage: nets_numpy.py WORK REPEATS [f32|f64]"""

import sys

import numpy as np

from common import DRAWN, SMALL_INIT, WORKS, batches, load, report, timed, unit

work, repeats = sys.argv[1], int(sys.argv[2])
dtype = {"f32": np.float32, "f64": np.float64}[(sys.argv[3:] + ["f64"])[0]]
x, y, x_test, y_test = load(work, dtype)
_, (n_in, n_hidden, n_out), _, rate = WORKS[work]
rate, slope = dtype(rate), dtype(0.01 if work == "w1" else 0)
rng = np.random.default_rng(0)
deviation = lambda fan: SMALL_INIT if work in DRAWN else fan**-0.5
W1 = rng.normal(scale=deviation(n_in), size=(n_in, n_hidden)).astype(dtype)
W2 = rng.normal(scale=deviation(n_hidden), size=(n_hidden, n_out)).astype(dtype)
b1, b2 = np.zeros(n_hidden, dtype), np.zeros(n_out, dtype)


def rectified(z):
    return np.where(z > 0, z, slope * z) if slope else np.maximum(z, 0)


def forward(x):
    return rectified(x @ W1 + b1) @ W2 + b2


def step(i):
    global W1, b1, W2, b2
    xb = x[i]
    z = xb @ W1 + b1
    h = rectified(z)
    o = h @ W2 + b2
    e = np.exp(o - o.max(1, keepdims=True))
    d = e / e.sum(1, keepdims=True)
    d[np.arange(len(i)), y[i]] -= 1
    d /= dtype(len(i))
    dW2, db2 = h.T @ d, d.sum(0)
    dz = d @ W2.T
    dz[z <= 0] *= slope
    dW1, db1 = xb.T @ dz, dz.sum(0)
    W1 -= rate * dW1
    b1 -= rate * db1
    W2 -= rate * dW2
    b2 -= rate * db2


times = timed(lambda: [step(i) for i in batches(work, len(x), rng)], repeats)
accuracy = float((forward(x_test).argmax(1) == y_test).mean())
report(work, f"numpy {np.__version__} {dtype.__name__}", times, unit(work), accuracy)
