"""Aggregates over certain and possible members.

Where all members are certain, the result is one certain fact. Otherwise the members are taken one after the other
through a chain of states (dynamic programming): for `count` and `sum` the state is the value so far, for `min` and
`max` it is 'none of the better members holds'. All groups advance together, so the cost is one pass of column
operations for each member position, not for each group.
"""

from __future__ import annotations

import numpy as np

from neurosym.errors import GroundingError
from neurosym.facts import Ids
from neurosym.facts.symbols import FLOAT, INT
from neurosym.grounding.bindings import Bindings
from neurosym.grounding.builder import GraphBuilder, Ragged
from neurosym.grounding.columns import TupleInterner, expand
from neurosym.grounding.core import AggregateStep, CoreRule, Key
from neurosym.grounding.graph import CERTAIN, POSSIBLE


class Aggregates:
    """Results of aggregates, computed once for each group that a rule asks about."""

    def __init__(self, builder: GraphBuilder) -> None:
        self.builder = builder
        self._done: dict[Key, TupleInterner] = {}
        self._rules: dict[Key, int] = {}

    def ask(self, step: AggregateStep, statement: int, table: Bindings) -> None:
        """Make the result facts of an aggregate for the groups that the bindings hold."""
        if not table.n:
            return
        width = len(step.group)
        groups = (
            np.stack([table.columns[v] for v in step.group], axis=1) if width else np.zeros((table.n, 0), np.int32)
        )
        done = self._done.setdefault(step.key, TupleInterner(width))
        before = done.size
        numbers = done.find_or_add(groups)
        fresh = np.nonzero(numbers >= before)[0]
        if not len(fresh):
            return
        _, first = np.unique(numbers[fresh], return_index=True)
        groups = groups[fresh[first]]
        if step.key not in self._rules:
            self.builder.program.rules.append(CoreRule((), (), statement, step.function))
            self._rules[step.key] = len(self.builder.program.rules) - 1
        self._compute(step, groups)

    def _compute(self, step: AggregateStep, groups: Ids) -> None:
        builder = self.builder
        members = builder.relation(step.members)
        width = len(step.group)
        if width:
            first, counts = members.index(tuple(range(width))).ranges(groups)
            which, at = expand(first, counts)
            row = members.index(tuple(range(width))).rows_at(at)
        else:
            row = np.arange(members.size, dtype=np.int32)
            which, counts = np.zeros(len(row), np.int64), np.array([len(row)])
        possible = builder.status[members.facts[row]] == POSSIBLE
        has_possible = np.bincount(which[possible], minlength=len(groups)) > 0
        if step.function == "count":
            values = np.ones(len(row), np.int64)
            whole = True
        else:
            ids = members.rows[row, width]
            kinds = builder.symbols.kinds(ids)
            if ((kinds != INT) & (kinds != FLOAT)).any():
                raise GroundingError(f"`{step.function}` over values that are no numbers", code="NS421")
            whole = bool((kinds == INT).all())
            values = builder.symbols.ints(ids) if whole else builder.symbols.floats(ids)
        if has_possible.any() and (step.function == "avg" or (step.function == "sum" and not whole)):
            statement = builder.program.statements[builder.program.rules[self._rules[step.key]].statement]
            raise GroundingError(
                f"`{step.function}` of {'floats' if not whole else 'values'} over members that are only possible, "
                f"in rule `{statement.label}` ({statement.span})",
                code="NS420",
                note="its value would range over every subset of the members",
                help="count them, or sum integers",
            )
        self._certain(step, groups, which, row, values, counts, ~has_possible)
        if has_possible.any():
            keep = has_possible[which]
            chosen = np.nonzero(has_possible)[0]
            renumber = np.cumsum(has_possible) - 1
            facts = members.facts[row[keep]]
            chain = _Chain(self.builder, step, self._rules[step.key], groups[chosen])
            if step.function in ("count", "sum"):
                chain.add_up(renumber[which[keep]], facts, values[keep])
            else:
                chain.extreme(renumber[which[keep]], facts, members.rows[row[keep], width], values[keep])

    def _certain(
        self, step: AggregateStep, groups: Ids, which: Ids, row: Ids, values: Ids, counts: Ids, certain: Ids
    ) -> None:
        """Results of groups without possible members, each resting on all of its members."""
        n = len(groups)
        members = self.builder.relation(step.members)
        symbols = self.builder.symbols
        if step.function in ("count", "sum"):
            totals = np.zeros(n, values.dtype)
            np.add.at(totals, which, values)
            result, keep = symbols.intern_numbers(totals), certain
        elif step.function == "avg":
            totals = np.bincount(which, values.astype(np.float64), minlength=n) / np.maximum(counts, 1)
            result, keep = symbols.intern_numbers(totals), certain & (counts > 0)
        else:
            keep = certain & (counts > 0)
            order = np.lexsort((values if step.function == "min" else -values, which))
            first = np.searchsorted(which[order], np.arange(n))
            best = row[order[np.minimum(first, len(order) - 1)]] if len(order) else np.zeros(n, np.int32)
            result = members.rows[best, len(step.group)] if len(order) else np.zeros(n, np.int32)
        rows = np.concatenate([groups[keep], result[keep][:, None]], axis=1)
        heads, _ = self.builder.add_facts(step.key, np.ascontiguousarray(rows), True, 0)
        inside = keep[which]
        for size in np.unique(counts[keep]).tolist():
            chosen = np.nonzero(keep & (counts == size))[0]
            position = (np.cumsum(keep) - 1)[chosen]
            of = np.isin(which, chosen) & inside
            order = np.argsort(which[of], kind="stable")
            body = members.facts[row[of][order]].reshape(len(chosen), size)
            n_chosen = len(chosen)
            self.builder.add_block(
                self._rules[step.key], heads[position], body, Ragged.empty(n_chosen), Ragged.empty(n_chosen),
                np.ones(n_chosen, bool),
            )  # fmt: skip


class _Chain:
    """States of many groups at once. A state's fact is (group…, position, state)."""

    def __init__(self, builder: GraphBuilder, step: AggregateStep, rule: int, groups: Ids) -> None:
        self.builder, self.step, self.rule, self.groups = builder, step, rule, groups

    def _order(self, which: Ids, key: Ids) -> tuple[Ids, Ids]:
        """Members sorted by group and key, and the position of each within its group."""
        order = np.lexsort((key, which))
        sorted_group = which[order]
        starts = np.searchsorted(sorted_group, np.arange(len(self.groups)))
        return order, np.arange(len(order)) - starts[sorted_group]

    def _states(self, group: Ids, position: int, states: Ids, certain: Ids) -> Ids:
        number = self.builder.symbols.intern(position)
        column = np.full(len(group), number, np.int32)
        rows = np.concatenate([self.groups[group], column[:, None], states[:, None]], axis=1)
        return self.builder.add_facts(self.step.states, np.ascontiguousarray(rows), certain, position)[0]

    def _results(self, group: Ids, values: Ids, certain: Ids) -> Ids:
        rows = np.concatenate([self.groups[group], values[:, None]], axis=1)
        return self.builder.add_facts(self.step.key, np.ascontiguousarray(rows), certain, 0)[0]

    def _edges(self, heads: Ids, positive: list[Ids], negative: Ids | None, certain: Ids) -> None:
        n = len(heads)
        body = np.stack(positive, axis=1) if positive else np.zeros((n, 0), np.int32)
        negated = Ragged.empty(n) if negative is None else Ragged(np.ones(n, np.int64), negative)
        self.builder.add_block(self.rule, heads, body.astype(np.int32), negated, Ragged.empty(n), certain)

    def add_up(self, which: Ids, facts: Ids, values: Ids) -> None:
        """`count` and `sum`: state(i + 1, s + v) if member i holds, state(i + 1, s) if it does not."""
        symbols = self.builder.symbols
        status = self.builder.status[facts]
        order, position = self._order(which, facts)
        group = np.arange(len(self.groups))
        state = np.zeros(len(group), np.int64)
        current = self._states(group, 0, symbols.intern_numbers(state), np.ones(len(group), bool))
        certain = np.ones(len(group), bool)
        for i in range(int(position.max()) + 1):
            member = np.full(len(self.groups), -1, np.int64)
            at = order[position == i]
            member[which[at]] = at
            has = member[group] >= 0
            self._finish(group[~has], state[~has], current[~has], certain[~has])
            group, state, current, certain = group[has], state[has], current[has], certain[has]
            at = member[group]
            sure = status[at] == CERTAIN
            taken = state + values[at]
            ok = certain & sure
            heads = self._states(group, i + 1, symbols.intern_numbers(taken), ok)
            self._edges(heads, [current, facts[at]], None, ok)
            open_ = ~sure
            none = np.zeros(int(open_.sum()), bool)
            left = self._states(group[open_], i + 1, symbols.intern_numbers(state[open_]), none)
            self._edges(left, [current[open_]], facts[at[open_]], none)
            both = np.concatenate([heads, left])
            unique, first = np.unique(both, return_index=True)
            current = unique
            group = np.concatenate([group, group[open_]])[first]
            state = np.concatenate([taken, state[open_]])[first]
            certain = self.builder.status[current] == CERTAIN
        self._finish(group, state, current, certain)

    def _finish(self, group: Ids, state: Ids, current: Ids, certain: Ids) -> None:
        if len(group):
            heads = self._results(group, self.builder.symbols.intern_numbers(state), certain)
            self._edges(heads, [current], None, certain)

    def extreme(self, which: Ids, facts: Ids, ids: Ids, values: Ids) -> None:
        """`min` and `max`: the result is member i's value if it holds and no better one does."""
        status = self.builder.status[facts]
        order, position = self._order(which, values if self.step.function == "min" else -values)
        group = np.arange(len(self.groups))
        zero = self.builder.symbols.intern(0)
        certain = np.ones(len(group), bool)
        current = self._states(group, 0, np.full(len(group), zero, np.int32), certain)
        for i in range(int(position.max()) + 1):
            member = np.full(len(self.groups), -1, np.int64)
            at = order[position == i]
            member[which[at]] = at
            has = member[group] >= 0
            group, current, certain = group[has], current[has], certain[has]
            at = member[group]
            sure = status[at] == CERTAIN
            heads = self._results(group, ids[at], certain & sure)
            self._edges(heads, [current, facts[at]], None, certain & sure)
            open_ = ~sure
            group, before = group[open_], current[open_]
            none = np.zeros(len(group), bool)
            current = self._states(group, i + 1, np.full(len(group), zero, np.int32), none)
            self._edges(current, [before], facts[at[open_]], none)
            certain = none
