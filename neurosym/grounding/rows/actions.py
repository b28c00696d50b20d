"""What the literals of a body do to a list of bindings: one function for each way to join, test or assign."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from neurosym.facts import SymbolTable
from neurosym.grounding.rows.mirrors import MOST, Mirror, Terms, TooManyError
from neurosym.grounding.rows.values import ByColumns

Binding = tuple[Any, ...]
Action = Callable[[list[Binding]], list[Binding]]


def _same(entries: Sequence[Any], equal: Sequence[tuple[int, int]]) -> Sequence[Any]:
    """The entries in which a variable that occurs twice has one value."""
    return [e for e in entries if all(e[a] == e[b] for a, b in equal)] if equal else entries


def scan_delta(
    mirror: Mirror, columns: Sequence[int], values: Sequence[int], equal: Sequence[tuple[int, int]]
) -> Action:  # fmt: skip
    """What the last round found, where the constants agree."""
    wanted = [(2 + c, v) for c, v in zip(columns, values, strict=True)]

    def delta(table: list[Binding]) -> list[Binding]:
        (start,) = table
        entries = _same(mirror.between(mirror.before, mirror.visible), equal)
        if wanted:
            entries = [e for e in entries if all(e[k] == v for k, v in wanted)]
        return [start + e for e in entries]

    return delta


def find_row(mirror: Mirror, pick: Callable[[Any], Terms], older: bool) -> Action:
    """The one row of a literal whose arguments are all bound."""
    known = mirror.known

    def find(table: list[Binding]) -> list[Binding]:
        high = mirror.before if older else mirror.visible
        result = []
        known.prepare(map(pick, table))
        for binding in table:
            entry = known[pick(binding)]
            if entry is not None and entry[0] < high:
                result.append(binding + entry)
        return result

    return find


def probe_index(
    mirror: Mirror, columns: tuple[int, ...], key: Callable[[Any], Any], equal: Sequence[tuple[int, int]], older: bool
) -> Action:  # fmt: skip
    """The rows that agree with a binding on some columns."""
    index = mirror.index(columns)

    def probe(table: list[Binding]) -> list[Binding]:
        result: list[Binding] = []
        high = mirror.before
        index.asked = True
        index.prepare(map(key, table))
        for binding in table:
            found = index[key(binding)]
            if not found:
                continue
            if len(result) + len(found) > MOST:
                raise TooManyError
            if older:
                found = [entry for entry in found if entry[0] < high]
            result.extend([binding + entry for entry in _same(found, equal)])
        return result

    return probe


def scan_all(mirror: Mirror, equal: Sequence[tuple[int, int]], older: bool) -> Action:
    """All rows of a literal none of whose arguments is bound."""

    def every(table: list[Binding]) -> list[Binding]:
        high = mirror.before if older else mirror.visible
        if len(table) * high > MOST:
            raise TooManyError
        entries = _same(mirror.between(0, high), equal)
        return [binding + entry for binding in table for entry in entries]

    return every


def solve(solutions: ByColumns) -> Action:
    """What an evaluator by columns says."""
    return lambda table: [binding + more for binding in table for more in solutions(binding)]


def keep(holds: Callable[[Any], bool | None], other: ByColumns) -> Action:
    """The bindings for which a comparison holds; of those it cannot judge, the columns' evaluator does."""

    def test(table: list[Binding]) -> list[Binding]:
        result = []
        for binding in table:
            verdict = holds(binding)
            if verdict is None:
                result.extend(binding + more for more in other(binding))
            elif verdict:
                result.append(binding)
        return result

    return test


def assign(value: Callable[[Any], int | None], other: ByColumns, symbols: SymbolTable) -> Action:
    """Bindings with the term of a computed integer."""

    def assign(table: list[Binding]) -> list[Binding]:
        values = [value(binding) for binding in table]
        if len(values) > 1:  # new terms are numbered in the order of their values, as columns do it
            for number in sorted({v for v in values if v is not None}):
                symbols.intern(number)
        result = []
        for binding, number in zip(table, values, strict=True):
            if number is None:
                result.extend(binding + more for more in other(binding))
            else:
                result.append((*binding, symbols.intern(number)))
        return result

    return assign
