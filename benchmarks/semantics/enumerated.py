"""Exact probabilities of all facts of a small graph, by enumeration of its worlds."""

from __future__ import annotations

from collections.abc import Iterator

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from neurosym.grounding import CERTAIN, DerivationGraph

Truth = NDArray[np.bool_]


class TooManyWorlds(Exception):
    """The graph has more worlds than are to be enumerated."""


class Worlds:
    """All W worlds of a graph.

    Attributes:
        outcomes: (W, C) the outcome of each choice, the last one of a choice being 'none' where that can happen.
        sizes: (C,) how many outcomes each choice has.
        truth: (F, W) in which worlds each fact holds.
        bodies: for each fact, its groundings as lists of literals, `~fact` under negation.
    """

    def __init__(self, graph: DerivationGraph, limit: int = 4096) -> None:
        leaves = [row for group in graph.choices for row in group.facts.tolist()]  # in the order of choice numbers
        self.sizes = [len(facts) + rest for facts, rest in zip(leaves, graph.choice_rest.tolist(), strict=True)]
        count = int(np.prod([1.0, *self.sizes]))
        if count > limit:
            raise TooManyWorlds
        grid = np.indices(self.sizes).reshape(len(self.sizes), -1) if self.sizes else np.zeros((0, 1), int)
        self.outcomes = grid.T
        self.leaf = {fact: (c, k) for c, facts in enumerate(leaves) for k, fact in enumerate(facts)}
        self.bodies: list[list[list[int]]] = [[] for _ in range(graph.num_facts)]
        start, literals = graph.body_start.tolist(), np.where(graph.sign, graph.body, ~graph.body).tolist()
        for g, head in enumerate(graph.head.tolist()):
            self.bodies[head].append(literals[start[g] : start[g + 1]])
        self.truth = np.zeros((graph.num_facts, len(self.outcomes)), bool)
        for fact in range(graph.num_facts):
            if fact in self.leaf:
                choice, outcome = self.leaf[fact]
                self.truth[fact] = self.outcomes[:, choice] == outcome
            elif graph.status[fact] == CERTAIN:
                self.truth[fact] = True  # also an input fact, which no grounding need derive
        for component in self._order():
            self._settle(component)

    def _order(self) -> Iterator[list[int]]:
        """Strongly connected facts together, what they depend on first."""
        dependencies: nx.DiGraph = nx.DiGraph()
        dependencies.add_nodes_from(range(len(self.bodies)))
        for head, bodies in enumerate(self.bodies):
            dependencies.add_edges_from((head, x if x >= 0 else ~x) for body in bodies for x in body)
        for component in nx.strongly_connected_components(dependencies):
            yield sorted(component)

    def _settle(self, component: list[int]) -> None:
        changed = True
        while changed:
            changed = False
            for fact in component:
                new = self.truth[fact].copy()
                for body in self.bodies[fact]:
                    new |= self.holds(body)
                changed |= bool((new != self.truth[fact]).any())
                self.truth[fact] = new

    def holds(self, body: list[int]) -> Truth:
        """(W,) where all literals hold."""
        result = np.ones(len(self.outcomes), bool)
        for x in body:
            result &= self.truth[x] if x >= 0 else ~self.truth[~x]
        return result

    def weigh(self, random: np.random.Generator) -> tuple[list[NDArray[np.float64]], NDArray[np.float64]]:
        """Random probabilities of the outcomes of each choice, and (W,) of the worlds."""
        weights = [random.dirichlet(np.full(size, 2.0)) if size > 1 else np.ones(1) for size in self.sizes]
        worlds = np.ones(len(self.outcomes))
        for choice, weight in enumerate(weights):
            worlds *= weight[self.outcomes[:, choice]]
        return weights, worlds
