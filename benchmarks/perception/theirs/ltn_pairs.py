# pyright: reportMissingImports=false
"""Pairs by LTNtorch: accuracy of sums, and how soon 97 % is reached.

python -m benchmarks.perception.theirs.ltn_pairs '{"pairs": "pairs.npz", "epochs": 3, "batch": 32, "every": 100, …}'

The formula is that of Badreddine et al., "Logic Tensor Networks", Artificial Intelligence 303, 2022, section 4.5: for
all pairs there are digits that add up to the sum and that the images show; product t-norm, generalised means, and the
exponent of the existential quantifier grows with the epochs.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import ltn
import torch
from torch import Tensor, nn

from benchmarks.perception.theirs.network import network, read, sum_accuracy

EXPONENTS = ((4, 1), (8, 2), (12, 4), (10**9, 6))  # until that epoch, the exponent of the existential quantifier


class Shows(nn.Module):
    """How true it is that images show digits."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, images: Tensor, digits: Tensor) -> Tensor:
        return torch.softmax(self.net(images), 1).gather(1, digits.long().reshape(-1, 1))[:, 0]


class Formula:
    """Whether all pairs of a batch have digits that add up to their sum."""

    def __init__(self, net: nn.Module) -> None:
        self.shows = ltn.Predicate(Shows(net))
        self.both = ltn.Connective(ltn.fuzzy_ops.AndProd())
        self.exists = ltn.Quantifier(ltn.fuzzy_ops.AggregPMean(p=2), quantifier="e")
        self.every = ltn.Quantifier(ltn.fuzzy_ops.AggregPMeanError(p=2), quantifier="f")
        self.one, self.two = (ltn.Variable(name, torch.arange(10)) for name in ("one", "two"))

    def __call__(self, left: Tensor, right: Tensor, sums: Tensor, exponent: int) -> Tensor:
        a, b, total = ltn.Variable("a", left), ltn.Variable("b", right), ltn.Variable("total", sums)
        return self.every(
            ltn.diag(a, b, total),
            self.exists(
                [self.one, self.two], self.both(self.shows(a, self.one), self.shows(b, self.two)),
                cond_vars=[self.one, self.two, total],
                cond_fn=lambda d, e, n: torch.eq(d.value + e.value, n.value), p=exponent,
            ),
        ).value  # fmt: skip


def main(job: dict[str, Any]) -> dict[str, Any]:
    """Train; looks at the test are not counted."""
    torch.set_num_threads(1)
    data = read(job["pairs"])
    net = network(job["seed"])
    formula, optimizer = Formula(net), torch.optim.Adam(net.parameters(), lr=1e-3)
    random, steps, reached = torch.Generator().manual_seed(job["seed"]), 0, None
    wall, cpu, curve = 0.0, 0.0, []
    for epoch in range(job["epochs"]):
        exponent = next(p for until, p in EXPONENTS if epoch < until)
        begun = time.perf_counter(), time.process_time()
        for rows in torch.randperm(len(data["sums"]), generator=random).split(job["batch"]):
            optimizer.zero_grad()
            loss = 1 - formula(data["left"][rows], data["right"][rows], data["sums"][rows], exponent)
            loss.backward()
            optimizer.step()
            steps += 1
            if steps % job["every"] == 0 and reached is None:
                wall, cpu = wall + time.perf_counter() - begun[0], cpu + time.process_time() - begun[1]
                curve.append([steps, wall, cpu, sum_accuracy(net, data)])
                reached = [wall, cpu] if curve[-1][3] >= job["goal"] else None
                begun = time.perf_counter(), time.process_time()
        wall, cpu = wall + time.perf_counter() - begun[0], cpu + time.process_time() - begun[1]
    return {
        "sum_accuracy": sum_accuracy(net, data), "wall_seconds": wall, "cpu_seconds": cpu, "epochs": job["epochs"],
        "batch": job["batch"], "curve": curve, "goal_wall": reached and reached[0], "goal_cpu": reached and reached[1],
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
