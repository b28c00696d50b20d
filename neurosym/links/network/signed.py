"""Message passing from the head of a query with weights of any sign: stronger where it fits, and no sum over paths.

The Neural Bellman-Ford network (Zhu et al., NeurIPS 2021) over places that are reached round by round, as in RED-GNN
(Zhang and Yao, WWW 2022): the messages are those of `PathNetwork` and are sent by the same loops, but what arrives is
mixed by layers whose weights may be negative. It says what monotone weights cost; its reasons are what leaving out
edges changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import dropout, relu

from neurosym.links.network.reach import Adjacency, Reach, Send


@dataclass(frozen=True, eq=False)
class Scored:
    """A finished run.

    Attributes:
        reach: the places and rounds; scores: (P,) of the places.
    """

    reach: Reach
    scores: Tensor


class SignedNetwork(nn.Module):
    """Scores tails by messages of up to `rounds` edges from the head.

    Args:
        num_relations: R, without the inverses.
        channels: D, the width of what a place knows.
        rank: of the relation embeddings that the weights of messages are made from.
        rounds: of messages.
        dropout: share of the channels left out after each round in training.
        seed: of the initial weights.
    """

    part = "messages"

    def __init__(
        self, num_relations: int, channels: int = 32, rank: int = 16, rounds: int = 4, dropout: float = 0.1,
        seed: int = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.channels, self.rank, self.rounds, self.dropout = channels, rank, rounds, float(dropout)
        both = 2 * num_relations
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.query = nn.Embedding(both, rank)
            self.start = nn.Embedding(both, channels)
            self.edge = nn.ParameterList(0.5 * torch.randn(both, channels) for _ in range(rounds))
            self.edge_by_query = nn.ModuleList(nn.Linear(rank, both * channels, bias=False) for _ in range(rounds))
            self.update = nn.ModuleList(nn.Linear(2 * channels, channels) for _ in range(rounds))
            self.norm = nn.ModuleList(nn.LayerNorm(channels) for _ in range(rounds))
            self.readout = nn.Sequential(nn.Linear(2 * channels, channels), nn.ReLU(), nn.Linear(channels, 1))
        self.scale = nn.Parameter(torch.ones(()))

    def config(self) -> dict[str, Any]:
        """The arguments beside the number of relations, for saving."""
        return {"channels": self.channels, "rank": self.rank, "rounds": self.rounds, "dropout": self.dropout}

    @torch.no_grad()
    def rescale(self, factor: float) -> None:
        """Multiply all scores by a factor."""
        self.scale.mul_(factor)

    def forward(self, graph: Adjacency, queries: NDArray[np.int64], reached: Reach) -> Scored:
        """Run the messages of (B, 2) queries over what they reach."""
        relation = torch.from_numpy(queries[:, 1]).to(self.scale.device)
        embedded, start = self.query(relation), self.start(relation)
        vectors = start
        for k, messages in enumerate(reached.rounds):
            weight = self.edge[k] + self.edge_by_query[k](embedded).view(len(queries), -1, self.channels)
            # the head sends again in every round, so that paths of all lengths arrive in the last one
            sums = Send.apply(vectors, weight, start, reached.queries, messages)
            before = torch.cat([vectors, vectors.new_zeros(messages.places - len(vectors), self.channels)])
            # sums grow with the number of edges, and the norm takes that away again
            update = relu(self.norm[k](self.update[k](torch.cat([before, sums], 1))))
            vectors = before + dropout(update, self.dropout, self.training)
        of = torch.from_numpy(reached.queries).long()
        return Scored(reached, self.scale * self.readout(torch.cat([vectors, start[of]], 1))[:, 0])
