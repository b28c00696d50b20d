"""What rests on choices that others rest on, too."""

from __future__ import annotations

import random

import networkx as nx
import pytest

from neurosym.semantics.exact.view import overlap, sharing, united


@pytest.mark.parametrize("seed", range(200))
def test_supports_that_share_choices_are_grouped(seed: int) -> None:
    draw = random.Random(seed)
    supports = []
    for _ in range(draw.randint(1, 8)):
        starts = [draw.randrange(30) for _ in range(draw.randint(0, 3))]
        supports.append(united([tuple((k, k + draw.randint(0, 2)) for k in sorted(starts))]))
    graph = nx.Graph()
    graph.add_nodes_from(range(len(supports)))
    graph.add_edges_from((a, b) for a in graph for b in graph if a < b and overlap(supports[a], supports[b]))
    expected = sorted((sorted(part) for part in nx.connected_components(graph)), key=max)
    assert sharing(supports) == expected
