"""How far to go for bounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from neurosym.errors import SemanticsError
from neurosym.semantics.algebras.semirings import ABSORPTIVE


@dataclass(frozen=True)
class TopK:
    """The semantics `topk`: a proved lower and upper bound on the probability of each answer, from its k best proofs.

    The number of proofs is doubled until the bounds are as near each other as was asked, no proof is left, so that the
    probability is exact, or `max_k` is reached. See docs/explanation/topk.md.

    Attributes:
        k: proofs of an answer to begin with, those that it fails included.
        width: of the interval, at which to stop; 0 for the exact value.
        max_k: proofs of an answer at which to stop doubling.

    Raises:
        SemanticsError: numbers that make no sense.
    """

    k: int = 16
    width: float = 0.01
    max_k: int = 1024

    name: ClassVar[str] = "topk"
    properties: ClassVar[frozenset[str]] = frozenset({ABSORPTIVE})  # derivations of a certain fact do not matter

    def __post_init__(self) -> None:
        if not (self.k >= 1 and 0 <= self.width <= 1):
            raise SemanticsError(
                f"topk with k={self.k} and width={self.width} asks for nothing", code="NS530",
                help="k is 1 or more, and width between 0 and 1",
            )  # fmt: skip
