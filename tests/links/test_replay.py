"""Reasons asked of rdflib: the same as what fired."""

from __future__ import annotations

import numpy as np
import pytest

from neurosym.links.graph import TripleGraph, both_ways
from neurosym.links.replay import ask_edges, ask_rule, iri_of
from neurosym.links.rules import Applier, mine
from neurosym.links.rules.ruleset import CONSTANT, FREE, PATH
from tests.links.rules.oracle import graph_of
from tests.links.samples import loaded


@pytest.fixture(scope="module")
def graph() -> TripleGraph:
    random = np.random.default_rng(3)
    triples = {(int(a), int(r), int(b)) for a, r, b in zip(*random.integers(0, (7, 3, 7), (40, 3)).T, strict=True)}
    return graph_of(triples, 7, 3)


def test_a_rule_derives_what_rdflib_says_it_does(graph: TripleGraph) -> None:
    rules = mine(graph, seconds=2)
    rdf, applier = loaded(graph), Applier(rules, graph)
    by_kind = {kind: np.flatnonzero(rules.kind == kind)[:4] for kind in (PATH, CONSTANT, FREE)}
    assert all(len(rows) for rows in by_kind.values())
    seen = {True: 0, False: 0}
    for row in np.concatenate(list(by_kind.values())).tolist():
        rule, head = rules[row], int(rules.head[row])
        for start in range(7):
            ends = range(7) if rule.head_entity is None else [graph.entity_ids[rule.head_entity]]
            for end in ends:
                if start == end:
                    continue
                fired = applier.instance(row, (start, head), end) is not None
                asked = ask_rule(rule, graph.entities[start], graph.entities[end])
                assert bool(rdf.query(asked).askAnswer) == fired, (str(rule), start, end, asked)
                seen[fired] += 1
    assert min(seen.values()) > 20


def test_edges_are_in_the_graph_or_not(graph: TripleGraph) -> None:
    rdf = loaded(graph)
    assert len(rdf) == len(graph.triples)
    stored = [(graph.entities[h], graph.relations[r], graph.entities[t]) for h, r, t in graph.triples[:3].tolist()]
    assert rdf.query(ask_edges(stored)).askAnswer
    absent = both_ways(graph.triples, 3)[-1]
    if (absent - [0, 3, 0]).tolist() not in graph.triples.tolist():
        h, r, t = (absent - [0, 3, 0]).tolist()
        assert not rdf.query(ask_edges([(graph.entities[h], graph.relations[r], graph.entities[t])])).askAnswer


def test_names_and_labels() -> None:
    graph = TripleGraph(
        ("a b>c", "http://ex.org/d"), ("a b>c",), np.array([[0, 0, 1]]), {"http://ex.org/d": "the letter d"}
    )
    assert iri_of("a b>c") == "urn:neurosym:entity:a%20b%3Ec" and iri_of("http://ex.org/d") == "http://ex.org/d"
    rdf = loaded(graph)
    assert rdf.query(ask_edges([("a b>c", "a b>c", "http://ex.org/d")])).askAnswer
    assert [str(o) for o in rdf.objects(None, None)].count("the letter d") == 1
