"""Pairs of digit images of which only the sum is known, and how a reasoner that reads digits is judged."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Self

import torch
from torch import Tensor

import neurosym as ns
from tasks.common.digits import Labelled

SUM = "sum(a, b, Z)"
CHUNK = 1_000  # pairs or images judged at a time


@dataclass(frozen=True, eq=False)
class Pairs:
    """What is known of n pairs.

    Attributes:
        left, right: (n, 1, S, S) images with values in [0, 1].
        sums: (n,) long.
    """

    left: Tensor
    right: Tensor
    sums: Tensor

    def __len__(self) -> int:
        return len(self.sums)

    @property
    def inputs(self) -> dict[str, Tensor]:
        """The images under the names of the query's slots."""
        return {"a": self.left, "b": self.right}

    def take(self, rows: Tensor) -> Self:
        """Some of the pairs."""
        return replace(self, **{f.name: getattr(self, f.name)[rows] for f in fields(self)})


def neighbours(data: Labelled) -> Tensor:
    """(n, 2) rows of images that stand next to each other; an odd last image is left out."""
    return torch.arange(len(data.digits) // 2 * 2).reshape(-1, 2)


@torch.no_grad()
def sum_accuracy(reasoner: ns.Reasoner, pairs: Pairs) -> float:
    """The share of pairs whose most probable sum is right."""
    right = 0
    for rows in torch.arange(len(pairs)).split(CHUNK):
        part = pairs.take(rows)
        best = reasoner.query(SUM, inputs=part.inputs).best()
        right += sum(a == b for a, b in zip(best, part.sums.tolist(), strict=True))
    return right / len(pairs)


@torch.no_grad()
def digit_accuracy(reasoner: ns.Reasoner, judged: Labelled, slot: str = "a") -> float:
    """The share of images of which the most probable digit is right, asked as a query of its own.

    Args:
        slot: by which the rules name an image.
    """
    right = 0
    for images, digits in zip(judged.images.split(CHUNK), judged.digits.split(CHUNK), strict=True):
        best = reasoner.query(f"digit({slot}, D)", inputs={slot: images}).best()
        right += sum(a == b for a, b in zip(best, digits.tolist(), strict=True))
    return right / len(judged.digits)
