"""Rules applied to queries: candidates ranked, or every firing as a row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosym.grounding.compiled import load
from neurosym.links.graph import Edge, TripleGraph
from neurosym.links.rules.index import Ids, Long, index_edges
from neurosym.links.rules.ruleset import CONSTANT, NONE, PATH, RuleSet
from neurosym.links.rules.tables import build_blocks, unary_tables
from neurosym.links.rules.walks import walks

MAX_WALKS = 100_000
BLOCKS = (0.03, 0.2)  # shares of the path rules after which it is looked whether the first candidates are certain
AGGREGATIONS = ("noisy-or", "max-plus")
BEST = 10  # rules that count for one candidate
HIGHEST = 1 - 1e-9  # a confidence of 1 would have an infinite weight


@dataclass(frozen=True, eq=False)
class Ranked:
    """Candidates of Q queries, best first.

    Attributes:
        starts: (Q + 1,) where the candidates of each query begin.
        candidate: (n,) entities; those that no rule reaches are not listed.
        score: (n,) what they are ranked by. Under max-plus it only says the order within a query.
        cut: queries for which some walks were left out, because a body had more than `max_walks` of them.
        early: queries whose first candidates were certain before all rules had been applied.
    """

    starts: Long
    candidate: Ids
    score: NDArray[np.float64]
    cut: int
    early: int = 0


@dataclass(frozen=True, eq=False)
class Firings:
    """Which rules reach which candidates of Q queries: sparse columns (query, candidate, rule).

    Attributes:
        starts: (Q + 1,) where the candidates of each query begin.
        candidate: (n,) entities.
        rules: (n, K) rows of the rule set that reach the candidate, those of the highest confidence first, then -1.
        cut: as in `Ranked`.
        early: queries whose first candidates were certain before all rules had been applied.
    """

    starts: Long
    candidate: Ids
    rules: Ids
    cut: int
    early: int = 0


class Applier:
    """A rule set prepared for a graph, whose entities may be others than those it was learned from.

    Relations are matched by number, constants by name; rules with constants that the graph lacks never fire.

    Raises:
        ValueError: rules and graph number their relations differently.
    """

    def __init__(self, rules: RuleSet, graph: TripleGraph, max_walks: int = MAX_WALKS) -> None:
        if rules.relations != graph.relations:
            raise ValueError("the rules and the graph number different relations: give both the same tuple of names")
        self.rules, self.graph, self.max_walks = rules, graph, max_walks
        self.index = index_edges(graph)
        # kernels know rules by their place in the order of confidence
        self._order = np.argsort(-rules.confidence, kind="stable").astype(np.int32)
        ordered = rules.take(self._order)
        rows = np.arange(len(rules))
        trie, self._bounds = build_blocks(ordered, len(graph.relations), BLOCKS)
        unary = unary_tables(ordered, rows, graph, self.index)
        self._tables = (*self.index.columns, self.index.mirror, *trie.columns, *unary)
        self._deepest = rules.body.shape[1]

    def features(self, queries: NDArray[np.integer], best: int = BEST) -> Firings:
        """The rules that reach each candidate of queries (entity, directed relation[, own answer]).

        The triple of a query's own answer is masked: no rule uses it for that query.

        Args:
            queries: (Q, 2) or (Q, 3); an own answer of -1 is none.
            best: how many rules are kept for each candidate, those of the highest confidence.
        """
        return self._first_rules(queries, best, np.zeros(len(queries), np.int64), self.rules.confidence, True)

    def instance(self, row: int, query: tuple[int, int], answer: int) -> tuple[Edge, ...] | None:
        """The edges of one instance deriving an answer of (entity, directed relation); None without one."""
        rules, (entity, relation) = self.rules, query
        start, end = (entity, answer) if int(rules.head[row]) == relation else (answer, entity)
        kind, steps = int(rules.kind[row]), [int(r) for r in rules.body[row] if r != NONE]
        if kind == PATH:
            found = walks(self.index, start, steps, None, end)
        elif kind == CONSTANT:
            name = rules.entities[int(rules.body_entity[row])]
            found = walks(self.index, start, steps, end, self.graph.entity_ids.get(name, -1))
        else:
            found = walks(self.index, start, steps, end, None)
        walk = next(found, None)
        return None if walk is None else tuple(zip(walk, steps, walk[1:], strict=False))

    def _first_rules(
        self, queries: NDArray[np.integer], best: int, tops: Long, values: NDArray[np.float64], sums: bool
    ) -> Firings:
        rows = np.full((len(queries), 3), -1, np.int32)
        rows[:, : queries.shape[1]] = queries
        stamps = np.zeros(self.index.n_entities, np.int64)
        kernels = load("neurosym.links.rules.firing")
        starts, candidate, rules, cut, early = kernels.first_rules(
            *self._tables, rows, stamps, self.max_walks, self._deepest, best, values[self._order], self._bounds, tops,
            sums,
        )  # fmt: skip
        numbers = np.append(self._order, np.int32(-1))
        return Firings(starts, candidate, numbers[np.minimum(rules, len(self._order))], cut, early)

    def rank(
        self,
        queries: NDArray[np.integer],
        top_k: int | None = None,
        aggregation: str = "noisy-or",
        best: int = BEST,
        weights: NDArray[np.float64] | None = None,
        hidden: tuple[Long, Ids] | None = None,
        batch: int = 128,
    ) -> Ranked:
        """Rank candidates for queries (entity, directed relation[, own answer]), masked as in `features`.

        Args:
            queries: (Q, 2) or (Q, 3).
            top_k: candidates given for each query; all that a rule reaches, if None.
            aggregation: `noisy-or` of the `best` rules of a candidate, or `max-plus`: the most confident rule decides,
                among equals the next one, and so on through the `best` rules.
            best: how many rules count for each candidate.
            weights: (n,) of the rules, to be summed in place of -log(1 - confidence).
            hidden: starts and entities that are left out of each query's candidates, such as answers known already.
            batch: queries that are held in memory at once.

        Raises:
            ValueError: no such aggregation.
        """
        if aggregation not in AGGREGATIONS:
            raise ValueError(f"aggregation is one of {', '.join(AGGREGATIONS)}, not {aggregation!r}")
        parts, sums = [], aggregation != "max-plus"
        # by confidence the bounds of what may still come are known; by weights of another order they are not
        tops = np.full(len(queries), 0 if top_k is None or weights is not None else top_k)
        if hidden is not None:
            tops[tops > 0] += np.diff(hidden[0])[tops > 0]
        if weights is None:
            weights = -np.log1p(-np.minimum(self.rules.confidence, HIGHEST))
        for begin in range(0, max(1, len(queries)), batch):
            these, top = queries[begin : begin + batch], tops[begin : begin + batch]
            found = self._first_rules(these, best, top, weights if sums else self.rules.confidence, sums)
            if hidden is not None:
                starts = hidden[0][begin : begin + batch + 1]
                found = _without(found, starts - starts[0], hidden[1][starts[0] : starts[-1]])
            if not sums:
                parts.append(_lexicographic(found, self.rules.confidence, top_k))
            else:
                parts.append(_by_sum(found, np.append(weights, 0.0), top_k))
        counts = np.concatenate([np.diff(part.starts) for part in parts])
        return Ranked(
            np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            np.concatenate([part.candidate for part in parts]),
            np.concatenate([part.score for part in parts]),
            sum(part.cut for part in parts),
            sum(part.early for part in parts),
        )


def _without(found: Firings, starts: Long, entities: Ids) -> Firings:
    """Without the entities that are hidden from each query."""
    query = np.repeat(np.arange(len(starts) - 1), np.diff(found.starts))
    hidden = np.repeat(np.arange(len(starts) - 1), np.diff(starts)) << 32 | entities
    kept = ~np.isin(query << 32 | found.candidate, hidden)
    counts = np.bincount(query[kept], minlength=len(starts) - 1)
    return Firings(
        np.concatenate([[0], np.cumsum(counts)]), found.candidate[kept], found.rules[kept], found.cut, found.early
    )


def _by_sum(found: Firings, weights: NDArray[np.float64], top_k: int | None) -> Ranked:
    """By the sum of weights; that of rule -1 is 0."""
    return _first(found, weights[found.rules].sum(1)[:, None], top_k)


def _lexicographic(found: Firings, confidence: NDArray[np.float64], top_k: int | None) -> Ranked:
    """By the most confident rule, then the next one. Three confidences, as their places in order, make one key."""
    levels, level = np.unique(confidence, return_inverse=True)
    if len(levels) >= 1 << 20:
        level = np.floor(confidence * ((1 << 20) - 2)).astype(np.int64)
    level = np.append(level + 1, 0)[found.rules]
    level = np.pad(level, ((0, 0), (0, -level.shape[1] % 3)))
    keys = level[:, 0::3] << 42 | level[:, 1::3] << 21 | level[:, 2::3]
    return _first(found, keys, top_k)


def _first(found: Firings, keys: NDArray, top_k: int | None) -> Ranked:
    """The first candidates of each query by their keys, the highest first."""
    sums = keys.dtype == np.float64
    numbers = np.unique(keys, return_inverse=True)[1].reshape(keys.shape) if sums else keys
    top = int(np.diff(found.starts).max(initial=0)) if top_k is None else top_k
    kernels = load("neurosym.links.rules.firing")
    order = kernels.order_by_keys(found.starts, np.ascontiguousarray(numbers, np.int64), top)
    place = np.arange(len(order)) - np.repeat(found.starts[:-1], np.diff(found.starts))
    if sums:
        score = keys[order, 0]
    else:
        new = np.ones(len(order), bool)
        new[1:] = (keys[order[1:]] != keys[order[:-1]]).any(1)
        score = -np.maximum.accumulate(np.where(new, np.arange(len(order)), 0)).astype(np.float64)
        score += np.repeat(found.starts[1:], np.diff(found.starts))
    kept = place < top
    counts = np.minimum(np.diff(found.starts), top)
    return Ranked(
        np.concatenate([[0], np.cumsum(counts)]), found.candidate[order[kept]], score[kept], found.cut, found.early
    )
