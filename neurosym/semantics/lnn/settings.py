"""The settings of the semantics `bounds`, and what an interval of truth says."""

from __future__ import annotations

from dataclasses import dataclass

from neurosym.errors import SemanticsError


@dataclass(frozen=True)
class LogicBounds:
    """Logical neural networks: an interval of truth for each atom and formula, tightened in both directions.

    Riegel et al., Logical Neural Networks (arXiv 2006.13155, 2020).

    Attributes:
        max_rounds: passes up and down before it stops; the bounds are right then too, but may be wider than they could
            be.
        tolerance: a round that moves no bound by more is the last; a lower bound above the upper by more than ten times
            as much is a contradiction.
        alpha: from which truth value on something counts as true; up to 1 - alpha it counts as false.
        learn: whether the operands of the constraints' connectives have weights that are learned.
    """

    max_rounds: int = 1000
    tolerance: float = 1e-7
    alpha: float = 0.95
    learn: bool = False

    name = "bounds"

    def __post_init__(self) -> None:
        if not 0.5 < self.alpha <= 1 or self.max_rounds < 1 or self.tolerance <= 0:
            raise SemanticsError(
                "the settings of the semantics `bounds` are out of range", code="NS540",
                note="0.5 < alpha <= 1, max_rounds >= 1, tolerance > 0",
            )  # fmt: skip

    def state(self, lower: float, upper: float, slack: float | None = None) -> str:
        """`true`, `false`, `unknown`, or `contradiction`."""
        slack = self.tolerance if slack is None else slack
        if lower > upper + 10 * slack:
            return "contradiction"
        return "true" if lower >= self.alpha - slack else "false" if upper <= 1 - self.alpha + slack else "unknown"
