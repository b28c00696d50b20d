"""The probabilities that are shown beside the claim's: of facts, and of proofs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from neurosym.errors import ExplanationError
from neurosym.verify.exact import Opened, recompute_exact
from neurosym.verify.structure import GroundProgram

Signed = tuple[int, bool]


class Numbers:
    """Probabilities of the facts of a certificate, by their numbers.

    Args:
        opened: what the claim was recomputed with, under exact semantics; tags: of all facts, under another one.
            Neither where the claim rests on unknown atoms.
        max_steps: further steps that this may take.
    """

    def __init__(
        self, found: GroundProgram, opened: Opened | None, tags: Sequence[float] | None, max_steps: int
    ) -> None:
        self.found, self.opened, self.tags = found, opened, tags
        self.left = max_steps
        self.choice = {
            f: (n, p) for n, c in enumerate(found.choices) for f, p in _outcomes(c.outcomes, c.probabilities)
        }
        self._known: dict[int, float | None] = {}
        if opened is not None:
            opened.formulas.max_steps = opened.formulas.steps + max_steps

    def of(self, fact: int, holds: bool = True) -> float | None:
        """The probability that a fact holds, or does not; None where that is not known."""
        if fact in self.found.evidence:
            return float(self.found.evidence[fact] == holds)
        value = self._value(fact)
        return None if value is None else min(1.0, max(0.0, value if holds else 1 - value))

    def _value(self, fact: int) -> float | None:
        if fact in self.choice:
            return self.choice[fact][1]
        if self.found.kinds[fact] == "certain":
            return 1.0
        if fact not in self._known:
            self._known[fact] = self._derived(fact)
        return self._known[fact]

    def _derived(self, fact: int) -> float | None:
        if self.tags is not None:
            return self.tags[fact]
        if self.opened is None:
            return None
        try:
            known = self.opened.probability([(fact, True)])
            if known is None:  # on a cycle: only what others need of it was made
                result = recompute_exact(replace(self.found, claim=fact), max(0, self.left))
                self.left -= result.steps
                known = result.value
        except ExplanationError as error:
            if error.code != "NS820":
                raise
            return None
        return known

    def together(self, literals: Sequence[Signed]) -> float | None:
        """The probability of a proof: that all that it rests on is so.

        Each leaf counts once. If derived facts stand under a negation, leaves are shared, and it is counted anew.
        """
        signs = dict.fromkeys(literals)
        negated = [f for f, holds in signs if not holds and f not in self.choice]
        if negated and self.opened is not None and not self.found.evidence:
            try:
                return self.opened.probability(list(signs))
            except ExplanationError as error:
                if error.code != "NS820":
                    raise
                return None
        return self._product(signs)

    def _product(self, signs: Mapping[Signed, None]) -> float | None:
        taken: dict[int, int] = {}
        total, outside = 1.0, dict[int, float]()
        for fact, holds in signs:
            if not holds:
                continue
            chance = self.of(fact)
            if chance is None or (fact, False) in signs:
                return None if chance is None else 0.0
            if fact in self.choice and taken.setdefault(self.choice[fact][0], fact) != fact:
                return 0.0
            total *= chance
        for fact, holds in signs:
            if holds:
                continue
            chance = self.of(fact, fact in self.choice)
            if chance is None:
                return None
            if fact not in self.choice:
                total *= chance
            elif (number := self.choice[fact][0]) not in taken:  # an outcome that holds excludes the others
                outside[number] = outside.get(number, 0.0) + chance
        for mass in outside.values():
            total *= max(0.0, 1 - mass)
        return total


def _outcomes(outcomes: Sequence[int], probabilities: Sequence[float]) -> list[tuple[int, float | None]]:
    """Outcomes of a choice with their probabilities; an unknown atom has none."""
    return list(zip(outcomes, probabilities or [None] * len(outcomes), strict=True))


__all__ = ["Numbers", "Signed"]
