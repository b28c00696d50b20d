"""Interned terms: every value gets a small integer, and numbers are kept as columns beside it.

All relations hold these integers only. Comparison and arithmetic read the number columns, so that a filter over a
million rows is one gather.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosym.lang.terms import Iri, LangString, Symbol, TermKey, TypedLiteral, Value, term_key

SYMBOL, IRI, STRING, LANG, TYPED, BOOL, INT, FLOAT, DATE = range(9)
_KIND: dict[type, int] = {
    Symbol: SYMBOL,
    Iri: IRI,
    str: STRING,
    LangString: LANG,
    TypedLiteral: TYPED,
    bool: BOOL,
    int: INT,
    float: FLOAT,
    datetime.date: DATE,
}
Ids = NDArray[np.int32]


class SymbolTable:
    """A bijection between terms and the integers 0, 1, 2, …, in order of first appearance.

    Attributes:
        decimals: to which new floats are rounded, as ProbLog does; None: not at all.
    """

    def __init__(self, decimals: int | None = None) -> None:
        self.decimals = decimals
        self._values: list[Value] = []
        self._ids: dict[TermKey, int] = {}
        self._kind: NDArray[np.uint8] = np.zeros(64, np.uint8)
        self._int: NDArray[np.int64] = np.zeros(64, np.int64)
        self._float: NDArray[np.float64] = np.zeros(64, np.float64)

    def __len__(self) -> int:
        return len(self._values)

    def copy(self) -> SymbolTable:
        """A table with the same ids, to which terms can be added without changing this one."""
        other = SymbolTable(self.decimals)
        other._values, other._ids = self._values.copy(), self._ids.copy()
        other._kind, other._int, other._float = self._kind.copy(), self._int.copy(), self._float.copy()
        return other

    def extends(self, other: SymbolTable) -> bool:
        """Whether the terms of another table have the same ids here."""
        n = len(other)
        if self is other or n == 0:
            return True
        # kinds first: 2, 2.0 and true are equal in Python
        return n <= len(self) and np.array_equal(self._kind[:n], other._kind[:n]) and self._values[:n] == other._values

    def intern(self, value: Value) -> int:
        """The id of a term, a new one if it was never seen."""
        if self.decimals is not None and isinstance(value, float):
            value = round(value, self.decimals)
        key = term_key(value)
        known = self._ids.get(key)
        if known is not None:
            return known
        new = len(self._values)
        if new == len(self._kind):
            self._kind, self._int, self._float = map(_doubled, (self._kind, self._int, self._float))
        kind = _KIND[type(value)]
        self._kind[new] = kind
        # Numbers keep both columns: int64 is exact where two integers meet, float64 serves all other comparisons.
        if isinstance(value, datetime.date):
            self._int[new] = self._float[new] = value.toordinal()
        elif isinstance(value, int):
            self._int[new], self._float[new] = value, float(value)
        elif isinstance(value, float):
            self._float[new] = value
        self._values.append(value)
        self._ids[key] = new
        return new

    def find(self, value: Value) -> int | None:
        """The id of a term that is already there, else None."""
        if self.decimals is not None and isinstance(value, float):
            value = round(value, self.decimals)
        return self._ids.get(term_key(value))

    def intern_many(self, values: Iterable[Value]) -> Ids:
        """Ids of many terms, (n,)."""
        return np.fromiter((self.intern(v) for v in values), np.int32)

    def intern_numbers(self, numbers: NDArray[np.int64] | NDArray[np.float64]) -> Ids:
        """Ids of a column of integers or floats, (n,). Python is entered once per distinct number."""
        if not len(numbers):
            return np.zeros(0, np.int32)
        order = np.argsort(numbers, kind="stable")
        ordered = numbers[order]
        first = np.ones(len(ordered), bool)
        first[1:] = ordered[1:] != ordered[:-1]
        ids = self.intern_many(ordered[first].tolist())
        result = np.empty(len(numbers), np.int32)
        result[order] = ids[np.cumsum(first) - 1]
        return result

    def value(self, index: int) -> Value:
        """The term behind an id."""
        return self._values[index]

    def values(self, indices: Sequence[int] | Ids) -> list[Value]:
        """The terms behind many ids."""
        return [self._values[i] for i in indices]

    def all(self) -> list[Value]:
        """All terms, in the order of their ids."""
        return self._values.copy()

    def kinds(self, ids: Ids) -> NDArray[np.uint8]:
        """The kind of each term, one of the constants of this module."""
        return self._kind[ids]

    def ints(self, ids: Ids) -> NDArray[np.int64]:
        """The integer behind each id; dates give their ordinal; 0 for all else."""
        return self._int[ids]

    def floats(self, ids: Ids) -> NDArray[np.float64]:
        """The number behind each id as a float; 0.0 for what is no number."""
        return self._float[ids]


def _doubled(column: NDArray[Any]) -> NDArray[Any]:
    """Twice the room, with zeros behind what is there: what is no number has 0 in both columns of numbers."""
    return np.concatenate([column, np.zeros_like(column)])
