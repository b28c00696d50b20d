"""The order in which predicates are evaluated: strongly connected components of what depends on what, lowest first.

Written out rather than left to networkx: for a small program that takes longer to build its graphs than all rules to be
evaluated.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from neurosym.errors import GroundingError
from neurosym.grounding.core import TRIPLE, AggregateStep, CoreProgram, CoreRule, Key, Negated, Scan

Edge = tuple[Key, Key]
Neighbours = dict[Key, dict[Key, None]]  # predicate → those that depend on it, in the order of the rules


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
    parts = _connected(_neighbours(edges))
    return {key: number for number, part in enumerate(parts) for key in part}


def _stratified(rules: Sequence[CoreRule], core: CoreProgram) -> tuple[list[frozenset[Key]], Edge | None]:
    edges, negative, together = _dependencies(rules, set(core.demands.values()))
    heads = [h.key for rule in rules for h, _ in rule.heads]
    graph = _neighbours(edges, heads)
    # Heads of one rule are best derived together. Where that would close a cycle through a negation
    # (`0.4::a; 0.3::b. b :- not a.`) such a rule is fired once for each of its heads.
    cycle: Edge | None = None
    for candidate in (_neighbours([*edges, *together], heads), graph) if together else (graph,):
        parts = _connected(candidate)
        of = {key: number for number, part in enumerate(parts) for key in part}
        cycle = next(((a, b) for a, b in negative if of[a] == of[b]), None)
        if cycle is None:
            return [frozenset(parts[n]) for n in _lowest_first(candidate, of, len(parts))], None
    return [], cycle


def _neighbours(edges: Iterable[Edge], alone: Iterable[Key] = ()) -> Neighbours:
    """A graph from its edges, and nodes that may have none."""
    graph: Neighbours = {}
    for body, head in edges:
        graph.setdefault(body, {})[head] = None
        graph.setdefault(head, {})
    for key in alone:
        graph.setdefault(key, {})
    return graph


def _connected(graph: Neighbours) -> list[list[Key]]:
    """Strongly connected components, each after those that it leads to (Tarjan 1972)."""
    index: dict[Key, int] = {}
    low: dict[Key, int] = {}
    open_: dict[Key, None] = {}
    parts: list[list[Key]] = []
    for root in graph:
        path = [] if root in index else [(root, iter(graph[root]))]
        while path:
            key, rest = path[-1]
            if key not in index:
                index[key] = low[key] = len(index)
                open_[key] = None
            deeper = next((child for child in rest if child not in index), None)
            if deeper is not None:
                path.append((deeper, iter(graph[deeper])))
                continue
            path.pop()
            low[key] = min(low[key], *(low[child] for child in (key, *graph[key]) if child in open_))
            if low[key] == index[key]:
                parts.append([])
                while key in open_:
                    parts[-1].append(open_.popitem()[0])
    return parts


def _lowest_first(graph: Neighbours, of: dict[Key, int], count: int) -> list[int]:
    """Numbers of components, layer by layer: each comes after all that lead to it."""
    above: list[dict[int, None]] = [{} for _ in range(count)]
    waiting = [0] * count
    for body, heads in graph.items():
        for head in heads:
            if of[body] != of[head] and of[head] not in above[of[body]]:
                above[of[body]][of[head]] = None
                waiting[of[head]] += 1
    order = [n for n in range(count) if not waiting[n]]
    for number in order:
        for other in above[number]:
            waiting[other] -= 1
            if not waiting[other]:
                order.append(other)
    return order


def _dependencies(
    rules: Sequence[CoreRule], asked_on_the_spot: Collection[Key]
) -> tuple[list[Edge], list[Edge], list[Edge]]:
    """Edges from body to head, those through a negation or an aggregate, and those between heads of one rule."""
    edges: list[Edge] = []
    negative: list[Edge] = []
    together: list[Edge] = []
    for rule in rules:
        heads = [h.key for h, _ in rule.heads]
        if len(heads) > 1:
            together.extend(zip(heads, heads[1:] + heads[:1], strict=True))
        for literal in rule.body:
            if isinstance(literal, Scan | Negated):
                key = literal.atom.key
            elif isinstance(literal, AggregateStep):
                key = literal.members
            else:
                continue
            depending = [(key, head) for head in heads]
            if key not in asked_on_the_spot:
                edges += depending
            if not isinstance(literal, Scan):
                negative += depending
    return edges, negative, together
