"""What an explanation asks of a posterior over the weights; `neurosym.bayes` has one."""

from __future__ import annotations

from typing import Protocol

from neurosym.explain.model import RuleText
from neurosym.reasoner import Answers
from neurosym.reasoner.priors import Credible

FAR = 0.005  # how far a weight may lie from its posterior's mean without a remark


class Judged(Protocol):
    """Whether a posterior's samples can be relied on."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is wrong with them."""
        ...


class Believed(Protocol):
    """A posterior over the weights of a reasoner."""

    @property
    def diagnostics(self) -> Judged:
        """Whether it can be relied on."""
        ...

    def of_statement(self, statement: int, level: float) -> Credible | None:
        """The interval of a statement's weight; None if it is not learnable."""
        ...

    def of_answer(self, answers: Answers, position: int, sample: int, level: float) -> Credible | None:
        """The interval of an answer's probability; None where it has none."""
        ...


def remarks(posterior: Believed, claim: Credible | None, rules: list[RuleText]) -> list[str]:
    """What the reader should know of the intervals."""
    found = [f"the credible intervals: {w}" for w in posterior.diagnostics.warnings]
    if claim is None:
        found.append("the claim has no credible interval, because it is no exact probability")
    far = [r.name for r in rules if r.credible and r.weight and abs(r.weight - r.credible.mean) > FAR]
    if far:
        found.append(
            f"the claim was computed with a weight of {far[0]} other than its posterior's mean, which `use_mean` sets"
        )
    return found
