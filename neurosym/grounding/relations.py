"""The facts of one predicate while grounding."""

from __future__ import annotations

import numpy as np

from neurosym.facts import Ids
from neurosym.grounding.columns import UNLIMITED, JoinIndex, Matches, Rows, Tuples, grown
from neurosym.grounding.compiled import kernels
from neurosym.grounding.memory import Memory


class Relation:
    """Rows in order of derivation, each with its fact id, and the join indexes made for them so far.

    Attributes:
        possible: whether a fact that is only possible was ever added; if not, all are certain.
        frozen: while a recursive component's round runs, the number of rows that its rules may look at: what the round
            adds is for the next one. None elsewhere.
    """

    def __init__(self, arity: int, memory: Memory = UNLIMITED) -> None:
        self.arity = arity
        self.possible = False
        self.frozen: int | None = None
        self._memory = memory
        self._tuples = Tuples(arity, memory)
        self._facts: Ids | None = None  # written out only where they are not the row numbers plus an offset
        self._offset = 0
        self._indexes: dict[tuple[int, ...], JoinIndex] = {}

    @property
    def size(self) -> int:
        """How many rows there are."""
        return self._tuples.size

    @property
    def rows(self) -> Rows:
        """(n, arity) term ids."""
        return self._tuples.rows

    @property
    def store(self) -> Rows:
        """The rows, with unused space behind them."""
        return self._tuples.store

    @property
    def facts(self) -> Ids:
        """(n,) fact ids."""
        if self._facts is None:
            return np.arange(self._offset, self._offset + self.size, dtype=np.int32)
        return self._facts[: self.size]

    def facts_of(self, rows: Ids) -> Ids:
        """(m,) fact ids of row numbers."""
        return rows + np.int32(self._offset) if self._facts is None else kernels().take(self._facts, rows)

    def facts_between(self, begin: int, end: int) -> Ids:
        """Fact ids of a range of rows."""
        if self._facts is None:
            return np.arange(self._offset + begin, self._offset + end, dtype=np.int32)
        return self._facts[begin:end]

    def find(self, rows: Rows) -> Ids:
        """(m,) row numbers, -1 where absent."""
        return self._tuples.find(rows)

    def add(self, rows: Rows, next_fact: int) -> tuple[Ids, int]:
        """Row numbers of (m, arity) rows, unknown ones added with the fact ids from `next_fact` on.

        Returns:
            The (m,) row numbers, and how many rows are new.
        """
        before = self.size
        numbers = self._tuples.find_or_add(rows)
        new = self.size - before
        if new:
            self._memory.claim(4 * new)
            if before == 0:
                self._offset = next_fact
            elif self._facts is None and next_fact - before != self._offset:
                self._facts = np.arange(self._offset, self._offset + before, dtype=np.int32)
            if self._facts is not None:
                if self.size > len(self._facts):
                    self._facts = grown(self._facts, before, self.size)
                self._facts[before : self.size] = np.arange(next_fact, next_fact + new, dtype=np.int32)
        return numbers, new

    def append(self, rows: Rows, facts: Ids) -> None:
        """Add (m, arity) rows that are not there yet, with their (m,) fact ids."""
        before, m = self.size, len(rows)
        self._tuples.find_or_add(rows)
        assert self.size == before + m
        self._memory.claim(4 * m)
        if before == 0 and self._facts is None:
            self._offset = int(facts[0])
        first = self._offset + before
        if self._facts is None and (facts[0] != first or facts[-1] != first + m - 1):  # ids ascend
            self._facts = np.arange(self._offset, self._offset + before, dtype=np.int32)
        if self._facts is not None:
            if self.size > len(self._facts):
                self._facts = grown(self._facts, before, self.size)
            self._facts[before : self.size] = facts

    def take_over(self, rows: Rows, facts: Ids, possible: bool) -> None:
        """Begin with the (n, arity) rows of an earlier relation and their (n,) fact ids."""
        self._tuples.find_or_add(rows)
        self._facts = facts
        self.possible = possible

    def probe(self, columns: tuple[int, ...], rows: Rows) -> Matches:
        """The rows that agree with (m, k) probes on some columns."""
        index = self._indexes.get(columns)
        if index is None:
            index = self._indexes[columns] = JoinIndex(columns, self._memory)
        index.extend(self.store, self.size if self.frozen is None else self.frozen)
        return index.probe(rows)

    def spread(self, columns: tuple[int, ...]) -> float | None:
        """How many rows a probe on some columns finds on average; None where it was never asked."""
        index = self._indexes.get(columns)
        return None if index is None else index.spread()
