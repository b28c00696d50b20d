"""Neighbourhoods: parts of the graph, as many edges as asked for, and all an encoder needs where all are drawn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from neurosym.errors import DataError
from neurosym.links.classes import ClassGraph, ClassModel, ClassRecipe, Labels, class_graph, fit_classes
from neurosym.links.graph import Long, TripleGraph
from neurosym.links.network.reach import Adjacency
from neurosym.links.sampling import Neighbourhood, NeighbourSampler
from neurosym.neural.encoders import CompGCNEncoder, RGCNEncoder

RELATIONS = 3


def graph_of(random: np.random.Generator, entities: int, triples: int) -> TripleGraph:
    rows = np.unique(random.integers(0, [entities, RELATIONS, entities], (triples, 3)), axis=0)
    names = tuple(f"e{i}" for i in range(entities))
    return TripleGraph(names, tuple("pqr"), rows.astype(np.int64))


def full(part: Neighbourhood) -> Long:
    """Edges by the numbers of the entities."""
    return np.column_stack([part.entities[part.edges[:, 0]], part.edges[:, 1], part.entities[part.edges[:, 2]]])


@given(st.integers(0, 10_000), st.lists(st.sampled_from([-1, 1, 2, 5]), min_size=1, max_size=3))
def test_what_is_drawn_is_of_the_graph_and_no_more_than_was_asked_for(seed: int, fanout: list[int]) -> None:
    random = np.random.default_rng(seed)
    graph = graph_of(random, 12, 40)
    asked = random.permutation(12)[:3]
    part = NeighbourSampler(Adjacency.of(graph), fanout).draw(asked, random)
    assert part.entities[:3].tolist() == asked.tolist()
    assert len(set(part.entities.tolist())) == len(part.entities)
    edges = full(part)
    all_edges = {tuple(e) for e in graph.edges.tolist()}
    assert {tuple(e) for e in edges.tolist()} <= all_edges
    assert len(np.unique(edges, axis=0)) == len(edges)
    degrees = np.bincount(graph.edges[:, 2], minlength=12)
    drawn = np.bincount(edges[:, 2], minlength=12)
    most = fanout[0]
    for entity in asked.tolist():
        assert drawn[entity] == (degrees[entity] if most == -1 else min(most, degrees[entity]))
    assert (drawn <= (degrees if -1 in fanout else max(fanout))).all()


def test_every_edge_is_as_likely_as_any_other() -> None:
    triples = np.array([[0, 0, k] for k in range(1, 11)])
    graph = TripleGraph(tuple(f"e{i}" for i in range(11)), ("p",), triples)
    sampler, random = NeighbourSampler(Adjacency.of(graph), [3]), np.random.default_rng(0)
    times = np.zeros(11)
    for _ in range(3000):
        part = sampler.draw(np.array([0]), random)
        times[part.entities[1:]] += 1
    # 900 each, with a standard deviation of 25
    assert times[1:].sum() == 9000 and (np.abs(times[1:] - 900) < 125).all()


@pytest.mark.parametrize("kind", [RGCNEncoder, CompGCNEncoder])
def test_an_encoder_says_the_same_where_all_edges_are_drawn(kind: type[RGCNEncoder] | type[CompGCNEncoder]) -> None:
    random = np.random.default_rng(3)
    graph = graph_of(random, 40, 60)
    encoder = kind(40, RELATIONS, 4, layers=2, seed=1).eval()
    asked = random.permutation(40)[:5]
    part = NeighbourSampler(Adjacency.of(graph), [-1] * encoder.hops).draw(asked, random)
    assert len(part.entities) < 40  # it is a part
    with torch.no_grad():
        whole = encoder(torch.from_numpy(graph.edges), torch.arange(40))[asked]
        drawn = encoder(torch.from_numpy(part.edges), torch.from_numpy(part.entities))[:5]
    assert torch.allclose(whole, drawn, atol=1e-6)


def task_of(random: np.random.Generator) -> tuple[ClassGraph, Labels]:
    """Forty people, each at two places of their own class of ten."""
    rows: list[tuple[int, int, int]] = []
    for person in range(40):
        rows += [(person, 0, 40 + 10 * (person % 2) + int(k)) for k in random.permutation(10)[:2]]
        rows.append((person, 1, 60 + person % 2))
    names = tuple(f"e{i}" for i in range(62))
    task = class_graph(TripleGraph(names, ("at", "is"), np.array(rows)), "is", ("e60", "e61"))
    return task, Labels(np.arange(20), np.arange(20) % 2)


def test_batches_over_what_is_near_are_learned_from_and_repeat_with_their_seed() -> None:
    task, known = task_of(np.random.default_rng(0))
    recipe = ClassRecipe(epochs=30, lr=0.02, batch=8, fanout=(4, 4), seed=5)
    found = []
    for _ in range(2):
        model = ClassModel(encoder=RGCNEncoder(62, 2, 2, seed=2))
        found.append(fit_classes(model, task, known, recipe))
    assert found[0] == found[1] and found[0][-1] < 0.3 * found[0][0]
    asked = np.arange(20, 40)
    right = model.predict(task, known, asked).total.argmax(1).numpy() == asked % 2
    assert right.mean() >= 0.8


@pytest.mark.parametrize("fanout", [[], [0], [3, -2]])
def test_a_fanout_that_cannot_be_drawn_is_refused(fanout: list[int]) -> None:
    adjacency = Adjacency.of(graph_of(np.random.default_rng(0), 4, 5))
    with pytest.raises(DataError, match="NS937"):
        NeighbourSampler(adjacency, fanout)
