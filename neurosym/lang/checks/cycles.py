"""Cycles through a negation, an aggregate or an exception: programs without strata."""

from __future__ import annotations

from collections.abc import Iterator

from neurosym.errors import Diagnostic
from neurosym.lang.ast import Program
from neurosym.lang.stratify import Edge, dependency_graph, edges
from neurosym.lang.terms import spell_predicate
from neurosym.lang.walk import Key


def negative_cycles(program: Program) -> Iterator[Diagnostic]:
    """NS208, NS209: one fault for each recursive component with a negative edge in it."""
    found = list(edges(program))
    core = _cyclic_core(found)
    inside = [edge for edge in found if edge.kind and edge.body in core and edge.head in core]
    if not inside:
        return  # most programs: networkx is not imported
    import networkx as nx

    graph = dependency_graph(program)
    for component in nx.strongly_connected_components(graph):
        edge = next((e for e in inside if e.body in component and e.head in component), None)
        if edge is not None:
            path = nx.shortest_path(graph.subgraph(component), edge.head, edge.body)
            yield _fault(program, edge, path)


def _cyclic_core(found: list[Edge]) -> set[Key]:
    """The predicates that may lie on a cycle: what is left when those that nothing needs, or that need nothing, go."""
    ahead: dict[Key, set[Key]] = {}
    for edge in found:
        ahead.setdefault(edge.body, set()).add(edge.head)
        ahead.setdefault(edge.head, set())
    for _ in range(2):  # forwards, then on the reversed graph
        missing = dict.fromkeys(ahead, 0)
        for targets in ahead.values():
            for target in targets:
                missing[target] += 1
        free = [key for key, count in missing.items() if count == 0]
        while free:
            key = free.pop()
            for target in ahead.pop(key):
                missing[target] -= 1
                if missing[target] == 0:
                    free.append(target)
        reverse: dict[Key, set[Key]] = {key: set() for key in ahead}
        for key, targets in ahead.items():
            for target in targets:
                if target in reverse:
                    reverse[target].add(key)
        ahead = reverse
    return set(ahead)


def _fault(program: Program, edge: Edge, path: list[Key]) -> Diagnostic:
    prefixes = program.prefixes
    names = [f"{spell_predicate(name, prefixes)}/{arity}" for name, arity in [*path, edge.head]]
    text = program.texts.get(edge.span.file, "").split("\n")
    source = text[edge.span.line - 1].rstrip("\r") if edge.span.line <= len(text) else ""
    what = {"aggregate": "an aggregate", "exception": "an exception"}.get(edge.kind, "a negation")
    return Diagnostic(
        "NS209" if edge.kind == "aggregate" else "NS208",
        "error",
        f"{what} lies on a cycle: {' → '.join(names)}",
        edge.span,
        source,
        note=f"`{names[0]}` would be decided by `{names[-2]}` being finished, which needs `{names[0]}` first",
        help="break the cycle: derive one of them from other predicates",
    )
