"""The order of predicates, against networkx."""

from __future__ import annotations

import random

import networkx as nx
import pytest

from neurosym.grounding.core import CoreAtom, CoreProgram, CoreRule, Negated, Scan
from neurosym.grounding.strata import components, is_stratified, recursive_with


def rules(seed: int) -> list[CoreRule]:
    """Random rules over a few predicates, some negated literals among them."""
    draw = random.Random(seed)
    atoms = [CoreAtom((f"p{k}", 0), ()) for k in range(draw.randint(1, 9))]
    return [
        CoreRule(
            tuple((draw.choice(atoms), None) for _ in range(draw.choice((1, 1, 2)))),
            tuple(draw.choice((Scan, Scan, Scan, Negated))(draw.choice(atoms)) for _ in range(draw.randint(0, 3))),
            0,
        )
        for _ in range(draw.randint(0, 12))
    ]


@pytest.mark.parametrize("seed", range(300))
def test_components_are_strong_and_come_after_what_they_depend_on(seed: int) -> None:
    given, core = rules(seed), CoreProgram()
    edges = [(x.atom.key, h.key) for r in given for x in r.body for h, _ in r.heads]  # pyright: ignore
    negative = [(x.atom.key, h.key) for r in given for x in r.body if isinstance(x, Negated) for h, _ in r.heads]
    graph = nx.DiGraph(edges)
    together = recursive_with(given, core)
    strong = {key: n for n, part in enumerate(nx.strongly_connected_components(graph)) for key in part}
    assert all((together[a] == together[b]) == (strong[a] == strong[b]) for a in strong for b in strong)
    assert is_stratified(given, core) == all(strong[a] != strong[b] for a, b in negative)
    if is_stratified(given, core):
        found = components(given, core)
        place = {key: n for n, part in enumerate(found) for key in part}
        assert sum(map(len, found)) == len(place) == len({*graph, *(h.key for r in given for h, _ in r.heads)})
        assert all(place[a] <= place[b] for a, b in edges)
        assert all(place[a] < place[b] for a, b in negative)
