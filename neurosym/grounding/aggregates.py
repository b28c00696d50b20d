"""Aggregates over certain and possible members.

Where all members of a group are certain, the result is one certain fact that rests on all of them. Elsewhere the
members become a chain of states in the graph, see `chains`. What a group's result is never depends on other groups.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosym.errors import GroundingError
from neurosym.facts import Ids
from neurosym.facts.symbols import DATE, FLOAT, INT, LANG, STRING
from neurosym.grounding.bindings import Bindings
from neurosym.grounding.builder import GraphBuilder
from neurosym.grounding.builtins import tag_ranks, text_ranks
from neurosym.grounding.chains import Chain, Members
from neurosym.grounding.columns import Long, Mask, Tuples
from neurosym.grounding.core import AggregateStep, CoreRule, Key
from neurosym.grounding.graph import POSSIBLE
from neurosym.lang.terms import INT64_MAX, INT64_MIN

_NUMBER, _DATE, _TEXT = 1, 2, 3
_CLASS = {INT: _NUMBER, FLOAT: _NUMBER, DATE: _DATE, STRING: _TEXT, LANG: _TEXT}


@dataclass(frozen=True)
class _Groups:
    """n groups and the m members of all of them, group by group.

    Attributes:
        ids: (n, width) term ids of the grouping variables; counts: (n,); starts: (n,) offset of the first member.
        which: (m,) group of each member; row: (m,) row in the members' relation; facts: (m,).
        floats: (n,) whether one of the values is a float.
    """

    ids: Ids
    counts: Long
    starts: Long
    which: NDArray[np.integer]
    row: Ids
    facts: Ids
    floats: Mask


class Aggregates:
    """Results of aggregates, computed once for each group that a rule asks about."""

    def __init__(self, builder: GraphBuilder) -> None:
        self.builder = builder
        self._done: dict[Key, Tuples] = {}
        self._rules: dict[Key, int] = {}

    def ask(self, step: AggregateStep, statement: int, table: Bindings) -> None:
        """Make the result facts of an aggregate for the groups that the bindings hold.

        Raises:
            GroundingError: NS405 a sum leaves 64 bits, NS420 a sum of floats or an average over possible members,
                NS421 values that cannot be added or compared.
        """
        if not table.n:
            return
        width = len(step.group)
        groups = np.stack([table.columns[v] for v in step.group], axis=1) if width else np.zeros((table.n, 0), np.int32)
        done = self._done.setdefault(step.key, Tuples(width))
        before = done.size
        numbers = done.find_or_add(groups)
        fresh = np.nonzero(numbers >= before)[0]
        if not len(fresh):
            return
        _, first = np.unique(numbers[fresh], return_index=True)
        if step.key not in self._rules:
            self.builder.program.rules.append(CoreRule((), (), statement, step.function))
            self._rules[step.key] = len(self.builder.program.rules) - 1
        self._compute(step, np.ascontiguousarray(groups[fresh[first]]))

    def _compute(self, step: AggregateStep, ids: Ids) -> None:
        groups = self._members(step, ids)
        status = self.builder.status[groups.facts]
        possible = np.bincount(groups.which[status == POSSIBLE], minlength=len(ids)) > 0
        if (status != POSSIBLE).any():
            self.builder.excluding.add(step.members)
        if step.function in ("min", "max"):
            order = self._best_first(step, groups)
            self._certain(step, groups, ~possible & (groups.counts > 0), self._first(step, groups, order))
            if possible.any():
                order = order[possible[groups.which[order]]]
                self._chain(step, groups, possible).extreme(self._chosen(step, groups, possible, order, None))
            return
        if step.function == "count":
            values = np.ones(len(groups.row), np.int64)
        else:
            values = self.builder.symbols.ints(self._values(step, groups))
        if (possible & groups.floats).any() or (possible.any() and step.function == "avg"):
            raise GroundingError(
                f"`{step.function}` of {'values' if step.function == 'avg' else 'floats'} over members that are only "
                f"possible, in rule {self._place(step)}",
                code="NS420",
                note="its value would range over every subset of the members",
                help="count them, or sum integers",
            )
        keep = ~possible & (groups.counts > 0) if step.function == "avg" else ~possible
        self._check_range(step, groups, values)
        self._certain(step, groups, keep, self._totals(step, groups, values))
        if possible.any():
            order = np.lexsort((groups.facts, groups.which))
            order = order[possible[groups.which[order]]]
            self._chain(step, groups, possible).add_up(self._chosen(step, groups, possible, order, values))

    def _members(self, step: AggregateStep, ids: Ids) -> _Groups:
        members = self.builder.relation(step.members)
        width = len(step.group)
        if width:
            matches = members.probe(tuple(range(width)), ids)
            which, row = matches.pairs(0, len(ids), 0, members.size)
            counts = np.diff(matches.totals)
        else:
            row = np.arange(members.size, dtype=np.int32)
            which, counts = np.zeros(len(row), np.int32), np.array([len(row)], np.int64)
        floats = np.zeros(len(ids), np.bool_)
        if step.function in ("sum", "avg"):
            kinds = self.builder.symbols.kinds(members.rows[row, width])
            if ((kinds != INT) & (kinds != FLOAT)).any():
                raise GroundingError(
                    f"`{step.function}` over values that are no numbers, in rule {self._place(step)}", code="NS421"
                )
            floats[which[kinds == FLOAT]] = True
        return _Groups(
            ids, counts, np.cumsum(counts) - counts, which, row, members.facts_of(np.asarray(row, np.int32)), floats
        )

    def _values(self, step: AggregateStep, groups: _Groups) -> Ids:
        return self.builder.relation(step.members).rows[groups.row, len(step.group)]

    def _place(self, step: AggregateStep) -> str:
        statement = self.builder.program.statements[self.builder.program.rules[self._rules[step.key]].statement]
        return f"`{statement.label}` ({statement.span})"

    # ----------------------------------------------------------------------------------------------- results

    def _check_range(self, step: AggregateStep, groups: _Groups, values: Long) -> None:
        """No subset of a group's integers may leave 64 bits: then neither does a state of its chain."""
        n = len(groups.ids)
        for part in (np.maximum(values, 0), np.minimum(values, 0)):
            # float64 finds the groups that may be out of range, Python's integers decide
            large = np.abs(np.bincount(groups.which, part.astype(np.float64), n)) >= 2.0**63 - 2**12
            sums = [sum(part[groups.which == group].tolist()) for group in np.nonzero(large)[0].tolist()]
            if any(not INT64_MIN <= total <= INT64_MAX for total in sums):
                raise GroundingError(
                    f"`{step.function}` leaves the range of 64-bit integers, in rule {self._place(step)}", code="NS405"
                )

    def _totals(self, step: AggregateStep, groups: _Groups, values: Long) -> Ids:
        """(n,) result terms of `count`, `sum` or `avg`; of floats the exact sum, rounded once, whatever their order."""
        symbols = self.builder.symbols
        n = len(groups.ids)
        totals = np.zeros(n, np.int64)
        np.add.at(totals, groups.which, values)
        numbers = totals.astype(np.float64)
        if groups.floats.any():
            reals = symbols.floats(self._values(step, groups))
            for group in np.nonzero(groups.floats)[0].tolist():
                start = groups.starts[group]
                try:
                    numbers[group] = math.fsum(reals[start : start + groups.counts[group]].tolist())
                except (OverflowError, ValueError):
                    raise GroundingError(f"a sum has no value, in rule {self._place(step)}", code="NS406") from None
        if step.function == "avg":
            return symbols.intern_numbers(numbers / np.maximum(groups.counts, 1))
        result = symbols.intern_numbers(totals)
        result[groups.floats] = symbols.intern_numbers(numbers[groups.floats])
        return result

    def _best_first(self, step: AggregateStep, groups: _Groups) -> Long:
        """The members group by group, each group's best one first. Numbers, dates and texts each compare."""
        symbols = self.builder.symbols
        ids = self._values(step, groups)
        kinds = symbols.kinds(ids)
        classes = np.zeros(256, np.int64)
        classes[list(_CLASS)] = list(_CLASS.values())
        of = classes[kinds]
        first = of[groups.starts[groups.which]] if len(of) else of
        if (of == 0).any() or (of != first).any():
            raise GroundingError(
                f"`{step.function}` over values that cannot be compared, in rule {self._place(step)}",
                code="NS421",
                note="numbers, dates and strings can, each among themselves",
            )
        key, whole = symbols.floats(ids).copy(), symbols.ints(ids).copy()
        reals = (kinds == FLOAT) & (np.abs(key) < 2.0**63)
        whole[reals] = key[reals].astype(np.int64)
        key[of == _TEXT] = text_ranks(symbols, ids[of == _TEXT])
        tags = np.zeros(len(ids), np.int64)
        tags[kinds == LANG] = tag_ranks(symbols, ids[kinds == LANG])
        if step.function == "max":
            key, whole = -key, ~whole
        # Integers that are one float are told apart, 2 comes before 2.0, "a" before "a"@de before "a"@en, and a certain
        # member before a possible one.
        possible = self.builder.status[groups.facts] == POSSIBLE
        return np.lexsort((possible, tags, kinds, whole, key, groups.which))

    def _first(self, step: AggregateStep, groups: _Groups, order: Long) -> Ids:
        """(n,) the value of each group's best member; of an empty group any."""
        if not len(order):
            return np.zeros(len(groups.ids), np.int32)
        return self._values(step, groups)[order[np.minimum(groups.starts, len(order) - 1)]]

    def _certain(self, step: AggregateStep, groups: _Groups, keep: Mask, result: Ids) -> None:
        """Results of groups without possible members, each resting on all of its members."""
        rows = np.concatenate([groups.ids[keep], result[keep][:, None]], axis=1)
        heads = np.zeros(len(groups.ids), np.int32)
        heads[keep], _ = self.builder.add_facts(step.key, np.ascontiguousarray(rows), True, 0)
        for size in np.unique(groups.counts[keep]).tolist():
            chosen = np.nonzero(keep & (groups.counts == size))[0]
            body = groups.facts[groups.starts[chosen][:, None] + np.arange(size)]
            self.builder.add_block(
                # not many, and nothing else says what a result rests on
                self._rules[step.key],
                heads[chosen],
                body,
                always=True,
            )

    # ---------------------------------------------------------------------------------------------- chains

    def _chain(self, step: AggregateStep, groups: _Groups, possible: Mask) -> Chain:
        return Chain(self.builder, step, self._rules[step.key], groups.ids[possible])

    def _chosen(
        self, step: AggregateStep, groups: _Groups, possible: Mask, order: Long, values: Long | None
    ) -> Members:
        """The members of the groups that have possible ones, in an order."""
        renumber = np.cumsum(possible) - 1
        amounts = np.zeros(len(order), np.int64) if values is None else values[order]
        terms = groups.facts if values is not None else self._values(step, groups)
        return Members(renumber[groups.which[order]], groups.facts[order], terms[order], amounts)
