"""JAX with a compiled step: w1, w2, w3 and w5. Usage: nets_jax.py WORK REPEATS"""

import sys
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from common import DRAWN, SMALL_INIT, WORKS, batches, load, report, timed, unit

work, repeats = sys.argv[1], int(sys.argv[2])
x, y, x_test, y_test = load(work)
y = y.astype(np.int32)
_, sizes, batch, rate = WORKS[work]
adam = work == "w5"
activation = (lambda v: jnp.where(v > 0, v, 0.01 * v)) if work == "w1" else jax.nn.relu
params, key = [], jax.random.PRNGKey(0)
for inputs, outputs in zip(sizes, sizes[1:]):
    key, one = jax.random.split(key)
    deviation = SMALL_INIT if work in DRAWN else inputs**-0.5
    params.append((jax.random.normal(one, (inputs, outputs)) * deviation, jnp.zeros(outputs)))


def net(params, x):
    for weight, bias in params[:-1]:
        x = activation(x @ weight + bias)
    weight, bias = params[-1]
    return x @ weight + bias


def loss(params, x, y):
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(net(params, x)), y[:, None], 1))


@partial(jax.jit, donate_argnums=(0, 1))
def step(params, state, x, y):
    grads = jax.grad(loss)(params, x, y)
    if not adam:
        return jax.tree.map(lambda p, g: p - rate * g, params, grads), state
    t, m, v = state
    t = t + 1
    m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, grads)
    v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, grads)
    update = lambda p, m, v: p - rate * (m / (1 - 0.9**t)) / (jnp.sqrt(v / (1 - 0.999**t)) + 1e-8)
    return jax.tree.map(update, params, m, v), (t, m, v)


zeros = lambda: jax.tree.map(jnp.zeros_like, params)
state = (jnp.zeros(()), zeros(), zeros()) if adam else ()
params, state = step(params, state, x[:batch], y[:batch])  # compiles
rng = np.random.default_rng(0)


def one_unit():
    global params, state
    for i in batches(work, len(x), rng):
        params, state = step(params, state, x[i], y[i])
    jax.block_until_ready(params)


times = timed(one_unit, repeats)
accuracy = float((np.asarray(net(params, x_test)).argmax(-1) == y_test).mean())
report(work, f"JAX {jax.__version__} jit", times, unit(work), accuracy)
