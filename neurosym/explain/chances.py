"""How probable the facts that an explanation speaks of are, by the evaluator of the answers."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from neurosym.explain.assumptions import Assumptions
from neurosym.grounding import CERTAIN
from neurosym.reasoner import Answers
from neurosym.semantics import Bounds, Exact


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
        self._numbers = self.tags.cpu().numpy()  # read fact by fact, which tensors are slow at
        self.observed = dict(answers.evidence)
        self.assumptions = Assumptions(self.graph, self.observed)
        self._values: dict[int, float] = {}
        self._least: dict[int, float] = {}  # lower bounds of facts that rest on unknown atoms
        self._most: dict[int, float] = {}  # and upper ones

    def evaluate(self, facts: Iterable[int]) -> None:
        """Compute the tags of derived facts that are not certain, all at once."""
        graph, known = self.graph, self._values
        wanted = sorted({f for f in facts if f not in known and graph.choice[f] < 0 and graph.status[f] != CERTAIN})
        found = self._on_the_way(wanted)
        wanted = [f for f in wanted if f not in found]
        if not wanted:
            return
        for evaluator, told in self.answers.grounded.covering(wanted, self.answers.evidence, self.answers.algebra):
            with torch.no_grad():
                tags = evaluator(self.tags[None])[0].tolist()
                if isinstance(evaluator, Bounds):
                    lower, upper = evaluator.bounds(self.tags[None])
                    self._least |= dict(zip(told, lower[0].tolist(), strict=True))
                    self._most |= dict(zip(told, upper[0].tolist(), strict=True))
            self._values |= dict(zip(told, tags, strict=True))

    def _on_the_way(self, wanted: Sequence[int]) -> Container[int]:
        """Those of some facts whose probabilities come with those of the answers, which are computed from them."""
        answers = self.answers
        evaluator = answers.grounded.made(answers.derived, answers.evidence, answers.algebra) if wanted else None
        if not isinstance(evaluator, Exact):
            return ()
        with torch.no_grad():
            found = evaluator.inside(self.tags, wanted)
        self._values |= found
        return found

    def of(self, fact: int, sign: bool = True) -> float:
        """The probability that a fact has a sign; what was observed is as it was observed."""
        if fact in self.observed:
            return float(self.observed[fact] == sign)
        if self.graph.choice[fact] >= 0:
            value = float(self._numbers[fact])
        elif self.graph.status[fact] == CERTAIN:
            value = 1.0
        else:
            value = self._values[fact]
        return min(1.0, max(0.0, value if sign else 1 - value))

    def interval(self, fact: int, sign: bool = True) -> tuple[float, float] | None:
        """Where the probability that a fact has a sign lies, if it rests on what is unknown; None where it does not."""
        if fact in self.observed or not self.open(fact):
            return None
        lower, upper = (min(1.0, max(0.0, t[fact])) for t in (self._least, self._most))
        return (lower, upper) if sign else (1 - upper, 1 - lower)

    def supposed(self, fact: int, sign: bool) -> float:
        """The probability that a fact has a sign, if what a proof assumes is so."""
        if fact in self.assumptions:
            return self.assumptions.chance(fact) if sign else 1.0
        if not sign and fact in self._least and fact not in self.observed:
            return min(1.0, max(0.0, 1 - self._least[fact]))
        return self.of(fact, sign)

    def costs(self, facts: NDArray[np.integer], sign: bool) -> NDArray[np.float64]:
        """(n,) of leaves in a proof: −log of their probabilities; what is recorded is better than what is assumed.

        Args:
            facts: (n,) leaves; with a negative sign, facts that are negated.
        """
        probability = np.array(
            [self.supposed(f, sign) / (2 if f in self.assumptions else 1) for f in facts.tolist()], np.float64
        )
        with np.errstate(divide="ignore"):
            return -np.log(probability)

    def open(self, fact: int) -> bool:
        """Whether a derived fact rests on what is unknown."""
        value = self._values.get(fact, 0)
        return value - self._least.get(fact, value) > 1e-12
