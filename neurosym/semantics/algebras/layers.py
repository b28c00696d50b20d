"""Evaluation of any algebra by torch alone, layer by layer over the batch: on any device, for a user's own too."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from neurosym.grounding import DerivationGraph
from neurosym.grounding.columns import expand
from neurosym.semantics.algebras.faults import unsettled
from neurosym.semantics.algebras.semirings import IDEMPOTENT, Semiring
from neurosym.semantics.part import Part, levels

SETTLED = 1e-12  # relative change at which a fixpoint counts as reached


@dataclass(frozen=True)
class _Bucket:
    """Groundings of a layer whose bodies have the same length."""

    order: Tensor  # (m,) position among the layer's groundings
    body: Tensor  # (m, length)
    negative: Tensor  # (m, length) bool


@dataclass(frozen=True)
class _Layer:
    heads: Tensor  # (n,) facts, as positions in the part
    given: Tensor  # (n,) bool
    segment: Tensor  # (m,) which head each grounding derives, ascending
    buckets: tuple[_Bucket, ...]
    any_negative: bool
    cyclic: bool
    predicates: str


class LayeredEvaluator:
    """Evaluates one algebra on a part of a graph."""

    def __init__(self, graph: DerivationGraph, part: Part, semiring: Semiring, max_rounds: int) -> None:
        self.semiring = semiring
        self.max_rounds = max_rounds
        self.layers = _layers(graph, part)
        self.facts = torch.from_numpy(part.facts.astype(np.int64))
        self.leaf = torch.from_numpy(part.leaf)
        self.given = torch.from_numpy(part.given)

    def all_tags(self, inputs: Tensor) -> Tensor:
        """(n, B) tags of all facts of the part."""
        ring = self.semiring
        leaves = ring.lift(inputs.T[self.facts])
        base = torch.where(self.leaf[:, None], leaves, torch.full_like(leaves, ring.zero))
        tags = torch.where(self.given[:, None], torch.full_like(base, ring.one), base)
        for layer in self.layers:
            if layer.cyclic:
                tags = self._settle(layer, tags)
            else:
                tags = tags.index_copy(0, layer.heads, self._fire(layer, tags))
        return tags

    def _fire(self, layer: _Layer, tags: Tensor) -> Tensor:
        """(n, B) tags of a layer's heads from the tags of their bodies."""
        ring = self.semiring
        values = torch.empty((len(layer.segment), tags.shape[1]), dtype=tags.dtype, device=tags.device)
        for bucket in layer.buckets:
            length = bucket.body.shape[1]
            if length == 0:
                total = torch.full((len(bucket.order), tags.shape[1]), ring.one, dtype=tags.dtype, device=tags.device)
            else:
                literals = tags[bucket.body]
                if layer.any_negative:
                    literals = torch.where(bucket.negative[:, :, None], ring.negate(literals), literals)
                total = _reduce(ring, literals)
            values = values.index_copy(0, bucket.order, total)
        derived = ring.sum(values, layer.segment, len(layer.heads))
        return torch.where(layer.given[:, None], ring.plus(torch.full_like(derived, ring.one), derived), derived)

    def _settle(self, layer: _Layer, tags: Tensor) -> Tensor:
        """The least fixpoint of a layer with cycles."""
        exact = IDEMPOTENT in self.semiring.properties
        near = max(SETTLED, 4 * torch.finfo(tags.dtype).eps)  # float32 has no 1e-12
        for _ in range(self.max_rounds):
            new = self._fire(layer, tags)
            old = tags[layer.heads]
            tags = tags.index_copy(0, layer.heads, new)
            # equality first: where zero is infinite (min-plus), the difference of two zeros is no number
            same = (new == old) | ((new - old).abs() <= near * new.abs()) if not exact else new == old
            if bool(same.all()):
                return tags
            if not exact and not bool(torch.isfinite(new.detach()).all()):
                break
        raise unsettled(self.semiring.name, self.max_rounds, layer.predicates)


def _reduce(ring: Semiring, literals: Tensor) -> Tensor:
    """Product over dim 1, pairwise: log2(length) operations."""
    while literals.shape[1] > 1:
        half = literals.shape[1] // 2
        merged = ring.times(literals[:, :half], literals[:, half : 2 * half])
        literals = torch.cat([merged, literals[:, 2 * half :]], dim=1)
    return literals[:, 0]


def _layers(graph: DerivationGraph, part: Part) -> list[_Layer]:
    level, cyclic = levels(part)
    # within a level, cycles are settled apart from the rest
    group = level * 2 + cyclic
    derived = np.zeros(len(part.facts), bool)
    derived[part.head] = True
    result: list[_Layer] = []
    by_group = np.argsort(group[part.head], kind="stable")
    groups = group[part.head][by_group]
    for value in np.unique(groups).tolist():
        groundings = by_group[np.searchsorted(groups, value) : np.searchsorted(groups, value, "right")]
        heads, segment = np.unique(part.head[groundings], return_inverse=True)
        lengths = part.body_start[groundings + 1] - part.body_start[groundings]
        buckets = []
        negative = False
        for length in np.unique(lengths).tolist():
            where = np.nonzero(lengths == length)[0]
            _, at = expand(part.body_start[groundings[where]], np.full(len(where), length))
            signs = part.sign[at].reshape(len(where), length)
            negative |= not signs.all()
            body = part.body[at].reshape(len(where), length).astype(np.int64)
            buckets.append(_Bucket(torch.from_numpy(where), torch.from_numpy(body), torch.from_numpy(~signs)))
        names = sorted({graph.key(int(part.facts[h]))[0] for h in heads[:100]})
        given = part.given[heads]
        result.append(
            _Layer(
                torch.from_numpy(heads),
                torch.from_numpy(given),
                torch.from_numpy(segment.astype(np.int64)),
                tuple(buckets),
                negative,
                bool(value % 2),
                ", ".join(names[:5]),
            )
        )
    return result
