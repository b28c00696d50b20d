"""Pairs of digit images that leave open what the digits are, with their sums and products.

MNIST-Half and MNIST-EvenOdd as Marconato et al. define them (NeurIPS 2023; UAI 2024): only some pairs of digits are
seen, each in both orders. Training sees `Pairs`, which hold no digit, and `hints`, where labels are the means.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from neurosym.errors import DataError
from tasks.common.digits import Labelled, parts, pools_of
from tasks.common.pairs import Pairs as SumPairs

# What is seen in training; V values are 0 to V − 1.
SEEN = {
    "half": ((0, 0), (0, 1), (2, 3), (2, 4)),
    "evenodd": ((0, 6), (2, 8), (4, 6), (4, 8), (1, 5), (3, 7), (1, 9), (3, 9)),
}
VALUES = {"half": 5, "evenodd": 10}
KINDS = tuple(SEEN)
HINTS = 10  # images of each digit that are kept for labels of concepts
REUSED = {"digits": 8, "mnist": 1}  # pairs of its part that an image may be in: scikit-learn's digits are few


@dataclass(frozen=True, eq=False)
class Pairs(SumPairs):
    """What is known of n pairs; products: (n,) long."""

    products: Tensor


@dataclass(frozen=True, eq=False)
class Shortcut:
    """The task's data.

    Attributes:
        kind: `half` or `evenodd`; `name`: `digits` or `mnist`; `size`: height and width S of the images.
        train, valid, test: pairs that are seen; `new`: pairs of the test images that training never sees.
        hints: some images that are in no pair, with their digits, for the means that labels concepts.
        valid_digits: (n, 2) the digits of `valid`: for the audit that says which concepts to label.
        test_digits: (n, 2) the digits of `test`: for judging and for the audit only.
    """

    kind: str
    name: str
    size: int
    train: Pairs
    valid: Pairs
    test: Pairs
    new: Pairs
    hints: Labelled
    valid_digits: Tensor
    test_digits: Tensor


def pairs_of(
    data: Labelled, seen: Sequence[tuple[int, int]], random: torch.Generator, most: int, reused: int = 1
) -> tuple[Pairs, Tensor]:
    """Pairs of the given digits in turn, in a random order each, until the images of a digit run out.

    Args:
        most: pairs, at most; reused: how many pairs an image may be in.

    Returns:
        The pairs, mixed, and (n, 2) their digits.

    Raises:
        DataError: the images are too few for one pair of each kind.
    """
    pools = pools_of(data, {d for pair in seen for d in pair}, random, reused)
    chosen: list[tuple[int, int]] = []
    while len(chosen) < most:
        pair = seen[len(chosen) % len(seen)]
        if any(len(pools[d]) < pair.count(d) for d in pair):
            break
        a, b = (pools[d].pop() for d in pair)
        chosen.append((a, b) if int(torch.randint(2, (), generator=random)) else (b, a))
    if len(chosen) < len(seen):
        raise DataError("there are too few images for one pair of each kind")
    rows = torch.tensor(chosen)[torch.randperm(len(chosen), generator=random)]
    digits = data.digits[rows]
    return Pairs(data.images[rows[:, 0]], data.images[rows[:, 1]], digits.sum(1), digits.prod(1)), digits


def unseen(kind: str) -> tuple[tuple[int, int], ...]:
    """The pairs of digits, the smaller one first, that training never sees."""
    values = range(VALUES[kind])
    return tuple((a, b) for a in values for b in values if a <= b and (a, b) not in SEEN[kind])


def load(kind: str, source: str = "auto", seed: int = 0, most: int = 6_000) -> Shortcut:
    """The data; the seed draws pairs and hints. The test pairs are the same for all seeds.

    Args:
        kind: `half` or `evenodd`; source: `digits`, `mnist`, or `auto`: MNIST where the data folder has it.
        most: pairs for training.

    Raises:
        DataError: MNIST is asked for and not there, a file of it is damaged, or there is no such kind.
    """
    if kind not in KINDS:
        raise DataError(f"there is no kind `{kind}`", note=f"there are {', '.join(KINDS)}")
    p = parts(source, seed)
    random, fixed = torch.Generator().manual_seed(seed), torch.Generator().manual_seed(0)
    hints, rest = _kept(p.train, VALUES[kind])
    reused = REUSED[p.name]
    train, _ = pairs_of(rest, SEEN[kind], random, most, reused)
    valid, valid_digits = pairs_of(p.valid, SEEN[kind], random, 500, reused)
    test, digits = pairs_of(p.test, SEEN[kind], fixed, 1_000, reused)
    new, _ = pairs_of(p.test, unseen(kind), fixed, 1_000, reused)
    return Shortcut(kind, p.name, p.size, train, valid, test, new, hints, valid_digits, digits)


def _kept(data: Labelled, values: int) -> tuple[Labelled, Labelled]:
    """The first images of each digit, digit by digit; and the rest."""
    first = torch.cat([(data.digits == d).nonzero()[:HINTS, 0] for d in range(values)])
    rest = torch.ones(len(data.digits), dtype=torch.bool)
    rest[first] = False
    return Labelled(data.images[first], data.digits[first]), Labelled(data.images[rest], data.digits[rest])
