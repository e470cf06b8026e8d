"""w4: every parameter of 784-50-10 against central differences with step 1e-4, on three rows of MNIST, in f64.
Usage: check_numpy.py REPEATS"""

import sys

import numpy as np

from common import load, report, timed

x, t, *_ = load("w2", np.float64)
x, t = x[:3], t[:3]
rng = np.random.default_rng(0)
P = [0.01 * rng.standard_normal((784, 50)), np.zeros(50), 0.01 * rng.standard_normal((50, 10)), np.zeros(10)]
STEP = 1e-4


def softmax(o):
    e = np.exp(o - o.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def loss():
    p = softmax(np.maximum(x @ P[0] + P[1], 0) @ P[2] + P[3])
    return -np.log(p[np.arange(3), t] + 1e-7).mean()


def numerical():
    grads = []
    for w in P:
        flat, g = w.reshape(-1), np.zeros(w.size)
        for k in range(w.size):
            old = flat[k]
            flat[k] = old + STEP
            above = loss()
            flat[k] = old - STEP
            below = loss()
            flat[k] = old
            g[k] = (above - below) / (2 * STEP)
        grads.append(g.reshape(w.shape))
    return grads


def backward():
    z = x @ P[0] + P[1]
    h = np.maximum(z, 0)
    d = softmax(h @ P[2] + P[3])
    d[np.arange(3), t] -= 1
    d /= 3
    dz = d @ P[2].T
    dz[z <= 0] = 0
    return [x.T @ dz, dz.sum(0), h.T @ d, d.sum(0)]


def check():
    differences = [np.abs(a - b).mean() for a, b in zip(numerical(), backward())]
    assert max(differences) < 1e-6, differences


report("w4", f"numpy {np.__version__} float64", timed(check, int(sys.argv[1])), "check")
