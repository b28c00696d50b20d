"""Relations as integer columns: deduplication, join indexes, and the expansion of matches.

The number of terms fits 32 bits, so one or two columns pack into one int64 key. More columns are folded: the packed
key of the first two gets a dense number of its own, which is packed with the third, and so on.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurosym.facts import Ids

Keys = NDArray[np.int64]
Long = NDArray[np.int64]
Mask = NDArray[np.bool_]
Rows = NDArray[np.int32]


def pack(a: NDArray[np.integer], b: NDArray[np.integer]) -> Keys:
    """Two 32-bit columns as one int64 key; -1 (a wildcard) is a value like others."""
    return (a.astype(np.int64) << 32) | (b.astype(np.int64) & 0xFFFFFFFF)


class Interner:
    """Dense numbers 0, 1, 2, … for int64 keys, in whole columns.

    Invariant: `_main` and `_recent` are sorted and disjoint. New keys go to the small one, which is merged into the
    large one when it has grown to a quarter of it, so that a long recursion does not sort everything every round.
    """

    def __init__(self) -> None:
        self._main = (np.zeros(0, np.int64), np.zeros(0, np.int32))
        self._recent = (np.zeros(0, np.int64), np.zeros(0, np.int32))
        self.size = 0

    def find(self, keys: Keys) -> Ids:
        """The number of each key, -1 where it is unknown."""
        result = np.full(len(keys), -1, np.int32)
        for table, numbers in (self._main, self._recent):
            if len(table):
                at = np.minimum(np.searchsorted(table, keys), len(table) - 1)
                found = table[at] == keys
                result[found] = numbers[at[found]]
        return result

    def find_or_add(self, keys: Keys) -> Ids:
        """The number of each key; unknown keys get the next numbers, in the order of the keys."""
        result = self.find(keys)
        missing = result < 0
        if missing.any():
            new = np.sort(keys[missing])
            new = new[np.concatenate([[True], new[1:] != new[:-1]])]
            numbers = np.arange(self.size, self.size + len(new), dtype=np.int32)
            self.size += len(new)
            result[missing] = numbers[np.searchsorted(new, keys[missing])]
            self._merge(new, numbers)
        return result

    def _merge(self, keys: Keys, numbers: Ids) -> None:
        self._recent = _merge_sorted(self._recent, (keys, numbers))
        if len(self._recent[0]) * 4 > len(self._main[0]):
            self._main = _merge_sorted(self._main, self._recent)
            self._recent = (np.zeros(0, np.int64), np.zeros(0, np.int32))


def _merge_sorted(a: tuple[Keys, Ids], b: tuple[Keys, Ids]) -> tuple[Keys, Ids]:
    if not len(a[0]):
        return b
    keys = np.concatenate([a[0], b[0]])
    order = np.argsort(keys, kind="stable")  # timsort: linear on two sorted runs
    return keys[order], np.concatenate([a[1], b[1]])[order]


class TupleInterner:
    """Dense numbers for rows of any width."""

    def __init__(self, width: int) -> None:
        self._folds = [Interner() for _ in range(max(1, width - 1))]
        self.width = width

    @property
    def size(self) -> int:
        """How many rows have a number."""
        return self._folds[-1].size

    def find(self, rows: Rows) -> Ids:
        """(n,) the number of each row of (n, width), -1 where it is unknown."""
        key = _first_key(rows)
        for column, fold in enumerate(self._folds[:-1], start=2):
            prefix = fold.find(key)
            # an unknown prefix packs to a negative key, which is never added
            key = pack(prefix, rows[:, column])
        return self._folds[-1].find(key)

    def find_or_add(self, rows: Rows) -> Ids:
        """(n,) the number of each row, adding rows that are unknown."""
        key = _first_key(rows)
        for column, fold in enumerate(self._folds[:-1], start=2):
            key = pack(fold.find_or_add(key), rows[:, column])
        return self._folds[-1].find_or_add(key)


def _first_key(rows: Rows) -> Keys:
    if rows.shape[1] == 0:
        return np.zeros(len(rows), np.int64)
    if rows.shape[1] == 1:
        return rows[:, 0].astype(np.int64)
    return pack(rows[:, 0], rows[:, 1])


class JoinIndex:
    """Rows of a relation grouped by the values of some of its columns."""

    def __init__(self, rows: Rows) -> None:
        """Index (n, k) rows, k ≥ 1."""
        self.size = len(rows)
        self._groups = TupleInterner(rows.shape[1])
        group = self._groups.find_or_add(rows)
        self._order = np.argsort(group, kind="stable").astype(np.int32)
        self._starts = np.zeros(self._groups.size + 1, np.int64)
        np.cumsum(np.bincount(group, minlength=self._groups.size), out=self._starts[1:])

    def ranges(self, rows: Rows) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """For each of (m, k) probes the first position of its matches, and their number."""
        group = self._groups.find(rows)
        known = group >= 0
        at = np.where(known, group, 0)
        if not self.size:
            return np.zeros(len(rows), np.int64), np.zeros(len(rows), np.int64)
        first = self._starts[at]
        return first, np.where(known, self._starts[at + 1] - first, 0)

    def rows_at(self, positions: NDArray[np.int64]) -> Ids:
        """Row numbers at positions."""
        return self._order[positions]


def expand(first: NDArray[np.int64], counts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For ranges (first, count): which range each element belongs to, and the elements, one after the other."""
    total = int(counts.sum())
    which = np.repeat(np.arange(len(counts)), counts)
    offset = np.cumsum(counts) - counts
    return which, np.arange(total) - np.repeat(offset, counts) + np.repeat(first, counts)


class Relation:
    """The facts of one predicate while grounding: rows in order of derivation, each with its fact id."""

    def __init__(self, arity: int) -> None:
        self.arity = arity
        self.size = 0
        self._rows = np.zeros((16, arity), np.int32)
        self._facts = np.zeros(16, np.int32)
        self._numbers = TupleInterner(arity)
        self._indexes: dict[tuple[int, ...], JoinIndex] = {}

    @property
    def rows(self) -> Rows:
        """(n, arity) term ids."""
        return self._rows[: self.size]

    @property
    def facts(self) -> Ids:
        """(n,) fact ids."""
        return self._facts[: self.size]

    def find(self, rows: Rows) -> Ids:
        """(m,) row numbers, -1 where absent."""
        return self._numbers.find(rows)

    def add(self, rows: Rows, next_fact: int) -> tuple[Ids, int]:
        """Row numbers of (m, arity) rows, unknown ones added with the fact ids from `next_fact` on.

        Returns:
            The (m,) row numbers, and how many rows are new.
        """
        before = self.size
        numbers = self._numbers.find_or_add(rows)
        new = self._numbers.size - before
        if new:
            self.size += new
            if self.size > len(self._facts):
                capacity = max(self.size, 2 * len(self._facts))
                self._rows = np.concatenate([self._rows, np.zeros((capacity - len(self._rows), self.arity), np.int32)])
                self._facts = np.concatenate([self._facts, np.zeros(capacity - len(self._facts), np.int32)])
            fresh = numbers >= before
            self._rows[numbers[fresh]] = rows[fresh]
            self._facts[before : self.size] = np.arange(next_fact, next_fact + new)
        return numbers, new

    def index(self, columns: tuple[int, ...]) -> JoinIndex:
        """A join index over some columns, rebuilt if rows were added since."""
        known = self._indexes.get(columns)
        if known is None or known.size < self.size:
            known = self._indexes[columns] = JoinIndex(np.ascontiguousarray(self.rows[:, list(columns)]))
        return known
