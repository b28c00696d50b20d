"""What firings conclude: head facts, the leaves of a rule's choice, and the groundings that the graph keeps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurosym.errors import GroundingError
from neurosym.facts import Ids
from neurosym.facts.symbols import FLOAT, INT
from neurosym.grounding.bindings import Bindings, stacked
from neurosym.grounding.builder import GraphBuilder
from neurosym.grounding.builtins import Evaluator
from neurosym.grounding.columns import Mask
from neurosym.grounding.core import ChoiceSpec, CoreRule, Key
from neurosym.grounding.graph import ChoiceGroup
from neurosym.grounding.groundings import Ragged


class Conclusions:
    """Adds the conclusions of finished bindings to a builder."""

    def __init__(self, builder: GraphBuilder, evaluator: Evaluator) -> None:
        self.builder = builder
        self.evaluator = evaluator

    def add(
        self, number: int, rule: CoreRule, table: Bindings, rank: int, wanted: frozenset[Key] | None, keep: bool
    ) -> None:  # fmt: skip
        """Add the heads of n groundings of a rule.

        Args:
            number: of the rule that the program's readers know; wanted: conclude only these predicates.
            keep: whether the body's facts are in the bindings, because the groundings are recorded or some body fact is
                only possible; without, all of them are certain.
        """
        n = table.n
        body = np.zeros((n, 0), np.int32)
        negated = absent = None
        certain: Mask | bool = True
        if keep:
            body = stacked([table.facts[p] for p in sorted(table.facts)], n)
            negated, absent = Ragged.join(table.negated, n), Ragged.join(table.absent, n)
            certain = self._certain(rule, body, negated)
        leaves = self._leaves(rule, rule.choice, table) if rule.choice else None
        for head, outcome in rule.heads:
            if wanted is not None and head.key not in wanted:
                continue
            rows = stacked([a if isinstance(a, int) else table.columns[a] for a in head.args if a is not None], n)
            if head.key in self.builder.program.questions:
                self.builder.ask(head.key, rows)
                continue
            sure, full = certain, body
            if leaves is not None and outcome is not None:
                full = np.concatenate([body, leaves[:, outcome : outcome + 1]], axis=1)
                sure = False
            facts, _ = self.builder.add_facts(head.key, rows, sure, rank + 1)
            if keep or sure is not True:
                held = np.zeros(n, np.bool_) if sure is False else sure if isinstance(sure, bool) else sure.copy()
                self.builder.add_block(number, facts, full, negated, absent, held)

    def _certain(self, rule: CoreRule, body: Ids, negated: Ragged | None) -> Mask | bool:
        """(n,) whether all body facts are certain and none is under negation; True if all are."""
        doubtful = any(self.builder.relation(k).possible for k in rule.positive)
        if not doubtful and negated is None:
            return True
        certain = self.builder.all_certain(body) if doubtful else np.ones(len(body), np.bool_)
        return certain if negated is None else certain & (negated.counts == 0)

    # ----------------------------------------------------------------------------------------------- choices

    def _leaves(self, rule: CoreRule, choice: ChoiceSpec, table: Bindings) -> Ids:
        """(n, K) leaf facts of the rule's choice for each grounding; a weight that is certain makes no leaf."""
        rows = stacked([table.columns[v] for v in choice.variables], table.n)
        columns = []
        fresh = np.zeros(table.n, bool)
        for key in choice.leaves:
            start = self.builder.num_facts
            facts, _ = self.builder.add_facts(key, rows, False, 0)
            fresh = facts >= start
            columns.append(facts)
        leaves = np.stack(columns, axis=1)
        if fresh.any():
            at = np.nonzero(fresh)[0]
            _, first = np.unique(leaves[at, 0], return_index=True)
            at = at[first]
            self._register(rule, choice, leaves[at], table.take(at, frozenset(table.columns)))
        return leaves

    def _register(self, rule: CoreRule, choice: ChoiceSpec, leaves: Ids, table: Bindings) -> None:
        n = len(leaves)
        of = np.full(n, rule.statement, np.int32)
        if choice.parameter is not None:
            rest = self.builder.program.parameters[choice.parameter].rest
            parameters = np.full(n, choice.parameter, np.int32)
            group = ChoiceGroup(leaves, "learned", of, rest, parameters=parameters)
        else:
            weights = self.weights(rule, choice, table)
            group = ChoiceGroup(leaves, "constant", of, True, probabilities=weights)
        self.builder.add_choices(group)

    def weights(self, rule: CoreRule, choice: ChoiceSpec, table: Bindings) -> NDArray[np.float64]:
        """(n, K) probabilities of the outcomes for each grounding.

        Raises:
            GroundingError: a weight is no probability, or they sum to more than 1 (NS409).
        """
        weights = np.stack([self._weight(w, table, rule) for w in choice.weights], axis=1)
        if (weights.sum(axis=1) > 1 + 1e-9).any():
            raise GroundingError(f"the weights of `{self._label(rule)}` sum to more than 1", code="NS409")
        return weights

    def _weight(self, weight: object, table: Bindings, rule: CoreRule) -> NDArray[np.float64]:
        if isinstance(weight, float):
            return np.full(table.n, weight)
        operand = self.evaluator.operand(weight, table.columns, table.n)  # pyright: ignore
        number = operand.ok & ((operand.kind == INT) | (operand.kind == FLOAT))
        bad = ~number | (operand.floats < 0) | (operand.floats > 1)
        if bad.any():
            value = operand.floats[bad][0] if number[bad][0] else "no number"
            raise GroundingError(f"a weight of `{self._label(rule)}` is {value}, outside [0, 1]", code="NS409")
        return operand.floats

    def _label(self, rule: CoreRule) -> str:
        return self.builder.program.statements[rule.statement].label
