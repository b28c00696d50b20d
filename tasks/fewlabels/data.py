"""Digit images of which few have labels, in pairs whose relation is known; and pairs with a digit nobody has seen.

Training sees `Related` and the labelled images, and no other digit: those of `Related` are None where unlabelled.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from neurosym.errors import DataError
from neurosym.learning import Batch, batches
from tasks.common.digits import Labelled, only, parts
from tasks.common.pairs import Pairs, neighbours

DIGIT = "digit(a, D)"
NEW = 9  # the class that is added; the rules of nine.rules know 0 to 8
KINDS = ("same", "next", "parity")
IMAGES = {"digits": 1_257, "mnist": 12_000}  # of the training part that are used


@dataclass(frozen=True, eq=False)
class Related:
    """n pairs of one known relation.

    Attributes:
        kind: `same`, `next` or `parity`; left, right: (n, 1, S, S) images.
        parities: (n,) long, of the sum; labels: for both sides n digits, None where unlabelled.
    """

    kind: str
    left: Tensor
    right: Tensor
    parities: Tensor
    labels: tuple[list[int | None], list[int | None]]

    def batches(self, size: int) -> list[Batch]:
        """The question of the relation, with its answer, and the labels that there are beside it."""
        inputs = {"a": self.left, "b": self.right}
        concepts = {DIGIT: self.labels[0], "digit(b, D)": self.labels[1]}
        if self.kind == "parity":
            return batches("parity(a, b, P)", inputs, self.parities, size, concepts=concepts)
        return batches(f"{self.kind}(a, b)", inputs, torch.ones(len(self.left), 1), size, concepts=concepts)


@dataclass(frozen=True, eq=False)
class FewLabels:
    """What is known: relations of all training images, labels of some.

    Attributes:
        name: `digits` or `mnist`; size: height and width S of the images.
        related: pairs of each kind; no image is in two pairs. labelled: the images with labels, which are in pairs too.
        valid, test: with digits, for choosing settings and for judging.
    """

    name: str
    size: int
    related: tuple[Related, ...]
    labelled: Labelled
    valid: Labelled
    test: Labelled


def load(share: float, source: str = "auto", seed: int = 0) -> FewLabels:
    """The data; the seed draws the pairs and which images have labels.

    Args:
        share: of the training images that have labels, in (0, 1]; alike for each digit, one of each at least.

    Raises:
        DataError: the share is out of its range; MNIST is asked for and not there, or a file of it is damaged.
    """
    if not 0 < share <= 1:
        raise DataError(f"a share of {share:g} of the images cannot have labels", help="give one above 0, at most 1")
    p = parts(source, seed)
    used = Labelled(p.train.images[: IMAGES[p.name]], p.train.digits[: IMAGES[p.name]])
    known = torch.zeros(len(used.digits), dtype=torch.bool)
    for digit in range(10):
        rows = (used.digits == digit).nonzero()[:, 0]
        known[rows[: max(1, round(share * len(rows)))]] = True
    pairs = pairs_of(used.digits, torch.Generator().manual_seed(seed))
    related = tuple(related_of(used, known, rows, kind) for kind, rows in zip(KINDS, pairs, strict=True))
    return FewLabels(p.name, p.size, related, Labelled(used.images[known], used.digits[known]), p.valid, p.test)


def pairs_of(digits: Tensor, random: torch.Generator) -> tuple[Tensor, ...]:
    """(n, 2) rows of images for each kind of relation: a third of the images each, no image twice.

    Images that are left over, because no other with the digit they need is free, come to the pairs of known parity.
    """
    pools = [[] for _ in range(10)]  # type: list[list[int]]
    for row in torch.randperm(len(digits), generator=random).tolist():
        pools[int(digits[row])].append(row)
    found: list[list[tuple[int, int]]] = [[], []]
    for made, step in zip(found, (0, 1), strict=True):
        while len(made) < len(digits) // 6:
            free = [d for d in range(10) if len(pools[d]) > 1 - step and len(pools[(d + step) % 10]) > 1 - step]
            if not free:
                break
            d = free[int(torch.randint(len(free), (), generator=random))]
            made.append((pools[d].pop(), pools[(d + step) % 10].pop()))
    rest = torch.tensor([row for pool in pools for row in pool])
    rest = rest[torch.randperm(len(rest), generator=random)]
    return (*(torch.tensor(made) for made in found), rest[: len(rest) // 2 * 2].reshape(-1, 2))


def related_of(data: Labelled, known: Tensor, rows: Tensor, kind: str) -> Related:
    """Pairs of one kind; (n, 2) rows, and which images have labels."""
    digits, there = data.digits[rows], known[rows]
    sides = [
        [d if k else None for d, k in zip(digits[:, s].tolist(), there[:, s].tolist(), strict=True)] for s in (0, 1)
    ]
    images = data.images[rows[:, 0]], data.images[rows[:, 1]]
    return Related(kind, *images, digits.sum(1) % 2, (sides[0], sides[1]))


@dataclass(frozen=True, eq=False)
class Sums(Pairs):
    """What is known of n pairs; new: (n,) whether the new digit is in them."""

    new: Tensor


def sums_of(data: Labelled) -> Sums:
    """Neighbours as pairs."""
    rows = neighbours(data)
    digits = data.digits[rows]
    return Sums(data.images[rows[:, 0]], data.images[rows[:, 1]], digits.sum(1), (digits == NEW).any(1))


@dataclass(frozen=True, eq=False)
class NewClass:
    """Sums of the digits 0 to 8, and a few images of the new one.

    Attributes:
        train, valid: pairs without the new digit; examples: (n, 1, S, S) of the new digit.
        valid_digits: all digits, for choosing settings; test, test_sums: of all digits, for judging.
    """

    name: str
    size: int
    train: Sums
    valid: Sums
    examples: Tensor
    valid_digits: Labelled
    test: Labelled
    test_sums: Sums


def load_new(examples: int, source: str = "auto", seed: int = 0) -> NewClass:
    """The data; the seed draws pairs and examples."""
    p = parts(source, seed)
    used = Labelled(p.train.images[: IMAGES[p.name]], p.train.digits[: IMAGES[p.name]])
    five = used.images[used.digits == NEW][:examples]
    train, valid = (sums_of(only(d, range(NEW))) for d in (used, p.valid))
    return NewClass(p.name, p.size, train, valid, five, p.valid, p.test, sums_of(p.test))
