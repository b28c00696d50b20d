"""Facts of many samples as columns: predicate → rows, each with the number of its sample in front."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurosym.errors import FactError
from neurosym.facts import FactBase, Ids, SymbolTable
from neurosym.facts.tabular import text_value
from neurosym.grounding.core import Key
from neurosym.grounding.tables import matched
from neurosym.lang.ast import Program
from neurosym.lang.terms import Value

Fact = tuple[str, Sequence[Value]]


@dataclass(frozen=True, eq=False)
class Samples:
    """The facts that each of n samples has of its own. A sample without facts counts, too.

    Attributes:
        count: n.
        symbols: term ↔ id.
        tables: (predicate, arity) → (m, 1 + arity): the number of the sample, then term ids.
    """

    count: int
    symbols: SymbolTable
    tables: dict[Key, Ids]

    def __len__(self) -> int:
        return self.count

    def facts(self, sample: int) -> FactBase:
        """The facts of one sample."""
        found = (
            (name, self.symbols.values(row.tolist()))
            for (name, _), rows in self.tables.items()
            for row in rows[rows[:, 0] == sample, 1:]
        )
        return FactBase.from_facts(found, f"sample {sample}")

    @classmethod
    def of(
        cls, samples: Samples | Sequence[FactBase] | Sequence[Iterable[Fact]], program: Program | None = None
    ) -> Samples:  # fmt: skip
        """Samples as they are, or one for each fact base, or for each list of facts (predicate, arguments).

        Args:
            program: with whose arguments the columns of tables are matched.
        """
        if isinstance(samples, Samples):
            return samples
        if samples and isinstance(samples[0], FactBase):
            bases = [b for b in samples if isinstance(b, FactBase)]
            return cls._from_bases(bases if program is None else [matched(program, b)[0] for b in bases])
        return cls._from_facts([s for s in samples if not isinstance(s, FactBase)])

    @classmethod
    def _from_facts(cls, samples: Sequence[Iterable[Fact]]) -> Samples:
        rows: dict[tuple[str, int], tuple[list[int], list[Value]]] = {}
        for number, facts in enumerate(samples):
            for name, args in facts:
                numbers, values = rows.setdefault((name, len(args)), ([], []))
                numbers.append(number)
                values.extend(args)
        symbols = SymbolTable()
        tables: dict[Key, Ids] = {}
        for key, (numbers, values) in rows.items():
            table = np.empty((len(numbers), 1 + key[1]), np.int32)
            table[:, 0] = numbers
            for column in range(key[1]):  # a column's values are mostly of one type, and few
                table[:, 1 + column] = _interned(symbols, values[column :: key[1]])
            tables[key] = table
        return cls(len(samples), symbols, tables)

    @classmethod
    def _from_bases(cls, samples: Sequence[FactBase]) -> Samples:
        symbols = SymbolTable()
        parts: dict[Key, list[Ids]] = {}
        for number, base in enumerate(samples):
            renumber = symbols.intern_many(base.symbols.value(i) for i in range(len(base.symbols)))
            for key, table in base.tables.items():
                column = np.full((len(table.rows), 1), number, np.int32)
                rows = renumber[table.rows] if len(renumber) else table.rows
                parts.setdefault(key, []).append(np.concatenate([column, rows], axis=1, dtype=np.int32))
        return cls(len(samples), symbols, {key: np.concatenate(p) for key, p in parts.items()})

    @classmethod
    def from_columns(cls, count: int, columns: Mapping[str, Any]) -> Samples:
        """Facts as arrays, without Python code for each.

        Args:
            count: how many samples there are, n.
            columns: predicate → its columns: a data frame, a mapping of columns, or a sequence of them. The first holds
                sample numbers from 0 to n - 1, the others are the arguments: integers, floats, truth values, or
                values of the rule language. Text in an array or a data frame is a `Symbol` where it is a plain name, an
                `Iri` where it is in angle brackets, else a string.

        Raises:
            FactError: NS307, columns of different lengths, sample numbers out of range, or values that are missing.
        """
        symbols = SymbolTable()
        tables: dict[Key, Ids] = {}
        for name, given in columns.items():
            parts = [np.asarray(given[k]) for k in given.keys()] if hasattr(given, "keys") else list(given)  # noqa: SIM118
            if not parts or len({len(p) for p in parts}) != 1:
                lengths = ", ".join(str(len(p)) for p in parts) or "none"
                raise _faulty(f"the columns of `{name}` have different lengths", f"their lengths are: {lengths}")
            numbers = np.asarray(parts[0])
            whole = numbers.dtype.kind in "iu" or not len(numbers)
            if not whole or (len(numbers) and not 0 <= int(numbers.min()) <= int(numbers.max()) < count):
                raise _faulty(
                    f"the first column of `{name}` does not hold the numbers of samples",
                    f"there are {count:,} samples, numbered from 0",
                )
            table = np.empty((len(numbers), len(parts)), np.int32)
            table[:, 0] = numbers
            for at, part in enumerate(parts[1:], 1):
                table[:, at] = _column(symbols, part, name)
            tables[(name, len(parts) - 1)] = table
        return cls(count, symbols, tables)


def _faulty(message: str, note: str) -> FactError:
    return FactError(message, code="NS307", note=note, help="first the sample's number, then one column an argument")


def _column(symbols: SymbolTable, part: Any, name: str) -> Ids:
    """Term ids of a column."""
    texts = isinstance(part, np.ndarray)
    column = part if texts else np.asarray(part, object)
    if column.dtype.kind in "iuf":
        if column.dtype.kind == "f" and np.isnan(column).any():
            raise _faulty(f"a column of `{name}` has missing values", f"first in row {int(np.isnan(column).argmax())}")
        whole = column.dtype.kind != "f"
        return symbols.intern_numbers(column.astype(np.int64) if whole else column.astype(np.float64))
    values = column.tolist()
    if any(v is None or v != v for v in values):
        raise _faulty(f"a column of `{name}` has missing values", "there is a None or a NaN among them")
    if texts:
        known = {v: text_value(v) for v in {v for v in values if isinstance(v, str)}}
        values = [known[v] if isinstance(v, str) else v for v in values]
    return _interned(symbols, values)


def _interned(symbols: SymbolTable, values: Sequence[Value]) -> Ids:
    """Term ids of values of which many are equal."""
    kinds = set(map(type, values))
    if kinds == {int}:
        try:
            return symbols.intern_numbers(np.array(values, np.int64))
        except OverflowError:
            raise FactError("an integer does not fit into 64 bits", code="NS305") from None
    if len(kinds) != 1 or kinds == {float}:  # equal for Python, but other terms: 1, 1.0 and true; or nothing to gain
        return symbols.intern_many(values)
    ids = {value: symbols.intern(value) for value in dict.fromkeys(values)}
    return np.fromiter((ids[v] for v in values), np.int32, len(values))
