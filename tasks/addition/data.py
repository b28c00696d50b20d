"""Pairs of digit images with their sum.

Training sees `Pairs`, which hold images and sums and nothing else. Digit labels leave this module in one place only:
`Addition.test_digits`, by which a trained network is judged.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tasks.common.digits import Labelled, parts, shifted


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


@dataclass(frozen=True, eq=False)
class Addition:
    """The task's data.

    Attributes:
        name: `digits` or `mnist`; `size`: height and width S of the images.
        train, valid: to fit, and to choose when to stop; `test`: looked at once.
        test_digits: the images of `test` one by one, with their digits: for judging only.
    """

    name: str
    size: int
    train: Pairs
    valid: Pairs
    test: Pairs
    test_digits: Labelled


def with_shifts(pairs: Pairs, copies: int, seed: int = 0) -> Pairs:
    """The pairs, and copies of them whose images are each moved by one pixel in a random direction, or left alone.

    A digit that is moved stays the digit it is, so the sums stay true; what leaves the frame is lost.
    """
    random = torch.Generator().manual_seed(seed)
    left, right = ([x, *(shifted(x, random) for _ in range(copies))] for x in (pairs.left, pairs.right))
    return Pairs(torch.cat(left), torch.cat(right), pairs.sums.repeat(copies + 1))


def load(source: str = "auto", seed: int = 0) -> Addition:
    """The data; the seed draws the pairs for training and validation. Each image is in one pair only.

    Args:
        source: `digits`, `mnist`, or `auto`: MNIST where the data folder has it.

    Raises:
        DataError: MNIST is asked for and not there, or a file of it is damaged.
    """
    p = parts(source, seed)
    return Addition(p.name, p.size, _pairs(p.train), _pairs(p.valid), _pairs(p.test), p.test)


def _pairs(data: Labelled) -> Pairs:
    """Neighbours as pairs; an odd last image is left out."""
    even = len(data.digits) // 2 * 2
    images, digits = data.images[:even], data.digits[:even]
    return Pairs(images[0::2], images[1::2], digits[0::2] + digits[1::2])
