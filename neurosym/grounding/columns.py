"""Rows of integers: numbered without duplicates, indexed for joins, expanded.

`Tuples` numbers rows in the order in which they come; `JoinIndex` finds those that agree with a binding on some
columns. Both grow by appending, at a cost per new row that does not depend on how many there are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from neurosym.facts import Ids
from neurosym.grounding.compiled import kernels
from neurosym.grounding.memory import Memory

Long = NDArray[np.int64]
Mask = NDArray[np.bool_]
Rows = NDArray[np.int32]
D = TypeVar("D", bound=np.generic)

UNLIMITED = Memory(math.inf)
RESERVE_FROM, RESERVED = 17, 26  # bits of the number of slots: from 2 MB on, a gigabyte is reserved


def offsets(sizes: NDArray[np.integer] | Sequence[int]) -> Long:
    """(n + 1,) where the entries of each of n rows begin, and the last ones end."""
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


class Tuples:
    """Numbers 0, 1, 2, … for the rows of a table, each different row once, in order of first appearance.

    Large tables reserve address space and grow in place. Memory is touched once then, which otherwise costs more than
    all else that happens to a new row.
    """

    def __init__(self, width: int, memory: Memory = UNLIMITED) -> None:
        self.width = width
        self.size = 0
        self._memory = memory
        self._bits = 4
        self._space = self._slots = np.zeros((_length(4), 2), np.int64)
        self._store = np.empty((16, width), np.int32)

    @property
    def rows(self) -> Rows:
        """(n, width)."""
        return self._store[: self.size]

    @property
    def store(self) -> Rows:
        """The rows with the space behind them: contiguous, as kernels want it."""
        return self._store

    def find(self, rows: Rows) -> Ids:
        """(m,) the number of each of (m, width) rows, -1 where it is unknown."""
        numbers = np.empty(len(rows), np.int32)
        kernels().lookup(self._slots, 64 - self._bits, self._store, np.ascontiguousarray(rows), numbers)
        return numbers

    def find_or_add(self, rows: Rows) -> Ids:
        """(m,) the number of each row; unknown ones get the next numbers."""
        rows = np.ascontiguousarray(rows)
        numbers = np.empty(len(rows), np.int32)
        if self.size + len(rows) > len(self._store):
            self._store = grown(self._store, self.size, self.size + len(rows))
        if 3 * (self.size + len(rows)) > 2 << self._bits:  # at least a third of the slots stays free
            self._widen(math.ceil(math.log2(1.5 * (self.size + len(rows)))))
        while True:
            size = kernels().insert(self._slots, 64 - self._bits, self._store, self.size, rows, numbers)
            if size >= 0:
                self._memory.claim(4 * self.width * (size - self.size))
                self.size = size
                return numbers
            self.size = -1 - size
            self._widen(self._bits + 1)

    def _widen(self, bits: int) -> None:
        """Let the table have 2^bits slots, and a few behind them for what does not fit."""
        self._memory.claim(16 * (_length(bits) - len(self._slots)))
        if _length(bits) > len(self._space):
            self._space = _reserved(bits)
        wider = self._space[: _length(bits)]
        if not kernels().rehash(self._slots, wider, 64 - bits):
            # not in place, as entries were moved: from the rows themselves
            self._space = self._slots = np.zeros((_length(bits + 1), 2), np.int64)
            self._bits = bits + 1
            size, self.size = self.size, 0
            self.find_or_add(self._store[:size].copy())
            return
        self._slots, self._bits = wider, bits


class JoinIndex:
    """Rows of a table grouped by the values of some of its columns.

    The rows that were there when the index was last sorted lie group by group; those added since hang in chains. When
    the chains have outgrown the sorted part, all is sorted again. Where terms are not many more than rows, a single
    column's values are the groups' numbers themselves.
    """

    def __init__(self, columns: tuple[int, ...], memory: Memory = UNLIMITED) -> None:
        self.columns = columns
        self.size = 0
        self._memory = memory
        self._groups: Tuples | None = None if len(columns) == 1 else Tuples(len(columns), memory)
        self._group = np.empty(0, np.int32)
        self._counts = self._heads = self._tails = np.zeros(0, np.int32)
        self._starts, self._order, self._following = np.zeros(1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.int32)
        self._sorted = 0

    def extend(self, table: Rows, size: int) -> None:
        """Index the rows of a table up to `size`."""
        if size <= self.size:
            return
        self._memory.claim(8 * (size - self.size))
        new = np.ascontiguousarray(table[self.size : size, list(self.columns)])
        group = self._number(new, size)
        if len(self._group) < size:
            self._group = grown(self._group, self.size, size)
        self._group[self.size : size] = group
        if size > 2 * self._sorted:
            self._sort(size)
        else:
            if len(self._following) < size - self._sorted:
                self._following = grown(self._following, self.size - self._sorted, size - self._sorted)
            kernels().append_chains(
                group, self.size, self._heads, self._tails, self._counts, self._following, self._sorted
            )
        self.size = size

    def _number(self, rows: Rows, size: int) -> Ids:
        """Group numbers of new rows; makes room for their groups."""
        if self._groups is None:
            group = np.ascontiguousarray(rows[:, 0])
            if (highest := int(group.max()) + 1) > 4 * size + 1024:
                self._hash_groups()
                return self._number(rows, size)
            amount = highest
        else:
            group = self._groups.find_or_add(rows)
            amount = self._groups.size
        if amount > len(self._counts):
            known, space = len(self._counts), max(amount, 2 * len(self._counts))
            self._memory.claim(12 * (space - known))
            self._counts, self._heads, self._tails = (
                np.concatenate([old, np.full(space - known, fill, np.int32)])
                for old, fill in ((self._counts, 0), (self._heads, -1), (self._tails, -1))
            )
        return group

    def _hash_groups(self) -> None:
        """Terms have grown sparse: from now on they are numbered, and all that is indexed goes by the numbers."""
        self._groups = Tuples(1, self._memory)
        group = self._groups.find_or_add(self._group[: self.size].reshape(-1, 1))
        self._group[: self.size] = group
        self._counts = self._heads = self._tails = np.zeros(0, np.int32)
        self._sorted = 0  # the caller adds rows, which outgrows an empty sorted part: all is sorted again

    def _sort(self, size: int) -> None:
        groups = len(self._counts)
        self._counts = np.bincount(self._group[:size], minlength=groups).astype(np.int32)
        self._starts, self._order = np.zeros(groups + 1, np.int64), np.empty(size, np.int32)
        kernels().sort_groups(self._group[:size], self._counts, self._starts, self._order)
        self._heads, self._tails = np.full(groups, -1, np.int32), np.full(groups, -1, np.int32)
        self._following = np.empty(0, np.int32)
        self._sorted = size

    def probe(self, rows: Rows) -> Matches:
        """What matches each of (m, k) probes, now: rows added later are not seen."""
        groups = np.ascontiguousarray(rows[:, 0]) if self._groups is None else self._groups.find(rows)
        totals = np.empty(len(rows) + 1, np.int64)
        kernels().count_matches(groups, self._counts, totals)
        state = (self._starts, self._order, self._heads, self._following, self._sorted, self._counts)
        return Matches(groups, totals, state, self.size)

    def spread(self) -> float:
        """How many rows a probe finds on average, of those that find any."""
        return self.size / max(1, int(np.count_nonzero(self._counts)))


class Matches:
    """The matches of m probes, to be taken a piece at a time.

    Attributes:
        totals: (m + 1,) how many matches the probes before each have.
    """

    def __init__(self, groups: Ids, totals: Long, state: tuple, size: int) -> None:
        self.groups, self.totals, self._state, self._size = groups, totals, state, size

    def pairs(self, begin: int, end: int, low: int, high: int) -> tuple[Ids, Ids]:
        """(probe, row) for the probes from `begin` to `end`, of the rows from `low` to below `high`."""
        space = int(self.totals[end] - self.totals[begin])
        which, row = np.empty(space, np.int32), np.empty(space, np.int32)
        starts, order, heads, following, rows_sorted, counts = self._state
        n = kernels().expand_matches(
            self.groups, begin, end, starts, order, heads, following, rows_sorted, counts, low, min(high, self._size),
            which, row,
        )  # fmt: skip
        return which[:n], row[:n]

    def pieces(self, rows: int) -> list[tuple[int, int]]:
        """Ranges of probes with about so many matches each, at least one probe; those without matches may be left."""
        ranges, begin, last = [], 0, len(self.totals) - 1
        while begin < last and self.totals[begin] < self.totals[-1]:
            end = int(np.searchsorted(self.totals, self.totals[begin] + rows, side="right")) - 1
            end = min(last, max(begin + 1, end))
            ranges.append((begin, end))
            begin = end
        return ranges


def _reserved(bits: int) -> Long:
    """Empty slots, with address space for more where there are many."""
    if bits >= RESERVE_FROM:
        try:
            return np.zeros((_length(max(RESERVED, bits + 2)), 2), np.int64)
        except MemoryError:  # a system that promises no more than it has
            pass
    return np.zeros((_length(bits), 2), np.int64)


def _length(bits: int) -> int:
    """Slots of a table of 2^bits homes."""
    return (1 << bits) + min(1024, 16 + (1 << bits >> 3))


def grown(array: NDArray[D], used: int, size: int) -> NDArray[D]:
    """A larger copy with space for at least `size` entries, of which `used` are kept.

    Large arrays get eight times the space, since untouched memory costs nothing.
    """
    space = max(size, (8 if size > 1 << 15 else 2) * len(array))
    new = np.empty((space, *array.shape[1:]), array.dtype)
    new[:used] = array[:used]
    return new


def expand(first: Long, counts: Long) -> tuple[Long, Long]:
    """For ranges (first, count): which range each element belongs to, and the elements, one after the other."""
    total = int(counts.sum())
    which = np.repeat(np.arange(len(counts)), counts)
    offset = np.cumsum(counts) - counts
    return which, np.arange(total) - np.repeat(offset, counts) + np.repeat(first, counts)
