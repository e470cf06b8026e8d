"""PyTorch: w1, w2, w3, w5 and w6, and w7, a prediction. Usage: nets_torch.py WORK REPEATS THREADS"""

import sys

import torch
from torch import nn

from common import DRAWN, SMALL_INIT, WORKS, load, report, timed, unit

work, repeats, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(threads)
torch.manual_seed(0)
trained = "w1" if work == "w7" else work
x, y, x_test, y_test = map(torch.from_numpy, load(trained))
_, sizes, batch, rate = WORKS[trained]


def dense():
    layers = []
    for inputs, outputs in zip(sizes, sizes[1:]):
        layers += [nn.Linear(inputs, outputs), nn.LeakyReLU(0.01) if trained == "w1" else nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def lenet():
    return nn.Sequential(
        nn.Conv2d(1, 20, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(20, 50, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10),
    )


if work == "w6":
    x, x_test, net = x.reshape(-1, 1, 28, 28), x_test.reshape(-1, 1, 28, 28), lenet()
else:
    net = dense()
if work in DRAWN:
    for parameter in net.parameters():
        nn.init.normal_(parameter, std=SMALL_INIT) if parameter.ndim == 2 else nn.init.zeros_(parameter)
optimizer = (torch.optim.Adam if work in ("w5", "w6") else torch.optim.SGD)(net.parameters(), lr=rate)
loss = nn.CrossEntropyLoss()


def step(i):
    optimizer.zero_grad(set_to_none=True)
    loss(net(x[i]), y[i]).backward()
    optimizer.step()


def one():
    if work in DRAWN:
        for _ in range(1000):
            step(torch.randint(len(x), (batch,)))
    else:
        for i in torch.randperm(len(x)).split(batch):
            step(i)


def accuracy():
    return float(torch.cat([net(part).argmax(-1) for part in x_test.split(1000)]).eq(y_test).float().mean())


peer = f"PyTorch {torch.__version__.split('+')[0]}"
if work == "w7":
    one()
    with torch.no_grad():
        image, n = x_test[:1], 2000
        [net(image) for _ in range(200)]
        times = [time / n for time in timed(lambda: [net(image) for _ in range(n)], repeats)]
        report(work, peer, times, "prediction", accuracy())
else:
    times = timed(one, repeats)
    with torch.no_grad():
        report(work, peer, times, unit(work), accuracy())
