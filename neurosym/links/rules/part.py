"""The rules' part of a link's score, trained together with the others."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from neurosym.links.evaluation import KnownAnswers, ranks_of
from neurosym.links.graph import Long, both_ways
from neurosym.links.network.reach import Adjacency
from neurosym.links.positive import inverse_softplus
from neurosym.links.rules.applying import Applier, Firings
from neurosym.links.rules.learned import RuleWeights, Weighing, learn_weights
from neurosym.links.rules.ruleset import RuleSet

LEAST = 1e-4  # a factor of 0 has no logarithm


class RuleScores(nn.Module):
    """score(h, r, t) = sum of the weights of the most confident rules that derive r(h, t).

    Args:
        rules: over the relations of the graphs that will be asked about.
        best: rules that count for each candidate, those of the highest confidence.
        dropout: share of the firings that are left out in training.
        decay: pull of each weight towards its start, -log(1 - confidence): coefficient of the squared distance. Most
            rules fire for few queries, and would otherwise learn these by heart.
    """

    def __init__(self, rules: RuleSet, best: int = 20, dropout: float = 0.3, decay: float = 3e-5) -> None:
        super().__init__()
        self.rules, self.best, self.dropout, self.decay = rules, best, float(dropout), float(decay)
        self.weight = RuleWeights(rules.confidence)
        self._appliers: WeakKeyDictionary[Adjacency, Applier] = WeakKeyDictionary()

    @torch.no_grad()
    def rescale(self, factor: float) -> None:
        """Multiply all weights by a factor that is not negative."""
        self.weight.log_scale.add_(math.log(max(factor, LEAST)))

    def applier(self, graph: Adjacency) -> Applier:
        """The rules prepared for a graph."""
        if graph not in self._appliers:
            self._appliers[graph] = Applier(self.rules, graph.graph)
        return self._appliers[graph]

    def firings(self, graph: Adjacency, queries: NDArray[np.int64], answers: NDArray[np.int64] | None) -> Firings:
        """Which rules derive which answers of (B, 2) queries; in training, not by the query's own triple."""
        asked = queries if answers is None else np.column_stack([queries, answers])
        return self.applier(graph).features(asked, self.best)

    def forward(self, graph: Adjacency, queries: NDArray[np.int64], answers: NDArray[np.int64] | None) -> Tensor:
        """(B, N) scores; entities that no rule derives have 0."""
        found = self.firings(graph, queries, answers)
        scores = self.weight(torch.from_numpy(found.rules).long(), self.dropout)
        rows = torch.from_numpy(np.repeat(np.arange(len(queries)), np.diff(found.starts)))
        empty = scores.new_zeros(len(queries), graph.num_entities)
        return empty.index_put((rows, torch.from_numpy(found.candidate).long()), scores)

    def learn(
        self, graph: Adjacency, train: Long, valid: Long, known: KnownAnswers, options: Weighing | None = None,
        seed: int = 0,
    ) -> float:  # fmt: skip
        """Learn the weights by themselves: what fires is found once for each query, so this is quick.

        Args:
            graph: which holds the triples of `train`, (n, 3); no query is answered by its own.
            valid: (m, 3) triples; the weights that rank them best are kept. Without any, those of the last epoch are.
            known: true answers that do not count before a valid one.

        Returns:
            The MRR on valid; NaN without any.
        """
        options = replace(options or Weighing(), best=self.best, dropout=self.dropout)
        applier, queries = self.applier(graph), both_ways(valid, graph.num_relations)
        fired = [applier.features(part[:, :2], self.best) for part in _batches(queries)]

        def mrr(weights: NDArray[np.float64]) -> float:
            padded = np.append(weights, 0.0)
            inverse_ranks = 0.0
            for part, found in zip(_batches(queries), fired, strict=True):
                scores = np.zeros((len(part), graph.num_entities))
                rows = np.repeat(np.arange(len(part)), np.diff(found.starts))
                scores[rows, found.candidate] = padded[found.rules].sum(1)
                best, worst = ranks_of(scores, part[:, 2], *known.of(part[:, :2]))
                inverse_ranks += float((2 / (best + worst)).sum())
            return inverse_ranks / len(queries)

        asked = both_ways(train, graph.num_relations)
        seen = KnownAnswers([train], graph.num_relations)
        weights, reached = learn_weights(applier, asked, seen, mrr if len(queries) else None, options, seed)
        with torch.no_grad():
            self.weight.raw.copy_(torch.from_numpy(inverse_softplus(weights)))
            self.weight.log_scale.zero_()
        return reached

    def penalty(self) -> Tensor:
        """What is added to the loss of a batch."""
        return self.decay * self.weight.pull()

    def weights(self) -> Tensor:
        """(n,) what each rule adds where it fires."""
        return self.weight.told()


def _batches(queries: Long, size: int = 64) -> Iterator[Long]:
    return (queries[begin : begin + size] for begin in range(0, len(queries), size))
