"""How probable the facts that an explanation speaks of are, by the evaluator of the answers."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch

from neurosym.explain.assumptions import Assumptions
from neurosym.grounding import CERTAIN
from neurosym.reasoner import Answers
from neurosym.semantics import Bounds


class Chances:
    """Probabilities of the facts of one sample; those of derived facts are computed when they are asked for.

    Attributes:
        observed: fact → whether it was observed to hold.
        assumptions: the unknown atoms.
    """

    def __init__(self, answers: Answers, sample: int) -> None:
        self.answers = answers
        self.graph = answers.grounded.graph
        self.tags = answers.leaf_tags[sample].detach()
        self.observed = dict(answers.evidence)
        self.assumptions = Assumptions(self.graph, self.observed)
        self._values: dict[int, float] = {}
        self._least: dict[int, float] = {}  # lower bounds of facts that rest on unknown atoms

    def evaluate(self, facts: Iterable[int]) -> None:
        """Compute the tags of derived facts, all at once."""
        wanted = sorted({f for f in facts if f not in self._values and self.graph.choice[f] < 0})
        if wanted:
            evaluator = self.answers.grounded.evaluator(wanted, self.answers.evidence, self.answers.algebra)
            with torch.no_grad():
                tags = evaluator(self.tags[None])[0].tolist()
                if isinstance(evaluator, Bounds):
                    self._least |= dict(zip(wanted, evaluator.bounds(self.tags[None])[0][0].tolist(), strict=True))
            self._values |= dict(zip(wanted, tags, strict=True))

    def of(self, fact: int, sign: bool = True) -> float:
        """The probability that a fact has a sign; what was observed is as it was observed."""
        if fact in self.observed:
            return float(self.observed[fact] == sign)
        if self.graph.choice[fact] >= 0:
            value = float(self.tags[fact])
        elif self.graph.status[fact] == CERTAIN:
            value = 1.0
        else:
            value = self._values[fact]
        return min(1.0, max(0.0, value if sign else 1 - value))

    def supposed(self, fact: int, sign: bool) -> float:
        """The probability that a fact has a sign, if what a proof assumes is so."""
        if fact in self.assumptions:
            return self.assumptions.chance(fact) if sign else 1.0
        if not sign and fact in self._least and fact not in self.observed:
            return min(1.0, max(0.0, 1 - self._least[fact]))
        return self.of(fact, sign)

    def cost(self, fact: int, sign: bool) -> float:
        """Of a leaf in a proof: −log of its probability; a reason that is recorded is better than an assumption."""
        probability = self.supposed(fact, sign)
        if fact in self.assumptions:
            probability /= 2
        return -math.log(probability) if probability > 0 else math.inf

    def open(self, fact: int) -> bool:
        """Whether a derived fact rests on what is unknown."""
        value = self._values.get(fact, 0)
        return value - self._least.get(fact, value) > 1e-12
