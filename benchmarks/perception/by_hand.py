"""A loop written by hand for the addition of two digits: what a general engine can reach at best."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tasks.addition.data import Pairs


class ByHand:
    """P(a + b = z) by the convolution of two softmaxes, and its negative log-likelihood."""

    def __init__(self, network: nn.Module, lr: float, weight_decay: float) -> None:
        self.network = network
        self.optimizer = torch.optim.AdamW(network.parameters(), lr, weight_decay=weight_decay)
        # (100,) the sum of each pair of digits
        self.place = (torch.arange(10)[:, None] + torch.arange(10)[None]).reshape(-1)

    def epoch(self, pairs: Pairs, batch: int, seed: int, logic: bool = True) -> None:
        """One pass in random order.

        Args:
            logic: without it the loss is the mean of the logits: what the network alone costs.
        """
        order = torch.randperm(len(pairs), generator=torch.Generator().manual_seed(seed))
        self.network.train()
        for part in order.split(batch):
            self.optimizer.zero_grad()
            if logic:
                loss = self.loss(pairs.left[part], pairs.right[part], pairs.sums[part])
            else:
                loss = self.network(torch.cat([pairs.left[part], pairs.right[part]])).mean()
            if not bool(torch.isfinite(loss)):
                raise ArithmeticError("the loss is not finite")
            loss.backward()
            self.optimizer.step()

    def loss(self, left: Tensor, right: Tensor, sums: Tensor) -> Tensor:
        """(B, 1, S, S) twice and (B,) → the mean negative log-likelihood."""
        one, two = torch.softmax(self.network(torch.cat([left, right])), 1).chunk(2)
        joint = (one[:, :, None] * two[:, None]).flatten(1)  # (B, 100)
        tags = joint.new_zeros((len(sums), 19)).index_add(1, self.place, joint)
        return -torch.log(tags.gather(1, sums[:, None]).clamp_min(1e-30)).mean()
