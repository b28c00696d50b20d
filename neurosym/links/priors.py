"""How likely an entity is as an answer at all, by the kinds of edges that it has: type and domain priors, learned."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from neurosym.links.graph import inverse
from neurosym.links.network.reach import Adjacency


class SignaturePrior(nn.Module):
    """score(r, v) = Σ over relations q of weight[r, q] · log(1 + edges of q that leave v), inverses included.

    Each term is a rule with an open end: who has edges of q is more, or less, likely an answer of r. The edge of the
    query itself does not count for its answer while that is learned.

    Args:
        num_relations: R, without the inverses.
    """

    def __init__(self, num_relations: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(2 * num_relations, 2 * num_relations))

    def forward(self, graph: Adjacency, queries: NDArray[np.int64], answers: NDArray[np.int64] | None) -> Tensor:
        """(B, N) scores of all entities for (B, 2) queries; `answers` (B,) in training."""
        weight = self.weight[torch.from_numpy(queries[:, 1]).to(self.weight.device)]
        scores = weight @ torch.log1p(graph.signatures).T
        if answers is None:
            return scores
        at = np.arange(len(queries))
        back = inverse(queries[:, 1], graph.num_relations)
        counts = graph.signatures[answers, back]
        change = torch.log1p((counts - 1).clamp(min=0)) - torch.log1p(counts)
        places = (torch.from_numpy(at), torch.from_numpy(answers))
        return scores.index_put(places, change * weight[at, back], accumulate=True)

    def terms(self, graph: Adjacency, relation: int, entity: int) -> Tensor:
        """(2R,) what each kind of edge of an entity adds to its score as an answer of a relation."""
        return self.weight[relation].detach() * torch.log1p(graph.signatures[entity])
