"""A relation as Python sees it row by row: dictionaries from arguments to rows, filled when they are asked.

An entry is one row: (row number, fact id, term ids…). The rows that a relation had when its mirror was made are its
base: they are fetched from the columns key by key, and all at once when that has happened often enough to pay. Rows
that are added here are in the mirror first, and go to the columns when the ledger is flushed.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Any

import numpy as np

from neurosym.grounding.core import Key
from neurosym.grounding.relations import Relation

Terms = tuple[int, ...]
Entry = tuple[int, ...]
FETCH_ALL = 32  # a fetch of some keys costs as much as some thirty rows of a fetch of all
LARGEST = 1 << 18  # rows of a base that is fetched at once: some 60 MB
MOST = 128  # bindings of one firing; more are the columns' work
CROWD: Any = range(MOST + 1)  # stands for the rows of a key that are too many to be held here


class TooManyError(Exception):
    """A firing has more bindings than are worth handling one by one."""


def picker(slots: Sequence[int]) -> Callable[[Any], Terms]:
    """A function that takes some places of a tuple, as a tuple."""
    if len(slots) > 1:
        return itemgetter(*slots)
    if not slots:
        return lambda _: ()
    place = slots[0]
    return lambda row: (row[place],)


class Mirror:
    """The rows of a relation.

    Attributes:
        size: number of rows, those that are not in the columns yet among them.
        before, visible: while a round runs, rows from `before` to below `visible` are what the last round found, and
            those from `visible` on are for the next one. A relation that is finished is visible as a whole.
        known: arguments → entry, None for a row that is not there.
    """

    def __init__(self, key: Key, relation: Relation, grown: list[Mirror]) -> None:
        """Of a relation.

        Args:
            grown: a list to which the mirror is added by its first row of a round.
        """
        self.key, self.relation, self._grown = key, relation, grown
        self.arity = relation.arity
        self.size = self.base = self.before = self.visible = relation.size
        self.known = Known(self)
        self.indexes: dict[tuple[int, ...], Index] = {}
        self._fresh: list[Entry] = []
        self._written = 0  # of the fresh ones, how many are in the columns
        self._base: list[Entry] | None = None

    def append(self, args: Terms, fact: int) -> Entry:
        """Add a row that is not there yet."""
        if self.size == self.visible:
            self._grown.append(self)
        entry = (self.size, fact, *args)
        self.size += 1
        self._fresh.append(entry)
        self.known[args] = entry
        return entry

    def between(self, low: int, high: int) -> list[Entry]:
        """The rows from `low` to below `high`."""
        if low >= self.base:
            return self._fresh[low - self.base : high - self.base]
        return self._read(low, min(high, self.base)) + self._fresh[: max(0, high - self.base)]

    def index(self, columns: tuple[int, ...]) -> Index:
        """The visible rows by the values of some columns."""
        known = self.indexes.get(columns)
        if known is None:
            known = self.indexes[columns] = Index(self, columns)
            known.extend(self._fresh[: self.visible - self.base])
        return known

    def begin_round(self) -> None:
        """Let the rules see what was added since."""
        self.before, self.visible = self.visible, self.size
        fresh = self._fresh[self.before - self.base : self.visible - self.base]
        for index in self.indexes.values():
            index.extend(fresh)

    def spread(self, columns: tuple[int, ...]) -> float | None:
        """How many rows a value of some columns finds on average; None where it was never asked."""
        index = self.indexes.get(columns)
        return index.spread() if index is not None and index.asked and index.complete else self.relation.spread(columns)

    @property
    def held(self) -> int:
        """About how many rows stand in dictionaries."""
        return len(self.known) + sum(map(len, self.indexes.values()))

    def write(self) -> None:
        """Put the rows that are new into the columns."""
        new = self._fresh[self._written :]
        if new:
            rows = np.array(new, np.int32)
            self.relation.append(np.ascontiguousarray(rows[:, 2:]), rows[:, 1].copy())
            self._written += len(new)

    def absorb(self) -> None:
        """Take over rows that were added to the columns, when all that was new here had been written."""
        if self.relation.size == self.size:
            return
        if self.size == self.visible:
            self._grown.append(self)
        for entry in self._read(self.size, self.relation.size):
            self._fresh.append(entry)
            self.known[entry[2:]] = entry
        self._written = len(self._fresh)
        self.size = self.relation.size

    def all_of_base(self) -> list[Entry]:
        """The rows of the base."""
        if self._base is None:
            self._base = self._read(0, self.base)
        return self._base

    def fresh(self) -> list[Entry]:
        """The rows behind the base."""
        return self._fresh

    def _read(self, low: int, high: int) -> list[Entry]:
        rows, facts = self.relation.rows[low:high].tolist(), self.relation.facts_between(low, high).tolist()
        return [(low + k, fact, *row) for k, (fact, row) in enumerate(zip(facts, rows, strict=True))]


class AbstractLazy(dict[Any, Any]):
    """Keys and what the base has for them, fetched when it is asked for; all at once when that begins to pay.

    Attributes:
        complete: whether all of the base has been fetched.
    """

    def __init__(self, mirror: Mirror) -> None:
        super().__init__()
        self._mirror = mirror
        self._fetches = 0
        self.complete = mirror.base == 0

    @abstractmethod
    def _fetch(self, keys: list[Any]) -> None:
        """Get what the base has for some keys."""

    @abstractmethod
    def _fetch_all(self) -> None:
        """Get all of the base."""

    def prepare(self, keys: Iterable[Any]) -> None:
        """Fetch several keys in one go: that is as dear as fetching one."""
        if self.complete:
            return
        missing = [key for key in dict.fromkeys(keys) if key not in self]
        if not missing:
            return
        self._fetches += 1
        if self._fetches * FETCH_ALL >= self._mirror.base and self._mirror.base <= LARGEST:
            self.complete = True
            self._fetch_all()
        else:
            self._fetch(missing)


class Known(AbstractLazy):
    """Arguments → entry, or None."""

    def __missing__(self, args: Terms) -> Entry | None:
        self.prepare((args,))
        return self.get(args)

    def _fetch(self, keys: list[Terms]) -> None:
        relation = self._mirror.relation
        rows = relation.find(np.array(keys, np.int32).reshape(len(keys), relation.arity))
        facts = relation.facts_of(np.maximum(rows, 0)).tolist()
        for args, row, fact in zip(keys, rows.tolist(), facts, strict=True):
            self[args] = None if row < 0 else (row, fact, *args)

    def _fetch_all(self) -> None:
        self.update((entry[2:], entry) for entry in self._mirror.all_of_base())


class Index(AbstractLazy):
    """The visible rows by the values of some columns: one value as it is, several as a tuple.

    Attributes:
        asked: whether a join has used it: as with columns, what was never asked does not guide the order of literals.
    """

    def __init__(self, mirror: Mirror, columns: tuple[int, ...]) -> None:
        super().__init__(mirror)
        self._columns = columns
        self.asked = False
        self._key = itemgetter(*(2 + c for c in columns))
        self._extended = 0  # of the rows behind the base, how many are here

    def extend(self, entries: Sequence[Entry]) -> None:
        """Add the next rows behind the base."""
        self.prepare(map(self._key, entries))
        for entry in entries:
            self._add(entry)
        self._extended += len(entries)

    def _add(self, entry: Entry) -> None:
        key = self._key(entry)
        found = self.get(key, ())
        if isinstance(found, list):
            found.append(entry)
        elif found is not CROWD:
            self[key] = [entry]

    def spread(self) -> float:
        """How many rows a value that is there finds, on average."""
        return sum(map(len, self.values())) / max(1, len(self))

    def __missing__(self, key: Any) -> Sequence[Entry]:
        self.prepare((key,))
        return self.get(key, ())

    def _fetch(self, keys: list[Any]) -> None:
        relation = self._mirror.relation
        matches = relation.probe(self._columns, np.array(keys, np.int32).reshape(len(keys), len(self._columns)))
        counts = np.diff(matches.totals).tolist()
        self.update((key, CROWD if n > MOST else []) for key, n in zip(keys, counts, strict=True))
        crowded = any(n > MOST for n in counts)
        for begin, end in [(k, k + 1) for k in range(len(keys))] if crowded else [(0, len(keys))]:
            if self[keys[begin]] is CROWD:
                continue
            which, numbers = matches.pairs(begin, end, 0, self._mirror.base)
            rows, facts = relation.rows[numbers].tolist(), relation.facts_of(numbers).tolist()
            for k, number, fact, row in zip(which.tolist(), numbers.tolist(), facts, rows, strict=True):
                self[keys[k]].append((number, fact, *row))

    def _fetch_all(self) -> None:
        self.clear()
        for entry in [*self._mirror.all_of_base(), *self._mirror.fresh()[: self._extended]]:
            self._add(entry)
