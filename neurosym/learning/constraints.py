"""Constraints beside the labels: what `fit` adds to its loss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from neurosym.errors import DataError

if TYPE_CHECKING:
    from neurosym.learning.data import Batch
    from neurosym.reasoner import Answers


@dataclass(frozen=True)
class Constraints:
    """The program's constraints as a part of the loss; see `Reasoner.constraint_loss`.

    Attributes:
        kind: `semantic`, `product`, `lukasiewicz`, `goedel` or `hinge`; p: of power means, or of the hinge.
        weight: of all constraints together, beside the labels' loss.
        names: which constraints; all by default.
    """

    kind: str = "semantic"
    p: float = 2.0
    weight: float = 1.0
    names: tuple[str, ...] | None = None


def with_constraints(
    loss: Callable[[Answers, Batch], Tensor], constraints: Constraints
) -> Callable[[Answers, Batch], Tensor]:  # fmt: skip
    """A loss to which what the constraints cost is added, for the inputs of each batch."""

    def both(answers: Answers, batch: Batch) -> Tensor:
        if answers.reasoner is None:
            raise DataError("these answers do not know their reasoner")
        added = answers.reasoner.constraint_loss(
            constraints.kind, constraints.p, inputs=batch.inputs, constraints=constraints.names
        )
        return loss(answers, batch) + constraints.weight * added.loss

    return both
