"""Constraints beside the labels: what `fit` adds to its loss."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from neurosym.errors import DataError
from neurosym.learning.data import Batch
from neurosym.reasoner import Answers, SampleAnswers


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

    def __call__(self, answers: Answers | SampleAnswers, batch: Batch) -> Tensor:
        """What the constraints cost for the inputs of a batch, without `weight`, which `fit(constraints=…)` applies.

        Raises:
            DataError: NS626, the samples have facts of their own.
        """
        if answers.reasoner is None:
            raise DataError("these answers do not know their reasoner")
        if isinstance(answers, SampleAnswers):
            raise DataError(
                "constraints are grounded over the reasoner's facts, and these samples have facts of their own",
                code="NS626", help="derive the violation by a rule, ask for it too, and label it false",
            )  # fmt: skip
        cost = answers.reasoner.constraint_loss(self.kind, self.p, inputs=batch.inputs, constraints=self.names)
        return cost.loss
