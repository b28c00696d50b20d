"""The score of a link: rules, priors and a network, added up; each part is kept, so that each can be told."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from neurosym.errors import DataError
from neurosym.links.graph import Long
from neurosym.links.network.paths import PathNetwork
from neurosym.links.network.reach import Adjacency, Mask, Reach, reach
from neurosym.links.network.signed import SignedNetwork
from neurosym.links.priors import SignaturePrior
from neurosym.links.rules.part import RuleScores


@dataclass(frozen=True, eq=False)
class LinkScores:
    """Scores of all N entities as answers of B queries.

    Attributes:
        parts: name of the part (`rules`, `prior`, `paths`, `messages`) → (B, N); what a part does not reach has 0
            there.
    """

    parts: dict[str, Tensor]

    @property
    def total(self) -> Tensor:
        """(B, N) the sum of the parts."""
        return torch.stack(list(self.parts.values())).sum(0)


class LinkModel(nn.Module):
    """score(h, r, t) = rules + prior + paths + messages; parts that are None are left out.

    Args:
        paths: message passing from h, conditioned on r, which is monotone: a sum over paths.
        prior: of t as an answer of r.
        rules: what the rules that derive r(h, t) add.
        messages: message passing with weights of any sign, which is one number and no sum of reasons.
    """

    def __init__(
        self, paths: PathNetwork | None = None, prior: SignaturePrior | None = None, rules: RuleScores | None = None,
        messages: SignedNetwork | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        if paths is None and prior is None and rules is None and messages is None:
            raise DataError("a link model needs a part: a network, a prior or rules", code="NS931")
        if not isinstance(paths, PathNetwork | None) or not isinstance(messages, SignedNetwork | None):
            raise DataError(
                "a network stands in the place of another kind", code="NS931",
                help="give a PathNetwork as `paths`, a SignedNetwork as `messages`",
            )  # fmt: skip
        self.paths, self.prior, self.rules, self.messages = paths, prior, rules, messages

    @property
    def networks(self) -> tuple[PathNetwork | SignedNetwork, ...]:
        """Those that the model has."""
        return tuple(n for n in (self.paths, self.messages) if n is not None)

    @torch.no_grad()
    def rescale(self, part: str, factor: float, others: float) -> None:
        """Multiply what one part adds, and what the others add, by factors that are not negative."""
        for name, made in self.named_children():
            if isinstance(made, PathNetwork | SignedNetwork | SignaturePrior | RuleScores):
                made.rescale(factor if name == part else others)

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
        reached: dict[int, Reach] = {}
        for network in self.networks:
            if network.rounds not in reached:
                reached[network.rounds] = reach(seen or graph, queries, network.rounds, answers, mask, only=only)
            at = reached[network.rounds]
            found = network(graph, queries, at)
            places = (torch.from_numpy(at.queries).long(), torch.from_numpy(at.entities).long())
            empty = found.scores.new_zeros(len(queries), graph.num_entities)
            parts[network.part] = empty.index_put(places, found.scores)
        return LinkScores(parts)
