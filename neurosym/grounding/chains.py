"""Aggregates over possible members as chains of states: dynamic programming, written down as groundings.

The members of a group are taken one after the other. For `count` and `sum` the state is the value so far; for `min`
and `max` it is 'none of the better members holds'. All groups advance together, so that the cost is one pass of column
operations for each member position, not for each group.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurosym.facts import Ids
from neurosym.grounding.builder import GraphBuilder
from neurosym.grounding.columns import Long, Mask
from neurosym.grounding.core import AggregateStep
from neurosym.grounding.graph import CERTAIN
from neurosym.grounding.groundings import Ragged


@dataclass(frozen=True)
class Members:
    """The m members of some groups, group by group, in the order in which a chain takes them.

    Attributes:
        which: (m,) number of the group, ascending; facts: (m,) the members' facts.
        terms: (m,) their values as terms; amounts: (m,) their values as integers.
    """

    which: Long
    facts: Ids
    terms: Ids
    amounts: Long


class Chain:
    """The states of many groups at once. A state's fact is (group…, position, state)."""

    def __init__(self, builder: GraphBuilder, step: AggregateStep, rule: int, groups: Ids) -> None:
        """Chains for some groups.

        Args:
            rule: number of the core rule that the groundings belong to.
            groups: (n, width) term ids of the grouping variables.
        """
        self.builder, self.step, self.rule, self.groups = builder, step, rule, groups

    def _starts(self, members: Members) -> tuple[Long, Long]:
        """(n,) first member of each group, and the number of its members."""
        counts = np.bincount(members.which, minlength=len(self.groups))
        return np.cumsum(counts) - counts, counts

    def _states(self, group: Long, position: int, states: Ids, certain: Mask) -> Ids:
        number = self.builder.symbols.intern(position)
        column = np.full(len(group), number, np.int32)
        rows = np.concatenate([self.groups[group], column[:, None], states[:, None]], axis=1)
        return self.builder.add_facts(self.step.states, np.ascontiguousarray(rows), certain, position)[0]

    def _results(self, group: Long, values: Ids, certain: Mask) -> Ids:
        rows = np.concatenate([self.groups[group], values[:, None]], axis=1)
        return self.builder.add_facts(self.step.key, np.ascontiguousarray(rows), certain, 0)[0]

    def _edges(self, heads: Ids, positive: list[Ids], negative: Ids | None, certain: Mask) -> None:
        n = len(heads)
        negated = Ragged.empty(n) if negative is None else Ragged(np.ones(n, np.int64), negative)
        self.builder.add_block(self.rule, heads, np.stack(positive, axis=1), negated, Ragged.empty(n), certain)

    def add_up(self, members: Members) -> None:
        """`count` and `sum`: state(i + 1, s + v) if member i holds, state(i + 1, s) if it does not."""
        symbols = self.builder.symbols
        sure = self.builder.status[members.facts] == CERTAIN
        starts, counts = self._starts(members)
        group = np.arange(len(self.groups))
        state = np.zeros(len(group), np.int64)
        certain = np.ones(len(group), np.bool_)
        current = self._states(group, 0, symbols.intern_numbers(state), certain)
        for i in range(int(counts.max()) + 1):
            has = counts[group] > i
            self._finish(group[~has], state[~has], current[~has], certain[~has])
            group, state, current, certain = group[has], state[has], current[has], certain[has]
            at = starts[group] + i
            taken, ok = state + members.amounts[at], certain & sure[at]
            heads = self._states(group, i + 1, symbols.intern_numbers(taken), ok)
            self._edges(heads, [current, members.facts[at]], None, ok)
            skip = ~sure[at]
            none = np.zeros(int(skip.sum()), np.bool_)
            left = self._states(group[skip], i + 1, symbols.intern_numbers(state[skip]), none)
            self._edges(left, [current[skip]], members.facts[at[skip]], none)
            current, first = np.unique(np.concatenate([heads, left]), return_index=True)
            group = np.concatenate([group, group[skip]])[first]
            state = np.concatenate([taken, state[skip]])[first]
            certain = self.builder.status[current] == CERTAIN

    def _finish(self, group: Long, state: Long, current: Ids, certain: Mask) -> None:
        if len(group):
            heads = self._results(group, self.builder.symbols.intern_numbers(state), certain)
            self._edges(heads, [current], None, certain)

    def extreme(self, members: Members) -> None:
        """`min` and `max`: the result is member i's value if it holds and no better one does."""
        sure = self.builder.status[members.facts] == CERTAIN
        starts, counts = self._starts(members)
        group = np.arange(len(self.groups))
        certain = np.ones(len(group), np.bool_)
        current = self._none_yet(group, 0, certain)
        for i in range(int(counts.max())):
            has = counts[group] > i
            group, current, certain = group[has], current[has], certain[has]
            at = starts[group] + i
            heads = self._results(group, members.terms[at], certain & sure[at])
            self._edges(heads, [current, members.facts[at]], None, certain & sure[at])
            skip = ~sure[at]  # after a certain member no worse one matters
            group, before = group[skip], current[skip]
            certain = np.zeros(len(group), np.bool_)
            current = self._none_yet(group, i + 1, certain)
            self._edges(current, [before], members.facts[at[skip]], certain)

    def _none_yet(self, group: Long, position: int, certain: Mask) -> Ids:
        zero = np.full(len(group), self.builder.symbols.intern(0), np.int32)
        return self._states(group, position, zero, certain)
