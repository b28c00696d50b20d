"""Algebras of tags. A tag is what a fact is worth; an algebra says how derivations combine.

Every algebra is one final class. `plus` and `times` alone make a complete one: `sum` and `product` over segments are
derived from them by pairwise reduction, and overridden where torch has something faster.

Sources: Green, Karvounarakis & Tannen, Provenance Semirings (PODS 2007); Kimmig, Van den Broeck & De Raedt, Algebraic
Model Counting (2017); Hájek, Metamathematics of Fuzzy Logic (1998) for the t-norms.
"""

# ruff: noqa: D102 - what plus, times, negate, lift and sum do is said once, on Semiring

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

IDEMPOTENT = "idempotent"  # plus(x, x) = x: a fixpoint over cycles is reached in finitely many rounds
ABSORPTIVE = "absorptive"  # plus(one, x) = one: derivations of a certain fact do not matter
DISTRIBUTIVE = "distributive"  # times(x, plus(y, z)) = plus(times(x, y), times(x, z))
COMPLEMENT = "complement"  # negate(negate(x)) = x, negate(one) = zero: facts may be negated
DIFFERENTIABLE = "differentiable"  # tags are real, gradients flow


class Semiring(ABC):
    """An algebra of tags; the contract test in tests/semantics checks the laws for the properties it declares.

    Always: plus and times are associative and commutative, zero is neutral for plus and absorbs in times, one is
    neutral for times.

    Attributes:
        name: what `semantics=` and reports call it.
        properties: those of this module's constants that hold.
        zero, one: the tags of an absent and of a certain fact.
    """

    name: ClassVar[str]
    properties: ClassVar[frozenset[str]]
    zero: ClassVar[float] = 0.0
    one: ClassVar[float] = 1.0

    @abstractmethod
    def plus(self, a: Tensor, b: Tensor) -> Tensor:
        """Combine two derivations of a fact, elementwise."""

    @abstractmethod
    def times(self, a: Tensor, b: Tensor) -> Tensor:
        """Combine two literals of a body, elementwise."""

    def negate(self, a: Tensor) -> Tensor:
        """The tag of a negated fact; only with `COMPLEMENT`."""
        raise NotImplementedError(f"{self.name} has no negation")

    def lift(self, probability: Tensor) -> Tensor:
        """The tag of a leaf with this probability."""
        return probability

    def sum(self, values: Tensor, segment: Tensor, size: int) -> Tensor:
        """(m, …) values summed by segment, (size, …); `segment` is ascending, an empty segment gives zero."""
        result = torch.full((size, *values.shape[1:]), self.zero, dtype=values.dtype, device=values.device)
        while len(values):
            # pair neighbours of a segment: positions 0|1, 2|3, … within it
            counts = torch.bincount(segment, minlength=size)
            start = torch.cumsum(counts, 0) - counts
            position = torch.arange(len(segment), device=segment.device) - start[segment]
            first = position % 2 == 0
            paired = torch.zeros_like(first)
            paired[:-1] = first[:-1] & (segment[1:] == segment[:-1])
            at = torch.nonzero(first)[:, 0]
            has = paired[at]
            left = values[at]
            merged = torch.empty_like(left)
            merged[~has] = left[~has]
            merged[has] = self.plus(left[has], values[at[has] + 1])
            values, segment = merged, segment[at]
            if bool((torch.bincount(segment, minlength=size) <= 1).all()):
                return result.index_copy(0, segment, values)
        return result


class Boolean(Semiring):
    """Derived or not."""

    name = "boolean"
    properties = frozenset({IDEMPOTENT, ABSORPTIVE, DISTRIBUTIVE, COMPLEMENT})

    def plus(self, a: Tensor, b: Tensor) -> Tensor:
        return _greater(a, b)

    def times(self, a: Tensor, b: Tensor) -> Tensor:
        return -_greater(-a, -b)

    def negate(self, a: Tensor) -> Tensor:
        return 1 - a

    def lift(self, probability: Tensor) -> Tensor:
        return (probability > 0).to(probability.dtype)

    def sum(self, values: Tensor, segment: Tensor, size: int) -> Tensor:
        return _scatter_max(values, segment, size)


class Count(Semiring):
    """The number of derivations; infinite over cycles."""

    name = "count"
    properties = frozenset({DISTRIBUTIVE})

    def plus(self, a: Tensor, b: Tensor) -> Tensor:
        return a + b

    def times(self, a: Tensor, b: Tensor) -> Tensor:
        return a * b

    def lift(self, probability: Tensor) -> Tensor:
        return (probability > 0).to(probability.dtype)

    def sum(self, values: Tensor, segment: Tensor, size: int) -> Tensor:
        return _scatter_add(values, segment, size)


class Viterbi(Semiring):
    """The probability of the most probable proof."""

    name = "viterbi"
    properties = frozenset({IDEMPOTENT, ABSORPTIVE, DISTRIBUTIVE, COMPLEMENT, DIFFERENTIABLE})

    def plus(self, a: Tensor, b: Tensor) -> Tensor:
        return _greater(a, b)

    def times(self, a: Tensor, b: Tensor) -> Tensor:
        return a * b

    def negate(self, a: Tensor) -> Tensor:
        return 1 - a

    def sum(self, values: Tensor, segment: Tensor, size: int) -> Tensor:
        return _scatter_max(values, segment, size)


class Goedel(Semiring):
    """Fuzzy truth with minimum and maximum."""

    name = "goedel"
    properties = frozenset({IDEMPOTENT, ABSORPTIVE, DISTRIBUTIVE, COMPLEMENT, DIFFERENTIABLE})

    def plus(self, a: Tensor, b: Tensor) -> Tensor:
        return _greater(a, b)

    def times(self, a: Tensor, b: Tensor) -> Tensor:
        return -_greater(-a, -b)

    def negate(self, a: Tensor) -> Tensor:
        return 1 - a

    def sum(self, values: Tensor, segment: Tensor, size: int) -> Tensor:
        return _scatter_max(values, segment, size)


class Product(Semiring):
    """Fuzzy truth with the product and the probabilistic sum a + b − ab; not distributive."""

    name = "product"
    properties = frozenset({ABSORPTIVE, COMPLEMENT, DIFFERENTIABLE})

    def plus(self, a: Tensor, b: Tensor) -> Tensor:
        return a + b - a * b

    def times(self, a: Tensor, b: Tensor) -> Tensor:
        return a * b

    def negate(self, a: Tensor) -> Tensor:
        return 1 - a


class Lukasiewicz(Semiring):
    """Fuzzy truth with bounded sum and bounded difference; not distributive."""

    name = "lukasiewicz"
    properties = frozenset({ABSORPTIVE, COMPLEMENT, DIFFERENTIABLE})

    def plus(self, a: Tensor, b: Tensor) -> Tensor:
        return torch.clamp(a + b, max=1)

    def times(self, a: Tensor, b: Tensor) -> Tensor:
        return torch.clamp(a + b - 1, min=0)

    def negate(self, a: Tensor) -> Tensor:
        return 1 - a

    def sum(self, values: Tensor, segment: Tensor, size: int) -> Tensor:
        return torch.clamp(_scatter_add(values, segment, size), max=1)


class SumProduct(Semiring):
    """Sum over proofs of products: an approximation of probability, exact where proofs exclude one another."""

    name = "sum-product"
    properties = frozenset({DISTRIBUTIVE, COMPLEMENT, DIFFERENTIABLE})

    def plus(self, a: Tensor, b: Tensor) -> Tensor:
        return a + b

    def times(self, a: Tensor, b: Tensor) -> Tensor:
        return a * b

    def negate(self, a: Tensor) -> Tensor:
        return 1 - a

    def sum(self, values: Tensor, segment: Tensor, size: int) -> Tensor:
        return _scatter_add(values, segment, size)


def _scatter_add(values: Tensor, segment: Tensor, size: int) -> Tensor:
    zeros = torch.zeros((size, *values.shape[1:]), dtype=values.dtype, device=values.device)
    return zeros.index_add(0, segment, values)


def _greater(a: Tensor, b: Tensor) -> Tensor:
    """The maximum; of two equal ones the first gets the gradient, where torch would give each a half."""
    return torch.where(a >= b, a, b)


def _scatter_max(values: Tensor, segment: Tensor, size: int) -> Tensor:
    """The maximum of each segment, 0 for an empty one; of equal ones the first gets the gradient."""
    index = segment.view(-1, *([1] * (values.dim() - 1))).expand_as(values)
    plain = values.detach()
    best = plain.new_zeros((size, *values.shape[1:])).scatter_reduce(0, index, plain, "amax", include_self=False)
    number = torch.arange(len(values), device=values.device).view(-1, *([1] * (values.dim() - 1))).expand_as(values)
    last = torch.full_like(best, len(values), dtype=torch.long)
    candidates = torch.where(plain == best.gather(0, index), number, len(values))
    first = last.scatter_reduce(0, index, candidates, "amin")
    padded = torch.cat([values, values.new_zeros((1, *values.shape[1:]))])
    return padded.gather(0, first)
