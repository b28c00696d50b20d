"""What an expert says of weights while they train by gradient: a penalty, and ranges kept after each step."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from neurosym.learning.weights import Constraint, Prior, beliefs, log_categories, logits
from neurosym.reasoner import Reasoner


class Expert:
    """The priors and constraints of a reasoner's learnable weights."""

    def __init__(
        self, reasoner: Reasoner, priors: Mapping[str, Prior] | None, constraints: Mapping[str, Constraint] | None,
        size: float,
    ) -> None:  # fmt: skip
        """Find the statements that are meant.

        Args:
            size: how many labels there are in the training data; losses are means over labels.

        Raises:
            DataError: NS642, a name or a number that does not fit.
        """
        self.reasoner = reasoner
        self.size = max(size, 1e-30)
        current = [reasoner.weights(k).detach().tolist() for k in range(len(reasoner.learnable))]
        known = beliefs(reasoner.program, reasoner.learnable, current, priors, constraints)
        self.known = [(k, b) for k, b in enumerate(known) if not b.free]

    def penalty(self) -> Tensor | float:
        """The negative logarithm of the priors, for one label of the training data."""
        total: Tensor | float = 0.0
        for k, belief in self.known:
            if belief.fixed is None and any(belief.pseudo):
                target = self.reasoner.weight_logits[k]
                pseudo = torch.tensor(belief.pseudo, dtype=target.dtype, device=target.device)
                total = total - (pseudo * log_categories(self.reasoner.learnable[k], target)).sum()
        return total / self.size

    @torch.no_grad()
    def keep(self) -> None:
        """Bring weights that left their range back to its nearest point."""
        for k, belief in self.known:
            parameter, target = self.reasoner.learnable[k], self.reasoner.weight_logits[k]
            weights = log_categories(parameter, target).exp().tolist()
            nearest = belief.nearest(weights)
            if max(abs(x - y) for x, y in zip(nearest, weights, strict=True)) > 1e-9:
                target.copy_(logits(parameter, nearest))
