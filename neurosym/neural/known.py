"""What is known of a sample, given beside what its networks see: a value as a neural predicate that is certain."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from neurosym.errors import NetworkError

IMPOSSIBLE = -1e4  # a logit whose share of a softmax is 0 in single and double precision


class KnownValue(nn.Module):
    """Says for sure which of V values holds: that of the number in its input.

    With it, samples whose facts differ in a value alone have one ground program: `neural digit_of(place: Tensor, d:
    0..9) by known` takes the digit of each sample from a slot, where a fact in the rules would be another program for
    each sample. Nothing in it is learned.

    Args:
        values: V.
    """

    def __init__(self, values: int) -> None:
        super().__init__()
        self.values = values

    def config(self) -> dict[str, object]:
        """The constructor's arguments."""
        return {"values": self.values}

    def forward(self, numbers: Tensor) -> Tensor:
        """(n,) or (n, 1) numbers of values, from 0 → (n, V) logits.

        Raises:
            NetworkError: other shapes, or a number that is none of 0 to V - 1.
        """
        flat = numbers.reshape(len(numbers), -1)
        if flat.shape[1] != 1:
            raise NetworkError(f"KnownValue takes one number a sample, not {tuple(numbers.shape)}")
        rows = flat[:, 0].long()
        wrong = (rows != flat[:, 0]) | (rows < 0) | (rows >= self.values)
        if bool(wrong.any()):
            raise NetworkError(
                f"KnownValue was given {flat[wrong][0, 0].item():g}, which is no number from 0 to {self.values - 1}",
                help="give the position of the value in the declaration's list",
            )  # fmt: skip
        logits = torch.full((len(rows), self.values), IMPOSSIBLE, device=numbers.device)
        return logits.scatter(1, rows[:, None], 0.0)


__all__ = ["KnownValue"]
