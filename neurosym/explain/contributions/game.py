"""What a claim would be if only some of those who take part in it were there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurosym.explain.contributions.tags import AnyEvaluator, tags_of
from neurosym.reasoner import Answers
from neurosym.reasoner.grounded import Grounded
from neurosym.semantics import Exact

Coalitions = NDArray[np.bool_]
Values = NDArray[np.float64]
CELLS = 1 << 22  # numbers in one batch of leaf probabilities


class Game:
    """The claim's tag for any coalition: whoever is not in it has probability 0.

    The probability that a left-out value of a network had goes to no other value. What networks said is kept.

    Attributes:
        evaluations: how often the claim was evaluated so far.
        rows: how many it evaluates at a time.
        aside: whether the observations were set aside for some, because they could not be without those left out.
    """

    def __init__(self, answers: Answers, fact: int, groups: Sequence[Sequence[int]], sample: int) -> None:
        """Prepare the batches.

        Args:
            fact: the claim; groups: the leaves of each of P players, no leaf twice.
        """
        self.answers, self.fact = answers, fact
        self.players = len(groups)
        self.base = answers.leaf_tags[sample].detach()
        self.grounded, self.evaluator = with_rest(answers, fact, [f for g in groups for f in g])
        device = self.base.device
        self.leaves = torch.tensor([f for g in groups for f in g], dtype=torch.long, device=device)
        self.owner = torch.tensor([k for k, g in enumerate(groups) for _ in g], dtype=torch.long, device=device)
        self.rows = max(1, CELLS // max(1, self.base.numel()))
        self.evaluations = 0
        self.aside = False

    def __call__(self, coalitions: Coalitions, without_observing: bool = True) -> Values:
        """(R,) values of (R, P) coalitions.

        Args:
            without_observing: give a coalition under which the observations are impossible the value that it has
                without them; else NaN.
        """
        rows = min(max(1, len(coalitions)), self.rows)
        # One buffer for all batches: only the players' columns change, and a graph may have a million others.
        buffer = self.base.expand(rows, -1).clone()
        kept = self.base[self.leaves]
        values = np.empty(len(coalitions))
        for start in range(0, len(coalitions), rows):
            part = torch.from_numpy(coalitions[start : start + rows]).to(self.base.device)
            tags = buffer[: len(part)]
            tags[:, self.leaves] = kept * part[:, self.owner]
            values[start : start + rows] = self._evaluate(tags, without_observing)
        self.evaluations += len(coalitions)
        return values

    @property
    def polynomial(self) -> bool:
        """Whether the claim is a probability without evidence, linear in that of each leaf."""
        return isinstance(self.evaluator, Exact) and not self.answers.evidence and self.evaluator.circuit is not None

    def scaled(self, factors: Tensor) -> Tensor:
        """(R,) the claim's tag with the players' probabilities times (R, P) factors, with gradients to these."""
        self.evaluations += len(factors)
        factors = factors.to(self.base)
        kept = self.base[self.leaves] * factors[:, self.owner]
        tags = self.base.expand(len(factors), -1).index_copy(1, self.leaves, kept)
        return self.evaluator(tags)[:, 0]

    def _evaluate(self, tags: Tensor, without_observing: bool) -> Values:
        """(R,) the claim's tag under (R, F) leaf probabilities."""
        values = tags_of(self.evaluator, tags)
        impossible = np.isnan(values)
        if without_observing and impossible.any():
            self.aside = True
            free = self.grounded.evaluator([self.fact], (), self.answers.algebra)
            values[impossible] = tags_of(free, tags[torch.from_numpy(impossible)])
        return values


def with_rest(answers: Answers, fact: int, leaves: Sequence[int]) -> tuple[Grounded, AnyEvaluator]:
    """What gives the claim also where leaves have probability 0.

    A sum of products over proofs loses the proofs of such a leaf, and no more: there networks need no rest.
    """
    asked = [fact], answers.evidence, answers.algebra
    evaluator = answers.grounded.evaluator(*asked)
    told = isinstance(evaluator, Exact) and not answers.evidence and evaluator.methods[0]
    by_proofs = told and told.name in ("certain", "sum-product") and not told.folded
    grounded = answers.grounded.with_rest(leaves, networks=not by_proofs)
    if grounded is answers.grounded:
        return grounded, evaluator
    if answers.inputs and answers.algebra is None:  # another sample may claim any of the answers
        grounded.evaluator(answers.derived, answers.evidence, None)
    grounded = grounded.beside(answers.derived, answers.evidence)
    return grounded, grounded.evaluator(*asked)


__all__ = ["Coalitions", "Game", "Values", "with_rest"]
