"""Do the bounds of a claim follow from the theory in its certificate?"""

from __future__ import annotations

from neurosym.verify.logic.read import Logic
from neurosym.verify.logic.settle import Settled, settle
from neurosym.verify.structure import GroundProgram, fault


def recompute_logic(found: GroundProgram, logic: Logic, max_steps: int) -> tuple[Settled, tuple[float, float]]:
    """What the theory settles on, and the claim's bounds.

    Raises:
        ExplanationError: NS820 it takes too many steps; NS821 it has not settled when the certificate says that it has.
    """
    made = settle(found, logic, max_steps)
    if not made.still and logic.rounds < logic.max_rounds:
        raise fault("NS821", f"the bounds do not settle within {logic.rounds:,} passes, as the certificate says")
    return made, shown_bounds(made.lower[found.claim], made.upper[found.claim], logic.slack)


def shown_bounds(lower: float, upper: float, slack: float) -> tuple[float, float]:
    """Bounds as they are reported: those that have crossed by rounding alone change places."""
    return (upper, lower) if upper < lower <= upper + 10 * slack else (lower, upper)


def state(lower: float, upper: float, logic: Logic) -> str:
    """`true`, `false`, `unknown` or `contradiction`."""
    if lower > upper + 10 * logic.slack:
        return "contradiction"
    low = lower >= logic.alpha - logic.slack
    return "true" if low else "false" if upper <= 1 - logic.alpha + logic.slack else "unknown"


__all__ = ["recompute_logic", "shown_bounds", "state"]
