"""The score of a class: rules and an encoder, added up; each part is kept, so that each can be told."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from neurosym.errors import DataError
from neurosym.links.classes.labels import ClassGraph, Labels
from neurosym.links.graph import Long, TripleGraph
from neurosym.links.rules import Applier, RuleSet
from neurosym.links.rules.applying import HIGHEST
from neurosym.links.rules.learned import RuleWeights
from neurosym.neural.encoders import CompGCNEncoder, RGCNEncoder


@dataclass(frozen=True, eq=False)
class ClassScores:
    """Scores of C classes for B entities.

    Attributes:
        parts: name of the part (`rules`, `encoder`) → (B, C), or (C,) for one entity.
    """

    parts: dict[str, Tensor]

    @property
    def total(self) -> Tensor:
        """The sum of the parts."""
        return torch.stack(list(self.parts.values())).sum(0)

    @property
    def probability(self) -> Tensor:
        """The softmax of the sum over the classes."""
        return self.total.softmax(-1)


@dataclass(frozen=True, eq=False)
class FiredRules:
    """Which rules say which class of whom: found once, whatever the weights are.

    Attributes:
        count: B; row, column: (m,) entity and class that a group of rules speaks of.
        rules: (m, K) rows of the rule set, then -1.
        factor: (m, K) what the weight of each is multiplied with: 1, but in training.
    """

    count: int
    row: Tensor
    column: Tensor
    rules: Tensor
    factor: Tensor

    def take(self, rows: Tensor) -> FiredRules:
        """For some of the entities, (b,) distinct rows, in their order."""
        place = torch.full((self.count,), -1)
        place[rows] = torch.arange(len(rows))
        kept = place[self.row] >= 0
        return FiredRules(
            len(rows), place[self.row[kept]], self.column[kept], self.rules[kept], self.factor[kept]
        )  # fmt: skip


class ClassRules(nn.Module):
    """score(x, c) = sum of the weights of the most confident rules that derive label(x, c).

    In training, a rule was mined from the very label that it is asked for. Its weight is then multiplied with w' / w,
    for w = -log(1 - confidence) and w' the same without the entity's own label in the support; a rule that would not
    have been mined without it says nothing. Otherwise rules that know one person by heart drown all others. (Bodies of
    other entities that run through the label are counted as mined.)

    Args:
        rules: that derive the label's relation, forward.
        min_support: with which they were mined.
        best: rules that count for each entity and class, those of the highest confidence.
        dropout: share of the firings that are left out in training.
        decay: pull of each weight towards its start, -log(1 - confidence): coefficient of the squared distance.
    """

    def __init__(
        self, rules: RuleSet, min_support: int = 2, best: int = 10, dropout: float = 0.3, decay: float = 1e-3
    ) -> None:
        super().__init__()
        self.rules, self.min_support, self.best = rules, min_support, best
        self.dropout, self.decay = float(dropout), float(decay)
        self.weight = RuleWeights(rules.confidence)

    def fired(self, graph: TripleGraph, task: ClassGraph, entities: Long, own: Long | None = None) -> FiredRules:
        """The rules that derive classes of (B,) entities; `own` (B,) in training: their classes, which are hidden.

        Args:
            graph: `task.known(…)`: what the rules may read.
        """
        asked = np.column_stack([entities, np.full(len(entities), task.relation)])
        if own is not None:
            asked = np.column_stack([asked, task.classes[own]])
        found = Applier(self.rules, graph).features(asked, self.best)
        row = np.repeat(np.arange(len(entities)), np.diff(found.starts))
        column = task.column[found.candidate]
        is_class = column >= 0
        row, column, rules = row[is_class], column[is_class], found.rules[is_class]
        factor = np.ones(rules.shape, np.float32)
        if own is not None:
            mine = own[row] == column
            factor[mine] = np.append(self._without_one(), 1.0)[rules[mine]]
        return FiredRules(
            len(entities), torch.from_numpy(row), torch.from_numpy(column), torch.from_numpy(rules).long(),
            torch.from_numpy(factor),
        )  # fmt: skip

    def _without_one(self) -> np.ndarray:
        """(n,) w' / w of each rule, 0 where one label less leaves too few."""
        rules = self.rules
        less = (rules.support - 1) / np.maximum(rules.body_count + rules.smoothing, 1e-9)
        weight = -np.log1p(-np.minimum(rules.confidence, HIGHEST))
        factor = -np.log1p(-np.clip(less, 0, HIGHEST)) / np.maximum(weight, 1e-9)
        # an expert's rule was not mined from any label
        mined = rules.support > 0
        return np.where(mined, np.where(rules.support > self.min_support, np.minimum(factor, 1.0), 0.0), 1.0)

    def forward(self, fired: FiredRules, classes: int) -> Tensor:
        """(B, C) scores; a class that no rule derives has 0."""
        scores = self.weight(fired.rules, self.dropout, fired.factor)
        return scores.new_zeros(fired.count, classes).index_put((fired.row, fired.column), scores)

    def penalty(self) -> Tensor:
        """What is added to the loss."""
        return self.decay * self.weight.pull()

    def weights(self) -> Tensor:
        """(n,) what each rule adds where it fires."""
        return self.weight.told()


class ClassModel(nn.Module):
    """score(x, c) = rules + encoder; a part that is None is left out.

    The encoder's word is centred: what it says of all classes alike says nothing.

    Args:
        rules: mined, or an expert's, with weights.
        encoder: with C for its width.
    """

    def __init__(self, rules: ClassRules | None = None, encoder: RGCNEncoder | CompGCNEncoder | None = None) -> None:
        super().__init__()
        if rules is None and encoder is None:
            raise DataError("a class model needs a part: rules or an encoder", code="NS931")
        self.rules, self.encoder = rules, encoder

    def forward(
        self, edges: Tensor, entities: Tensor, fired: FiredRules | None, classes: int, held: Tensor | None = None
    ) -> ClassScores:
        """Scores of C classes for (B,) entities.

        Args:
            edges: (E, 3) of the graph without the label, both ways; or of a part of it.
            fired: the rules that fire for these entities.
            held: (n,) where the edges run over the places of a part of the graph: the entities that these hold, of
                which the first are the B asked for. Otherwise a place is an entity.
        """
        parts: dict[str, Tensor] = {}
        if self.rules is not None and fired is not None:
            parts["rules"] = self.rules(fired, classes)
        if self.encoder is not None and held is not None:
            parts["encoder"] = centred(self.encoder(edges, held)[: len(entities)])
        elif self.encoder is not None:
            parts["encoder"] = centred(self.encoder(edges, torch.arange(self.encoder.num_entities))[entities])
        return ClassScores(parts)

    def predict(self, task: ClassGraph, known: Labels, entities: Long) -> ClassScores:
        """Scores of (B,) entities, from the graph and the labels that are known."""
        fired = None if self.rules is None else self.rules.fired(task.known(known), task, entities)
        with torch.no_grad():
            edges = torch.from_numpy(task.graph.edges)
            return self.eval()(edges, torch.from_numpy(entities), fired, len(task.classes))


def centred(logits: Tensor) -> Tensor:
    """(…, C) less their mean over the classes."""
    return logits - logits.mean(-1, keepdim=True)
