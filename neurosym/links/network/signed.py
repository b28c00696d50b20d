"""Message passing from the head of a query with weights of any sign: stronger where it fits, and no sum over paths.

The Neural Bellman-Ford network (Zhu et al., NeurIPS 2021) over places that are reached round by round, as in RED-GNN
(Zhang and Yao, WWW 2022): the messages are those of `PathNetwork` and are sent by the same loops, but what arrives is
mixed by layers whose weights may be negative. It says what monotone weights cost; its reasons are what leaving out
edges changes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import dropout, layer_norm, relu

from neurosym.links.network.members import Blocks, Members, apart, side_by_side
from neurosym.links.network.reach import Adjacency, Reach, Send


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
    """

    part = "messages"

    def __init__(
        self, num_relations: int, channels: int = 32, rank: int = 16, rounds: int = 4, dropout: float = 0.1,
        seed: int = 0, members: int = 1,
    ) -> None:  # fmt: skip
        super().__init__(num_relations, channels, rank, rounds, dropout, members)
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
            self.update = nn.ModuleList(Blocks(members, 2 * channels, channels) for _ in range(rounds))
            self.readout = nn.Sequential(
                Blocks(members, 2 * channels, channels), nn.ReLU(), Blocks(members, channels, 1)
            )
        self.gain = nn.ParameterList(torch.ones(members, 1, channels) for _ in range(rounds))
        self.shift = nn.ParameterList(torch.zeros(members, 1, channels) for _ in range(rounds))
        self.scale = nn.Parameter(torch.ones(members, 1))
        self.begin(seed)

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
            arrived = Send.apply(side_by_side(vectors), weight, sent, reached.queries, messages)
            new = vectors.new_zeros(self.members, messages.places - vectors.shape[1], self.channels)
            before = torch.cat([vectors, new], 1)
            # sums grow with the number of edges, and the norm takes that away again
            changed = self.update[k](torch.cat([before, apart(arrived, self.members)], 2))
            update = relu(layer_norm(changed, (self.channels,)) * self.gain[k] + self.shift[k])
            vectors = before + dropout(update, self.dropout, self.training)
        of = torch.from_numpy(reached.queries).long()
        scores = self.readout(torch.cat([vectors, start[:, of]], 2))[..., 0]
        return Scored(reached, (self.scale * scores).sum(0))
