"""Pairs of digit images with their sum.

Training sees `Pairs`, which hold images and sums and nothing else. Digit labels leave this module in one place only:
`Addition.test_digits`, by which a trained network is judged.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from tasks.common.digits import Labelled, parts, with_moved
from tasks.common.pairs import Pairs, neighbours


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
    """The pairs, and copies of them whose images are each moved by at most a pixel, so that the sums stay true."""
    random = torch.Generator().manual_seed(seed)
    left, right = (with_moved(x, copies, random) for x in (pairs.left, pairs.right))
    return Pairs(left, right, pairs.sums.repeat(copies + 1))


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
    left, right = neighbours(data).T
    return Pairs(data.images[left], data.images[right], data.digits[left] + data.digits[right])
