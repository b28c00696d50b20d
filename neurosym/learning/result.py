"""What training did, and how far it is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from torch import Tensor


@dataclass(frozen=True)
class Epoch:
    """One pass over the training data.

    Attributes:
        loss: mean training loss; valid_loss: mean loss on the validation data, None without it.
        seconds: wall time; of an epoch that was resumed, that since then.
        losses, valid_losses: the mean of each loss by its name, without its weight, over the batches it speaks about.
        lr: learning rate of the last step; batches: how many were seen.
    """

    number: int
    loss: float
    valid_loss: float | None
    seconds: float
    losses: Mapping[str, float] = field(default_factory=dict)
    valid_losses: Mapping[str, float] = field(default_factory=dict)
    lr: float = math.nan
    batches: int = 0


@dataclass(frozen=True)
class FitResult:
    """What training did.

    Attributes:
        epochs: in order; best_epoch: position of the one whose weights the reasoner now has: the one with the least
            validation loss, the last one without validation data.
        stopped_early: whether patience ran out; resumed: whether a checkpoint was continued.
    """

    epochs: tuple[Epoch, ...]
    best_epoch: int
    stopped_early: bool
    resumed: bool = False

    @property
    def best_loss(self) -> float:
        """The validation loss of the best epoch, or its training loss without validation data."""
        if not self.epochs:
            return math.inf
        epoch = self.epochs[self.best_epoch]
        return epoch.loss if epoch.valid_loss is None else epoch.valid_loss


class Sums:
    """Running means of losses: for each name the sum over batches, and how much they count."""

    def __init__(self, sums: Mapping[str, list[float]] | None = None) -> None:
        self.sums = {name: list(pair) for name, pair in (sums or {}).items()}

    def add(self, values: Mapping[str, float], size: float) -> None:
        """The losses of one batch."""
        for name, value in values.items():
            pair = self.sums.setdefault(name, [0.0, 0.0])
            pair[0] += value * size
            pair[1] += size

    def means(self) -> dict[str, float]:
        """Name → mean."""
        return {name: value / max(weight, 1e-30) for name, (value, weight) in self.sums.items()}


@dataclass
class State:
    """How far training is.

    Attributes:
        batches: of the running epoch, done; sums: its losses so far, the weighted sum under the empty name.
        best: the best weights so far, where there is validation data.
    """

    epochs: list[Epoch] = field(default_factory=list)
    best_epoch: int = 0
    best_loss: float = math.inf
    best: dict[str, Tensor] = field(default_factory=dict)
    stopped: bool = False
    batches: int = 0
    sums: Sums = field(default_factory=Sums)

    def plain(self) -> dict[str, Any]:
        """What a checkpoint keeps as JSON."""
        best = None if math.isinf(self.best_loss) else self.best_loss
        return {
            "epochs": [asdict(e) for e in self.epochs],
            "best_epoch": self.best_epoch,
            "best_loss": best,
            "stopped": self.stopped,
            "batches": self.batches,
            "sums": self.sums.sums,
        }

    def restore(self, plain: dict[str, Any], best: dict[str, Tensor]) -> None:
        """Take over what a checkpoint kept."""
        self.epochs = [Epoch(**e) for e in plain["epochs"]]
        self.best_epoch, self.best, self.stopped = plain["best_epoch"], best, plain["stopped"]
        self.best_loss = math.inf if plain["best_loss"] is None else plain["best_loss"]
        self.batches, self.sums = plain.get("batches", 0), Sums(plain.get("sums"))

    def finish(self, epoch: Epoch, weights: Mapping[str, Tensor] | None, patience: int | None) -> None:
        """An epoch is over.

        Args:
            weights: to keep if it was the best; None where there is no validation data to say so.
        """
        self.epochs.append(epoch)
        self.batches, self.sums = 0, Sums()
        judged = epoch.loss if epoch.valid_loss is None else epoch.valid_loss
        if judged < self.best_loss:
            self.best_loss, self.best_epoch = judged, epoch.number
            if weights is not None:
                self.best = {k: v.detach().clone() for k, v in weights.items()}
        elif patience is not None and epoch.number - self.best_epoch >= patience:
            self.stopped = True
