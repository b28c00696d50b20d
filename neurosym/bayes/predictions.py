"""Answers with credible intervals."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from neurosym.errors import DataError
from neurosym.reasoner import Answers
from neurosym.reasoner.priors import Credible


@dataclass(frozen=True, eq=False)
class Predictions:
    """Answers with credible intervals.

    Attributes:
        atoms: A answers; draws: (S, B, A) the probability of each under each sampled weight vector.
        level: of the intervals.
    """

    atoms: tuple[str, ...]
    draws: Tensor = field(repr=False)
    level: float
    answers: Answers = field(repr=False)

    @property
    def mean(self) -> Tensor:
        """(B, A) the probabilities, uncertainty about the weights included."""
        return self.draws.mean(dim=0)

    @property
    def lower(self) -> Tensor:
        """(B, A) the lower ends of the credible intervals, which have equal tails."""
        return quantile(self.draws, (1 - self.level) / 2)

    @property
    def upper(self) -> Tensor:
        """(B, A) their upper ends."""
        return quantile(self.draws, (1 + self.level) / 2)

    def __getitem__(self, atom: str) -> Credible:
        """An answer's mean and interval, in the first sample."""
        return self.credible(atom)

    def credible(self, atom: str, sample: int = 0) -> Credible:
        """An answer's mean and interval in one sample of the batch.

        Raises:
            DataError: NS611, it is not among the answers.
        """
        return credible(self.draws[:, sample, self.answers.position(atom)], self.level)

    def to_json(self, sample: int = 0) -> dict[str, Any]:
        """The answers as plain data."""
        rows = [{"atom": a, **asdict(credible(self.draws[:, sample, k], self.level))} for k, a in enumerate(self.atoms)]
        return {"level": self.level, "answers": rows}

    def __str__(self) -> str:
        rows = [(a, credible(self.draws[:, 0, k], self.level)) for k, a in enumerate(self.atoms)]
        return "\n".join(f"{a}: {c.mean:.3f} ({c.level:.0%}: {c.lower:.3f} to {c.upper:.3f})" for a, c in rows)


def quantile(draws: Tensor, q: float) -> Tensor:
    """The quantile over the first dimension; torch's own is limited in size."""
    return torch.from_numpy(np.asarray(np.quantile(draws.cpu().numpy(), q, axis=0)))


def credible(draws: Tensor, level: float) -> Credible:
    """Mean and interval of (S,) draws."""
    check_level(level)
    lower, upper = (float(quantile(draws, (1 + sign * level) / 2)) for sign in (-1, 1))
    return Credible(float(draws.mean()), lower, upper, level)


def check_level(level: float) -> None:
    """Refuse a level that is none.

    Raises:
        DataError: NS661, it is not between 0 and 1.
    """
    if not 0 < level < 1:
        raise DataError(f"a credible level of {level}", code="NS661", help="a number between 0 and 1, such as 0.9")
