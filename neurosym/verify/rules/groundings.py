"""All groundings that conclude a fact, and what kind of fact it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from neurosym.lang.ast import Const
from neurosym.lang.terms import Value
from neurosym.verify.rules.aggregates import Member, amount, best_first, rank, reachable
from neurosym.verify.rules.form import (
    Chooses,
    Counted,
    FlatRule,
    Ground,
    GroundAtom,
    Key,
    Leaf,
    Part,
    Row,
)
from neurosym.verify.rules.join import Env, Join, Source, members_of
from neurosym.verify.rules.normal import NormalForm
from neurosym.verify.rules.values import NoValue

# the spelled terms of the member at each position of an aggregate's chain, as far as they are shown
Order = Callable[[Part, Row], dict[int, tuple[str, ...]]]


class Groundings:
    """Groundings of facts over a source.

    Attributes:
        leaves: the outcomes of choices that they rest on, as far as they were asked for.
    """

    def __init__(self, normal: NormalForm, join: Join, source: Source, order: Order, max_results: int) -> None:
        self.normal, self.join, self.source, self.order = normal, join, source, order
        self.max_results = max_results
        self.leaves: dict[GroundAtom, Leaf] = {}
        self._members: dict[tuple[Part, Row], list[Member]] = {}
        self._orders: dict[tuple[Part, Row], list[Member]] = {}
        self._sums: dict[tuple[Part, Row], list[dict[Any, bool]]] = {}

    def of(self, key: Key, row: Row) -> list[Ground]:
        """The groundings of a fact by rules and aggregates."""
        return [ground for ground, _ in self.each(key, row)]

    def each(self, key: Key, row: Row) -> Iterator[tuple[Ground, Env]]:
        """The groundings of a fact, with what the variables of their rules are bound to; nothing of an aggregate's."""
        if isinstance(key, Part) and key in self.normal.counted:
            counted, statement = self.normal.counted[key]
            yield from ((ground, {}) for ground in self._chain(counted, statement, key, row))
            return
        for rule, head in self.normal.rules.get(key, ()):
            for one in self.join.of(rule, head, row, self.source):
                body = one.facts
                if rule.choice is not None and head.outcome is not None:
                    body = (*body, self._leaf(rule, rule.choice, head.outcome, one.env))
                yield Ground(rule.statement, rule.part, body, one.negated, one.absent), one.env

    def unknown(self, key: tuple[str, int], row: Row) -> Ground:
        """The grounding of an unknown atom."""
        leaf = (Part(-1, f"unknown {key[0]}/{key[1]}", 0, key[1]), row)
        self.leaves[leaf] = Leaf(("open", key, row), 0, -1, key[0], "open")
        return Ground(-1, "open", (leaf,), (), ())

    def _leaf(self, rule: FlatRule, choice: Chooses, outcome: int, env: Env) -> GroundAtom:
        """The outcome of a rule's choice that a grounding needs."""
        row = tuple(env[v] for v in choice.variables)
        atom = (choice.leaves[outcome], row)
        if atom not in self.leaves:
            weight = choice.weights[outcome]
            label = self.normal.program.rules[rule.statement].label
            kind = "learned" if weight is None else "constant"
            value: float | None = None
            if weight is not None:
                try:
                    found: Value = weight.value if isinstance(weight, Const) else self.join.value(weight, env)
                    value = float(found)  # pyright: ignore[reportArgumentType] - checked below
                except (NoValue, TypeError, ValueError):
                    value = float("nan")  # no probability agrees with it
            self.leaves[atom] = Leaf((choice.leaves, row), outcome, rule.statement, label, kind, value)
        return atom

    # ------------------------------------------------------------------------------------------------ aggregates

    def _of(self, counted: Counted, group: Row) -> list[Member]:
        key = (counted.members, group)
        if key not in self._members:
            self._members[key] = members_of(self.source, counted, group, self.normal.terms)
        return self._members[key]

    def _chain(self, counted: Counted, statement: int, key: Part, row: Row) -> list[Ground]:
        """Groundings of a result or a state of an aggregate's chain."""
        group = row[: len(counted.group)]
        members = self._of(counted, group)
        if all(certain for _, _, certain in members):
            if key != counted.result or (row[-1], True) not in self.source.results(counted, group):
                return []
            body = tuple((counted.members, m[0]) for m in members)
            return [Ground(statement, counted.function, body, (), ())]
        if counted.function in ("min", "max"):
            return self._extreme(counted, statement, key, row)
        return self._sum(counted, statement, key, row)

    def _ordered(self, counted: Counted, group: Row) -> list[Member]:
        """Members in the order in which the certificate takes them; where it does not show, in any that is allowed.

        Of `min` and `max`, better members come first; only those of one value may change places.
        """
        key = (counted.states, group)
        if key not in self._orders:
            self._orders[key] = self._in_order(counted, group, self._of(counted, group))
        return self._orders[key]

    def _reached(self, counted: Counted, group: Row) -> list[dict[Any, bool]]:
        """For each position of a chain, the values that its states may have, and whether one has it in all worlds."""
        key = (counted.states, group)
        if key not in self._sums:
            amounts = [(amount(counted.function, v), c) for _, v, c in self._ordered(counted, group)]
            self._sums[key] = reachable(amounts, self.max_results)
        return self._sums[key]

    def _in_order(self, counted: Counted, group: Row, members: list[Member]) -> list[Member]:
        shown = self.order(counted.states, group)
        by_terms = {self.normal.names.spell_terms(m[0]): m for m in members} if shown else {}
        if counted.function in ("min", "max"):
            members = best_first(counted.function, members)
        placed = {k: by_terms[t] for k, t in shown.items() if t in by_terms and 0 <= k < len(members)}
        if len({m[0] for m in placed.values()}) != len(placed):
            return members
        taken = {m[0] for m in placed.values()}
        rest = [m for m in members if m[0] not in taken]
        if counted.function not in ("min", "max"):
            rest.sort(key=lambda m: not m[2])
            free = iter(rest)
            return [placed[k] if k in placed else next(free) for k in range(len(members))]
        order: list[Member] = []
        for k, member in enumerate(members):
            if k in placed and rank(placed[k]) == rank(member):
                order.append(placed[k])
                continue
            same = next((m for m in rest if rank(m) == rank(member)), None)
            if same is None:
                return members
            rest.remove(same)
            order.append(same)
        return order

    def _state(self, counted: Counted, group: Row, position: int, value: Value) -> GroundAtom:
        number = self.normal.terms.number
        return counted.states, (*group, number(position), number(value))

    def state(self, key: Part, row: Row) -> bool | None:
        """Whether a state of an aggregate's chain holds in all worlds; None if in no world."""
        counted, _ = self.normal.counted[key]
        group = row[: len(counted.group)]
        members = self._ordered(counted, group)
        position, so_far = (self.normal.terms.value(n) for n in row[len(group) :])
        if not isinstance(position, int) or not 0 <= position <= len(members):
            return None
        if counted.function in ("min", "max"):
            before = members[:position]
            return None if so_far != 0 or any(m[2] for m in before) else not before
        return self._reached(counted, group)[position].get(so_far)

    def _sum(self, counted: Counted, statement: int, key: Part, row: Row) -> list[Ground]:
        """state(i + 1, s + v) if member i holds, state(i + 1, s) if it does not; the result is the last state."""
        group, value = row[: len(counted.group)], self.normal.terms.value
        members, sums = self._ordered(counted, group), self._reached(counted, group)
        if key == counted.result:
            if value(row[-1]) not in sums[-1]:
                return []
            state = self._state(counted, group, len(members), value(row[-1]))
            return [Ground(statement, counted.function, (state,), (), ())]
        position, so_far = value(row[-2]), value(row[-1])
        if not isinstance(position, int) or not 0 < position <= len(members):
            return []
        member, added, certain = members[position - 1]
        added = amount(counted.function, added)
        fact = (counted.members, member)
        found: list[Ground] = []
        if so_far - added in sums[position - 1]:  # pyright: ignore[reportOperatorIssue] - states are numbers
            before = self._state(counted, group, position - 1, so_far - added)  # pyright: ignore
            found.append(Ground(statement, counted.function, (before, fact), (), ()))
        if not certain and so_far in sums[position - 1]:
            before = self._state(counted, group, position - 1, so_far)
            found.append(Ground(statement, counted.function, (before,), (fact,), ()))
        return found

    def _extreme(self, counted: Counted, statement: int, key: Part, row: Row) -> list[Ground]:
        """The result is member i's value if it holds and none of those before it does."""
        group, terms = row[: len(counted.group)], self.normal.terms
        members = self._ordered(counted, group)
        used = next((k for k, m in enumerate(members) if m[2]), len(members) - 1) + 1
        found: list[Ground] = []
        if key == counted.result:
            for k, (member, value, _) in enumerate(members[:used]):
                if terms.number(value) == row[-1]:
                    body = (self._state(counted, group, k, 0), (counted.members, member))
                    found.append(Ground(statement, counted.function, body, (), ()))
            return found
        position = terms.value(row[-2])
        if terms.value(row[-1]) == 0 and isinstance(position, int) and 0 < position <= used:
            member, _, certain = members[position - 1]
            if not certain:
                before = self._state(counted, group, position - 1, 0)
                found.append(Ground(statement, counted.function, (before,), ((counted.members, member),), ()))
        return found
