"""The network of `neurosym.neural.DigitNet(28)`, and the pairs that ours learn from, as a file."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

CHUNK = 1_000  # pairs judged at a time


def network(seed: int) -> nn.Sequential:
    """(n, 1, 28, 28) → (n, 10) logits; two 5×5 convolutions with pooling, and two linear layers."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(1, 8, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(256, 120), nn.ReLU(), nn.Linear(120, 10),
    )  # fmt: skip


def read(path: str) -> dict[str, Any]:
    """Name → tensor: `left`, `right`, `sums`, and the same with `test_` before it."""
    with np.load(path) as file:
        return {name: torch.from_numpy(file[name]) for name in file.files}


@torch.no_grad()
def sum_accuracy(net: nn.Module, data: dict[str, Any]) -> float:
    """The share of test pairs whose most probable sum is right."""
    place = (torch.arange(10)[:, None] + torch.arange(10)[None]).reshape(-1)
    right, sums = 0, data["test_sums"]
    net.eval()
    for rows in torch.arange(len(sums)).split(CHUNK):
        one, two = (torch.softmax(net(data[side][rows]), 1) for side in ("test_left", "test_right"))
        joint = (one[:, :, None] * two[:, None]).flatten(1)
        tags = joint.new_zeros(len(rows), 19).index_add(1, place, joint)
        right += int((tags.argmax(1) == sums[rows]).sum())
    net.train()
    return right / len(sums)
