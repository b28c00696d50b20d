"""What each rule and each leaf adds: the claim without it, by leaving it out.

A weighted rule or an uncertain leaf is left out by giving it probability 0, all of them as one batch through the same
evaluator. A rule without a weight, or a recorded fact, changes what can be derived: the program is grounded without
it. What networks said is kept: none is run again.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
import torch

from neurosym.errors import SemanticsError
from neurosym.explain.model import Contribution
from neurosym.facts import FactBase
from neurosym.facts.factbase import Table
from neurosym.grounding import DerivationGraph, ground
from neurosym.lang.ast import Atom, Const, Program, Rule
from neurosym.reasoner import Answers, Reasoner
from neurosym.reasoner.grounded import Grounded
from neurosym.semantics import Bounds, Evaluator, Exact, ProofBounds

BATCH = 256


def leave_out_leaves(
    answers: Answers,
    fact: int,
    groups: Sequence[Sequence[int]],
    sample: int,
    evaluator: Exact | Evaluator | Bounds | ProofBounds,
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
            except SemanticsError:  # without one of them the evidence is impossible: find out which
                results.extend(_alone(evaluator, row) for row in tags)
    return results


def _alone(evaluator: Exact | Evaluator | Bounds | ProofBounds, tags: torch.Tensor) -> float:
    """The tag under one row of leaf probabilities, NaN where the evidence is impossible."""
    try:
        return float(evaluator(tags[None])[0, 0])
    except SemanticsError:
        return math.nan


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

    def __init__(self, answers: Answers, reasoner: Reasoner, facts: FactBase, sample: int, budget: float) -> None:
        self.answers = answers
        self.reasoner = reasoner
        self.program = reasoner.program
        self.facts = facts
        self.sample = sample
        self.budget = budget
        self.spent = 0.0

    @cached_property
    def _known(self) -> dict[tuple, float]:
        """Leaf → its probability; hidden predicates by what they are, since a left-out rule shifts their numbers."""
        graph, tags = self.answers.grounded.graph, self.answers.leaf_tags[self.sample].tolist()
        return {self._name(graph, f): tags[f] for f in np.nonzero(graph.choice >= 0)[0].tolist()}

    @staticmethod
    def _name(graph: DerivationGraph, fact: int) -> tuple:
        key, args = graph.key(fact), tuple(graph.symbols.values(graph.args(fact)))
        if key not in graph.program.hidden:
            return (key, args)
        return (graph.program.hidden[key], key[0].rsplit(" #", 1)[0], args)

    def without_rule(self, statement: int, claim: int) -> float | None:
        """The claim (a fact id) without a rule; None if the budget is spent, NaN if the evidence is impossible then."""
        rule = self.program.rules[statement]
        kept = tuple(
            s
            for s in self.program.statements
            if s is not rule
            # an exception to a rule that is gone has nothing to except
            and not (isinstance(s, Rule) and rule.name is not None and s.exception_to == rule.name)
        )
        return self._evaluate(replace(self.program, statements=kept), self.facts, claim)

    def without_fact(self, key: tuple[str, int], args: tuple, claim: int) -> float | None:
        """The same without a fact of the fact base; None also if it is not there."""
        changed = FactBase(self.facts.symbols, dict(self.facts.tables), self.facts.places, self.facts.prefixes)
        table = self.facts.tables.get(key)
        if table is None:
            return None
        row = np.array([self.facts.symbols.find(a) for a in args], np.int32)
        keep = ~(table.rows == row).all(axis=1)
        changed.tables[key] = Table(table.rows[keep], table.places[keep])
        return self._evaluate(self.program, changed, claim, self.answers.grounded.graph)

    def _evaluate(
        self, program: Program, facts: FactBase, claim: int, previous: DerivationGraph | None = None
    ) -> float | None:
        if self.spent > self.budget:
            return None
        started = time.monotonic()
        answers = self.answers
        demand = self.reasoner.demand
        asked = [self._atom(f) for f in (claim, *(e for e, _ in answers.evidence))] if demand else answers.query
        graph = ground(
            program, facts, slots=sorted(answers.inputs), queries=asked, limits=self.reasoner.limits, demand=demand,
            previous=None if demand else previous,
        )  # fmt: skip
        found = self._same(graph, claim)
        value = 0.0 if found is None else self._tag(graph, found)
        self.spent += time.monotonic() - started
        return value

    def _same(self, graph: DerivationGraph, fact: int) -> int | None:
        """The fact of another graph that is the same atom."""
        return next(iter(graph.matches(self._atom(fact)).tolist()), None)

    def _atom(self, fact: int) -> Atom:
        original = self.answers.grounded.graph
        args = tuple(Const(v) for v in original.symbols.values(original.args(fact)))
        return Atom(original.key(fact)[0], args)

    def _tag(self, graph: DerivationGraph, fact: int) -> float:
        """The tag of a fact of another graph, NaN where what was observed cannot be."""
        answers = self.answers
        evidence: list[tuple[int, bool]] = []
        for observed, positive in answers.evidence:
            same = self._same(graph, observed)
            if same is not None:
                evidence.append((same, positive))
            elif positive:
                return math.nan
        tags = torch.zeros(1, graph.num_facts, dtype=answers.leaf_tags.dtype)
        for leaf in np.nonzero(graph.choice >= 0)[0].tolist():
            tags[0, leaf] = self._known.get(self._name(graph, leaf), 0.0)
        grounded = Grounded(graph, answers.grounded.leaves, answers.grounded.max_circuit)
        try:
            return float(grounded.evaluator([fact], tuple(sorted(evidence)), answers.algebra)(tags)[0, 0])
        except SemanticsError:  # without it the evidence is impossible
            return math.nan


def ordered(contributions: Sequence[Contribution]) -> tuple[Contribution, ...]:
    """Rules first, then leaves, each by decreasing size of the difference."""
    return tuple(sorted(contributions, key=lambda c: (c.kind != "rule", -abs(c.difference), c.name)))


__all__ = ["Regrounder", "leave_out_leaves", "ordered", "rule_leaves"]
