"""Firing one rule: tables of variable bindings that each literal of the body extends or filters.

Bindings pass through a body in pieces of bounded size, each piece through to the end before the next is made: columns
stay in the processor's cache, memory does not grow with the size of a join, and an interrupt is seen between pieces.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosym.errors import LimitError
from neurosym.facts import Ids
from neurosym.facts.symbols import INT
from neurosym.grounding.builder import GraphBuilder
from neurosym.grounding.builtins import Evaluator, Operand
from neurosym.grounding.columns import expand
from neurosym.grounding.compiled import kernels
from neurosym.grounding.core import Builtin, Compare, CoreAtom
from neurosym.grounding.graph import CERTAIN, POSSIBLE
from neurosym.grounding.groundings import Ragged
from neurosym.grounding.relations import Relation
from neurosym.lang.ast import Var

Range = tuple[int, int]
PIECE = 32_768  # rows of a piece: a handful of columns of it fit the second-level cache
_BETWEEN = CoreAtom(("between", 3), ())
_NONE = np.zeros(0, np.int32)


@dataclass
class Bindings:
    """n partial groundings of a rule.

    Attributes:
        columns: variable → (n,) term ids.
        facts: position of a positive literal → (n,) fact ids.
        negated: facts under negation; absent: numbers of absent atoms, for each row.
    """

    n: int
    columns: dict[str, Ids]
    facts: dict[int, Ids]
    negated: list[Ragged]
    absent: list[Ragged]

    @classmethod
    def start(cls) -> Bindings:
        """The one empty grounding."""
        return cls(1, {}, {}, [], [])

    def take(self, rows: NDArray[np.integer] | NDArray[np.bool_], live: frozenset[str]) -> Bindings:
        """Some of the rows, and only the variables that are still needed."""
        if rows.dtype == bool:
            if rows.all():
                columns = {v: c for v, c in self.columns.items() if v in live}
                return Bindings(self.n, columns, self.facts, self.negated, self.absent)
            rows = np.nonzero(rows)[0]
        at = rows.astype(np.int32, copy=False)
        pick = kernels().take
        return Bindings(
            len(at),
            {v: pick(c, at) for v, c in self.columns.items() if v in live},
            {p: pick(f, at) for p, f in self.facts.items()},
            [r.take(at) for r in self.negated],
            [r.take(at) for r in self.absent],
        )


class Joiner:
    """Evaluates literals over bindings, against the relations of a builder."""

    def __init__(self, builder: GraphBuilder, evaluator: Evaluator) -> None:
        self.builder = builder
        self.evaluator = evaluator
        self.symbols = builder.symbols
        self.joined: dict[CoreAtom, int] = {}  # rows that each join of the current firing gave

    def _split(self, atom: CoreAtom, table: Bindings) -> tuple[list[int], list[Ids | int]]:
        """Positions of bound arguments with their columns or constants."""
        positions, columns = [], []
        for position, arg in enumerate(atom.args):
            if isinstance(arg, int):
                positions.append(position)
                columns.append(arg)
            elif arg is not None and arg in table.columns:
                positions.append(position)
                columns.append(table.columns[arg])
        return positions, columns

    def _pairs(self, atom: CoreAtom, table: Bindings, low: int, high: int) -> Iterator[tuple[Ids, Ids]]:
        """Pairs (binding, row) that agree on the bound arguments, of the rows from `low` to below `high`."""
        relation = self.builder.relation(atom.key)
        positions, columns = self._split(atom, table)
        if not positions:
            self._count(table.n * max(0, high - low), atom)
            yield from _product(table.n, low, high)
            return
        probes = stacked(columns, table.n)
        if len(positions) == len(atom.args):
            row = relation.find(probes)
            which = np.nonzero((row >= low) & (row < high))[0].astype(np.int32)
            yield which, row[which]
            return
        matches = relation.probe(tuple(positions), probes)
        self._count(int(matches.totals[-1]), atom)
        for begin, end in matches.pieces(PIECE):
            yield matches.pairs(begin, end, low, high)

    def _count(self, rows: int, atom: CoreAtom) -> None:
        total = self.joined[atom] = self.joined.get(atom, 0) + rows
        if total > (limit := self.builder.limits.firings):
            raise LimitError(
                f"a join with {atom.key[0]}/{atom.key[1]} gives {total:,} rows, more than {limit:,}",
                help="add a literal that connects its arguments with the others, or raise --max-firings",
            )

    def scan(
        self, atom: CoreAtom, table: Bindings, live: frozenset[str], window: Range | None, position: int | None
    ) -> Iterator[Bindings]:
        """Join with a relation, or with a window of its rows, piece by piece.

        Args:
            position: of the literal in the body, under which its facts are kept; None leaves no trace.
        """
        relation = self.builder.relation(atom.key)
        low, high = window or (0, relation.size)
        first: dict[str, int] = {}
        equal: list[tuple[int, int]] = []
        for place, arg in enumerate(atom.args):
            if isinstance(arg, str) and arg not in table.columns and first.setdefault(arg, place) != place:
                equal.append((first[arg], place))  # the same free variable twice
        new = {v: place for v, place in first.items() if v in live}
        if table.n == 1 and not table.columns and not equal and not any(isinstance(a, int) for a in atom.args):
            yield from self._slices(relation, table, low, high, new, position)
            return
        column = kernels().take_column
        for which, row in self._pairs(atom, table, low, high):
            for a, b in equal:
                same = relation.rows[row, a] == relation.rows[row, b]
                which, row = which[same], row[same]
            piece = table.take(which, live)
            for variable, place in new.items():
                piece.columns[variable] = column(relation.store, place, row)
            if position is not None:
                piece.facts[position] = relation.facts_of(row)
            yield piece

    def _slices(
        self, relation: Relation, table: Bindings, low: int, high: int, new: dict[str, int], position: int | None
    ) -> Iterator[Bindings]:
        """All rows from `low` to below `high`, for a table of one row without columns."""
        for begin in range(low, high, PIECE):
            part = slice(begin, min(high, begin + PIECE))
            n = part.stop - part.start
            piece = table if not (table.facts or table.negated or table.absent) else table.take(
                np.zeros(n, np.int32), frozenset()
            )  # fmt: skip
            columns = {v: np.ascontiguousarray(relation.rows[part, place]) for v, place in new.items()}
            facts = dict(piece.facts)
            if position is not None:
                facts[position] = relation.facts_between(part.start, part.stop)
            yield Bindings(n, columns, facts, piece.negated, piece.absent)

    def negate(self, atom: CoreAtom, table: Bindings, live: frozenset[str]) -> Bindings:
        """Drop bindings for which a certain fact matches; possible ones become edges, none at all an absent atom."""
        relation = self.builder.relation(atom.key)
        n = table.n
        killed, counts = np.zeros(n, bool), np.zeros(n, np.int64)
        edges: list[tuple[Ids, Ids]] = []
        for which, row in self._pairs(atom, table, 0, relation.size):
            if not relation.possible:
                killed[which] = True
                continue
            facts = relation.facts_of(row)
            status = self.builder.status[facts]
            killed[which[status == CERTAIN]] = True
            possible = status == POSSIBLE
            counts += np.bincount(which[possible], minlength=n)
            edges.append((which[possible], facts[possible]))
        if killed.any():
            self.builder.excluding.add(atom.key)
        if not self.keeps(atom):
            return table.take(~killed, live)
        rows = np.full((n, atom.key[1]), -1, np.int32)
        for position, column in zip(*self._split(atom, table), strict=True):
            rows[:, position] = column
        none = ~killed & (counts == 0)
        absent = Ragged(none.astype(np.int64), self.builder.absent_ids(atom.key, rows[none]))
        which, items = (np.concatenate(x) for x in zip(*edges, strict=True)) if edges else (_NONE, _NONE)
        negated = Ragged(counts, items[np.argsort(which, kind="stable")])
        extended = Bindings(n, table.columns, table.facts, [*table.negated, negated], [*table.absent, absent])
        return extended.take(~killed, live)

    def keeps(self, atom: CoreAtom) -> bool:
        """Whether a literal's facts matter later: for the graph, or for what is certain."""
        return self.builder.record or self.builder.relation(atom.key).possible

    def compare(self, literal: Compare, table: Bindings, live: frozenset[str]) -> Bindings:
        """Filter by a comparison, or bind the variable that an equation determines."""
        for target, value in ((literal.left, literal.right), (literal.right, literal.left)):
            if isinstance(target, Var) and target.name not in table.columns:
                operand = self.evaluator.operand(value, table.columns, table.n)
                ids = operand.to_ids(self.symbols)
                result = table.take(operand.ok, live)
                if target.name in live:
                    result.columns[target.name] = ids[operand.ok]
                return result
        left, right = (self.evaluator.operand(t, table.columns, table.n) for t in (literal.left, literal.right))
        return table.take(self.evaluator.compare(literal.op, left, right) != literal.negated, live)

    def builtin(self, literal: Builtin, table: Bindings, live: frozenset[str]) -> Bindings:
        """Text tests, and `between`, which filters or generates."""
        if literal.name != "between":
            args = [self.evaluator.operand(a, table.columns, table.n) for a in literal.args]
            return table.take(self.evaluator.test(literal.name, args) != literal.negated, live)
        target = literal.args[2]
        low, high = (self.evaluator.operand(a, table.columns, table.n) for a in literal.args[:2])
        whole = low.ok & high.ok & (low.kind == INT) & (high.kind == INT)
        if isinstance(target, Var) and target.name not in table.columns:
            # as floats first: the difference of two integers can leave 64 bits
            self._count(int(np.where(whole, np.maximum(high.floats - low.floats + 1, 0), 0).sum()), _BETWEEN)
            counts = np.where(whole, np.maximum(high.ints - low.ints + 1, 0), 0)
            which, numbers = expand(low.ints, counts)
            result = table.take(which, live)
            if target.name in live:
                result.columns[target.name] = self.symbols.intern_numbers(numbers)
            return result
        value: Operand = self.evaluator.operand(target, table.columns, table.n)
        inside = whole & value.ok & (value.kind == INT) & (low.ints <= value.ints) & (value.ints <= high.ints)
        return table.take(inside != literal.negated, live)


def stacked(columns: list[Ids | int], n: int) -> Ids:
    """(n, k) from k columns or constants."""
    rows = np.empty((n, len(columns)), np.int32)
    for k, column in enumerate(columns):
        rows[:, k] = column
    return rows


def _product(n: int, low: int, high: int) -> Iterator[tuple[Ids, Ids]]:
    """All pairs of n bindings and the rows from `low` to below `high`."""
    width = high - low
    if width <= 0:
        return
    if width > PIECE:
        for i in range(n):
            for begin in range(low, high, PIECE):
                row = np.arange(begin, min(high, begin + PIECE), dtype=np.int32)
                yield np.full(len(row), i, np.int32), row
        return
    rows = np.arange(low, high, dtype=np.int32)
    step = PIECE // width
    for begin in range(0, n, step):
        which = np.arange(begin, min(n, begin + step), dtype=np.int32)
        yield np.repeat(which, width), np.tile(rows, len(which))
