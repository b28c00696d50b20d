"""What is believed of learnable weights: before any data as priors, afterwards as credible intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass

from neurosym.errors import DataError
from neurosym.grounding import Parameter

CONFIDENCE = 10.0  # observed cases that an expert's weight counts for, where nothing is said


@dataclass(frozen=True, slots=True)
class Beta:
    """The prior of one probability: as if it had held in `a − 1` observed cases, and not in `b − 1`.

    `Beta(1, 1)` is uniform; the mode is (a − 1) / (a + b − 2), the mean a / (a + b).

    Raises:
        DataError: NS662, a number that is not positive and finite.
    """

    a: float
    b: float

    def __post_init__(self) -> None:
        _positive("Beta", (self.a, self.b))

    @property
    def concentration(self) -> tuple[float, ...]:
        """(2,) the same as a Dirichlet's numbers: of the outcome, and of its failing."""
        return (self.a, self.b)


@dataclass(frozen=True, slots=True)
class Dirichlet:
    """The prior of the probabilities of a disjunction: as if outcome k had been seen in `concentration[k] − 1` cases.

    Attributes:
        concentration: (K,), or (K + 1,) where 'none of the outcomes' can happen, which comes last.

    Raises:
        DataError: NS662, fewer than two numbers, or one that is not positive and finite.
    """

    concentration: tuple[float, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "concentration", tuple(map(float, self.concentration)))
        _positive("Dirichlet", self.concentration)


Prior = Beta | Dirichlet


@dataclass(frozen=True, slots=True)
class Credible:
    """What a posterior says of one number.

    Attributes:
        mean: of its posterior; lower, upper: the interval that holds it with probability `level`, with equal tails.
    """

    mean: float
    lower: float
    upper: float
    level: float


def prior_of(parameter: Parameter, confidence: float = CONFIDENCE) -> Prior:
    """The prior that a statement's own weights stand for.

    The uniform prior, and `confidence` imagined cases in the expert's proportions: `t(0.8)` with confidence 10 is
    Beta(1 + 8, 1 + 2), whose mode is 0.8. A weight `t(_)`, or no confidence, is the uniform prior.

    Args:
        confidence: how many observed cases the expert's weight counts for; not negative.

    Raises:
        DataError: NS662, a confidence that is negative or not finite.
    """
    if not (math.isfinite(confidence) and confidence >= 0):
        raise DataError(
            f"a confidence of {confidence}", code="NS662",
            note="it says how many observed cases the expert's weight counts for", help="0, or a positive number",
        )  # fmt: skip
    many = 2 if parameter.outcomes == 1 else parameter.outcomes + parameter.rest
    counts = [1.0] * many
    if parameter.initial is not None:
        shares = (*parameter.initial, *([max(0.0, 1 - sum(parameter.initial))] if many > parameter.outcomes else []))
        counts = [1 + confidence * share for share in shares]
    return Beta(counts[0], counts[1]) if parameter.outcomes == 1 else Dirichlet(tuple(counts))


def _positive(name: str, numbers: tuple[float, ...]) -> None:
    if len(numbers) < 2 or not all(math.isfinite(n) and n > 0 for n in numbers):
        shown = ", ".join(f"{n:g}" for n in numbers)
        raise DataError(f"{name}({shown}) is no prior", code="NS662", help="its numbers are positive, two or more")
