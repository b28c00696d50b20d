"""What an expert says of learnable weights: priors, anchors, fixed weights, ranges.

One vector holds everything that is known of a learnable statement: for each of its outcomes, and then for 'none of
them' where that can happen, its pseudo-counts and the range in which it has to stay. Learning by expectation
maximisation and by gradient read the same vectors.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from neurosym.reasoner.priors import Beta, Dirichlet


@dataclass(frozen=True)
class Anchor:
    """An expert's weight that data may move: as if it had been found in `confidence` observations.

    Attributes:
        weight: one probability, or one for each head; None: that of the rule text.
        confidence: how many observations it is worth.
    """

    weight: float | tuple[float, ...] | None = None
    confidence: float = 10.0


@dataclass(frozen=True)
class Fixed:
    """A weight that learning leaves as it is.

    Attributes:
        weight: one probability, or one for each head; None: that which the reasoner has.
    """

    weight: float | tuple[float, ...] | None = None


@dataclass(frozen=True)
class Range:
    """The range in which a weight, or each weight of an annotated disjunction, has to stay.

    Attributes:
        at_least, at_most: one number for all heads, or one for each.
    """

    at_least: float | tuple[float, ...] = 0.0
    at_most: float | tuple[float, ...] = 1.0


Prior = Beta | Dirichlet | Anchor
Limit = Fixed | Range


@dataclass(frozen=True)
class Belief:
    """What is known of the weights of one learnable statement, with n categories: its outcomes, then 'none of them'.

    Attributes:
        pseudo: (n,) observations that the prior is worth; `lower`, `upper`: (n,) ranges.
        fixed: (n,) the weights, if they are not learned.
    """

    pseudo: tuple[float, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    fixed: tuple[float, ...] | None = None

    @property
    def free(self) -> bool:
        """Whether nothing is known."""
        return self.fixed is None and not any(self.pseudo) and not any(self.lower) and min(self.upper) >= 1

    def log_prior(self, weights: Sequence[float]) -> float:
        """The logarithm of the prior's density without its constant."""
        terms = zip(self.pseudo, weights, strict=True)
        return sum(n * (math.log(w) if w > 0 else -math.inf) for n, w in terms if n > 0)

    def best(self, counts: Sequence[float], before: Sequence[float]) -> tuple[float, ...]:
        """The weights under which counts and prior are most probable, within the ranges.

        Args:
            counts: (n,) expected observations of each category.
            before: (n,) the weights until now, which stay where there is nothing to learn from.
        """
        if self.fixed is not None:
            return self.fixed
        totals = [max(0.0, n) + p for n, p in zip(counts, self.pseudo, strict=True)]
        # less than that is what rounding leaves of nothing
        if sum(totals) <= 1e-12:
            return tuple(before)
        return within(totals, self.lower, self.upper)

    def nearest(self, weights: Sequence[float]) -> tuple[float, ...]:
        """The weights of the ranges that are nearest in the sense of Kullback and Leibler."""
        return self.fixed if self.fixed is not None else within(weights, self.lower, self.upper)


def within(counts: Sequence[float], lower: Sequence[float], upper: Sequence[float]) -> tuple[float, ...]:
    """The distribution w that maximises Σ counts · log w, with each w in its range.

    By Lagrange, w = clip(counts / m, lower, upper) for the one m that makes the sum 1.
    """
    total = sum(counts)
    plain = tuple(c / total for c in counts)
    if all(lo <= w <= hi for w, lo, hi in zip(plain, lower, upper, strict=True)):
        return plain

    def clipped(m: float) -> list[float]:
        return [min(max(c / m, lo), hi) for c, lo, hi in zip(counts, lower, upper, strict=True)]

    low, high = total * 1e-15, total * 1e15
    if sum(clipped(low)) < 1:  # those that were counted are at their most: the others share the remainder
        return _shared(counts, lower, upper, clipped(low))
    for _ in range(200):
        middle = math.sqrt(low) * math.sqrt(high)
        low, high = (middle, high) if sum(clipped(middle)) > 1 else (low, middle)
    result = clipped(high)
    inner = [k for k, w in enumerate(result) if lower[k] < w < upper[k]]
    left = 1 - sum(w for k, w in enumerate(result) if k not in inner)
    share = sum(counts[k] for k in inner)
    for k in inner:  # exact, where bisection was near
        result[k] = counts[k] / share * left
    return tuple(result)


def _shared(
    counts: Sequence[float], lower: Sequence[float], upper: Sequence[float], at_most: Sequence[float]
) -> tuple[float, ...]:  # fmt: skip
    """Give what is left to the categories that were never counted, in proportion to the room that they have."""
    result = list(at_most)
    free = [k for k, c in enumerate(counts) if c <= 0]
    room = sum(upper[k] - lower[k] for k in free)
    left = 1 - sum(result)
    for k in free:
        result[k] += left * (upper[k] - lower[k]) / room
    return tuple(result)
