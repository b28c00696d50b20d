"""A fact base as plain rows by predicate, for code that knows nothing of fact bases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from neurosym.facts.factbase import FactBase, Key
from neurosym.lang.terms import Value


class FactTable:
    """The rows of one predicate of a fact base, as plain values."""

    def __init__(self, base: FactBase, key: Key) -> None:
        self._base, self._key = base, key

    def __len__(self) -> int:
        return len(self._base.tables[self._key].rows)

    def __iter__(self) -> Iterator[tuple[Value, ...]]:
        values = self._base.symbols.values
        return (tuple(values(row)) for row in self._base.tables[self._key].rows.tolist())

    def lookup(self, args: Sequence[Value | None]) -> list[tuple[Value, ...]]:
        """Rows that agree with the arguments given; None agrees with anything."""
        return self._base.lookup(self._key[0], args)


class FactRows(Mapping[Key, FactTable]):
    """A fact base predicate by predicate."""

    def __init__(self, base: FactBase) -> None:
        self._base = base

    def __getitem__(self, key: Key) -> FactTable:
        if key not in self._base.tables:
            raise KeyError(key)
        return FactTable(self._base, key)

    def __iter__(self) -> Iterator[Key]:
        return iter(self._base.tables)

    def __len__(self) -> int:
        return len(self._base.tables)
