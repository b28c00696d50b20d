"""The facts that were given: those of the data and of the rule text, looked up by any of their arguments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from typing import Protocol, cast, runtime_checkable

from neurosym.lang.builtins import TRIPLE
from neurosym.lang.terms import Value
from neurosym.verify.rules.form import Key, Leaf, Part, Pattern, Row, TooLarge
from neurosym.verify.rules.names import TYPE_PREDICATE
from neurosym.verify.rules.normal import NormalForm

LARGE = 20_000  # rows of a table that is asked for single rows, if it can be, and not read as a whole


@runtime_checkable
class Lookup(Protocol):
    """A table that finds rows by itself."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Sequence[Value]]: ...

    def lookup(self, args: Sequence[Value | None]) -> Iterable[Sequence[Value]]:
        """Rows that agree with the arguments given; None agrees with anything."""
        ...


Rows = Iterable[Sequence[Value]]
Facts = Mapping[tuple[str, int], Rows] | Iterable[tuple[str, Sequence[Value]]]


def by_predicate(facts: Facts) -> Mapping[tuple[str, int], Rows]:
    """Facts predicate by predicate."""
    if isinstance(facts, Mapping):
        return cast("Mapping[tuple[str, int], Rows]", facts)
    found: dict[tuple[str, int], list[Sequence[Value]]] = {}
    for name, args in facts:
        found.setdefault((name, len(args)), []).append(args)
    return found


class Data:
    """Given facts. The rows of a predicate are read when it is first asked for.

    Attributes:
        leaves: predicate → row → the probabilistic fact that is its own choice, where it is not certain.
    """

    def __init__(self, normal: NormalForm, facts: Facts, max_rows: int) -> None:
        self._normal, self._facts, self._left = normal, by_predicate(facts), max_rows
        self._sources: dict[Key, list[tuple[str, int]]] = {}
        for key in self._facts:
            target = normal.names.predicate(key)
            # facts of these two may be those of any RDF predicate
            for name in {target} if key not in (TRIPLE, TYPE_PREDICATE) else self._spread(key):
                self._sources.setdefault(name, []).append(key)
        self._rows: dict[Key, set[Row]] = {}
        self._tables: dict[Key, list[Lookup]] = {}
        self._found: dict[tuple[Key, Pattern], list[Row]] = {}
        self._indexes: dict[tuple[Key, tuple[int, ...]], dict[Row, list[Row]]] = {}
        self.leaves: dict[Key, dict[Row, Leaf]] = {}

    def _spread(self, key: tuple[str, int]) -> set[Key]:
        number = self._normal.terms.number
        return {self._normal.names.canonical(key, tuple(map(number, row)))[0] for row in self._facts[key]}

    def _read(self, key: Key) -> None:
        """Read the rows of a predicate, but for large tables that find rows by themselves.

        Raises:
            TooLarge: they are more than may be read.
        """
        if key in self._rows:
            return
        rows = self._rows[key] = set(self._normal.certain.get(key, ()))
        number, names = self._normal.terms.number, self._normal.names
        for source in self._sources.get(key, ()):
            table = self._facts[source]
            table = table if isinstance(table, Sized) else list(table)
            single = not names.triples and source not in (TRIPLE, TYPE_PREDICATE)  # one predicate holds all of them
            if single and isinstance(table, Lookup) and len(table) > LARGE:
                self._tables.setdefault(key, []).append(table)
                continue
            self._left -= len(table)
            if self._left < 0:
                raise TooLarge("the facts of the predicates that the claim rests on")
            numbered = [tuple(map(number, args)) for args in table]
            if single:
                rows.update(numbered)
            else:
                rows.update(row for found, row in (names.canonical(source, r) for r in numbered) if found == key)
        own = self._normal.leaves.get(key, {})
        self.leaves[key] = {row: leaf for row, leaf in own.items() if not self.certain(key, row)}

    def certain(self, key: Key, row: Row) -> bool:
        """Whether a fact is given for certain."""
        self._read(key)
        return row in self._rows[key] or (key in self._tables and row in self._looked_up(key, row))

    def _looked_up(self, key: Key, pattern: Pattern) -> list[Row]:
        """Rows of large tables that match a pattern.

        Raises:
            TooLarge: they are more than may be read.
        """
        found = self._found.get((key, pattern))
        if found is None:
            terms = self._normal.terms
            args = [None if n is None else terms.value(n) for n in pattern]
            found = [tuple(map(terms.number, row)) for table in self._tables[key] for row in table.lookup(args)]
            self._left -= len(found)
            if self._left < 0:
                raise TooLarge("the facts of the predicates that the claim rests on")
            self._found[(key, pattern)] = found
        return found

    def leaf(self, key: Key, row: Row) -> Leaf | None:
        """The probabilistic fact of the rule text that a fact is."""
        self._read(key)
        return self.leaves[key].get(row)

    def matching(self, key: Key, pattern: Pattern) -> list[tuple[Row, bool]]:
        """Given facts that match a pattern, and whether each is certain; all of them if nothing is bound."""
        if isinstance(key, Part):
            return []
        self._read(key)
        leaves = self.leaves[key]  # none of them is certain
        read = self._near(key, pattern) if self._rows[key] or leaves else ()
        found = [(row, row not in leaves) for row in read]
        if key in self._tables:
            found += [(row, True) for row in self._looked_up(key, pattern)]
        return found

    def _near(self, key: Key, pattern: Pattern) -> Sequence[Row]:
        """Those of them that were read as a whole."""
        rows, leaves = self._rows[key], self.leaves[key]
        bound = tuple(k for k, n in enumerate(pattern) if n is not None)
        if len(bound) == len(pattern):
            row: Row = pattern  # pyright: ignore[reportAssignmentType] - no position is None
            return (row,) if row in rows or row in leaves else ()
        if not bound:
            return [*rows, *leaves]
        index = self._indexes.get((key, bound))
        if index is None:
            index = self._indexes[(key, bound)] = {}
            for row in (*rows, *leaves):
                index.setdefault(tuple(row[k] for k in bound), []).append(row)
        wanted: Row = tuple(pattern[k] for k in bound)  # pyright: ignore[reportAssignmentType] - all are bound
        return index.get(wanted, ())
