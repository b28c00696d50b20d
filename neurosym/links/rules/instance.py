"""One instance of a rule that derives a link: the edges that make its body true."""

from __future__ import annotations

from neurosym.links.network.reach import Adjacency
from neurosym.links.network.shares import Edge
from neurosym.links.rules.ruleset import CONSTANT, NONE, PATH, RuleSet


def instance(
    rules: RuleSet, row: int, graph: Adjacency, query: tuple[int, int], answer: int
) -> tuple[Edge, ...] | None:
    """The edges of an instance of a rule that derives an answer of (entity, directed relation); None if there is none.

    Args:
        graph: with the numbers of entities and relations of `rules.relations`; constants are matched by name.
    """
    entity, relation = query
    start, end = (entity, answer) if int(rules.head[row]) == relation else (answer, entity)
    kind, body = int(rules.kind[row]), [int(r) for r in rules.body[row] if r != NONE]
    last = end
    if kind != PATH:
        last = NONE
        if kind == CONSTANT:
            name = rules.entities[int(rules.body_entity[row])]
            last = graph.graph.entity_ids.get(name, -2)  # of another graph: no instance
    # the head's entities are taken; a free end must be another one
    taken = {start, end}
    stack: list[tuple[int, tuple[Edge, ...]]] = [(start, ())]
    while stack:
        at, edges = stack.pop()
        relation = body[len(edges)]
        begin, stop = graph.starts[at], graph.starts[at + 1]
        tails = graph.tails[begin:stop][graph.relations[begin:stop] == relation].tolist()
        seen = {edge[2] for edge in edges}
        for tail in tails:
            made = (*edges, (at, relation, tail))
            if len(made) == len(body):
                if tail == last or (last == NONE and tail not in taken and tail not in seen):
                    return made
            elif tail not in taken and tail not in seen and tail != last:
                stack.append((tail, made))
    return None
