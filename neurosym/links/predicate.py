"""A link model behind a neural predicate: rules can speak of links that are only likely."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from neurosym.errors import DataError
from neurosym.links.calibration import Calibration
from neurosym.links.graph import TripleGraph
from neurosym.links.model import LinkModel
from neurosym.links.network.reach import Adjacency
from neurosym.neural.features import FeatureTable

BATCH = 32


class LinkPredicate(nn.Module):
    """The network of a predicate such as `neural treats(c: Compound, d: Disease) by links .`

    What is asked of it are numbers of entities: `entity_table` is the feature table of both arguments. It gives the
    logit of the calibrated probability that the graph should have the link, and gradients to the model's weights. A
    link that the graph has already is asked about as any other.

    Args:
        model, graph: what predicts, and what it reasons over.
        relation: by name; calibration: of the model's scores; see `calibrate`.

    Raises:
        DataError: NS934, the graph has no such relation.
    """

    def __init__(self, model: LinkModel, graph: TripleGraph, relation: str, calibration: Calibration) -> None:
        super().__init__()
        if relation not in graph.relation_ids:
            raise DataError(
                f"the graph has no relation `{relation}`", code="NS934",
                note=f"it has {', '.join(graph.relations[:10])}{', …' if len(graph.relations) > 10 else ''}",
            )  # fmt: skip
        self.model, self.calibration = model, calibration
        self.relation = graph.relation_ids[relation]
        self.adjacency = Adjacency.of(graph)

    def forward(self, heads: Tensor, tails: Tensor) -> Tensor:
        """(n, 1) logits of links between (n, 1) heads and (n, 1) tails, numbers of entities."""
        subjects, place = torch.unique(heads[:, 0].round().long(), return_inverse=True)
        objects = tails[:, 0].round().long()
        logits = torch.zeros(len(objects), dtype=torch.float64)
        for begin in range(0, len(subjects), BATCH):
            part = subjects[begin : begin + BATCH]
            queries = np.column_stack([part.numpy(), np.full(len(part), self.relation)])
            shares = self.model(self.adjacency, queries).total.double().log_softmax(1)
            mine = ((place >= begin) & (place < begin + len(part))).nonzero()[:, 0]
            logits = logits.index_put((mine,), self.calibration.logits(shares[place[mine] - begin, objects[mine]]))
        return logits[:, None]


def entity_table(graph: TripleGraph) -> FeatureTable:
    """The feature table by which `LinkPredicate` is asked about the entities of a graph: their numbers."""
    numbers = torch.arange(len(graph.entities), dtype=torch.float64)
    return FeatureTable(graph.entities, numbers[:, None], ("entity",))


__all__ = ["LinkPredicate", "entity_table"]
