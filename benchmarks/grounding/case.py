"""One program and its facts, in the forms that the engine and its peers take."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from neurosym.facts import FactBase
from neurosym.facts.factbase import Table
from neurosym.lang.terms import Value

Key = tuple[str, int]
Rows = NDArray[np.int32]


@dataclass(frozen=True)
class Case:
    """A program over facts whose arguments are integers.

    Attributes:
        name: as `--only` spells it.
        rules: the rule text, in clauses.
        tables: (predicate, arity) → (n, arity) integers, without duplicates.
        terms: what the integers 0, 1, 2, … stand for; without it they are themselves the terms.
        sql: a query whose rows are the derived facts; empty where duckdb is no peer.
        asp: the rule text for clingo, where `as_asp` cannot make it from `rules`.
        asp_names: our predicate names → clingo's, where they differ; `asp_tables`: the facts for clingo, likewise.
    """

    name: str
    rules: str
    tables: dict[Key, Rows]
    terms: Sequence[Value] | None = None
    sql: str = ""
    asp: str = ""
    asp_names: dict[str, str] = field(default_factory=dict)
    asp_tables: dict[Key, Rows] | None = None

    @property
    def num_inputs(self) -> int:
        """Number of input facts."""
        return sum(map(len, self.tables.values()))

    def factbase(self) -> FactBase:
        """The facts, with one interned term for each integer that occurs."""
        base = FactBase()
        if self.terms is not None:
            base.symbols.intern_many(self.terms)
            assert len(base.symbols) == len(self.terms), "terms are distinct"
            ids = lambda rows: rows  # noqa: E731
        else:
            used = np.unique(np.concatenate([rows.reshape(-1) for rows in self.tables.values()]))
            base.symbols.intern_many(used.tolist())
            ids = lambda rows: np.searchsorted(used, rows).astype(np.int32)  # noqa: E731
        for key, rows in self.tables.items():
            base.tables[key] = Table(ids(rows), np.full(len(rows), -1, np.int32))
        return base

    def asp_text(self) -> str:
        """Rules and facts for clingo."""
        parts = [self.asp or as_asp(self.rules)]
        for (name, arity), rows in (self.asp_tables or self.tables).items():
            pattern = f"{self.asp_names.get(name, name)}({','.join(['%d'] * arity)})."
            parts.append("\n".join(pattern % row for row in map(tuple, rows.tolist())))
        return "\n".join(parts)


def as_asp(rules: str) -> str:
    """Clauses of the rule language in clingo's spelling; for the forms that the generators here write, no others."""
    text = re.sub(r"\b(count|sum|min|max)\{", r"#\1{", rules)
    return re.sub(r"\bmod\b", r"\\", text)


def distinct(rows: NDArray[np.int64] | Rows) -> Rows:
    """The rows of (n, 2) non-negative integers without duplicates, in order of first appearance."""
    wide = rows.astype(np.int64)
    _, first = np.unique(wide[:, 0] << 32 | wide[:, 1], return_index=True)
    return np.ascontiguousarray(rows[np.sort(first)], np.int32)
