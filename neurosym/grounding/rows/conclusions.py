"""What the groundings of one rule conclude, row by row: `neurosym.grounding.conclusions` over lists of bindings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

from neurosym.grounding.builder import GraphBuilder
from neurosym.grounding.core import ChoiceSpec, CoreRule, Key
from neurosym.grounding.graph import CERTAIN
from neurosym.grounding.rows.ledger import Ledger
from neurosym.grounding.rows.mirrors import Mirror, Terms, picker
from neurosym.grounding.rows.steps import Binding, Body


class Conclusions:
    """The heads of a rule with a compiled body."""

    def __init__(
        self, number: int, rule: CoreRule, body: Body, wanted: frozenset[Key], builder: GraphBuilder, ledger: Ledger,
        mirror: Callable[[Key], Mirror],
    ) -> None:  # fmt: skip
        """Of a rule.

        Args:
            number: of the rule that the program's readers know; wanted: conclude only these predicates.
        """
        self._number, self._rule, self._builder, self._ledger = number, rule, builder, ledger
        self._facts = picker([body.facts[p] for p in sorted(body.facts)])
        self._negated = body.negated
        self._doubtful = [builder.relation(key) for key in rule.positive]
        places = {constant: k for k, constant in enumerate(body.start)} | body.slots
        self._heads = [
            (head.key, mirror(head.key), picker([places[a] for a in head.args if a is not None]), outcome)
            for head, outcome in rule.heads
            if head.key in wanted
        ]
        self._leaves: list[tuple[Key, Mirror]] = []
        if rule.choice is not None:
            self._leaves = [(key, mirror(key)) for key in rule.choice.leaves]
            self._variables = picker([body.slots[v] for v in rule.choice.variables])

    @staticmethod
    def can(rule: CoreRule) -> bool:
        """Whether the weights of a rule's choice are known before it fires, and not too large."""
        choice = rule.choice
        if choice is None or choice.parameter is not None:
            return True
        return all(isinstance(w, float) and 0 <= w <= 1 for w in choice.weights) and _sum(choice) <= 1 + 1e-9

    def add(self, table: Sequence[Binding], rank: int, keep: bool) -> None:
        """Add the heads of the groundings that some bindings are.

        Args:
            keep: whether the groundings are recorded or some body fact is only possible; without, all are certain.
        """
        ledger = self._ledger
        bodies = [self._facts(binding) for binding in table] if keep else []
        negated, absent = self._under_negation(table) if keep else ([], [])
        certain = self._certain(bodies, negated) if keep else True
        leaves = self._choose(table) if self._leaves else []
        for key, mirror, pick, outcome in self._heads:
            rows = [pick(binding) for binding in table]
            if key in self._builder.program.questions:
                ledger.ask(key, mirror, rows)
                continue
            sure, full = certain, bodies
            if leaves and outcome is not None:
                full = [
                    (*body, chosen[outcome]) for body, chosen in zip(bodies or [()] * len(leaves), leaves, strict=True)
                ]
                sure = False
            heads = ledger.add_facts(key, mirror, rows, sure, rank + 1)
            if keep or sure is not True:
                ledger.add_groundings(self._number, heads, full, negated, absent, sure)

    def _under_negation(self, table: Sequence[Binding]) -> tuple[Sequence[Terms], Sequence[Terms]]:
        """For each binding its facts under negation and the numbers of its absent atoms, in the order of the steps."""
        if not self._negated:
            nothing: list[Terms] = [()] * len(table)
            return nothing, nothing
        negated = [tuple(chain.from_iterable(b[k] for k in self._negated)) for b in table]
        return negated, [tuple(b[k + 1] for k in self._negated if b[k + 1] >= 0) for b in table]

    def _certain(self, bodies: Sequence[Terms], negated: Sequence[Terms]) -> bool | list[bool]:
        """Whether each grounding has only certain facts and none under negation."""
        if not any(relation.possible for relation in self._doubtful):
            return [not under for under in negated] if any(negated) else True
        status = self._ledger.status()
        return [
            not under and all(status[fact] == CERTAIN for fact in body)
            for body, under in zip(bodies, negated, strict=True)
        ]

    def _choose(self, table: Sequence[Binding]) -> list[Any]:
        """The leaf facts of the rule's choice for each grounding."""
        rows = [self._variables(binding) for binding in table]
        columns, start = [], 0
        for key, mirror in self._leaves:
            start = self._builder.num_facts
            columns.append(self._ledger.add_facts(key, mirror, rows, False, 0))
        leaves = list(zip(*columns, strict=True))
        fresh = list(dict.fromkeys(row for row in leaves if row[-1] >= start))
        if fresh:
            self._register(fresh)
        return leaves

    def _register(self, leaves: Sequence[Terms]) -> None:
        choice, statement = self._rule.choice, self._rule.statement
        assert choice is not None
        if choice.parameter is not None:
            rest = self._builder.program.parameters[choice.parameter].rest
            self._ledger.add_choices(leaves, statement, rest, choice.parameter)
        else:
            self._ledger.add_choices(leaves, statement, True, tuple(w for w in choice.weights if isinstance(w, float)))


def _sum(choice: ChoiceSpec) -> float:
    return sum(w for w in choice.weights if isinstance(w, float))
