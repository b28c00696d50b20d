"""Networks of several members, each learned by itself, whose scores are averaged.

Members that start from other weights err in other places, so that their mean often ranks better than each of them
(deep ensembles; Lakshminarayanan et al., NeurIPS 2017). They are one network all the same: every parameter has a row
for each member, one run serves all of them, and what explains one member explains their sum.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Self

import torch
from torch import Tensor, nn

from neurosym.errors import DataError

APART = 1_000  # between the seeds of members


class Members(nn.Module):
    """A network whose parameters have K rows, one for each member.

    Args:
        num_relations: R, without the inverses.
        channels, rank, rounds, dropout: of each member.
        members: K; they do not mix, and their scores add up.

    Raises:
        DataError: NS931, fewer than one member.
    """

    def __init__(
        self, num_relations: int, channels: int, rank: int, rounds: int, dropout: float, members: int
    ) -> None:  # fmt: skip
        super().__init__()
        if members < 1:
            raise DataError(f"a network of {members} members", code="NS931", help="a network has one member, or more")
        self.num_relations, self.members = num_relations, members
        self.channels, self.rank, self.rounds, self.dropout = channels, rank, rounds, float(dropout)

    def config(self) -> dict[str, Any]:
        """The arguments beside the number of relations, for saving."""
        about = {"channels": self.channels, "rank": self.rank, "rounds": self.rounds, "dropout": self.dropout}
        return about | {"members": self.members}

    @property
    def cut(self) -> int:
        """Of 256 numbers, how many are left out: those of which `chances` are below it."""
        return min(round(256 * self.dropout), 255) if self.training else 0

    def dropped(self, rows: Tensor) -> Tensor:
        """In training, rows with their share of the numbers left out and the others raised for it."""
        if not self.cut:
            return rows
        kept = chances(*rows.shape) >= self.cut
        return rows * kept.to(rows.dtype).mul_(256 / (256 - self.cut))

    @abstractmethod
    def rescale(self, factor: float) -> None:
        """Multiply all scores by a factor that is not negative."""

    def begin(self, seed: int) -> None:
        """Members start as networks of their own would, from seeds that are `APART`."""
        if self.members > 1:
            seeds = [{"members": 1, "seed": seed + k * APART} for k in range(self.members)]
            self._take([type(self)(self.num_relations, **self.config() | about) for about in seeds])

    def member(self, k: int) -> Self:
        """A copy of one member, as a network of its own."""
        alone = type(self)(self.num_relations, **self.config() | {"members": 1})
        alone.load_state_dict({name: rows[k : k + 1] for name, rows in self.state_dict().items()})
        return alone

    def join(self, alone: Sequence[Members]) -> None:
        """Take the weights of K networks of one member each; the score is the mean of theirs then."""
        self._take(alone)
        if len(alone) > 1:
            self.rescale(1 / len(alone))

    def _take(self, alone: Sequence[Members]) -> None:
        states = [network.state_dict() for network in alone]
        self.load_state_dict({name: torch.cat([state[name] for state in states]) for name in states[0]})


class Blocks(nn.Module):
    """A linear layer for each of K members: (K, P, inputs) → (K, P, outputs)."""

    def __init__(self, members: int, inputs: int, outputs: int) -> None:
        super().__init__()
        layers = [nn.Linear(inputs, outputs) for _ in range(members)]
        self.weight = nn.Parameter(torch.stack([layer.weight.detach().T.contiguous() for layer in layers]))
        self.bias = nn.Parameter(torch.stack([layer.bias.detach()[None] for layer in layers]))

    def forward(self, rows: Tensor) -> Tensor:
        """Each member's rows through its own layer."""
        return torch.baddbmm(self.bias, rows, self.weight)


def chances(*shape: int) -> Tensor:
    """Numbers from 0 to 255 by torch's generator, eight at a draw: one at a draw takes longer than all layers do."""
    count = math.prod(shape)
    drawn = torch.empty(-(-count // 8), dtype=torch.int64).random_(-(2**63), None)
    return drawn.view(torch.uint8)[:count].view(shape)


def side_by_side(rows: Tensor) -> Tensor:
    """(K, …, D) of the members → (…, K · D)."""
    return rows.movedim(0, -2).flatten(-2)


def apart(rows: Tensor, members: int) -> Tensor:
    """(P, K · D) → (K, P, D) of the members."""
    return rows.unflatten(-1, (members, -1)).movedim(-2, 0)
