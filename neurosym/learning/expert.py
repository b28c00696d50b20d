"""What an expert says of weights while they train by gradient: a penalty, and ranges kept after each step."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from neurosym.learning.beliefs import beliefs, log_categories, logits
from neurosym.learning.weights import Belief, Limit, Prior
from neurosym.reasoner import Reasoner


class Expert:
    """The priors and limits of a reasoner's learnable weights."""

    def __init__(
        self, reasoner: Reasoner, priors: Mapping[str, Prior] | None, limits: Mapping[str, Limit] | None,
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
        known = beliefs(reasoner.program, reasoner.learnable, current, priors, limits)
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
    def aim(self) -> None:
        """Turn the gradients of disjunctions whose weights lie at an end of their range.

        A weight that is pushed out of its range counts as fixed, and the others share what it leaves: else the step
        would move them too, and bringing the weights back would not undo that.
        """
        for k, belief in self.known:
            target = self.reasoner.weight_logits[k]
            if len(target) > 1 and target.grad is not None and belief.fixed is None:
                target.grad.copy_(_within_range(target.grad, torch.softmax(target, 0), belief))

    @torch.no_grad()
    def keep(self) -> None:
        """Bring weights that left their range back to its nearest point."""
        for k, belief in self.known:
            parameter, target = self.reasoner.learnable[k], self.reasoner.weight_logits[k]
            weights = log_categories(parameter, target).exp().tolist()
            nearest = belief.nearest(weights)
            if max(abs(x - y) for x, y in zip(nearest, weights, strict=True)) > 1e-9:
                target.copy_(logits(parameter, nearest))


def _within_range(gradient: Tensor, weights: Tensor, belief: Belief) -> Tensor:
    """(n,) the gradient by logits with the weights at an end of their range held, where it pushes them out.

    By logits it is w (g - Σ w g), with g the gradient by weights; among the free ones their own mean takes the place of
    the sum.
    """
    lower, upper = weights.new_tensor(belief.lower), weights.new_tensor(belief.upper)
    low, high = weights <= lower + 1e-9, weights >= upper - 1e-9
    free = ~(low | high)
    mean = gradient[free].sum() / weights[free].sum().clamp_min(1e-30)
    push = gradient / weights.clamp_min(1e-30) - mean  # what a larger weight adds to the loss
    free |= (low & (push < 0)) | (high & (push > 0))
    mean = gradient[free].sum() / weights[free].sum().clamp_min(1e-30)
    return torch.where(free, gradient - weights * mean, 0)
