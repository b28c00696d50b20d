"""The most probable proofs of a fact, best first, by lazy enumeration on the graph.

The first is found in Knuth's order (A generalization of Dijkstra's algorithm, 1977), which is safe on cycles; the next
ones lazily after Huang & Chiang (Better k-best parsing, IWPT 2005). A proof's cost is the sum of −log over its leaves;
a leaf that is used twice is counted once when the proof's own probability is computed.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from neurosym.grounding import DerivationGraph
from neurosym.semantics import Part


@dataclass(frozen=True)
class Derivation:
    """A proof tree.

    Attributes:
        fact: fact id in the graph; grounding: the one that derives it, None for a leaf or an input fact.
        children: derivations of the positive body facts, in the order of the body.
        negated: fact ids that must be false.
        cost: −log of the product over the tree.
    """

    fact: int
    grounding: int | None
    children: tuple[Derivation, ...]
    negated: tuple[int, ...]
    cost: float

    def leaves(self) -> Iterator[tuple[int, bool]]:
        """(fact id, sign) of everything it rests on that is no derivation."""
        stack: list[Derivation] = [self]
        while stack:
            node = stack.pop()
            if node.grounding is None:
                yield node.fact, True
            yield from ((f, False) for f in node.negated)
            stack.extend(node.children)

    def facts(self) -> set[int]:
        """All facts that it speaks of."""
        found: set[int] = set()
        stack: list[Derivation] = [self]
        while stack:
            node = stack.pop()
            found |= {node.fact, *node.negated}
            stack.extend(node.children)
        return found


@dataclass(frozen=True)
class _Edge:
    """A grounding: its own cost (of its negated facts) and the positive body facts."""

    grounding: int
    tails: tuple[int, ...]
    negated: tuple[int, ...]
    cost: float


class ProofSearch:
    """Enumerates proofs of the facts of a part."""

    def __init__(self, graph: DerivationGraph, part: Part, cost: Callable[[int, bool], float]) -> None:
        """Search one part of a graph.

        Args:
            graph: the graph; part: what the facts to be proved depend on.
            cost: (fact id, sign) → −log of the probability that a leaf holds, or that a negated fact does not.
        """
        self.graph = graph
        self.part = part
        self.facts = part.facts.tolist()
        n = len(self.facts)
        self.edges: list[list[_Edge]] = [[] for _ in range(n)]
        self.base: list[float] = [math.inf] * n
        for i, fact in enumerate(self.facts):
            if part.given[i]:
                self.base[i] = 0.0
            elif part.leaf[i]:
                self.base[i] = cost(fact, True)
        starts = part.body_start.tolist()
        body, sign = part.body.tolist(), part.sign.tolist()
        for k, (head, grounding) in enumerate(zip(part.head.tolist(), part.grounding.tolist(), strict=True)):
            if math.isfinite(self.base[head]):
                continue  # an input fact needs no derivation
            edges = range(starts[k], starts[k + 1])
            negated = tuple(self.facts[body[e]] for e in edges if not sign[e])
            own = sum(cost(f, False) for f in negated)
            self.edges[head].append(_Edge(grounding, tuple(body[e] for e in edges if sign[e]), negated, own))
        self.best, first = self._knuth()
        # rank 0 is Knuth's; edge -1 stands for a leaf or an input fact
        self._found: list[list[tuple[float, int, tuple[int, ...]]]] = [
            [(cost, k, (0,) * (len(self.edges[fact][k].tails) if k >= 0 else 0))] if math.isfinite(cost) else []
            for fact, (cost, k) in enumerate(zip(self.best, first, strict=True))
        ]
        self._candidates: list[list[tuple[float, int, tuple[int, ...]]] | None] = [None] * n
        self._open: set[tuple[int, int]] = set()

    def _knuth(self) -> tuple[list[float], list[int]]:
        """The cost of each fact's best proof, and the edge it begins with (-1: none)."""
        best = list(self.base)
        first = [-1] * len(best)
        waiting: list[list[tuple[int, int]]] = [[] for _ in best]
        missing: dict[tuple[int, int], int] = {}
        heap = [(c, i) for i, c in enumerate(best) if math.isfinite(c)]
        for head, edges in enumerate(self.edges):
            for k, edge in enumerate(edges):
                tails = set(edge.tails)
                missing[(head, k)] = len(tails)
                for tail in tails:
                    waiting[tail].append((head, k))
                if not tails and edge.cost < best[head]:
                    best[head], first[head] = edge.cost, k
                    heap.append((edge.cost, head))
        heapq.heapify(heap)
        done = [False] * len(best)
        while heap:
            _, fact = heapq.heappop(heap)
            if done[fact]:
                continue
            done[fact] = True
            for head, k in waiting[fact]:
                missing[(head, k)] -= 1
                if not missing[(head, k)]:
                    edge = self.edges[head][k]
                    total = edge.cost + sum(best[t] for t in edge.tails)
                    if total < best[head]:
                        best[head], first[head] = total, k
                        heapq.heappush(heap, (total, head))
        return best, first

    def proofs(self, fact: int, tries: int) -> Iterator[Derivation]:
        """Proof trees of a fact id, cheapest first; a tree that passes through the same fact again is left out.

        Args:
            tries: trees looked at, those left out included: a cycle has no end of them.
        """
        root = int(np.searchsorted(self.part.facts, fact))
        rank = 0
        while rank < tries and self._ensure(root, rank):
            tree = self._tree(root, rank)
            if not _repeats(tree):
                yield tree
            rank += 1

    def _ensure(self, fact: int, rank: int) -> bool:
        """Whether the rank-th best derivation of a fact exists; finds it if so."""
        found = self._found[fact]
        if len(found) > rank:
            return True
        if not found or math.isfinite(self.base[fact]):
            return False
        if (fact, rank) in self._open:
            return False  # a derivation that needs itself
        self._open.add((fact, rank))
        try:
            if self._candidates[fact] is None:
                self._candidates[fact] = []
                for k, edge in enumerate(self.edges[fact]):
                    self._push(fact, k, (0,) * len(edge.tails))
            candidates = self._candidates[fact]
            assert candidates is not None
            while len(found) <= rank:
                _, k, ranks = found[-1]
                for position in range(len(ranks)):
                    self._push(fact, k, (*ranks[:position], ranks[position] + 1, *ranks[position + 1 :]))
                if not candidates:
                    return False
                found.append(heapq.heappop(candidates))
            return True
        finally:
            self._open.discard((fact, rank))

    def _push(self, fact: int, k: int, ranks: tuple[int, ...]) -> None:
        edge = self.edges[fact][k]
        total = edge.cost
        for tail, rank in zip(edge.tails, ranks, strict=True):
            # rank 0 is there from the start, so only further ranks can need themselves
            if not self._ensure(tail, rank):
                return
            total += self._found[tail][rank][0]
        candidate = (total, k, ranks)
        candidates = self._candidates[fact]
        assert candidates is not None
        if candidate not in candidates and candidate not in self._found[fact]:
            heapq.heappush(candidates, candidate)

    def _tree(self, fact: int, rank: int) -> Derivation:
        cost, k, ranks = self._found[fact][rank]
        if k < 0:
            return Derivation(self.facts[fact], None, (), (), cost)
        edge = self.edges[fact][k]
        children = tuple(self._tree(t, r) for t, r in zip(edge.tails, ranks, strict=True))
        return Derivation(self.facts[fact], edge.grounding, children, edge.negated, cost)


def _repeats(tree: Derivation) -> bool:
    """Whether a fact is derived through itself somewhere: such a proof holds a shorter one."""
    stack: list[tuple[Derivation, frozenset[int]]] = [(tree, frozenset())]
    while stack:
        node, above = stack.pop()
        if node.fact in above:
            return True
        stack.extend((child, above | {node.fact}) for child in node.children)
    return False


def proof_probability(graph: DerivationGraph, tree: Derivation, probability: Callable[[int, bool], float]) -> float:
    """The product over the leaves of a proof, each counted once; 0 if two of them exclude one another.

    That is the probability that they all hold if no derived fact stands under negation, or those are independent.
    """
    signs = dict.fromkeys(tree.leaves())
    outcome: dict[int, int] = {}
    total = 1.0
    for fact, sign in signs:
        choice = int(graph.choice[fact])
        if sign and (fact, False) in signs:
            return 0.0
        if sign and choice >= 0 and outcome.setdefault(choice, fact) != fact:
            return 0.0  # two outcomes of one choice
        if sign:
            total *= probability(fact, True)
    excluded: dict[int, float] = {}
    for fact, sign in signs:
        if sign:
            continue
        choice = int(graph.choice[fact])
        if choice < 0:
            total *= probability(fact, False)
        elif choice not in outcome:  # an outcome that holds excludes the others of its choice
            excluded[choice] = excluded.get(choice, 0.0) + probability(fact, True)
    for mass in excluded.values():
        total *= max(0.0, 1 - mass)
    return total
