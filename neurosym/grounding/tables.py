"""Where tables and rules meet: columns are matched with arguments by name, and cells take the rules' prefixes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from neurosym.errors import Diagnostic, FactError
from neurosym.facts import FactBase, Ids, SymbolTable, Table
from neurosym.facts.headers import Header
from neurosym.grounding.declared import declared_arguments
from neurosym.lang.ast import Argument, Program
from neurosym.lang.terms import Iri, spell_predicate

_PREFIXED = re.compile(r"(\w[\w.-]*)?:[\w][\w.-]*\Z")


def matched(program: Program, base: FactBase) -> tuple[FactBase, tuple[Diagnostic, ...]]:
    """The facts with the columns of declared tables in the order of the arguments, and what is doubtful about them.

    A header that has exactly the names of the arguments decides which column is which; capitals and spaces do not
    matter. In the columns of a class, or of `any`, a cell such as `ex:p7` is that IRI where the program or the
    facts have the prefix. What was matched before stays as it is.

    Returns:
        The fact base, the same one if there was nothing to do; warnings NS309 and NS311.

    Raises:
        FactError: NS308, a header shares names with the arguments, which stand elsewhere.
    """
    if not base.headers:
        return base, ()
    declared = declared_arguments(program)
    found: list[Diagnostic] = []
    prefixed = _Prefixed(base, _agreed(base.prefixes, program.prefixes))
    tables, left = dict(base.tables), []
    for header in base.headers:
        arguments = declared.get(header.key)
        if arguments is None:
            left.append(header)
            found += prefixed.unread(header, base.tables[header.key])
            continue
        table = tables[header.key]
        order, doubts = _order(header, arguments)
        found += doubts
        rows, own = table.rows.copy(), header.rows(table.places)
        rows[own] = prefixed.read(rows[own][:, order], arguments)
        tables[header.key] = Table(rows, table.places)
    if len(left) == len(base.headers):
        return base, tuple(found)
    made = FactBase(prefixed.symbols, {}, base.places, base.prefixes, tuple(left))
    for key, table in tables.items():
        if table is base.tables[key]:
            made.tables[key] = table
        else:
            made.add_rows(key, table.rows, table.places)  # rows that differed by their order alone are one now
    return made, tuple(found)


def _order(header: Header, arguments: Sequence[Argument]) -> tuple[list[int], list[Diagnostic]]:
    """The column of each argument."""
    as_it_is = list(range(len(arguments)))
    names = [a.name for a in arguments]
    columns = list(header.columns)
    if columns and sorted(columns) != sorted(names):  # spreadsheets like capitals and spaces
        plain = [_plain(n) for n in names]
        columns = [names[plain.index(p)] if plain.count(p := _plain(c)) == 1 else c for c in columns]
    shared = [n for n in names if n in columns]
    if not shared:
        return as_it_is, []
    if sorted(columns) == sorted(names):
        return [columns.index(n) for n in names], []
    name = f"{header.key[0]}({', '.join(names)})"
    note = f"its columns are {', '.join(header.columns)}; `{name}` is declared at {arguments[0].span.file}:"
    note += str(arguments[0].span.line)
    others = [c for c, n in zip(header.columns, columns, strict=True) if n not in names]
    missing = [n for n in names if n not in columns]
    if any(names.index(n) != columns.index(n) for n in shared) or not others:
        wrong = f"the column{'s' * (len(others) > 1)} {_listed(others)}" if others else "the same column twice"
        raise FactError(
            f"{header.file} has {wrong} where the arguments of `{header.key[0]}` have {_listed(missing)}", code="NS308",
            note=note, help="give the columns the names of the arguments; their order does not matter then",
        )  # fmt: skip
    pairs = [f"`{c}` as `{n}`" for c, m, n in zip(header.columns, columns, names, strict=True) if m != n]
    message = f"{header.file}: by {'their' if len(pairs) > 1 else 'its'} position, {', '.join(pairs)} is read"
    return as_it_is, [Diagnostic("NS309", "warning", message, note=note, help="give the columns the arguments' names")]


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", "_", name.strip()).casefold()


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{n}`" for n in names)


def _agreed(one: Mapping[str, str], other: Mapping[str, str]) -> dict[str, str]:
    """The prefixes of both, without those that mean something else in each."""
    return {p: iri for p, iri in {**one, **other}.items() if one.get(p, iri) == iri}


class _Prefixed:
    """Cells such as `ex:p7`.

    Attributes:
        symbols: those of the fact base; a copy, once IRIs are added.
    """

    def __init__(self, base: FactBase, prefixes: Mapping[str, str]) -> None:
        self.symbols: SymbolTable = base.symbols
        self._iris: dict[int, Iri] = {}
        self._texts: dict[int, str] = {}
        self._ids: Ids | None = None
        for number, value in enumerate(base.symbols.all()):
            if isinstance(value, str) and _PREFIXED.match(value):
                prefix, _, local = value.partition(":")
                if prefix in prefixes:
                    self._iris[number], self._texts[number] = Iri(prefixes[prefix] + local), value

    def read(self, rows: Ids, arguments: Sequence[Argument]) -> Ids:
        """Rows in the order of the arguments, with IRIs where things of a class or of any kind are declared."""
        for column, argument in enumerate(arguments):
            if self._iris and argument.type.kind in ("class", "any"):
                rows[:, column] = self._known()[rows[:, column]]
        return rows

    def _known(self) -> Ids:
        """Id → that of the IRI that it spells, or itself."""
        if self._ids is None:
            self._ids = np.arange(len(self.symbols), dtype=np.int32)
            self.symbols = self.symbols.copy()
            for number, iri in self._iris.items():
                self._ids[number] = self.symbols.intern(iri)
        return self._ids

    def unread(self, header: Header, table: Table) -> Iterator[Diagnostic]:
        """NS311: the column of an undeclared predicate has text that looks like a prefixed name, and is no IRI."""
        if not self._texts:
            return
        rows = table.rows[header.rows(table.places)]
        for column in range(header.key[1]):
            texts = [n for n in np.unique(rows[:, column]).tolist() if n in self._texts]
            if texts:
                argument = header.columns[column] if header.columns else f"{column + 1}"
                yield Diagnostic(
                    "NS311", "warning",
                    f"{header.file}: `{self._texts[texts[0]]}` in the column `{argument}` is text, and no IRI",
                    note=f"nothing declares `{spell_predicate(header.key[0])}/{header.key[1]}`",
                    help=f"declare it, with the type `any` or a class for this argument; or write "
                    f"`<{self._iris[texts[0]].value}>`",
                )  # fmt: skip


__all__ = ["matched"]
