"""The paths of a graph that carried a graph network's word, read off the scores of its edges."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Sequence

import torch
from torch import Tensor

from neurosym.explain.attribution.questions import Given, Question, at_rest

MOST, LONGEST, LOOKED_AT = 5, 4, 2_000  # paths; edges of one; partial paths that are looked at
LEAST = 1e-6  # of a probability: what an edge adds at least, to be part of a path


def carried(
    question: Question, given: Given, scores: Tensor, output: float, baseline: float
) -> tuple[tuple[str, float, float], ...]:
    """Paths from the node that was asked about, best first.

    A path goes on as long as its next edge speaks for what the network said; its score is the sum of its edges'.

    Args:
        given: the edges; scores: (E,) what each adds. output, baseline: what the network says with all and without any.

    Returns:
        For each path its edges, its score, and the share of output − baseline that the network says again where only
        this path and those before it are kept.
    """
    if given.ends is None or abs(output - baseline) < LEAST:
        return ()
    along = (scores if output > baseline else -scores).tolist()
    chosen = _paths(given.ends, given.asked, along)
    found: list[tuple[str, float, float]] = []
    kept = torch.zeros_like(given.values, dtype=torch.bool)
    for path in chosen:
        kept[0, list(path)] = True
        with torch.no_grad(), at_rest(question.network):
            said = float(question.probability(torch.where(kept, given.values, given.baseline))[0])
        text = ", ".join(given.names[e] for e in path)
        found.append((text, float(scores[list(path)].sum()), (said - baseline) / (output - baseline)))
    return tuple(found)


def _paths(ends: Sequence[tuple[int, int]], asked: int, along: Sequence[float]) -> list[tuple[int, ...]]:
    """The best simple paths from a node, as numbers of edges, none of them the beginning of another."""
    beside: dict[int, list[int]] = {}
    for edge, (source, target) in enumerate(ends):
        if along[edge] > LEAST:  # messages may pass an edge either way
            beside.setdefault(source, []).append(edge)
            if target != source:
                beside.setdefault(target, []).append(edge)
    order = itertools.count()
    heap: list[tuple[float, int, int, tuple[int, ...], frozenset[int]]] = [(0.0, 0, asked, (), frozenset({asked}))]
    whole: list[tuple[float, tuple[int, ...]]] = []
    for _ in range(LOOKED_AT):
        if not heap:
            break
        cost, _, node, path, met = heapq.heappop(heap)
        longer = False
        for edge in beside.get(node, ()) if len(path) < LONGEST else ():
            source, target = ends[edge]
            other = target if source == node else source
            if other not in met:
                longer = True
                heapq.heappush(heap, (cost - along[edge], next(order), other, (*path, edge), met | {other}))
        if path and not longer:
            whole.append((cost, path))
    return [path for _, path in sorted(whole)[:MOST]]


__all__ = ["carried"]
