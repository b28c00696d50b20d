"""What is known of each fact beside its arguments, as columns that are laid out when a reader asks for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurosym.facts import Ids


class Run(NamedTuple):
    """Facts that were added together: `count` of them from id `first` on, the rows of a predicate from `row` on."""

    predicate: int
    first: int
    count: int
    row: int
    rank: int


@dataclass(frozen=True)
class FactColumns:
    """F facts.

    Attributes:
        size: F.
        before: columns `predicate`, `row`, `rank`, `place` of the facts before the first run.
        runs: all others, in the order of their ids.
        places: (fact ids, indices of the places that they came from).
        leaves: (n, K) leaf ids of choices, group by group; choices are numbered in this order.
    """

    size: int
    runs: Sequence[Run]
    places: Sequence[tuple[Ids, Ids | int]] = ()
    leaves: Sequence[Ids] = ()
    before: tuple[Ids, Ids, Ids, Ids] | None = None

    @cached_property
    def predicate(self) -> Ids:
        """(F,) index of the predicate."""
        return self._repeated(0, [r.predicate for r in self.runs])

    @cached_property
    def row(self) -> Ids:
        """(F,) row among the predicate's rows."""
        column = self._repeated(1, [r.row - r.first for r in self.runs])
        at = 0 if self.before is None else len(self.before[0])
        column[at:] += np.arange(at, self.size, dtype=np.int32)
        return column

    @cached_property
    def rank(self) -> Ids:
        """(F,) the round in which a fact was first derived."""
        return self._repeated(2, [r.rank for r in self.runs])

    @cached_property
    def place(self) -> Ids:
        """(F,) index of the place that an input fact came from, else -1."""
        column = np.full(self.size, -1, np.int32)
        if self.before is not None:
            column[: len(self.before[3])] = self.before[3]
        for facts, where in self.places:
            column[facts] = where
        return column

    @cached_property
    def choice(self) -> Ids:
        """(F,) the choice that a leaf belongs to, else -1."""
        return self._of_leaves(0)

    @cached_property
    def outcome(self) -> Ids:
        """(F,) which outcome of its choice a leaf is, else -1."""
        return self._of_leaves(1)

    def _repeated(self, column: int, values: list[int]) -> Ids:
        new = np.repeat(np.array(values, np.int32), np.array([r.count for r in self.runs], np.int64))
        return new if self.before is None else np.concatenate([self.before[column], new])

    def _of_leaves(self, axis: int) -> Ids:
        column = np.full(self.size, -1, np.int32)
        total = 0
        for leaves in self.leaves:
            number: NDArray[np.int32] = np.arange(leaves.shape[axis], dtype=np.int32)
            column[leaves] = number[None, :] if axis else (number + np.int32(total))[:, None]
            total += len(leaves)
        return column

    def with_more(self, count: int) -> FactColumns:
        """The same and some facts of the first predicate, which are no leaves and came from nowhere."""
        more = [Run(0, self.size + k, 1, 0, 0) for k in range(count)]
        return FactColumns(self.size + count, [*self.runs, *more], self.places, self.leaves, self.before)
