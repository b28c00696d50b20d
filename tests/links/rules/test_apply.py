"""Applied rules against enumeration."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurosym.links.graph import TripleGraph
from neurosym.links.rules import Applier, RuleSet, mine
from tests.links.rules.oracle import graph_of, graphs, reached
from tests.links.rules.test_mine import EVERYTHING


def own_queries(graph: TripleGraph) -> np.ndarray:
    """Every triple as a query for its tail and for its head."""
    return graph.edges[graph.edges[:, 0] != graph.edges[:, 2]]


def expected_firings(rules: RuleSet, graph: TripleGraph, query: tuple[int, int, int]) -> dict[int, list[int]]:
    fired: dict[int, list[int]] = {}
    for i, rule in enumerate(rules):
        for y in reached(rule, graph, query[:2], query[2]):
            fired.setdefault(y, []).append(i)
    return fired


@settings(max_examples=25, deadline=None)
@given(graph=graphs(entities=5, relations=2, most=12), masked=st.booleans(), best=st.sampled_from([1, 3, 1000]))
def test_firings_are_those_of_enumeration(graph: TripleGraph, masked: bool, best: int) -> None:
    rules = mine(graph, options=EVERYTHING)
    queries = own_queries(graph)[:6].copy()
    if not masked:
        queries[:, 2] = -1
    found = Applier(rules, graph).features(queries, best=best)
    for i, query in enumerate(queries.tolist()):
        span = slice(found.starts[i], found.starts[i + 1])
        ours = {
            int(y): [int(r) for r in row if r >= 0]
            for y, row in zip(found.candidate[span], found.rules[span], strict=True)
        }
        theirs = expected_firings(rules, graph, tuple(query))
        assert ours == {y: sorted(fired)[:best] for y, fired in theirs.items()}


@settings(max_examples=15, deadline=None)
@given(graph=graphs(entities=6, relations=2, most=14), top=st.sampled_from([1, 2, None]), best=st.sampled_from([2, 50]))
def test_ranking_by_both_aggregations(graph: TripleGraph, top: int | None, best: int) -> None:
    rules = mine(graph, options=EVERYTHING)
    queries = own_queries(graph)[:6]
    applier = Applier(rules, graph)
    summed = applier.rank(queries, top_k=top, best=best, batch=4)
    first = applier.rank(queries, top_k=top, best=best, aggregation="max-plus", batch=4)
    for i, query in enumerate(queries.tolist()):
        fired = {y: rules.confidence[sorted(r)[:best]] for y, r in expected_firings(rules, graph, tuple(query)).items()}
        scores = {y: -np.log1p(-c).sum() for y, c in fired.items()}
        keys = {y: tuple(c) for y, c in fired.items()}
        span = slice(summed.starts[i], summed.starts[i + 1])
        assert np.allclose(summed.score[span], sorted(scores.values(), reverse=True)[:top])
        assert np.allclose(summed.score[span], [scores[y] for y in summed.candidate[span].tolist()])
        span = slice(first.starts[i], first.starts[i + 1])
        order = first.candidate[span].tolist()
        assert [keys[y] for y in order] == sorted(keys.values(), reverse=True)[:top]
        for (a, s), (b, t) in pairwise(zip(order, first.score[span], strict=True)):
            assert (s == t) == (keys[a] == keys[b])


def test_known_answers_are_left_out() -> None:
    graph = graph_of(
        {(i, 0, j) for i in range(4) for j in range(4, 8)} | {(i, 1, j) for i in range(4) for j in range(4, 6)}, 8, 2
    )
    applier = Applier(mine(graph), graph)
    query = np.array([[0, 1, -1], [1, 1, -1]])
    everything = applier.rank(query)
    hidden = np.array([0, 1, 1]), np.array([4], np.int32)
    some = applier.rank(query, hidden=hidden)
    assert 4 in everything.candidate[: everything.starts[1]]
    assert 4 not in some.candidate[: some.starts[1]]
    assert list(some.candidate[some.starts[1] :]) == list(everything.candidate[everything.starts[1] :])


def test_weights_in_place_of_confidences() -> None:
    graph = graph_of({(i, r, (i + r + 1) % 9) for i in range(9) for r in range(3)}, 9, 3)
    rules = mine(graph, options=EVERYTHING)
    ones = Applier(rules, graph).rank(np.array([[0, 0]]), weights=np.ones(len(rules)), best=100_000)
    fired = expected_firings(rules, graph, (0, 0, -1))
    assert dict(zip(ones.candidate.tolist(), ones.score.tolist(), strict=True)) == {y: len(r) for y, r in fired.items()}


def test_entities_that_were_not_there_in_training() -> None:
    triples = {(i, 0, i + 1) for i in range(5)} | {(i + 1, 1, i) for i in range(5)} | {(0, 0, 3), (1, 0, 3), (3, 1, 0)}
    rules = mine(graph_of(triples, 6, 2), options=EVERYTHING)
    unseen = TripleGraph(("new", "e3", "other"), ("r0", "r1"), np.array([[0, 0, 2], [2, 0, 1]]))
    found = Applier(rules, unseen).features(np.array([[2, 1], [0, 0]]), best=1000)
    for i, query in enumerate([(2, 1, -1), (0, 0, -1)]):
        span = slice(found.starts[i], found.starts[i + 1])
        theirs = expected_firings(rules, unseen, query)
        assert set(found.candidate[span].tolist()) == set(theirs)
        if i == 0:
            assert 0 in theirs


def test_walks_that_were_cut_are_said() -> None:
    hub = (
        {(0, 0, i) for i in range(1, 30)}
        | {(i, 0, j) for i in range(1, 30) for j in range(30, 33)}
        | {(0, 1, 30), (0, 1, 31)}
    )
    graph = graph_of(hub, 33, 2)
    rules = mine(graph, options=EVERYTHING)
    assert Applier(rules, graph).features(np.array([[0, 1]])).cut == 0
    assert Applier(rules, graph, max_walks=10).features(np.array([[0, 1]])).cut == 1


@pytest.mark.parametrize("queries", [np.empty((0, 2), np.int64), np.array([[3, 0]])])
def test_nothing_to_find(queries: np.ndarray) -> None:
    graph = graph_of({(0, 0, 1), (1, 0, 2)}, 4, 1)
    ranked = Applier(mine(graph), graph).rank(queries, aggregation="max-plus")
    assert ranked.starts.tolist() == [0] * (len(queries) + 1)
    assert math.isfinite(ranked.cut)


@pytest.mark.parametrize("aggregation", ["noisy-or", "max-plus"])
@pytest.mark.parametrize("best", [1, 3])
def test_ending_early_changes_nothing(aggregation: str, best: int) -> None:
    random = np.random.default_rng(5)
    triples = {(int(h), int(r), int(t)) for h, r, t in random.integers(0, (15, 4, 15), (250, 3))}
    graph = graph_of(triples, 15, 4)
    rules = mine(graph, options=EVERYTHING)
    applier, queries = Applier(rules, graph), own_queries(graph)
    hidden = np.arange(len(queries) + 1), random.integers(0, 15, len(queries)).astype(np.int32)
    everything = applier.rank(queries, aggregation=aggregation, best=best, hidden=hidden)
    first = applier.rank(queries, top_k=3, aggregation=aggregation, best=best, hidden=hidden)
    assert first.early > len(queries) / 10
    assert everything.early == 0
    for i in range(len(queries)):
        some = slice(first.starts[i], first.starts[i + 1])
        a = slice(everything.starts[i], everything.starts[i] + 3)
        if aggregation == "noisy-or":
            assert np.allclose(first.score[some], everything.score[a])
        scores = dict(
            zip(everything.candidate[everything.starts[i] : everything.starts[i + 1]].tolist(),
                everything.score[everything.starts[i] : everything.starts[i + 1]].tolist(), strict=True)
        )  # fmt: skip
        assert [scores[y] for y in first.candidate[some].tolist()] == [
            scores[y] for y in everything.candidate[a].tolist()
        ]


def test_what_does_not_fit_is_refused() -> None:
    graph = graph_of({(0, 0, 1), (1, 0, 2)}, 4, 1)
    rules = mine(graph)
    with pytest.raises(ValueError, match="noisy-or, max-plus"):
        Applier(rules, graph).rank(np.array([[0, 0]]), aggregation="mean")
    with pytest.raises(ValueError, match="same tuple"):
        Applier(rules, graph_of({(0, 0, 1)}, 4, 2))
    with pytest.raises(ValueError, match="1 to 3"):
        mine(graph, options=replace(EVERYTHING, max_length=4))
