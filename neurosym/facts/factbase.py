"""Input facts: one table of interned columns for each predicate, with the place each row came from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neurosym.errors import FactError, Place
from neurosym.facts.headers import Header, Key, layouts
from neurosym.facts.symbols import Ids, SymbolTable
from neurosym.lang.terms import RDF, Iri, Value, predicate_of_iri, spell

if TYPE_CHECKING:
    import networkx
    import pandas

RDF_TYPE = RDF + "type"


@dataclass
class Table:
    """The facts of one predicate.

    Attributes:
        rows: (n, arity) term ids, without duplicates.
        places: (n,) indices into the fact base's `places`, -1 where unknown.
    """

    rows: Ids
    places: Ids
    _indexes: dict[tuple[int, ...], tuple[NDArray[np.intp], list[Ids]]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_indexes": {}}

    def matching(self, columns: Sequence[int], wanted: Sequence[int]) -> Ids:
        """(k, arity) the rows that hold some ids in some columns, in order.

        The first question about some columns sorts them; the rows of a table never change.
        """
        if not columns:
            return self.rows
        index = self._indexes.get(tuple(columns))
        if index is None:
            order = np.lexsort([self.rows[:, c] for c in reversed(columns)])  # stable: equal rows stay in order
            index = self._indexes[tuple(columns)] = order, [self.rows[order, c] for c in columns]
        order, keys = index
        low, high = 0, len(order)
        for column, id in zip(keys, wanted, strict=True):  # sorted among the rows that agree so far
            near, id = column[low:high], np.int32(id)  # of another type, the whole column would be converted
            low, high = low + int(near.searchsorted(id)), low + int(near.searchsorted(id, "right"))
        return self.rows[order[low:high]]


@dataclass
class FactBase:
    """Facts over interned terms. An RDF class is a unary predicate, a property a binary one.

    A fact base is a value: readers return a new one, `+` joins two, and nothing that reasons over it changes it.

    Attributes:
        symbols: term ↔ id; shared by everything that was made from this fact base.
        tables: (predicate name, arity) → its rows; RDF names stand in angle brackets.
        places: where rows came from.
        headers: the tables whose columns are not yet matched with the arguments of a program's predicates.
    """

    symbols: SymbolTable = field(default_factory=SymbolTable)
    tables: dict[Key, Table] = field(default_factory=dict)
    places: list[Place] = field(default_factory=list)
    prefixes: dict[str, str] = field(default_factory=dict)
    headers: tuple[Header, ...] = ()

    # ------------------------------------------------------------------------------------------- constructors

    @classmethod
    def from_facts(cls, facts: Iterable[tuple[str, Sequence[Value]]], place: str = "given") -> FactBase:
        """Facts as (predicate, arguments); plain Python values, `Symbol` and `Iri` are terms."""
        base = cls()
        columns: dict[Key, list[list[int]]] = {}
        for name, args in facts:
            row = [base.symbols.intern(a) for a in args]
            columns.setdefault((name, len(row)), []).append(row)
        base.places.append(Place(place))
        for key, rows in columns.items():
            base.add_rows(key, np.array(rows, np.int32).reshape(len(rows), key[1]), 0)
        return base

    @classmethod
    def from_triples(cls, triples: Iterable[tuple[Value, Value, Value]], place: str = "triples") -> FactBase:
        """RDF triples of `Iri` and literal values; `rdf:type` gives unary facts of the class."""
        base = cls()
        base._add_triples(triples, [Place(place)])
        return base

    @classmethod
    def from_rdf(cls, *paths: str | PathLike[str], format: str | None = None) -> FactBase:
        """Facts of RDF files in any format that rdflib or pyoxigraph reads.

        Raises:
            FactError: a file is missing or broken; names file and line.
        """
        from neurosym.facts.rdf import read_rdf

        base = cls()
        for path in paths:
            triples, places, prefixes = read_rdf(path, format)
            base.prefixes |= prefixes
            base._add_triples(triples, places)
        return base

    @classmethod
    def from_pandas(
        cls, frame: pandas.DataFrame, predicate: str, columns: Sequence[str] | None = None, place: str = "pandas"
    ) -> FactBase:
        """One fact for each row of a data frame, its arguments the named columns (all by default).

        Text becomes `Symbol` where it is a plain name, `Iri` where it is in angle brackets, else a string. Columns that
        are not chosen are matched with the predicate's arguments by name, as those of a CSV file.

        Raises:
            FactError: a missing value; names row and column.
        """
        from neurosym.facts.tabular import frame_rows

        base = cls.from_facts(((predicate, row) for row in frame_rows(frame, columns)), place)
        names = tuple(map(str, frame.columns)) if columns is None else ()
        key = (predicate, len(frame.columns if columns is None else columns))
        base.headers = (Header(key, names, f"the data frame `{predicate}`", 0, 1),)
        return base

    @classmethod
    def from_csv(cls, path: str | PathLike[str], predicate: str | None = None) -> FactBase:
        """One fact for each row of a CSV file with a header; the predicate is the file's stem by default.

        Where a program declares the predicate and the header has exactly the names of its arguments, columns are
        matched by name, in whichever order they stand; that happens when a `Reasoner` is given the fact base.

        Raises:
            FactError: a ragged row or a missing value; names file and line.
        """
        from neurosym.facts.tabular import read_csv

        base = cls()
        key, header, rows, places = read_csv(path, predicate)
        base.headers = (Header(key, header, str(path), 0, len(places)),)
        ids = np.array([[base.symbols.intern(v) for v in row] for row in rows], np.int32).reshape(len(rows), key[1])
        base.places.extend(places)
        base.add_rows(
            key, ids, np.arange(len(places), dtype=np.int32)
        )  # a file without rows still says that there is one
        return base

    @classmethod
    def from_networkx(cls, graph: networkx.Graph, predicate: str = "edge", relation: str = "relation") -> FactBase:
        """One binary fact for each edge, named by its `relation` attribute if any; undirected edges both ways."""
        from neurosym.facts.tabular import text_value

        def facts() -> Iterator[tuple[str, list[Value]]]:
            for source, target, data in graph.edges(data=True):
                name = str(data.get(relation, predicate))
                pair = [text_value(n) if isinstance(n, str) else n for n in (source, target)]
                yield name, pair
                if not graph.is_directed():
                    yield name, pair[::-1]

        return cls.from_facts(facts(), "networkx")

    # ------------------------------------------------------------------------------------------------- content

    def add_rows(self, key: Key, rows: Ids, places: Ids | int, alike: bool = True) -> None:
        """Append rows, keeping the first of equal ones; of rows in another order of columns, not alike, all."""
        where = np.full(len(rows), places, np.int32) if isinstance(places, int) else np.asarray(places, np.int32)
        rows = np.ascontiguousarray(rows, np.int32)
        old = self.tables.get(key)
        if alike:
            if old is not None:
                new = ~_among(rows, old.rows)
                rows, where = rows[new], where[new]
            keep = _firsts(rows)
            rows, where = rows[keep], where[keep]
        if old is not None:
            rows, where = np.concatenate([old.rows, rows]), np.concatenate([old.places, where])
        self.tables[key] = Table(rows, where)

    def _add_triples(self, triples: Iterable[tuple[Value, Value, Value]], places: list[Place]) -> None:
        """Split triples by predicate; the k-th triple came from the k-th place, or all from the only one."""
        intern = self.symbols.intern
        columns: dict[Key, tuple[list[tuple[int, ...]], list[int]]] = {}
        offset = len(self.places)
        one = len(places) == 1
        for k, (s, p, o) in enumerate(triples):
            if not isinstance(p, Iri):
                raise FactError(f"the predicate of a triple must be an IRI, not {spell(p)}", code="NS302")
            if p.value == RDF_TYPE and isinstance(o, Iri):
                key, row = (predicate_of_iri(o.value), 1), (intern(s),)
            else:
                key, row = (predicate_of_iri(p.value), 2), (intern(s), intern(o))
            rows, where = columns.setdefault(key, ([], []))
            rows.append(row)
            where.append(offset if one else offset + k)
        self.places.extend(places)
        for key, (rows, where) in columns.items():
            self.add_rows(key, np.array(rows, np.int32).reshape(len(rows), key[1]), np.array(where, np.int32))

    def __add__(self, other: FactBase) -> FactBase:
        """Both fact bases' facts, over this one's symbols first."""
        joined = FactBase(
            self.symbols.copy(), dict(self.tables), [*self.places, *other.places], self.prefixes | other.prefixes,
            (*self.headers, *(h.moved(len(self.places)) for h in other.headers)),
        )  # fmt: skip
        renumber = joined.symbols.intern_many(other.symbols.value(i) for i in range(len(other.symbols)))
        for key, table in other.tables.items():
            rows = renumber[table.rows] if len(renumber) else table.rows
            places = np.where(table.places < 0, -1, table.places + len(self.places)).astype(np.int32)
            joined.add_rows(key, rows, places, self._alike(other, key))
        return joined

    def _alike(self, other: FactBase, key: Key) -> bool:
        """Whether equal rows of both are the same fact: their columns stand in one order."""
        mine, theirs = self.tables.get(key), other.tables[key]
        if mine is None or not (self.headers or other.headers):
            return True
        found = layouts(self.headers, key, mine.places) | layouts(other.headers, key, theirs.places)
        return len(found) == 1

    def __sub__(self, other: FactBase) -> FactBase:
        """This fact base's facts without those of the other."""
        left = FactBase(self.symbols, dict(self.tables), self.places, self.prefixes, self.headers)
        known = np.array([-1 if (i := self.symbols.find(v)) is None else i for v in other.symbols.all()], np.int32)
        for key, table in other.tables.items():
            mine = self.tables.get(key)
            if mine is not None:
                keep = ~_among(mine.rows, known[table.rows] if len(known) else table.rows)
                if not keep.all():
                    left.tables[key] = Table(mine.rows[keep], mine.places[keep])
        return left

    def __len__(self) -> int:
        return sum(len(t.rows) for t in self.tables.values())

    def __iter__(self) -> Iterator[tuple[str, tuple[Value, ...]]]:
        """All facts as (predicate, arguments), predicate by predicate."""
        for (name, _), table in self.tables.items():
            for row in table.rows.tolist():
                yield name, tuple(self.symbols.values(row))

    @property
    def predicates(self) -> set[Key]:
        """Predicates that have facts."""
        return set(self.tables)

    def lookup(self, name: str, args: Sequence[Value | None]) -> list[tuple[Value, ...]]:
        """Rows of a predicate that match the arguments given; None matches anything."""
        table = self.tables.get((name, len(args)))
        if table is None:
            return []
        wanted = {column: self.symbols.find(value) for column, value in enumerate(args) if value is not None}
        ids = [id for id in wanted.values() if id is not None]
        if len(ids) < len(wanted):
            return []
        return [tuple(self.symbols.values(row)) for row in table.matching(list(wanted), ids).tolist()]

    def labels(self, language: str = "en") -> Mapping[Value, str]:
        """`rdfs:label` of each resource, in the language asked for or the nearest one that there is.

        For `de-AT` (BCP 47; lookup as of RFC 4647, section 3.4) that is: `de-AT`, one of its kinds (`de-AT-1996`),
        `de`, another German (`de-CH`), no language, English, any other. Of equally near ones, that of the first tag in
        the alphabet, and then the first one given.
        """
        from neurosym.lang.terms import RDFS, LangString

        wanted = language.replace("_", "-").lower().strip("-")
        chosen: dict[Value, tuple[tuple[int, int, str], str]] = {}
        for subject, label in self.lookup(predicate_of_iri(RDFS + "label"), (None, None)):
            tag, text = (label.lang.lower(), label.text) if isinstance(label, LangString) else ("", str(label))
            rank = (*_distance(tag, wanted), tag)
            if subject not in chosen or rank < chosen[subject][0]:
                chosen[subject] = (rank, text)
        return {subject: text for subject, (_, text) in chosen.items()}

    def sha256(self) -> str:
        """A hash of the facts as a set: independent of order, of ids and of where they came from."""
        return self._sha256

    @cached_property
    def _sha256(self) -> str:
        digest = hashlib.sha256()
        for line in sorted({f"{name}({', '.join(map(spell, args))})" for name, args in self}):
            digest.update(line.encode())
            digest.update(b"\n")
        return digest.hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """A summary for people: predicate → number of facts."""
        return {f"{name}/{arity}": len(t.rows) for (name, arity), t in sorted(self.tables.items())}


def _distance(tag: str, wanted: str) -> tuple[int, int]:
    """How far a language is from the one asked for; smaller is nearer."""
    parts, asked = tag.split("-"), wanted.split("-")
    if not tag:
        return 3, 0
    if wanted and parts[: len(asked)] == asked:
        return 0, len(parts)
    if wanted and asked[: len(parts)] == parts:
        return 1, -len(parts)  # `zh-hant` before `zh`, for `zh-hant-tw`
    if wanted and parts[0] == asked[0]:
        return 2, 0
    return (4, len(parts)) if parts[0] == "en" else (5, 0)


def _packed(rows: Ids) -> np.ndarray:
    """(n,) a key of each row: an integer up to two columns, a structure of integers beyond."""
    if rows.shape[1] == 0:
        return np.zeros(len(rows), np.int64)
    if rows.shape[1] == 1:
        return rows[:, 0].astype(np.int64)
    if rows.shape[1] == 2:
        return (rows[:, 0].astype(np.int64) << 32) | rows[:, 1]
    return np.ascontiguousarray(rows).view([(f"f{k}", np.int32) for k in range(rows.shape[1])])[:, 0]


def _among(rows: Ids, others: Ids) -> np.ndarray:
    """(n,) whether each row is one of the others."""
    if not len(rows) or not len(others):
        return np.zeros(len(rows), bool)
    _, numbers = np.unique(np.concatenate([_packed(others), _packed(rows)]), return_inverse=True)
    there = np.zeros(len(others) + len(rows), bool)
    there[numbers[: len(others)]] = True
    return there[numbers[len(others) :]]


def _firsts(rows: Ids) -> np.ndarray:
    """Positions of the first of equal rows, ascending."""
    _, first = np.unique(_packed(rows), return_index=True)
    return np.sort(first)
