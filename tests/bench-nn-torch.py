#!/usr/bin/python3
"""The training step of bench-nn.c in PyTorch, one thread, in turns with bench-nn itself; processor time.

Prints "ratio NAME VALUE BOUND"."""
import os
import subprocess
import sys
import time

WIDTHS = (16, 64)
ROUNDS = 3
SECONDS = 2
BATCH = 16

try:
    import torch
except ImportError:
    print("  skipped: no PyTorch for", sys.executable)
    sys.exit(0)


def network(width):
    layers, before = [], 3
    for i in range(4):
        layers += [torch.nn.Conv2d(before, width << i, 4, 2, 1), torch.nn.LeakyReLU(0.2)]
        before = width << i
    return torch.nn.Sequential(*layers, torch.nn.Flatten(), torch.nn.Linear(before * 16, 1))


def torch_seconds(width):
    """The best step within SECONDS."""
    net = network(width)
    adam = torch.optim.Adam(net.parameters(), 2e-4, (0.5, 0.999))
    loss = torch.nn.BCEWithLogitsLoss(reduction="sum")
    real, fake = (torch.rand(BATCH, 3, 64, 64).round() for _ in range(2))
    ones, zeros = torch.ones(BATCH, 1), torch.zeros(BATCH, 1)
    best, end = float("inf"), time.process_time() + SECONDS
    while time.process_time() < end:
        start = time.process_time()
        adam.zero_grad()
        loss(net(real), ones).backward()
        loss(net(fake), zeros).backward()
        adam.step()
        image = fake.detach().requires_grad_()
        torch.autograd.grad(loss(net(image), ones), image)  # by the images alone
        best = min(best, time.process_time() - start)
    return best


def exset_seconds(width):
    program = os.path.join(os.environ.get("BUILD", "build"), "tests", "bench-nn")
    command = os.environ.get("MPIEXEC", "mpirun").split() + ["-n", "1", program, str(width)]
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, universal_newlines=True).stdout
    return next(float(line.split()[2]) for line in out.splitlines() if line.startswith("step "))


def main():
    torch.set_num_threads(1)
    for width in WIDTHS:
        best = {exset_seconds: float("inf"), torch_seconds: float("inf")}
        for _ in range(ROUNDS):
            for measure in best:
                best[measure] = min(best[measure], measure(width))
        mine, theirs = best[exset_seconds], best[torch_seconds]
        print(f"  base width {width}: {1e3 * mine:.2f} ms for a step, PyTorch {torch.__version__} {1e3 * theirs:.2f} ms")
        print(f"ratio nn/torch-width-{width} {mine / theirs:.2f} 0.8")


main()
