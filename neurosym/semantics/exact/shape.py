"""Independent components of a query, and the shapes they have in common.

Facts that share no choice, directly or through rules, are independent: each component is solved alone, and evidence
touches only its own component. Components of the same shape (one patient like the next) are solved once, and their
leaf probabilities stacked along the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neurosym.grounding import DerivationGraph
from neurosym.semantics.part import Part

Literals = tuple[int, ...]  # a fact's number, or its bitwise complement under negation


@dataclass(frozen=True)
class Shape:
    """The structure of a component, in numbers of its own; equal shapes have equal solutions.

    Attributes:
        groundings: for each fact its bodies; a leaf has none.
        leaf: for each fact (choice, outcome), or None.
        outcomes: for each choice how many outcomes occur in the component.
        other: for each choice whether something other than those can happen.
        roots: the facts asked for; evidence: facts observed true, and `~fact` where observed false.
    """

    groundings: tuple[tuple[Literals, ...], ...]
    leaf: tuple[tuple[int, int] | None, ...]
    outcomes: tuple[int, ...]
    other: tuple[bool, ...]
    roots: tuple[int, ...]
    evidence: Literals


@dataclass(frozen=True)
class Component:
    """One place where a shape occurs.

    Attributes:
        facts: fact id in the graph for each number of the shape.
        leaves: fact ids of the leaves, in the order of the shape's choices and outcomes.
        queries: for each root of the shape, the position of the query in the caller's list.
    """

    shape: Shape
    facts: tuple[int, ...]
    leaves: tuple[int, ...]
    queries: tuple[int, ...]


def components(graph: DerivationGraph, part: Part, queries: int, evidence: Sequence[bool]) -> list[Component]:
    """Split a part, whose roots are first the queries, then the evidence, into independent components.

    Args:
        queries: how many roots are queries; `evidence`: for each further root, whether it was observed true.
    """
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    n = len(part.facts)
    heads = np.repeat(part.head, np.diff(part.body_start))
    leaf = np.nonzero(part.leaf)[0]
    choice = graph.choice[part.facts[leaf]]
    order = np.argsort(choice, kind="stable")
    leaf, choice = leaf[order], choice[order]
    same = choice[1:] == choice[:-1]
    source = np.concatenate([heads, leaf[:-1][same]])
    target = np.concatenate([part.body, leaf[1:][same]])
    matrix = csr_matrix((np.ones(len(source), np.int8), (source, target)), shape=(n, n))
    _, component = connected_components(matrix, directed=False)
    roots = part.roots.tolist()
    members: dict[int, list[int]] = {}
    for position, root in enumerate(roots):
        members.setdefault(int(component[root]), []).append(position)
    walker = _Walker(graph, part)
    return [walker.component(p, roots, queries, evidence) for p in members.values()]


class _Walker:
    """Numbers the facts of a component in the order of a walk from its roots."""

    def __init__(self, graph: DerivationGraph, part: Part) -> None:
        self.part = part
        self.starts = np.searchsorted(part.head, np.arange(len(part.facts) + 1)).tolist()
        self.body_start = part.body_start.tolist()
        self.literals = np.where(part.sign, part.body, ~part.body).tolist()
        self.choice = graph.choice[part.facts].tolist()
        self.outcome = graph.outcome[part.facts].tolist()
        self.facts = part.facts.tolist()
        self.rest = graph.choice_rest
        self.sizes = np.concatenate([np.full(len(g.facts), g.facts.shape[1]) for g in graph.choices] or [[]]).tolist()

    def component(self, positions: list[int], roots: list[int], queries: int, evidence: Sequence[bool]) -> Component:
        """The component that holds the roots at some positions."""
        number: dict[int, int] = {}
        order: list[int] = []
        for position in positions:
            self._walk(roots[position], number, order)
        groundings: list[tuple[Literals, ...]] = []
        for fact in order:
            bodies = []
            for g in range(self.starts[fact], self.starts[fact + 1]):
                body = self.literals[self.body_start[g] : self.body_start[g + 1]]
                bodies.append(tuple(number[x] if x >= 0 else ~number[~x] for x in body))
            groundings.append(tuple(bodies))
        choices: dict[int, list[int]] = {}
        for fact in order:
            if self.choice[fact] >= 0:
                choices.setdefault(self.choice[fact], []).append(fact)
        leaf: list[tuple[int, int] | None] = [None] * len(order)
        leaves: list[int] = []
        for local, (_, outcomes) in enumerate(choices.items()):
            for k, fact in enumerate(sorted(outcomes, key=lambda f: self.outcome[f])):
                leaf[number[fact]] = (local, k)
                leaves.append(self.facts[fact])
        shape = Shape(
            tuple(groundings),
            tuple(leaf),
            tuple(len(o) for o in choices.values()),
            tuple(bool(self.rest[c]) or len(o) < self.sizes[c] for c, o in choices.items()),
            tuple(number[roots[p]] for p in positions if p < queries),
            tuple(number[roots[p]] if evidence[p - queries] else ~number[roots[p]] for p in positions if p >= queries),
        )
        facts = tuple(self.facts[f] for f in order)
        return Component(shape, facts, tuple(leaves), tuple(p for p in positions if p < queries))

    def _walk(self, root: int, number: dict[int, int], order: list[int]) -> None:
        stack = [root]
        while stack:
            fact = stack.pop()
            if fact in number:
                continue
            number[fact] = len(order)
            order.append(fact)
            begin, end = self.body_start[self.starts[fact]], self.body_start[self.starts[fact + 1]]
            stack.extend(x if x >= 0 else ~x for x in reversed(self.literals[begin:end]))
