"""What a claim would be under a changed program or changed facts: the program is grounded anew.

The probabilities of the leaves are those of the original. What networks said is kept: none is run again.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from neurosym.errors import GroundingError, ImpossibleEvidence, LimitError, SemanticsError
from neurosym.explain.contributions.leaving import Switched
from neurosym.explain.contributions.players import rule_leaves
from neurosym.explain.contributions.switches import switchable, switched
from neurosym.explain.contributions.tags import tags_of
from neurosym.facts import FactBase
from neurosym.grounding import DerivationGraph, ground
from neurosym.grounding.builtins import constant_weight
from neurosym.lang.ast import Alternative, And, Atom, Const, Literal, Program, Rule, Weight
from neurosym.lang.walk import conjuncts
from neurosym.reasoner import Answers, Reasoner
from neurosym.reasoner.grounded import Grounded

SWITCH = " on "  # begins the predicate that says whether a rule is there; no rule file can name it
SWITCHES = 64  # rules and recorded facts, of all that a claim may rest on, that samples share switches of


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

    def without_rule(self, statement: int, claim: int) -> float | None:
        """The claim (a fact id) without a rule; None if the budget is spent, NaN if the evidence is impossible then.

        None also where it cannot be evaluated: its circuit is too large, say.
        """
        gone = [self.program.rules[statement]]
        alone: dict[int, Rule] = {}
        for rule in gone:
            # An exception to a rule that is gone has nothing to except, nor has an exception to it. One that concludes
            # something itself goes on doing so.
            for other in self.program.rules:
                if rule.name is None or other.exception_to != rule.name:
                    continue
                if other.heads:
                    alone[id(other)] = _rule_of_its_own(other)
                else:
                    gone.append(other)
        left_out = {id(rule) for rule in gone}
        kept = tuple(alone.get(id(s), s) for s in self.program.statements if id(s) not in left_out)
        return self._evaluate(replace(self.program, statements=kept), self.facts, claim)

    def without_fact(self, key: tuple[str, int], args: tuple, claim: int) -> float | None:
        """The same without a fact of the fact base or of the rule text; None also if the fact is in neither."""
        said = self._said.get((key, args), ())
        if key not in self.facts.tables and not said:
            return None
        changed = self.facts - FactBase.from_facts([(key[0], args)])
        kept = tuple(s for k, s in enumerate(self.program.statements) if k not in said)
        return self._evaluate(replace(self.program, statements=kept), changed, claim, self.answers.grounded.graph)

    @cached_property
    def _said(self) -> dict[tuple[tuple[str, int], tuple], list[int]]:
        """Fact → the statements that say it is certain: with no weight, or with the weight 1."""
        found: dict[tuple[tuple[str, int], tuple], list[int]] = {}
        for k, rule in enumerate(self.program.statements):
            if not isinstance(rule, Rule) or not rule.is_fact or len(rule.heads) != 1:
                continue
            (head,) = rule.heads
            if head.weight is None or (not head.weight.learn and constant_weight(head.weight) == 1):
                for atom in head.atoms:
                    values = _values(atom)
                    if values is not None:
                        found.setdefault((atom.key, values), []).append(k)
        return found

    def without_each(
        self, rules: Sequence[int], facts: Mapping[int, tuple[tuple[str, int], tuple]], claim: int, value: float
    ) -> list[float | None] | None:
        """The claim without each of some rules and facts, grounding once at most.

        Each of them becomes uncertain, with probability one, and is left out by giving it probability zero.

        Args:
            rules: unweighted statements; facts: recorded in the fact base or in the rule text, by their ids.
            value: what the claim is with all of them.

        Returns:
            The tag without each, NaN where the evidence is impossible then, None where the budget is spent, or it is
            too much to be evaluated; None for
            all where that does not work out: what is uncertain cannot be summed up, say. Then they are left out one
            by one.
        """
        if self.spent > self.budget:
            return None
        started = time.monotonic()
        try:
            switched, asked = self._switched(rules, list(facts), claim) or (None, [])
            if switched is None:
                made = self._anew(rules, list(facts.values()), claim)
                if made is None:
                    return None
                (switched, tags), asked = made, list(range(len(rules) + len(facts)))
            else:
                tags = self.answers.leaf_tags[self.sample].detach()
                tags = torch.cat([tags, tags.new_ones(switched.switches)])[None]
            found = switched.without(tags, value, asked, lambda: self.spent + time.monotonic() - started > self.budget)
            if switched.key is not None:
                self.answers.grounded.kept.put(switched.key, switched, switched.size)
            return found
        except (GroundingError, LimitError, SemanticsError):
            return None
        finally:
            self.spent += time.monotonic() - started

    def _switched(self, rules: Sequence[int], facts: Sequence[int], claim: int) -> tuple[Switched, list[int]] | None:
        """The graph that there is with switches, and which of them are those of the rules and of the facts.

        Where samples share the graph, all that the claim may rest on has a switch, if that is not much: what is made
        for one sample then serves the others. None where more than that would change.
        """
        rests = (claim, *(e for e, _ in self.answers.evidence))
        if self.answers.inputs:
            every, recorded = self._switchable(rests)
            every, recorded = sorted({*every, *rules}), sorted({*recorded, *facts})
            if len(every) + len(recorded) <= SWITCHES:
                made = self._kept(every, recorded, claim, rests)
                if made is not None:
                    at = [every.index(r) for r in rules]
                    return made, at + [len(every) + recorded.index(f) for f in facts]
        made = self._kept(rules, facts, claim, rests)
        return None if made is None else (made, list(range(made.switches)))

    def _switchable(self, rests: tuple[int, ...]) -> tuple[list[int], list[int]]:
        grounded = self.answers.grounded
        found = grounded.kept.get(("switchable", rests))
        if found is None:
            found = switchable(grounded.graph, rests, self.program)
            grounded.kept.put(("switchable", rests), found, sum(map(len, found)))
        return found

    def _kept(self, rules: Sequence[int], facts: Sequence[int], claim: int, rests: Sequence[int]) -> Switched | None:
        """A graph with these switches, perhaps from an earlier explanation."""
        answers = self.answers
        key = ("switched", claim, answers.evidence, tuple(rules), tuple(facts))
        found = answers.grounded.kept.get(key) if answers.algebra is None else None
        if found is not None:
            return found
        made = switched(answers.grounded.graph, rests, rules, facts, self.program)
        if made is None:
            return None
        graph, leaves = made
        key = key if answers.algebra is None else None
        return Switched(graph, leaves, len(rules), claim, answers.evidence, answers.algebra, answers.grounded, key)

    def _anew(
        self, rules: Sequence[int], facts: Sequence[tuple[tuple[str, int], tuple]], claim: int
    ) -> tuple[Switched, Tensor] | None:
        """The program grounded anew with some rules and facts uncertain; None where the evidence cannot be."""
        program, base, added = self._uncertain(rules, facts)
        graph = self._ground(program, base, claim, None)
        found, evidence = self._same(graph, claim), self._evidence(graph)
        if found is None or evidence is None:
            return None
        leaves = [next(iter(rule_leaves(graph, statement)), None) for statement in added]
        tags = self._leaf_tags(graph, program)
        tags[:, [f for f in leaves if f is not None]] = 1
        return Switched(graph, leaves, len(rules), found, evidence, self.answers.algebra, self.answers.grounded), tags

    def _uncertain(
        self, rules: Sequence[int], facts: Sequence[tuple[tuple[str, int], tuple]]
    ) -> tuple[Program, FactBase, range]:
        """The program and the fact base in which some rules and facts are uncertain, and the rules that decide that."""
        weight = Weight(Const(1.0), learn=True)
        statements = list(self.program.statements)
        text = {id(rule): k for k, rule in enumerate(statements)}
        atoms: list[Atom] = []
        for number in rules:
            rule = self.program.rules[number]
            switch = Atom(f"{SWITCH}{number}", ())
            statements[text[id(rule)]] = replace(rule, body=And((*conjuncts(rule.body), Literal(switch))))
            atoms.append(switch)
        base = self.facts - FactBase.from_facts([(key[0], args) for key, args in facts])
        for key, args in facts:
            atom = Atom(key[0], tuple(Const(v) for v in args))
            for k in self._said.get((key, args), ()):
                statements[k] = Rule(())
            atoms.append(atom)
        kept = [s for s in statements if not (isinstance(s, Rule) and not s.heads and s.exception_to is None)]
        first = sum(isinstance(s, Rule) for s in kept)
        kept += [Rule((Alternative((atom,), weight),)) for atom in atoms]
        return replace(self.program, statements=tuple(kept)), base, range(first, first + len(atoms))

    def _evaluate(
        self, program: Program, facts: FactBase, claim: int, previous: DerivationGraph | None = None
    ) -> float | None:
        if self.spent > self.budget:
            return None
        started = time.monotonic()
        graph = self._ground(program, facts, claim, previous)
        found = self._same(graph, claim)
        try:
            value = 0.0 if found is None else self._tag(graph, found, program)
        except SemanticsError:  # too large a circuit, for one
            value = None
        self.spent += time.monotonic() - started
        return value

    def _ground(
        self, program: Program, facts: FactBase, claim: int, previous: DerivationGraph | None
    ) -> DerivationGraph:
        answers, demand = self.answers, self.reasoner.demand
        original = answers.grounded.graph
        rests = (claim, *(e for e, _ in answers.evidence))
        asked = [original.ground_atom(f) for f in rests] if demand else answers.query
        return ground(
            program, facts, slots=sorted(answers.inputs), queries=asked, limits=self.reasoner.limits, demand=demand,
            previous=None if demand else previous,
        )  # fmt: skip

    def _same(self, graph: DerivationGraph, fact: int) -> int | None:
        """The fact of another graph that is the same atom."""
        return next(iter(graph.matches(self.answers.grounded.graph.ground_atom(fact)).tolist()), None)

    def _weights(self, graph: DerivationGraph, program: Program) -> Tensor:
        """(F,) probabilities of the rules' choices: what is left out may let a weighted rule fire that did not."""
        learned = {id(self.program.rules[p.statement]): k for k, p in enumerate(self.reasoner.learnable)}
        tags = torch.zeros(graph.num_facts, dtype=torch.float64)
        for group in graph.choices:
            if group.probabilities is not None:
                tags[torch.from_numpy(group.facts.astype(np.int64))] = torch.from_numpy(group.probabilities)
            elif group.kind == "learned":
                for row, statement in zip(group.facts.tolist(), group.statements.tolist(), strict=True):
                    number = learned.get(id(program.rules[statement]))
                    if number is not None:  # else it is one that was added to leave something out
                        tags[row] = self.reasoner.weights(number).detach().double().to(tags.device)
        return tags

    def _tag(self, graph: DerivationGraph, fact: int, program: Program) -> float:
        """The tag of a fact of another graph, NaN where what was observed cannot be.

        Raises:
            SemanticsError: it cannot be evaluated.
        """
        answers = self.answers
        evidence = self._evidence(graph)
        if evidence is None:
            return math.nan
        grounded = self._grounded(graph, answers.grounded.max_circuit)
        try:
            evaluator = grounded.evaluator([fact], evidence, answers.algebra)
            return float(tags_of(evaluator, self._leaf_tags(graph, program))[0])
        except ImpossibleEvidence:
            return math.nan

    def _grounded(self, graph: DerivationGraph, limit: int) -> Grounded:
        """A changed graph, whose shapes may have been solved for others."""
        made = Grounded(graph, self.answers.grounded.leaves, limit)
        made.solutions = self.answers.grounded.solutions
        return made

    def _evidence(self, graph: DerivationGraph) -> tuple[tuple[int, bool], ...] | None:
        """What was observed, as facts of another graph; None where it cannot be."""
        evidence: list[tuple[int, bool]] = []
        for observed, positive in self.answers.evidence:
            same = self._same(graph, observed)
            if same is not None:
                evidence.append((same, positive))
            elif positive:
                return None
        return tuple(sorted(evidence))

    def _leaf_tags(self, graph: DerivationGraph, program: Program) -> Tensor:
        """(1, F) tags of another graph's leaves; those of a network that was not asked before are zero."""
        known, original = self.answers.grounded.graph.named_leaves, self.answers.leaf_tags[self.sample].detach()
        tags = self._weights(graph, program).to(original.dtype)[None]
        pairs = [(leaf, known[name]) for name, leaf in graph.named_leaves.items() if name in known]
        if pairs:
            here, there = torch.tensor(pairs).T
            tags[0, here] = original[there]
        return tags


def _rule_of_its_own(exception: Rule) -> Rule:
    """An exception without the rule that it is to: what it concludes, with the probability that it applies."""
    heads = tuple(replace(h, weight=exception.exception_weight or h.weight) for h in exception.heads)
    return replace(exception, heads=heads, exception_to=None, exception_weight=None)


def _values(atom: Atom) -> tuple | None:
    """The arguments of a ground atom; None if it is not ground."""
    values = tuple(a.value for a in atom.args if isinstance(a, Const))
    return values if len(values) == len(atom.args) else None
