"""What is known about a relation without joining it: rows, and how often each value stands in each column.

A column is a histogram over term ids. Histograms of input relations are exact, those of derived relations hold expected
counts, and both meet in the same sums: the size of a join on one column is Σ f(v)·g(v) over the values of both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosym.facts import Ids

Floats = NDArray[np.float64]
NONE: Floats = np.zeros(0)


@dataclass(frozen=True)
class Column:
    """A histogram.

    Attributes:
        values: (d,) sorted term ids, or None where they are not known (results of arithmetic over a wide domain).
        counts: (d,) rows of each value, expected ones for derived relations; empty where values are not known.
        distinct: how many values; one with less than one expected row counts as that much.
    """

    values: Ids | None
    counts: Floats
    distinct: float

    @classmethod
    def of(cls, values: Ids, counts: Floats) -> Column:
        """From values, sorted and all different, and their counts; values without rows are dropped."""
        keep = counts > 0
        if not keep.all():
            values, counts = values[keep], counts[keep]
        return cls(values, counts, float(np.minimum(counts, 1.0).sum()))

    @classmethod
    def unknown(cls, distinct: float) -> Column:
        """Values that are not known, each equally frequent."""
        return cls(None, NONE, max(distinct, 1.0))

    @classmethod
    def constant(cls, value: int, rows: float) -> Column:
        """One value in all rows."""
        return cls.of(np.array([value], np.int32), np.array([rows]))

    def to(self, rows: float) -> Column:
        """The same frequencies over another number of rows."""
        if self.values is None:
            return Column.unknown(min(self.distinct, max(rows, 1.0)))
        total = self.counts.sum()
        if total <= 0 or rows <= 0:
            return Column(np.zeros(0, np.int32), NONE, 0.0)
        return Column.of(self.values, self.counts * (rows / total))

    def at(self, values: Ids) -> Floats:
        """(n,) the counts of some values, 0 where there are none; values must be known."""
        assert self.values is not None
        if values is self.values:
            return self.counts
        if not len(self.values):
            return np.zeros(len(values))
        place = np.minimum(np.searchsorted(self.values, values), len(self.values) - 1)
        return np.where(self.values[place] == values, self.counts[place], 0.0)

    def plus(self, other: Column) -> Column:
        """Both histograms together."""
        if self.values is None or other.values is None:
            known = self if other.values is None else other
            if known.values is not None and not len(known.values):
                return self if known is other else other
            return Column.unknown(self.distinct + other.distinct)
        if not len(self.values) or not len(other.values):
            return self if len(self.values) else other
        both = np.concatenate([self.values, other.values])
        amounts = np.concatenate([self.counts, other.counts])
        terms = int(both.max()) + 1
        if terms > 8 * len(both) + 1024:
            values, where = np.unique(both, return_inverse=True)
            return Column.of(values.astype(np.int32), sums(where, amounts, len(values)))
        dense = sums(both, amounts, terms)  # without sorting, where term ids are dense
        values = np.nonzero(dense)[0]
        return Column.of(values.astype(np.int32), dense[values])


@dataclass(frozen=True)
class Relation:
    """What is known about the facts of one predicate.

    Attributes:
        rows: how many facts; columns: one histogram for each argument.
        table: (rows, arity) the facts themselves where they are given, else None.
        codes: for each column (rows,) the position of each fact's value in the column's values, with a `table`.
        possible: whether some of its facts rest on a choice.
    """

    rows: float
    columns: tuple[Column, ...]
    table: Ids | None = None
    codes: tuple[NDArray[np.integer], ...] = ()
    possible: bool = False

    @classmethod
    def empty(cls, arity: int) -> Relation:
        """No facts."""
        return cls(0.0, tuple(Column(np.zeros(0, np.int32), NONE, 0.0) for _ in range(arity)))

    @classmethod
    def given(cls, table: Ids, terms: int, possible: bool = False) -> Relation:
        """Exact statistics of (n, arity) facts without duplicates, in linear time.

        Args:
            terms: term ids are below this.
        """
        columns, codes = [], []
        for k in range(table.shape[1]):
            values, counts, code = _histogram(table[:, k], terms)
            columns.append(Column(values, counts, float(len(values))))
            codes.append(code)
        return cls(float(len(table)), tuple(columns), table, tuple(codes), possible)

    @property
    def size(self) -> int:
        """The rows as an integer, for planning."""
        return int(min(self.rows, 1e15))

    @property
    def arity(self) -> int:
        """How many columns there are."""
        return len(self.columns)

    def spread(self, columns: tuple[int, ...]) -> None:
        """Planning begins without measured joins, so that a forecast plans as the engine will."""

    def to(self, rows: float) -> Relation:
        """The same frequencies over another number of rows."""
        return Relation(rows, tuple(c.to(rows) for c in self.columns), possible=self.possible)

    @property
    def room(self) -> float:
        """The product of its columns' distinct values: no more rows than that."""
        room = 1.0
        for column in self.columns:
            room *= max(column.distinct, 1.0)
        return room


def _histogram(column: Ids, terms: int) -> tuple[Ids, Floats, NDArray[np.integer]]:
    """Sorted values, their counts, and the position of each row's value among them."""
    if terms > 16 * len(column) + 1024:  # few rows of many terms: sorting them is cheaper than a count for each term
        values, codes, counts = np.unique(column, return_inverse=True, return_counts=True)
        return values.astype(np.int32), counts.astype(np.float64), codes
    counts = np.bincount(column, minlength=terms)
    values = np.nonzero(counts)[0]
    place = np.zeros(terms, np.int32)
    place[values] = np.arange(len(values), dtype=np.int32)
    return values.astype(np.int32), counts[values].astype(np.float64), place[column]


def sums(places: NDArray[np.integer], weights: Floats, n: int) -> Floats:
    """(n,) the sum of the weights at each place."""
    return np.bincount(places, weights, n).astype(np.float64, copy=False)


def overlap(a: Column, b: Column) -> tuple[Ids, Floats, Floats]:
    """The values that two columns share, with their counts in each; both must be known."""
    assert a.values is not None and b.values is not None
    small, large = (a, b) if len(a.values) <= len(b.values) else (b, a)
    assert small.values is not None
    found = large.at(small.values)
    keep = found > 0
    values, mine, theirs = small.values[keep], small.counts[keep], found[keep]
    return (values, mine, theirs) if small is a else (values, theirs, mine)


def shared(a: Column, b: Column, rows_a: float, rows_b: float) -> float:
    """The size of a join of two columns, Σ f(v)·g(v); where values are not known, the larger domain holds the other."""
    if a.values is None or b.values is None:
        return rows_a * rows_b / max(a.distinct, b.distinct, 1.0)
    _, mine, theirs = overlap(a, b)
    return float(mine @ theirs)


def combined(known: Relation, made: Relation) -> tuple[Relation, Relation]:
    """Known facts with derived ones, and those of them that are new."""
    if made.rows <= 0:
        return known, Relation.empty(len(known.columns))
    if not made.columns:
        fresh = made.to(min(1.0, made.rows) * (1 - min(1.0, known.rows)))
        return Relation(known.rows + fresh.rows, (), possible=known.possible or made.possible), fresh
    if known.rows <= 0:
        return made, made
    if len(made.columns) == 1 and known.columns[0].values is not None and made.columns[0].values is not None:
        fresh = _unary(known.columns[0], made.columns[0], made.possible)
    else:
        room = 1.0
        for a, b in zip(known.columns, made.columns, strict=True):
            room *= max(a.plus(b).distinct, 1.0)
        fresh = made.to(made.rows * (1 - min(1.0, known.rows / max(room, 1.0))))
    if fresh.rows <= 0:
        return known, fresh
    return merged(known, fresh), fresh


def _unary(known: Column, made: Column, possible: bool) -> Relation:
    """A set grows by what it does not hold yet, value by value."""
    assert made.values is not None
    fresh: Floats = np.minimum(made.counts, 1.0) * (1 - np.minimum(known.at(made.values), 1.0))
    fresh[fresh < 1e-6] = 0.0
    return Relation(float(fresh.sum()), (Column.of(made.values, fresh),), possible=possible)


def merged(a: Relation, b: Relation) -> Relation:
    """Two sets of facts that share none."""
    if a.rows <= 0 or b.rows <= 0:
        kept = b if a.rows <= 0 else a
        return kept if a.possible == b.possible else Relation(
            kept.rows, kept.columns, kept.table, kept.codes, True if kept.rows > 0 and kept.possible else a.possible
            or b.possible,
        )  # fmt: skip
    columns = tuple(x.plus(y) for x, y in zip(a.columns, b.columns, strict=True))
    return Relation(a.rows + b.rows, columns, possible=a.possible or b.possible)


_BINS = 64


def distinct_rows(columns: list[Column], n: float) -> float:
    """Expected different rows among n rows whose columns are drawn independently (balls thrown into cells).

    Never fewer than what one column alone shows, where a value with less than one expected row counts as that much.
    """
    if not columns or n <= 1:
        return min(n, 1.0) if not columns else n
    least, mass, cells = 0.0, np.ones(1), np.ones(1)
    for column in columns:
        if column.values is None:
            share, number = np.array([1.0 / column.distinct]), np.array([column.distinct])
            least = max(least, min(n, column.distinct))
        else:
            total = column.counts.sum()
            share, number = _binned(column.counts / max(total, 1e-300), np.ones(len(column.counts)))
            least = max(least, float(np.minimum(column.counts * (n / max(total, 1e-300)), 1.0).sum()))
        mass, cells = _binned(np.outer(mass, share).ravel(), np.outer(cells, number).ravel())
    if len(columns) == 1:
        return min(n, least)
    return float(min(n, max(least, (cells * -np.expm1(-n * mass)).sum())))


def _binned(mass: Floats, cells: Floats) -> tuple[Floats, Floats]:
    """Cells of like probability in one bin: their mean probability, and how many they are."""
    if len(mass) <= _BINS:
        return mass, cells
    logs = np.log(np.maximum(mass, 1e-300))
    low, high = logs.min(), logs.max()
    at = np.minimum(((logs - low) / max(high - low, 1e-9) * _BINS).astype(np.int64), _BINS - 1)
    number = sums(at, cells, _BINS)
    total = sums(at, mass * cells, _BINS)
    keep = number > 0
    return total[keep] / number[keep], number[keep]
