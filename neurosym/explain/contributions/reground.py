"""What a claim would be under a changed program or changed facts: the program is grounded anew.

The probabilities of the leaves are those of the original. What networks said is kept: none is run again.
"""

from __future__ import annotations

import math
import time
from dataclasses import replace
from functools import cached_property

import numpy as np
import torch

from neurosym.errors import SemanticsError
from neurosym.facts import FactBase
from neurosym.facts.factbase import Table
from neurosym.grounding import DerivationGraph, ground
from neurosym.lang.ast import Atom, Const, Program
from neurosym.reasoner import Answers, Reasoner
from neurosym.reasoner.grounded import Grounded


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
        gone = [self.program.rules[statement]]
        for rule in gone:  # an exception to a rule that is gone has nothing to except, nor has an exception to it
            gone += [r for r in self.program.rules if rule.name is not None and r.exception_to == rule.name]
        left_out = {id(rule) for rule in gone}
        kept = tuple(s for s in self.program.statements if id(s) not in left_out)
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
        value = 0.0 if found is None else self._tag(graph, found, program)
        self.spent += time.monotonic() - started
        return value

    def _same(self, graph: DerivationGraph, fact: int) -> int | None:
        """The fact of another graph that is the same atom."""
        return next(iter(graph.matches(self._atom(fact)).tolist()), None)

    def _atom(self, fact: int) -> Atom:
        original = self.answers.grounded.graph
        args = tuple(Const(v) for v in original.symbols.values(original.args(fact)))
        return Atom(original.key(fact)[0], args)

    def _weights(self, graph: DerivationGraph, program: Program) -> torch.Tensor:
        """(F,) probabilities of the rules' choices: what is left out may let a weighted rule fire that did not."""
        learned = {id(self.program.rules[p.statement]): k for k, p in enumerate(self.reasoner.learnable)}
        tags = torch.zeros(graph.num_facts, dtype=torch.float64)
        for group in graph.choices:
            if group.probabilities is not None:
                tags[torch.from_numpy(group.facts.astype(np.int64))] = torch.from_numpy(group.probabilities)
            elif group.kind == "learned":
                for row, statement in zip(group.facts.tolist(), group.statements.tolist(), strict=True):
                    weights = self.reasoner.weights(learned[id(program.rules[statement])])
                    tags[row] = weights.detach().double().to(tags.device)
        return tags

    def _tag(self, graph: DerivationGraph, fact: int, program: Program) -> float:
        """The tag of a fact of another graph, NaN where what was observed cannot be."""
        answers = self.answers
        evidence: list[tuple[int, bool]] = []
        for observed, positive in answers.evidence:
            same = self._same(graph, observed)
            if same is not None:
                evidence.append((same, positive))
            elif positive:
                return math.nan
        tags = self._weights(graph, program).to(answers.leaf_tags.dtype)[None]
        for leaf in np.nonzero(graph.choice >= 0)[0].tolist():
            known = self._known.get(self._name(graph, leaf))
            if known is not None:
                tags[0, leaf] = known
        grounded = Grounded(graph, answers.grounded.leaves, answers.grounded.max_circuit)
        try:
            return float(grounded.evaluator([fact], tuple(sorted(evidence)), answers.algebra)(tags)[0, 0])
        except SemanticsError:  # without it the evidence is impossible
            return math.nan
