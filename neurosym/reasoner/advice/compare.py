"""What a semantics gets wrong: its answers against the exact ones, or against proved bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from neurosym.reasoner.advice.model import Trial
from neurosym.reasoner.advice.trials import Interval, Outcome

INTERVALS = ("topk", "bounds")  # of these an interval is right that contains the exact value
ROUNDING = 1e-9
NO_PROBABILITIES = ("count",)


def compared(
    outcome: Outcome, exact: Mapping[int, Interval], proved: Mapping[int, Interval], names: Mapping[int, str]
) -> Trial:
    """A trial with its largest error and its widest interval.

    Args:
        exact, proved: fact → its exact interval (of one value, but for unknown atoms), and its bounds from proofs.
        names: fact → atom.
    """
    trial = outcome.trial
    if not outcome.values:
        return trial
    widest = max(outcome.values, key=lambda f: outcome.values[f][1] - outcome.values[f][0])
    lower, upper = outcome.values[widest]
    if upper > lower or trial.semantics in INTERVALS:
        trial = replace(trial, width=upper - lower, width_atom=names[widest])
    if trial.semantics in NO_PROBABILITIES:
        return trial
    if trial.semantics == "exact":
        return replace(trial, error=0.0)
    at_least = not any(f in exact for f in outcome.values)
    if at_least and trial.semantics == "topk":
        return trial
    reference = proved if at_least else exact
    shared = [f for f in outcome.values if f in reference]
    if not shared:
        return trial
    apart = _outside if at_least else _excluded if trial.semantics in INTERVALS else _apart
    found = {f: apart(outcome.values[f], reference[f]) for f in shared}
    worst = max(found, key=lambda f: found[f][0])
    error, value, right = found[worst]
    if error <= ROUNDING:
        return replace(trial, error=0.0, at_least=at_least)
    return replace(trial, error=error, at_least=at_least, error_atom=names[worst], value=value, right=right)


def _apart(given: Interval, right: Interval) -> tuple[float, float, float]:
    """By how much ends differ: the difference, and both ends."""
    return max((abs(a - b), a, b) for a, b in zip(given, right, strict=True))


def _excluded(given: Interval, right: Interval) -> tuple[float, float, float]:
    """How much of the right interval an interval leaves out."""
    return max((max(given[0] - right[0], 0.0), given[0], right[0]), (max(right[1] - given[1], 0.0), given[1], right[1]))


def _outside(given: Interval, bounds: Interval) -> tuple[float, float, float]:
    """How far an interval is from one that is known to hold the right value."""
    return max(
        (max(given[0] - bounds[1], 0.0), given[0], bounds[1]), (max(bounds[0] - given[1], 0.0), given[1], bounds[0])
    )


__all__ = ["compared"]
