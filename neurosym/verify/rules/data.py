"""The facts that were given: those of the data and of the rule text, looked up by any of their arguments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from neurosym.lang.builtins import TRIPLE
from neurosym.lang.terms import Value
from neurosym.verify.rules.form import Key, Leaf, Part, Pattern, Row, TooLarge
from neurosym.verify.rules.names import TYPE_PREDICATE
from neurosym.verify.rules.normal import NormalForm

Rows = Iterable[Sequence[Value]]
Facts = Mapping[tuple[str, int], Rows] | Iterable[tuple[str, Sequence[Value]]]


def by_predicate(facts: Facts) -> Mapping[tuple[str, int], Rows]:
    """Facts predicate by predicate."""
    if isinstance(facts, Mapping):
        return facts
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
        self._indexes: dict[tuple[Key, tuple[int, ...]], dict[Row, list[Row]]] = {}
        self.leaves: dict[Key, dict[Row, Leaf]] = {}

    def _spread(self, key: tuple[str, int]) -> set[Key]:
        number = self._normal.terms.number
        return {self._normal.names.canonical(key, tuple(map(number, row)))[0] for row in self._facts[key]}

    def certain(self, key: Key) -> set[Row]:
        """The certain facts of a predicate.

        Raises:
            TooLarge: they are more than may be read.
        """
        known = self._rows.get(key)
        if known is not None:
            return known
        rows = self._rows[key] = set(self._normal.certain.get(key, ()))
        number, names = self._normal.terms.number, self._normal.names
        for source in self._sources.get(key, ()):
            for args in self._facts[source]:
                self._left -= 1
                if self._left < 0:
                    raise TooLarge("the facts of the predicates that the claim rests on")
                found, row = names.canonical(source, tuple(map(number, args)))
                if found == key:
                    rows.add(row)
        own = self._normal.leaves.get(key, {})
        self.leaves[key] = {row: leaf for row, leaf in own.items() if row not in rows}
        return rows

    def leaf(self, key: Key, row: Row) -> Leaf | None:
        """The probabilistic fact of the rule text that a fact is."""
        self.certain(key)
        return self.leaves[key].get(row)

    def matching(self, key: Key, pattern: Pattern) -> Iterable[Row]:
        """Given facts that match a pattern, probabilistic ones too; all of them if nothing is bound."""
        if isinstance(key, Part):
            return ()
        rows = self.certain(key)
        bound = tuple(k for k, n in enumerate(pattern) if n is not None)
        if len(bound) == len(pattern):
            row: Row = pattern  # pyright: ignore[reportAssignmentType] - no position is None
            return (row,) if row in rows or row in self.leaves[key] else ()
        if not bound:
            return [*rows, *self.leaves[key]]
        index = self._indexes.get((key, bound))
        if index is None:
            index = self._indexes[(key, bound)] = {}
            for row in (*rows, *self.leaves[key]):
                index.setdefault(tuple(row[k] for k in bound), []).append(row)
        return index.get(tuple(pattern[k] for k in bound), ())  # pyright: ignore[reportArgumentType]
