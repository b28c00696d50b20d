"""Learning room: targets, losses, `fit`, checkpoints."""

from neurosym.learning.constraints import Constraints, with_constraints
from neurosym.learning.data import Batch, batches
from neurosym.learning.fit import Epoch, FitResult, Loss, fit, mean_loss, nll

__all__ = [
    "Batch", "Constraints", "Epoch", "FitResult", "Loss", "batches", "fit", "mean_loss", "nll", "with_constraints",
]  # fmt: skip
