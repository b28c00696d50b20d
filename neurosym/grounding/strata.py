"""The order in which predicates are evaluated: strongly connected components of what depends on what, lowest first."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import networkx as nx

from neurosym.errors import GroundingError
from neurosym.grounding.core import TRIPLE, AggregateStep, CoreProgram, CoreRule, Key, Negated, Scan

Edge = tuple[Key, Key]


def components(rules: Sequence[CoreRule], core: CoreProgram) -> list[frozenset[Key]]:
    """Predicates that are derived together, those that others depend on first.

    Raises:
        GroundingError: a negation or an aggregate lies on a cycle (NS411); the checker finds what it can see before.
    """
    found, cycle = _stratified(rules, core)
    if cycle is None:
        return found
    names = [core.hidden.get(key, f"{key[0]}/{key[1]}") for key in cycle]
    raise GroundingError(
        f"a negation or an aggregate lies on a cycle: {names[1]} is derived from what {names[0]} lacks",
        code="NS411",
        note="a variable over RDF predicates puts all of them on one cycle" if TRIPLE in cycle else "",
        help="break the cycle: derive one of them from other predicates",
    )


def is_stratified(rules: Sequence[CoreRule], core: CoreProgram) -> bool:
    """Whether no negation or aggregate lies on a cycle."""
    return _stratified(rules, core)[1] is None


def recursive_with(rules: Sequence[CoreRule], core: CoreProgram) -> dict[Key, int]:
    """Predicate → a number that it shares with those with which it is mutually recursive."""
    edges, _, _ = _dependencies(rules, set(core.demands.values()))
    parts = nx.strongly_connected_components(nx.DiGraph(edges))
    return {key: number for number, part in enumerate(parts) for key in part}


def _stratified(rules: Sequence[CoreRule], core: CoreProgram) -> tuple[list[frozenset[Key]], Edge | None]:
    edges, negative, together = _dependencies(rules, set(core.demands.values()))
    graph: nx.DiGraph = nx.DiGraph(edges)
    graph.add_nodes_from(h.key for rule in rules for h, _ in rule.heads)
    # Heads of one rule are best derived together. Where that would close a cycle through a negation
    # (`0.4::a; 0.3::b. b :- not a.`) such a rule is fired once for each of its heads.
    linked = graph.copy()
    linked.add_edges_from(together)
    cycle: Edge | None = None
    for candidate in (linked, graph):
        parts = list(nx.strongly_connected_components(candidate))
        of = {key: number for number, part in enumerate(parts) for key in part}
        cycle = next(((a, b) for a, b in negative if of[a] == of[b]), None)
        if cycle is None:
            condensed = nx.condensation(candidate, parts)
            return [frozenset(parts[n]) for n in nx.topological_sort(condensed)], None
    return [], cycle


def _dependencies(
    rules: Sequence[CoreRule], asked_on_the_spot: Collection[Key]
) -> tuple[list[Edge], list[Edge], list[Edge]]:
    """Edges from body to head, those through a negation or an aggregate, and those between heads of one rule."""
    edges: list[Edge] = []
    negative: list[Edge] = []
    together: list[Edge] = []
    for rule in rules:
        heads = [h.key for h, _ in rule.heads]
        together.extend(zip(heads, heads[1:] + heads[:1], strict=True))
        for literal in rule.body:
            if isinstance(literal, Scan | Negated) and literal.atom.key not in asked_on_the_spot:
                edges.extend((literal.atom.key, h) for h in heads)
            elif isinstance(literal, AggregateStep):
                edges.extend((literal.members, h) for h in heads)
            if isinstance(literal, Negated):
                negative.extend((literal.atom.key, h) for h in heads)
            elif isinstance(literal, AggregateStep):
                negative.extend((literal.members, h) for h in heads)
    return edges, negative, together
