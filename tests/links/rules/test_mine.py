"""Mined rules against enumeration."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from neurosym.links.graph import TripleGraph
from neurosym.links.rules import Mining, Rule, mine
from neurosym.links.rules.prune import fewer, prune
from neurosym.links.rules.reading import rules_of
from tests.links.rules.oracle import all_rules, figures, graph_of, graphs

EVERYTHING = Mining(
    min_support=1, min_confidence=0.0, long_rules_per_head=10**6, constants_per_head=10**6, pruned=False
)


def name_of(rule: Rule) -> tuple:
    return rule.head, rule.body, rule.head_entity, rule.body_entity


def expected(graph: TripleGraph, length: int, min_support: int) -> dict[tuple, tuple[int, int]]:
    counted = {name_of(rule): figures(rule, graph) for rule in all_rules(graph, length)}
    return {name: figure for name, figure in counted.items() if figure[0] >= min_support}


@settings(max_examples=25, deadline=None)
@given(graph=graphs(entities=5, relations=2, most=14))
def test_counts_are_those_of_enumeration(graph: TripleGraph) -> None:
    rules = mine(graph, options=EVERYTHING)
    found = {name_of(rule): (rule.support, rule.body_count) for rule in rules}
    assert len(found) == len(rules)
    assert found == expected(graph, 3, 1)
    assert np.allclose(rules.confidence, rules.support / (rules.body_count + 5))
    for rule in rules:
        number = graph.relation_ids[rule.head[0]]
        triples = graph.triples[(graph.triples[:, 1] == number) & (graph.triples[:, 0] != graph.triples[:, 2])]
        assert rule.coverage == rule.support / len(triples)


@settings(max_examples=20, deadline=None)
@given(graph=graphs(entities=5, relations=2, most=14))
def test_what_is_pruned_gains_nothing(graph: TripleGraph) -> None:
    rules = mine(graph, options=EVERYTHING)
    by_name = {name_of(rule): rule for rule in rules}
    kept = {name_of(rule) for rule in prune(rules)}
    for name, rule in by_name.items():
        head, body, c, d = name
        general = [by_name.get((head, body, c, None))] if d is not None else []
        if d is not None and c == d:
            turned = ((head[0], False), ((body[0][0], body[0][1] != head[1]),), None, None)
            general.append(by_name.get(turned))
        beaten = any(g is not None and g.confidence >= rule.confidence for g in general)
        assert (name in kept) == (not beaten)


def test_targets_limits_and_order() -> None:
    triples = {(i, 0, i + 1) for i in range(8)} | {(i + 1, 1, i) for i in range(8)} | {(i, 2, 9) for i in range(6)}
    graph = graph_of(triples, 10, 3)
    rules = mine(graph, targets=[1], options=replace(EVERYTHING, min_support=2))
    assert set(rules.head % 3) == {1}
    assert str(rules[0]) == "r1(X, Y) <= r0(Y, X)"
    assert (np.diff(rules.confidence) <= 0).all()
    assert rules.support.min() >= 2
    short = mine(graph, options=replace(EVERYTHING, max_length=1))
    assert short.body.shape[1] == 1


def test_long_paths_are_limited_for_each_head() -> None:
    graph = graph_of({(i, r, (i * (r + 2) + 1) % 7) for i in range(7) for r in range(3)}, 7, 3)
    rules = mine(graph, options=EVERYTHING)
    few = fewer(rules, 5)
    long = (few.kind == 0) & ((few.body >= 0).sum(1) == 3)
    for head in range(3):
        everything = rules.confidence[(rules.kind == 0) & ((rules.body >= 0).sum(1) == 3) & (rules.head == head)]
        assert np.allclose(np.sort(few.confidence[long & (few.head == head)])[::-1], np.sort(everything)[::-1][:5])


def test_it_can_be_stopped_and_then_says_so() -> None:
    graph = graph_of({(i, r, (i * 3 + r) % 30) for i in range(30) for r in range(4)}, 30, 4)
    calls = []

    def stop(seconds: float, rules: int) -> bool:
        calls.append((seconds, rules))
        return len(calls) < 2

    some = mine(graph, progress=stop, options=EVERYTHING)
    assert len(calls) == 2
    assert 0 < len(some) < len(mine(graph, options=EVERYTHING))


def test_out_of_time_counts_are_those_of_a_sample() -> None:
    graph = graph_of({(i, r, (i * 3 + r) % 200) for i in range(200) for r in range(4)}, 200, 4)
    rules = mine(graph, seconds=1e-9, options=EVERYTHING)
    assert (rules.share <= 1).all()  # the cheapest kinds are there, and exact
    assert len(rules) > 0


@pytest.mark.parametrize("triples", [set(), {(0, 0, 0)}, {(0, 0, 1)}])
def test_graphs_with_nothing_to_learn(triples: set) -> None:
    assert len(mine(graph_of(triples, 2, 1), options=Mining(min_support=2))) == 0
    assert len(mine(TripleGraph((), (), np.empty((0, 3), np.int64)))) == 0


def test_rules_become_columns_and_rules_again() -> None:
    graph = graph_of({(0, 0, 1), (1, 1, 2), (0, 1, 2), (2, 0, 0)}, 3, 2)
    rules = list(mine(graph, options=EVERYTHING))
    assert list(rules_of(rules, graph)) == rules
