"""The score of a link: rules, priors and a network, added up; each part is kept, so that each can be told."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from neurosym.errors import DataError
from neurosym.links.graph import Long
from neurosym.links.network.paths import PathNetwork
from neurosym.links.network.reach import Adjacency, Mask, reach
from neurosym.links.network.signed import SignedNetwork
from neurosym.links.priors import SignaturePrior
from neurosym.links.rules.part import RuleScores

LEAST = 1e-4  # a factor of 0 has no logarithm


@dataclass(frozen=True, eq=False)
class LinkScores:
    """Scores of all N entities as answers of B queries.

    Attributes:
        parts: name of the part (`rules`, `prior`, `paths` or `messages`) → (B, N); what a part does not reach has 0
            there.
    """

    parts: dict[str, Tensor]

    @property
    def total(self) -> Tensor:
        """(B, N) the sum of the parts."""
        return torch.stack(list(self.parts.values())).sum(0)


class LinkModel(nn.Module):
    """score(h, r, t) = rules + prior + network; parts that are None are left out.

    Args:
        network: message passing from h, conditioned on r: a `PathNetwork`, which is monotone and whose part `paths` is
            a sum over paths; or a `SignedNetwork`, whose part `messages` is not.
        prior: of t as an answer of r.
        rules: what the rules that derive r(h, t) add.
    """

    def __init__(
        self, network: PathNetwork | SignedNetwork | None = None, prior: SignaturePrior | None = None,
        rules: RuleScores | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        if network is None and prior is None and rules is None:
            raise DataError("a link model needs a part: a network, a prior or rules", code="NS931")
        self.network, self.prior, self.rules = network, prior, rules

    @torch.no_grad()
    def rescale(self, rules: float, others: float) -> None:
        """Multiply what the rules add, and what prior and network add, by factors that are not negative."""
        if self.rules is not None:
            self.rules.weight.log_scale.add_(math.log(max(rules, LEAST)))
        if self.prior is not None:
            self.prior.rescale(others)
        if self.network is not None:
            self.network.rescale(others)

    def forward(
        self, graph: Adjacency, queries: Long, answers: Long | None = None, mask: Mask = "own",
        seen: Adjacency | None = None, only: NDArray[np.bool_] | None = None,
    ) -> LinkScores:  # fmt: skip
        """Scores of all entities for (B, 2) queries (head, relation; R + r asks for heads).

        Args:
            graph: to reason over.
            answers: (B,) in training: the answers to learn, whose own triples are hidden from their queries.
            mask: what else is hidden then; see `reach`.
            seen: edges that messages run over, all of the graph's by default.
            only: (B, N) entities whose scores are wanted, all by default; those of others may lack paths.
        """
        parts: dict[str, Tensor] = {}
        if self.rules is not None:
            parts["rules"] = self.rules(graph, queries, answers)
        if self.prior is not None:
            parts["prior"] = self.prior(graph, queries, answers)
        if self.network is not None:
            reached = reach(seen or graph, queries, self.network.rounds, answers, mask, only=only)
            found = self.network(graph, queries, reached)
            places = (torch.from_numpy(reached.queries).long(), torch.from_numpy(reached.entities).long())
            empty = found.scores.new_zeros(len(queries), graph.num_entities)
            parts[self.network.part] = empty.index_put(places, found.scores)
        return LinkScores(parts)
