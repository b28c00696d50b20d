"""What each rule and each leaf adds: the claim without it, by leaving it out.

A weighted rule or an uncertain leaf is left out by giving it probability 0, all of them as one batch through the same
evaluator. A rule without a weight, or a recorded fact, changes what can be derived: the program is grounded without
it. What networks said is kept: none is run again.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from neurosym.errors import NeurosymError
from neurosym.explain.model import Contribution
from neurosym.facts import FactBase
from neurosym.facts.factbase import Table
from neurosym.grounding import DerivationGraph, ground
from neurosym.lang.ast import Program, Rule
from neurosym.reasoner import Answers
from neurosym.reasoner.grounded import Grounded
from neurosym.semantics import Evaluator, Exact

BATCH = 256


def leave_out_leaves(
    answers: Answers, fact: int, groups: Sequence[Sequence[int]], sample: int, evaluator: Exact | Evaluator
) -> list[float]:
    """The claim's tag with each group of leaves at probability 0.

    Args:
        groups: fact ids of leaves that are left out together, such as all firings of one rule.
    """
    base = answers.leaf_tags[sample].detach()
    results: list[float] = []
    for start in range(0, len(groups), BATCH):
        part = groups[start : start + BATCH]
        tags = base.expand(len(part), -1).clone()
        for row, leaves in enumerate(part):
            tags[row, torch.tensor(list(leaves), dtype=torch.long)] = 0
        with torch.no_grad():
            try:
                results.extend(evaluator(tags)[:, 0].tolist())
            except NeurosymError:  # without it the evidence is impossible
                results.extend([float("nan")] * len(part))
    return results


def rule_leaves(graph: DerivationGraph, statement: int, among: set[int]) -> list[int]:
    """Leaves of a weighted statement's choices that are among some facts."""
    found: list[int] = []
    for group in graph.choices:
        if group.kind != "neural":
            rows = group.facts[group.statements == statement]
            found.extend(f for f in rows.reshape(-1).tolist() if f in among)
    return found


class Regrounder:
    """Probabilities under a changed program or fact base, with the leaves' probabilities of the original.

    Attributes:
        spent: seconds so far; past `budget` nothing more is grounded.
    """

    def __init__(self, answers: Answers, program: Program, facts: FactBase, sample: int, budget: float) -> None:
        self.answers = answers
        self.program = program
        self.facts = facts
        self.sample = sample
        self.budget = budget
        self.spent = 0.0
        graph = answers.grounded.graph
        tags = answers.leaf_tags[sample].detach()
        leaves = np.nonzero(graph.choice >= 0)[0].tolist()
        # hidden predicates are numbered in order of appearance, which a left-out rule would shift
        self._known = {self._name(graph, f): float(tags[f]) for f in leaves}

    @staticmethod
    def _name(graph: DerivationGraph, fact: int) -> tuple:
        key, args = graph.key(fact), tuple(graph.symbols.values(graph.args(fact)))
        if key not in graph.program.hidden:
            return (key, args)
        return (graph.program.hidden[key], key[0].rsplit(" #", 1)[0], args)

    def without_rule(self, statement: int, atom: str) -> float | None:
        """The claim without a rule; None if the budget is spent."""
        rule = self.program.rules[statement]
        kept = tuple(
            s
            for s in self.program.statements
            if s is not rule
            # an exception to a rule that is gone has nothing to except
            and not (isinstance(s, Rule) and rule.name is not None and s.exception_to == rule.name)
        )
        return self._evaluate(replace(self.program, statements=kept), self.facts, atom)

    def without_fact(self, key: tuple[str, int], args: tuple, atom: str) -> float | None:
        """The claim without a fact of the fact base; None if the budget is spent or it is not there."""
        changed = FactBase(self.facts.symbols, dict(self.facts.tables), self.facts.places, self.facts.prefixes)
        table = self.facts.tables.get(key)
        if table is None:
            return None
        row = np.array([self.facts.symbols.find(a) for a in args], np.int32)
        keep = ~(table.rows == row).all(axis=1)
        changed.tables[key] = Table(table.rows[keep], table.places[keep])
        return self._evaluate(self.program, changed, atom)

    def _evaluate(self, program: Program, facts: FactBase, atom: str) -> float | None:
        if self.spent > self.budget:
            return None
        started = time.monotonic()
        answers = self.answers
        graph = ground(program, facts, slots=sorted(answers.inputs), queries=answers.query)
        tags = torch.zeros(1, graph.num_facts, dtype=answers.leaf_tags.dtype)
        for fact in np.nonzero(graph.choice >= 0)[0].tolist():
            tags[0, fact] = self._known.get(self._name(graph, fact), 0.0)
        grounded = Grounded(graph, answers.grounded.leaves, answers.grounded.max_circuit)
        names = {graph.atom(f): f for a in answers.query for f in grounded.matches(a)}
        value = 0.0
        if atom in names:
            observed = [(answers.grounded.graph.atom(f), v) for f, v in answers.evidence]
            evidence = tuple((f, v) for a, v in observed for f in [_find(graph, a)] if f is not None)
            semantics = answers.algebra
            value = float(grounded.evaluator([names[atom]], evidence, semantics)(tags)[0, 0])
        self.spent += time.monotonic() - started
        return value


def _find(graph: DerivationGraph, atom: str) -> int | None:
    return next((f for f in range(graph.num_facts) if graph.atom(f) == atom), None)


def ordered(contributions: Sequence[Contribution]) -> tuple[Contribution, ...]:
    """Rules first, then leaves, each by decreasing size of the difference."""
    return tuple(sorted(contributions, key=lambda c: (c.kind != "rule", -abs(c.difference), c.name)))


__all__ = ["Regrounder", "leave_out_leaves", "ordered", "rule_leaves"]
