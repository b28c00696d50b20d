"""Learning rates over the course of training."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from neurosym.errors import DataError

KINDS = ("constant", "linear", "cosine")


@dataclass(frozen=True)
class Schedule:
    """A factor on the learning rate: a linear warm-up (Goyal et al. 2017), then constant, linear or cosine decay.

    The cosine is that of Loshchilov & Hutter (2017), without restarts.

    Attributes:
        kind: `constant`, `linear` or `cosine`.
        warmup: share of the training, 0 to 1, in which the factor rises from 0 to 1; end: factor at the end.
    """

    kind: str = "constant"
    warmup: float = 0.0
    end: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise DataError(
                f"there is no schedule `{self.kind}`", code="NS625", note=f"there are {', '.join(KINDS)}",
                help="or give a function of the progress, 0 to 1, that gives a factor",
            )  # fmt: skip
        if not 0 <= self.warmup <= 1 or self.end < 0:
            raise DataError(f"{self}: a warm-up is a share from 0 to 1, and `end` is at least 0", code="NS625")

    def __call__(self, progress: float) -> float:
        """The factor at a share of the training, 0 to 1."""
        if progress < self.warmup:
            return progress / self.warmup
        if self.kind == "constant":
            return 1.0
        left = (1 - progress) / max(1e-12, 1 - self.warmup)
        down = left if self.kind == "linear" else (1 - math.cos(math.pi * left)) / 2
        return self.end + (1 - self.end) * down


class Rates:
    """Sets the learning rates of an optimizer's groups; the rates that it came with count as the factor 1."""

    def __init__(
        self, optimizer: torch.optim.Optimizer, schedule: Schedule | str | Callable[[float], float] | None
    ) -> None:  # fmt: skip
        self.optimizer = optimizer
        self.schedule = Schedule(schedule) if isinstance(schedule, str) else schedule
        self._base = [float(group["lr"]) for group in optimizer.param_groups]

    def set(self, progress: float) -> None:
        """For a step at some share of the training.

        Raises:
            DataError: NS625, the schedule gives no finite number of at least 0.
        """
        if self.schedule is None:
            return
        factor = float(self.schedule(progress))
        if not math.isfinite(factor) or factor < 0:
            raise DataError(f"the schedule gives {factor} at {progress:.3f} of the training", code="NS625")
        self._put([rate * factor for rate in self._base])

    def restore(self) -> None:
        """The rates that the optimizer came with: it may be used again."""
        if self.schedule is not None:
            self._put(self._base)

    @property
    def now(self) -> float:
        """The rate of the first group."""
        return float(self.optimizer.param_groups[0]["lr"])

    def _put(self, rates: Sequence[float]) -> None:
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate
