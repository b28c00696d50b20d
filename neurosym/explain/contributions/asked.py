"""Which contributions are asked for, and what they may cost."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from neurosym.errors import ExplanationError

METHODS = ("leave-one-out", "gradient", "shapley")
MOST_EXACT = 20  # players: beyond a million coalitions nobody waits


@dataclass(frozen=True)
class Asked:
    """What is to be computed of each rule and leaf.

    Attributes:
        methods: some of `METHODS`.
        budget: seconds that grounding anew may take.
        exact_players: all coalitions of up to so many players may be evaluated; where exact values need more, some are
            drawn.
        permutations: how many orders are drawn then, in pairs of one order and its reverse.
        seed: of what is drawn.
    """

    methods: frozenset[str]
    budget: float = 2.0
    exact_players: int = 12
    permutations: int = 256
    seed: int = 0

    @property
    def shared(self) -> bool:
        """Whether anything beyond leave-one-out is asked for."""
        return bool(self.methods - {"leave-one-out"})


def asked_for(
    contributions: bool | str | Collection[str], budget: float, exact_players: int, permutations: int, seed: int
) -> Asked:
    """What the arguments of `explain` ask for; no methods where contributions are not wanted.

    Raises:
        ExplanationError: NS841, there is no such method; NS842, a number is out of its range.
    """
    if isinstance(contributions, bool):
        contributions = METHODS[:1] if contributions else ()
    named = [contributions] if isinstance(contributions, str) else list(contributions)
    for name in named:
        if name not in METHODS:
            raise ExplanationError(
                f"there are no contributions by `{name}`", code="NS841", help=f"there are {', '.join(METHODS)}"
            )
    if not 0 <= exact_players <= MOST_EXACT:
        raise ExplanationError(
            f"exact_players is {exact_players}, and must lie between 0 and {MOST_EXACT}", code="NS842",
            note=f"{MOST_EXACT} players have {2**MOST_EXACT:,} coalitions",
        )  # fmt: skip
    if permutations < 4:
        raise ExplanationError(
            f"permutations is {permutations}, and must be 4 at least", code="NS842",
            note="the error is estimated from two pairs of orders or more",
        )  # fmt: skip
    return Asked(frozenset(named), budget, exact_players, permutations, seed)


__all__ = ["METHODS", "Asked", "asked_for"]
