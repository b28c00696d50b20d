"""How likely an entity is as an answer before any path leads to it: type and domain priors, learned.

They go by the kinds of edges that it has, and by whether it is the very entity that the question is about.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from neurosym.links.graph import Long, inverse
from neurosym.links.network.reach import Adjacency

NEVER = -30.0  # where `itself` starts: nothing that paths add up to is as much


class SignaturePrior(nn.Module):
    """score(h, r, v) = Σ over relations q of weight[r, q] · log(1 + edges of q that leave v), plus itself[r] if v is h.

    Each term is a rule with an open end: who has edges of q is more, or less, likely an answer of r. The edge of the
    query itself does not count for its answer while that is learned. Paths that lead back to the head, to a neighbour
    and home again, would rank it high, and weights that are never negative cannot say that it is no answer; `itself`
    can.

    Args:
        num_relations: R, without the inverses.
    """

    def __init__(self, num_relations: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(2 * num_relations, 2 * num_relations))
        self.itself = nn.Parameter(torch.full((2 * num_relations,), NEVER))

    @torch.no_grad()
    def start(self, train: Long) -> None:
        """Of relations that hold of an entity and itself in (n, 3) triples to learn from, it starts at nothing."""
        count = len(self.itself) // 2
        loops = np.unique(train[train[:, 0] == train[:, 2], 1])
        self.itself[torch.from_numpy(np.concatenate([loops, loops + count]))] = 0.0

    @torch.no_grad()
    def average(self, priors: Sequence[SignaturePrior]) -> None:
        """Take the mean of their weights, whose score is the mean of their scores."""
        self.weight.copy_(torch.stack([prior.weight for prior in priors]).mean(0))
        self.itself.copy_(torch.stack([prior.itself for prior in priors]).mean(0))

    @torch.no_grad()
    def rescale(self, factor: float) -> None:
        """Multiply all scores by a factor that is not negative."""
        self.weight.mul_(factor)
        self.itself.mul_(factor)

    def forward(self, graph: Adjacency, queries: NDArray[np.int64], answers: NDArray[np.int64] | None) -> Tensor:
        """(B, N) scores of all entities for (B, 2) queries; `answers` (B,) in training."""
        relations = torch.from_numpy(queries[:, 1]).to(self.weight.device)
        weight = self.weight[relations]
        at = np.arange(len(queries))
        heads = (torch.from_numpy(at), torch.from_numpy(queries[:, 0]))
        scores = (weight @ graph.log_signatures.T).index_put(heads, self.itself[relations], accumulate=True)
        if answers is None:
            return scores
        back = inverse(queries[:, 1], graph.num_relations)
        less = (graph.signatures[answers, back] - 1).clamp(min=0)
        change = torch.log1p(less) - graph.log_signatures[answers, back]
        places = (torch.from_numpy(at), torch.from_numpy(answers))
        return scores.index_put(places, change * weight[at, back], accumulate=True)

    def terms(self, graph: Adjacency, relation: int, entity: int) -> Tensor:
        """(2R,) what each kind of edge of an entity adds to its score as an answer of a relation; see `itself` too."""
        return self.weight[relation].detach() * graph.log_signatures[entity]
