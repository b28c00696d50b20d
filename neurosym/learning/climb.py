"""The way up the likelihood: rounds of expectation and maximisation, each as good as the one before or better.

Two rounds show a direction, and a long step along it is tried; it counts only if it is no worse than the rounds: the
scheme S3 of Varadhan & Roland, Simple and globally convergent methods for accelerating the convergence of any EM
algorithm (Scandinavian Journal of Statistics, 2008). Plain rounds take thousands where much is unobserved.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from neurosym.errors import DataError
from neurosym.grounding import Parameter
from neurosym.learning.likelihood import Expectation, Likelihood
from neurosym.learning.weights import Belief

Weights = list[tuple[float, ...]]  # (n,) for each learnable statement: its outcomes, then 'none of them'
_SHARE = 0.1  # of a weight that a long step leaves at least: what is 0 once stays so


@dataclass
class Climb:
    """A point on the way up.

    Attributes:
        history: log-likelihood plus log-prior at the start and after each round that counted.
        rounds: evaluations after the first one, tries that did not count included.
    """

    weights: Weights
    expectation: Expectation
    history: list[float]
    rounds: int = 0
    converged: bool = False
    interrupted: bool = False


class Climber:
    """Climbs from any start, under the priors and within the ranges."""

    def __init__(
        self, likelihood: Likelihood, known: Sequence[Belief], rounds: int, tolerance: float, accelerate: bool,
        tell: Callable[[float], None],
    ) -> None:  # fmt: skip
        """Remember the limits.

        Args:
            rounds: at most; tolerance: stop where no weight moves by more.
            tell: called with the objective after each round.
        """
        self.likelihood = likelihood
        self.learnable: Sequence[Parameter] = likelihood.reasoner.learnable
        self.known = known
        self.rounds = rounds
        self.tolerance = tolerance
        self.accelerate = accelerate
        self.tell = tell

    def __call__(self, weights: Weights) -> Climb:
        """Go up from some weights until they move no more."""
        expectation, objective = self._evaluate(weights)
        climb = Climb(weights, expectation, [objective])
        try:
            while climb.rounds < self.rounds and not climb.converged:
                self._cycle(climb)
        except KeyboardInterrupt:  # what was found so far is worth having
            climb.interrupted = True
        return climb

    def _evaluate(self, weights: Weights) -> tuple[Expectation, float]:
        found = self.likelihood.expect([w[: p.outcomes] for p, w in zip(self.learnable, weights, strict=True)])
        return found, found.log_likelihood + sum(b.log_prior(w) for b, w in zip(self.known, weights, strict=True))

    def _better(self, climb: Climb) -> Weights:
        """The weights that the expected counts call for."""
        counts = climb.expectation.counts
        return [b.best(c, w) for b, c, w in zip(self.known, counts, climb.weights, strict=True)]

    def _cycle(self, climb: Climb) -> None:
        """A round; then the next one, or the long step that both call for."""
        start = climb.weights
        self._go(climb, self._better(climb))
        if climb.converged or not self.accelerate or climb.rounds + 2 > self.rounds:
            return
        second = self._better(climb)
        target = self._extrapolated(start, climb.weights, second)
        if target is None or not self._try(climb, target):
            self._go(climb, second)

    def _go(self, climb: Climb, weights: Weights) -> None:
        climb.converged = _distance(weights, climb.weights) <= self.tolerance
        found = self._evaluate(weights)
        self._keep(climb, weights, *found)

    def _keep(self, climb: Climb, weights: Weights, expectation: Expectation, objective: float) -> None:
        climb.weights, climb.expectation = weights, expectation
        climb.history.append(objective)
        climb.rounds += 1
        self.tell(objective)

    def _try(self, climb: Climb, weights: Weights) -> bool:
        """Take a long step if it is no worse."""
        try:
            expectation, objective = self._evaluate(weights)
        except DataError:  # too far: something observed cannot be there
            objective, expectation = -math.inf, climb.expectation
        if objective >= climb.history[-1]:
            self._keep(climb, weights, expectation, objective)
            return True
        climb.rounds += 1
        return False

    def _extrapolated(self, start: Weights, first: Weights, second: Weights) -> Weights | None:
        """Where the last two rounds lead; None where that is no further than they went."""
        r = [[y - x for x, y in zip(a, b, strict=True)] for a, b in zip(start, first, strict=True)]
        s = [[y - x for x, y in zip(a, b, strict=True)] for a, b in zip(first, second, strict=True)]
        v = [[y - x for x, y in zip(a, b, strict=True)] for a, b in zip(r, s, strict=True)]
        length, turn = _norm(r), _norm(v)
        if turn <= 1e-300 or length <= turn:
            return None
        step = length / turn
        result: Weights = []
        for belief, a, b, c, end in zip(self.known, start, r, v, second, strict=True):
            aim = [x + 2 * step * y + step * step * z for x, y, z in zip(a, b, c, strict=True)]
            aim = [max(x, _SHARE * y) for x, y in zip(aim, end, strict=True)]
            total = sum(aim)
            result.append(belief.nearest([x / total for x in aim]))
        return result


def _distance(left: Weights, right: Weights) -> float:
    return max((abs(x - y) for a, b in zip(left, right, strict=True) for x, y in zip(a, b, strict=True)), default=0.0)


def _norm(vectors: Sequence[Sequence[float]]) -> float:
    return math.sqrt(sum(x * x for v in vectors for x in v))
