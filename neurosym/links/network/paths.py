"""Message passing from the head of a query, whose score is a sum over paths, exactly.

Every weight is positive and nothing is subtracted, so that a path more never lowers a score (monotone message passing;
Tena Cucala et al., ICLR 2022), and what a place knows is shared out among the messages that it came from:
h = log(1 + s) is the sum s of what arrived times the gate log(1 + s) / s, which is one number for all of it. So the
score is a sum over paths of products of weights and gates, with nothing left over. The weights depend on the query's
relation (conditional message passing; Huang et al., NeurIPS 2023; Zhu et al., NeurIPS 2021), and on no entity: entities
that were never seen in training are as good as others.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import softplus

from neurosym.links.network.members import Members, apart, side_by_side
from neurosym.links.network.reach import Adjacency, Reach
from neurosym.links.network.sending import Send
from neurosym.links.positive import inverse_softplus


@dataclass(frozen=True, eq=False)
class Passage:
    """A finished run: what explaining reads off; D channels, those of all members side by side.

    Attributes:
        reach: the places and rounds.
        start: (B, D) what each head sets out with.
        weights: for each round (B, 2R, D) of the edges.
        sums: for each round (P, D) what arrives at each place.
        mixes: for each round (D, D), rows: from, columns: to.
        readout: (B, D) what a unit of each channel adds to the score.
        scores: (P,) of the places, in the graph network's part of the score.
    """

    reach: Reach
    start: Tensor
    weights: tuple[Tensor, ...]
    sums: tuple[Tensor, ...]
    mixes: tuple[Tensor, ...]
    readout: Tensor
    scores: Tensor

    @cached_property
    def gates(self) -> tuple[Tensor, ...]:
        """For each round (P, D) what a unit that arrives at a place becomes; only explaining needs it."""
        return tuple(torch.log1p(s) / s.clamp(min=1e-30) for s in self.sums)


class PathNetwork(Members):
    """Scores tails by all paths of up to `rounds` edges from the head.

    Args:
        num_relations: R, without the inverses.
        channels: D, the width of what runs along the paths of a member.
        rank: of the relation embeddings that the weights are made from.
        rounds: length of the longest path.
        dropout: share of the channels left out after each round in training.
        seed: of the initial weights.
        members: K, see `Members`.
    """

    part = "paths"

    def __init__(
        self, num_relations: int, channels: int = 32, rank: int = 16, rounds: int = 4, dropout: float = 0.1,
        seed: int = 0, members: int = 1,
    ) -> None:  # fmt: skip
        super().__init__(num_relations, channels, rank, rounds, dropout, members)
        both = 2 * num_relations
        draw = torch.Generator().manual_seed(seed)

        def around(mean: float, spread: float, *shape: int) -> nn.Parameter:
            return nn.Parameter(mean + spread * torch.randn(members, *shape, generator=draw))

        # all of them pass through softplus: -2.5 is 0.08
        self.query = around(0.0, 1.0, both, rank)
        self.start = around(0.0, 0.5, both, channels)
        self.edge = nn.ParameterList(around(-2.5, 0.5, both, channels) for _ in range(rounds))
        self.edge_by_query = nn.ParameterList(
            around(0.0, 0.7 * rank**-0.5, rank, both * channels) for _ in range(rounds)
        )
        self.mix = nn.ParameterList(around(-3.0, 0.3, channels, channels) for _ in range(rounds))
        self.readout = around(-2.0, 0.0, both, channels)
        self.begin(seed)

    @torch.no_grad()
    def rescale(self, factor: float) -> None:
        """Multiply all scores by a factor that is not negative."""
        wanted = (softplus(self.readout) * factor).double().numpy()
        self.readout.copy_(torch.from_numpy(inverse_softplus(wanted)))

    def forward(self, graph: Adjacency, queries: NDArray[np.int64], reached: Reach) -> Passage:
        """Run the messages of (B, 2) queries over what they reach."""
        relation = torch.from_numpy(queries[:, 1]).to(self.query.device)
        embedded = self.query[:, relation]
        start = side_by_side(softplus(self.start[:, relation]))
        vectors, of = start, torch.from_numpy(reached.queries).long()
        weights: list[Tensor] = []
        arrived: list[Tensor] = []
        mixes: list[Tensor] = []
        for k, messages in enumerate(reached.rounds):
            by_query = (embedded @ self.edge_by_query[k]).unflatten(-1, (-1, self.channels))
            weight = side_by_side(softplus(self.edge[k][:, None] + by_query))
            # the head sends again in every round, so that paths of all lengths arrive in the last one
            sums = Send.apply(vectors, weight, start, reached.queries, messages)
            mix = torch.eye(self.channels) + softplus(self.mix[k])
            vectors = self.dropped(side_by_side(apart(torch.log1p(sums), self.members) @ mix))
            weights.append(weight)
            arrived.append(sums)
            mixes.append(torch.block_diag(*mix))
        readout = side_by_side(softplus(self.readout[:, relation]))
        scores = (vectors * readout[of]).sum(1)
        return Passage(reached, start, tuple(weights), tuple(arrived), tuple(mixes), readout, scores)
