"""What the groundings of one rule conclude, row by row: `neurosym.grounding.conclusions` over lists of bindings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

import numpy as np

from neurosym.grounding import conclusions
from neurosym.grounding.bindings import Bindings
from neurosym.grounding.builder import GraphBuilder
from neurosym.grounding.core import ChoiceSpec, CoreRule, Key
from neurosym.grounding.graph import CERTAIN
from neurosym.grounding.rows.ledger import Ledger
from neurosym.grounding.rows.mirrors import Mirror, Terms, picker
from neurosym.grounding.rows.steps import Binding, Body
from neurosym.lang.ast import Var


class Conclusions:
    """The heads of a rule with a compiled body."""

    def __init__(
        self, number: int, rule: CoreRule, body: Body, wanted: frozenset[Key], builder: GraphBuilder, ledger: Ledger,
        mirror: Callable[[Key], Mirror], by_columns: conclusions.Conclusions,
    ) -> None:  # fmt: skip
        """Of a rule.

        Args:
            number: of the rule that the program's readers know; wanted: conclude only these predicates.
        """
        self._number, self._rule, self._builder, self._ledger = number, rule, builder, ledger
        self._facts = picker([body.facts[p] for p in sorted(body.facts)])
        self._negated, self._slots, self._by_columns = body.negated, body.slots, by_columns
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
        """Whether the weights of a rule's choice are numbers, variables or learned."""
        choice = rule.choice
        return choice is None or choice.parameter is not None or all(isinstance(w, float | Var) for w in choice.weights)

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
        fresh: dict[Terms, Binding] = {}
        for row, binding in zip(leaves, table, strict=True):
            if row[-1] >= start:
                fresh.setdefault(row, binding)
        if fresh:
            self._register(self._rule.choice, fresh)
        return leaves

    def _register(self, choice: ChoiceSpec | None, fresh: dict[Terms, Binding]) -> None:
        """Register new leaves as outcomes of new choices."""
        assert choice is not None
        statement = self._rule.statement
        if choice.parameter is not None:
            rest = self._builder.program.parameters[choice.parameter].rest
            self._ledger.add_choices(list(fresh), statement, rest, [choice.parameter] * len(fresh))
            return
        weights = [self._weigh(choice, binding) for binding in fresh.values()]
        self._ledger.add_choices(list(fresh), statement, True, weights)

    def _weigh(self, choice: ChoiceSpec, binding: Binding) -> tuple[float, ...]:
        """The probabilities of a choice's outcomes."""
        value_of, slots = self._builder.symbols.value, self._slots
        values = [value_of(binding[slots[w.name]]) if isinstance(w, Var) else w for w in choice.weights]
        weights = tuple(float(v) for v in values if type(v) in (int, float) and 0 <= v <= 1)  # pyright: ignore
        if len(weights) == len(values) and sum(weights) <= 1 + 1e-9:
            return weights
        columns = {v: np.array([binding[k]], np.int32) for v, k in slots.items()}
        table = Bindings(1, columns, {}, [], [])  # something is wrong with them, and the columns say what
        return tuple(self._by_columns.weights(self._rule, choice, table)[0].tolist())
