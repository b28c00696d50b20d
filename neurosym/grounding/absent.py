"""Atoms whose absence groundings rest on, as columns."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import overload

import numpy as np

from neurosym.facts import Ids

AbsentAtom = tuple[int, tuple[int, ...]]


class AbsentAtoms(Sequence[AbsentAtom]):
    """Negated atoms that no fact matches: (predicate index, term ids with -1 for a wildcard).

    They are kept in the pieces in which they came, since a program with many negations has millions of them.
    """

    def __init__(self) -> None:
        self._predicates: list[int] = []
        self._rows: list[Ids] = []
        self._starts: list[int] = []
        self._size = 0

    def add(self, predicate: int, rows: Ids) -> None:
        """Append atoms of one predicate, (n, arity) term ids."""
        self._predicates.append(predicate)
        self._rows.append(rows)
        self._starts.append(self._size)
        self._size += len(rows)

    def take_over(self, other: Sequence[AbsentAtom], terms: Ids | None) -> None:
        """Append those of an earlier graph, with its terms renumbered."""
        assert isinstance(other, AbsentAtoms)
        for predicate, rows in zip(other._predicates, other._rows, strict=True):
            self.add(predicate, rows if terms is None else np.where(rows < 0, rows, terms[rows]).astype(np.int32))

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, index: int) -> AbsentAtom: ...
    @overload
    def __getitem__(self, index: slice) -> list[AbsentAtom]: ...
    def __getitem__(self, index: int | slice) -> AbsentAtom | list[AbsentAtom]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(self._size))]
        if not 0 <= index < self._size:
            raise IndexError(index)
        piece = bisect_right(self._starts, index) - 1
        return self._predicates[piece], tuple(self._rows[piece][index - self._starts[piece]].tolist())
