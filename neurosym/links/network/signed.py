"""Message passing from the head of a query with weights of any sign: stronger where it fits, and no sum over paths.

The Neural Bellman-Ford network (Zhu et al., NeurIPS 2021) over places that are reached round by round, as in RED-GNN
(Zhang and Yao, WWW 2022): the messages are those of `PathNetwork` and are sent by the same loops, but what arrives is
mixed by layers whose weights may be negative. It says what monotone weights cost; its reasons are what leaving out
edges changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import relu

from neurosym.errors import DataError
from neurosym.links.network.members import Blocks, Members, apart, chances, side_by_side
from neurosym.links.network.reach import Adjacency, Reach, kernels
from neurosym.links.network.sending import Send, SendMax, as_array

Aggregate = Literal["sum", "sum+max"]
AGGREGATES: dict[Aggregate, int] = {"sum": 1, "sum+max": 2}  # numbers of each channel that arrive


@dataclass(frozen=True, eq=False)
class Scored:
    """A finished run.

    Attributes:
        reach: the places and rounds; scores: (P,) of the places.
    """

    reach: Reach
    scores: Tensor


class SignedNetwork(Members):
    """Scores tails by messages of up to `rounds` edges from the head.

    Args:
        num_relations: R, without the inverses.
        channels: D, the width of what a place knows, of a member.
        rank: of the relation embeddings that the weights of messages are made from.
        rounds: of messages.
        dropout: share of the channels left out after each round in training.
        seed: of the initial weights.
        members: K, see `Members`.
        aggregate: what of the messages that arrive: their sum, or beside it the largest number of each channel, which
            a hub does not drown (principal neighbourhood aggregation; Corso et al., NeurIPS 2020).

    Raises:
        DataError: NS931, fewer than one member, or another aggregate.
    """

    part = "messages"

    def __init__(
        self, num_relations: int, channels: int = 32, rank: int = 16, rounds: int = 4, dropout: float = 0.1,
        seed: int = 0, members: int = 1, aggregate: Aggregate = "sum",
    ) -> None:  # fmt: skip
        super().__init__(num_relations, channels, rank, rounds, dropout, members)
        if aggregate not in AGGREGATES:
            raise DataError(
                f"there is no aggregate {aggregate!r}", code="NS931", help=f"give one of {', '.join(AGGREGATES)}"
            )
        self.aggregate: Aggregate = aggregate
        inputs = (1 + AGGREGATES[aggregate]) * channels
        both = 2 * num_relations

        def drawn(spread: float, *shape: int) -> nn.Parameter:
            return nn.Parameter(spread * torch.randn(members, *shape))

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.query, self.start = drawn(1.0, both, rank), drawn(1.0, both, channels)
            self.edge = nn.ParameterList(drawn(0.5, both, channels) for _ in range(rounds))
            self.edge_by_query = nn.ParameterList(
                nn.Parameter((2 * torch.rand(members, rank, both * channels) - 1) * rank**-0.5) for _ in range(rounds)
            )
            self.update = nn.ModuleList(Blocks(members, inputs, channels) for _ in range(rounds))
            self.hidden, self.readout = Blocks(members, 2 * channels, channels), Blocks(members, channels, 1)
        self.gain = nn.ParameterList(torch.ones(members, 1, channels) for _ in range(rounds))
        self.shift = nn.ParameterList(torch.zeros(members, 1, channels) for _ in range(rounds))
        self.scale = nn.Parameter(torch.ones(members, 1))
        self.begin(seed)

    def config(self) -> dict[str, Any]:
        """The arguments beside the number of relations, for saving."""
        return super().config() | {"aggregate": self.aggregate}

    @torch.no_grad()
    def rescale(self, factor: float) -> None:
        """Multiply all scores by a factor."""
        self.scale.mul_(factor)

    def forward(self, graph: Adjacency, queries: NDArray[np.int64], reached: Reach) -> Scored:
        """Run the messages of (B, 2) queries over what they reach."""
        relation = torch.from_numpy(queries[:, 1]).to(self.scale.device)
        embedded, start = self.query[:, relation], self.start[:, relation]
        sent, vectors = side_by_side(start), start
        for k, messages in enumerate(reached.rounds):
            by_query = (embedded @ self.edge_by_query[k]).unflatten(-1, (-1, self.channels))
            weight = side_by_side(self.edge[k][:, None] + by_query)
            # the head sends again in every round, so that paths of all lengths arrive in the last one
            send = (side_by_side(vectors), weight, sent, reached.queries, messages)
            arrived = (Send.apply(*send),) if self.aggregate == "sum" else SendMax.apply(*send)
            vectors = Settle.apply(
                vectors, self.update[k].weight, self.update[k].bias, self.gain[k], self.shift[k], self.cut,
                *(apart(rows, self.members) for rows in arrived),
            )  # fmt: skip
        known, asked = self.hidden.weight.chunk(2, 1)
        of = torch.from_numpy(reached.queries).long()
        by_query = torch.baddbmm(self.hidden.bias, start, asked).index_select(1, of)
        scores = self.readout(relu(torch.baddbmm(by_query, vectors, known)))[..., 0]
        return Scored(reached, (self.scale * scores).sum(0))


class Settle(torch.autograd.Function):
    """What places know after a round: what they knew, plus relu(norm(linear(known, arrived …)) · gain + shift).

    One pass over the rows each way in place of ten: on large graphs rows are read from memory, and passes are what
    training takes.
    """

    @staticmethod
    def forward(  # type: ignore[override]
        ctx, known: Tensor, weight: Tensor, bias: Tensor, gain: Tensor, shift: Tensor, cut: int, *arrived: Tensor
    ) -> Tensor:
        """(K, P, D) from what (K, U, D) places knew and (K, P, D) arrived; places from U on are new, and knew nothing.

        Args:
            weight: (K, (1 + A) · D, D), the rows of what was known first; bias, gain, shift: (K, 1, D).
            cut: of 256 numbers that are added, how many are left out.
            arrived: A of them.
        """
        by_known, *by_arrived = weight.split(known.shape[2], 1)
        changed = torch.baddbmm(bias, arrived[0], by_arrived[0])
        for rows, by in zip(arrived[1:], by_arrived[1:], strict=True):
            changed.baddbmm_(rows, by)
        changed[:, : known.shape[1]] += known @ by_known
        drawn = chances(*changed.shape) if cut else torch.empty((0, 0, 0), dtype=torch.uint8)
        spread, after = changed.new_empty(changed.shape[:2]), torch.empty_like(changed)
        settled = (gain[:, 0], shift[:, 0], drawn)
        kernels().settle(
            as_array(changed), as_array(known), *map(as_array, settled), cut, as_array(spread), as_array(after)
        )
        ctx.save_for_backward(known, weight, changed, spread, *settled, *arrived)
        ctx.cut = cut
        return after

    @staticmethod
    @once_differentiable
    def backward(ctx, grads: Tensor):  # type: ignore[override]
        """Gradients of all that is learned, and of what was known and arrived."""
        known, weight, normed, spread, gain, shift, drawn, *arrived = ctx.saved_tensors
        by_known, *by_arrived = weight.split(known.shape[2], 1)
        grads = grads.contiguous()
        back, totals = torch.empty_like(grads), torch.zeros((2, *gain.shape), dtype=torch.float64)
        kernels().settle_back(
            *map(as_array, (grads, normed, gain, shift, drawn)), ctx.cut, as_array(spread), as_array(back),
            *map(as_array, totals),
        )  # fmt: skip
        used = known.shape[1]
        to_known = torch.baddbmm(grads[:, :used], back[:, :used], by_known.mT)
        to_weight = torch.cat([known.mT @ back[:, :used], *(rows.mT @ back for rows in arrived)], 1)
        to_gain, to_shift = totals.to(gain.dtype)[:, :, None]
        to_bias, to_arrived = back.sum(1, keepdim=True), (back @ by.mT for by in by_arrived)
        return to_known, to_weight, to_bias, to_gain, to_shift, None, *to_arrived
