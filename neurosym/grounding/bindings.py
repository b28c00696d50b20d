"""Firing one rule: a table of variable bindings that each literal of the body extends or filters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosym.errors import LimitError
from neurosym.facts import Ids
from neurosym.facts.symbols import INT
from neurosym.grounding.builder import GraphBuilder, Ragged
from neurosym.grounding.builtins import Evaluator, Operand
from neurosym.grounding.columns import Long, expand
from neurosym.grounding.core import Builtin, Compare, CoreAtom
from neurosym.grounding.graph import CERTAIN, POSSIBLE
from neurosym.lang.ast import Var

Range = tuple[int, int]
_BETWEEN = CoreAtom(("between", 3), ())


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
        at: Long = np.nonzero(rows)[0] if rows.dtype == bool else rows.astype(np.int64)
        return Bindings(
            len(at),
            {v: c[at] for v, c in self.columns.items() if v in live},
            {p: f[at] for p, f in self.facts.items()},
            [r.take(at) for r in self.negated],
            [r.take(at) for r in self.absent],
        )


class Joiner:
    """Evaluates literals over bindings, against the relations of a builder."""

    def __init__(self, builder: GraphBuilder, evaluator: Evaluator) -> None:
        self.builder = builder
        self.evaluator = evaluator
        self.symbols = builder.symbols

    def _split(self, atom: CoreAtom, table: Bindings) -> tuple[list[int], list[Ids], list[int]]:
        """Positions of bound arguments with their columns, and positions of free ones."""
        positions, columns, free = [], [], []
        for position, arg in enumerate(atom.args):
            if isinstance(arg, int):
                positions.append(position)
                columns.append(np.full(table.n, arg, np.int32))
            elif arg is not None and arg in table.columns:
                positions.append(position)
                columns.append(table.columns[arg])
            else:
                free.append(position)
        return positions, columns, free

    def _matches(self, atom: CoreAtom, table: Bindings) -> tuple[NDArray[np.int64], Ids]:
        """Pairs (binding, row of the relation) that agree on the bound arguments."""
        relation = self.builder.relation(atom.key)
        positions, columns, free = self._split(atom, table)
        if not positions:
            total = table.n * relation.size
            self._limit(total, atom)
            which = np.repeat(np.arange(table.n), relation.size)
            return which, np.tile(np.arange(relation.size, dtype=np.int32), table.n)
        probes = np.stack(columns, axis=1)
        if not free:
            row = relation.find(probes)
            which = np.nonzero(row >= 0)[0]
            return which, row[which]
        index = relation.index(tuple(positions))
        first, counts = index.ranges(probes)
        self._limit(int(counts.sum()), atom)
        which, at = expand(first, counts)
        return which, index.rows_at(at)

    def _limit(self, total: int, atom: CoreAtom) -> None:
        limit = self.builder.limits.firings
        if total > limit:
            raise LimitError(
                f"a join with {atom.key[0]}/{atom.key[1]} gives {total:,} rows, more than {limit:,}",
                help="add a literal that connects its arguments with the others, or raise --max-firings",
            )

    def scan(
        self, atom: CoreAtom, table: Bindings, live: frozenset[str], window: Range | None, position: int | None
    ) -> Bindings:
        """Join with a relation, or with a window of its rows.

        Args:
            position: of the literal in the body, under which its facts are kept; None leaves no trace.
        """
        relation = self.builder.relation(atom.key)
        if window is not None and table.n == 1 and not table.columns and not any(isinstance(a, int) for a in atom.args):
            row = np.arange(*window, dtype=np.int32)
            which = np.zeros(len(row), np.int64)
        else:
            which, row = self._matches(atom, table)
            if window is not None:
                keep = (row >= window[0]) & (row < window[1])
                which, row = which[keep], row[keep]
        new: dict[str, int] = {}
        for place, arg in enumerate(atom.args):
            if isinstance(arg, str) and arg not in table.columns:
                if arg in new:  # the same free variable twice
                    keep = relation.rows[row, new[arg]] == relation.rows[row, place]
                    which, row = which[keep], row[keep]
                else:
                    new[arg] = place
        result = table.take(which, live)
        for variable, place in new.items():
            if variable in live:
                result.columns[variable] = relation.rows[row, place]
        if position is not None:
            result.facts[position] = relation.facts[row]
        return result

    def negate(self, atom: CoreAtom, table: Bindings, live: frozenset[str]) -> Bindings:
        """Drop bindings for which a certain fact matches; possible ones become edges, none at all an absent atom."""
        relation = self.builder.relation(atom.key)
        which, row = self._matches(atom, table)
        status = self.builder.status[relation.facts[row]]
        killed = np.zeros(table.n, bool)
        killed[which[status == CERTAIN]] = True
        possible = status == POSSIBLE
        counts = np.bincount(which[possible], minlength=table.n)
        edges = Ragged(counts, relation.facts[row[possible]])
        rows = np.full((table.n, atom.key[1]), -1, np.int32)
        positions, columns, _ = self._split(atom, table)
        for position, column in zip(positions, columns, strict=True):
            rows[:, position] = column
        none = ~killed & (counts == 0)
        absent = Ragged(none.astype(np.int64), self.builder.absent_ids(atom.key, rows[none]))
        extended = Bindings(table.n, table.columns, table.facts, [*table.negated, edges], [*table.absent, absent])
        return extended.take(~killed, live)

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
            self._limit(int(np.where(whole, np.maximum(high.floats - low.floats + 1, 0), 0).sum()), _BETWEEN)
            counts = np.where(whole, np.maximum(high.ints - low.ints + 1, 0), 0)
            which, numbers = expand(low.ints, counts)
            result = table.take(which, live)
            if target.name in live:
                result.columns[target.name] = self.symbols.intern_numbers(numbers)
            return result
        value: Operand = self.evaluator.operand(target, table.columns, table.n)
        inside = whole & value.ok & (value.kind == INT) & (low.ints <= value.ints) & (value.ints <= high.ints)
        return table.take(inside != literal.negated, live)
