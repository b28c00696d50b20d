"""Rules by enumeration of their substitutions, in plain Python: the oracle of mining and of applying."""

from __future__ import annotations

from collections import defaultdict
from itertools import permutations, product

import numpy as np
from hypothesis import strategies as st

from neurosym.links.graph import TripleGraph
from neurosym.links.rules import Rule

Pair = tuple[int, int]


def graph_of(triples: set[tuple[int, int, int]], entities: int, relations: int) -> TripleGraph:
    names = tuple(f"e{i}" for i in range(entities))
    rows = np.array(sorted(triples), np.int64).reshape(-1, 3)
    return TripleGraph(names, tuple(f"r{i}" for i in range(relations)), rows)


@st.composite
def graphs(draw: st.DrawFn, entities: int = 6, relations: int = 3, most: int = 20) -> TripleGraph:
    triple = st.tuples(*(st.integers(0, n - 1) for n in (entities, relations, entities)))
    return graph_of(draw(st.sets(triple, max_size=most)), entities, relations)


def holds(graph: TripleGraph, without: tuple[int, int, int] | None = None) -> dict[tuple[str, bool], set[Pair]]:
    """Directed relation → its pairs, but for one triple."""
    pairs: dict[tuple[str, bool], set[Pair]] = defaultdict(set)
    for h, r, t in graph.triples.tolist():
        if (h, r, t) != without:
            pairs[graph.relations[r], False].add((h, t))
            pairs[graph.relations[r], True].add((t, h))
    return pairs


def body_pairs(rule: Rule, graph: TripleGraph, without: tuple[int, int, int] | None = None) -> set[Pair]:
    """The pairs (X, Y) or (X, c) for which the body holds; variables take distinct entities other than c and d."""
    pairs, n = holds(graph, without), len(graph.entities)
    c = None if rule.head_entity is None else graph.entity_ids.get(rule.head_entity, -1)
    d = None if rule.body_entity is None else graph.entity_ids.get(rule.body_entity, -1)
    if -1 in (c, d):
        return set()
    found = set()
    for values in permutations(range(n), len(rule.body) + (d is None)):
        if c in values or d in values:
            continue
        ends = values if d is None else (*values, d)
        if all((ends[i], ends[i + 1]) in pairs[r] for i, r in enumerate(rule.body)):
            found.add((ends[0], ends[-1] if c is None else c))
    return found


def figures(rule: Rule, graph: TripleGraph) -> tuple[int, int]:
    """(support, body count)."""
    pairs = body_pairs(rule, graph)
    return len(pairs & holds(graph)[rule.head]), len(pairs)


def all_rules(graph: TripleGraph, length: int) -> list[Rule]:
    """Every rule of the kinds that are mined, but for those that say nothing: h ← h."""
    directed = [(name, back) for name in graph.relations for back in (False, True)]
    rules = [
        Rule((name, False), body, None, None, 0, 0, 0.0)
        for name in graph.relations
        for n in range(1, length + 1)
        for body in product(directed, repeat=n)
        if body != ((name, False),)
    ]
    for head, step, c in product(directed, directed, graph.entities):
        rules += [Rule(head, (step,), c, d, 0, 0, 0.0) for d in (None, *graph.entities) if (head, c) != (step, d)]
    return rules


def reached(rule: Rule, graph: TripleGraph, query: tuple[int, int], own: int = -1) -> set[int]:
    """The candidates that a rule reaches for a query (entity, directed relation), its own triple masked."""
    entity, directed = query
    r = len(graph.relations)
    name, back = graph.relations[directed % r], directed >= r
    own_triple = None if own < 0 else (own, directed % r, entity) if back else (entity, directed % r, own)
    pairs = body_pairs(rule, graph, own_triple)
    if rule.head == (name, back):
        found = {y for x, y in pairs if x == entity}
    elif rule.head == (name, not back):
        found = {x for x, y in pairs if y == entity}
    else:
        return set()
    return found - {entity}
