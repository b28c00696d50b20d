"""The most probable proofs of a fact, best first, by lazy enumeration on the graph.

The first is found in Knuth's order, which is safe on cycles; the next ones lazily after Huang & Chiang (Better k-best
parsing, IWPT 2005). A proof's cost is the sum of −log over its leaves; a leaf that is used twice is counted once when
the proof's own probability is computed. Proofs share what they have in common, and none of the walks over them
recurses: a chain's proof is as deep as the chain is long.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosym.grounding import DerivationGraph
from neurosym.grounding.compiled import load
from neurosym.semantics import Part

Task = Generator[Any, Any, int]  # yields the tasks that it waits for
FOUND, NONE, OPEN = 1, 0, -1  # what a task finds: it exists; it does not; it would need what is looked for just now
MAX_STEPS = 500_000
Ranked = tuple[float, int, tuple[int, ...]]  # cost, grounding (-1: none), ranks of its body's derivations


@dataclass(frozen=True, eq=False)
class Derivation:
    """A proof. Derivations are shared: two that are the same are one object.

    Attributes:
        fact: fact id in the graph; grounding: the one that derives it, None for a leaf or an input fact.
        children: derivations of the positive body facts, in the order of the body.
        negated: fact ids that must be false.
    """

    fact: int
    grounding: int | None
    children: tuple[Derivation, ...]
    negated: tuple[int, ...]

    def walk(self) -> Iterator[Derivation]:
        """It and all derivations below it, each once."""
        seen = {id(self)}
        stack: list[Derivation] = [self]
        while stack:
            node = stack.pop()
            yield node
            for child in node.children:
                if id(child) not in seen:
                    seen.add(id(child))
                    stack.append(child)

    @cached_property
    def leaves(self) -> tuple[tuple[int, bool], ...]:
        """(fact id, sign) of everything it rests on that is no derivation, each once."""
        found: dict[tuple[int, bool], None] = {}
        for node in self.walk():
            if node.grounding is None:
                found[node.fact, True] = None
            for fact in node.negated:
                found[fact, False] = None
        return tuple(found)

    def derives_twice(self) -> bool:
        """Whether one fact is derived in two ways, one below the other perhaps."""
        derived = [node.fact for node in self.walk()]
        return len(set(derived)) < len(derived)

    def facts(self) -> set[int]:
        """All facts that it speaks of."""
        return {f for node in self.walk() for f in (node.fact, *node.negated)}


class ProofSearch:
    """Enumerates proofs of the facts of a part."""

    def __init__(
        self,
        graph: DerivationGraph,
        part: Part,
        cost: Callable[[NDArray[np.integer], bool], NDArray[np.float64]],
        tries: int,
        max_steps: int = MAX_STEPS,
    ) -> None:
        """Search one part of a graph.

        Args:
            graph: the graph; part: what the facts to be proved depend on.
            cost: (n,) fact ids, sign → (n,) −log of the probability that a leaf holds, or that a negated fact does not.
            tries: trees that are looked at, those left out included: a cycle has no end of them.
            max_steps: of the search for proofs after the best one; `cut` says whether it was reached.
        """
        self.graph, self.part, self.tries, self.max_steps = graph, part, tries, max_steps
        self.cut = False
        self._steps = 0
        n = len(part.facts)
        base = np.where(part.given, 0.0, np.inf)
        leaf = np.nonzero(part.leaf & ~part.given)[0]
        base[leaf] = cost(part.facts[leaf], True)
        # an input fact needs no derivation
        kept = np.nonzero(np.isinf(base[part.head]))[0]
        sizes = np.diff(part.body_start)
        of = np.repeat(np.arange(len(part.head)), sizes)
        number = np.full(len(part.head), -1)
        number[kept] = np.arange(len(kept))
        inside = number[of] >= 0
        positive, negative = inside & part.sign, np.nonzero(inside & ~part.sign)[0]
        self.head = part.head[kept]
        self.grounding = part.grounding[kept]
        self.tails = part.body[positive]
        self.tail_start = _offsets(number[of[positive]], len(kept))
        self.negated = part.body[negative]
        self.negated_start = _offsets(number[of[negative]], len(kept))
        facts, back = np.unique(self.negated, return_inverse=True)
        self.own = np.zeros(len(kept))
        np.add.at(self.own, number[of[negative]], cost(part.facts[facts], False)[back])
        users = np.repeat(np.arange(len(kept)), np.diff(self.tail_start))
        order = np.argsort(self.tails, kind="stable")
        self.best, self.first, self.total = load("neurosym.explain.proof_kernels").best(
            base, self.head.astype(np.int64), self.tail_start, self.tails.astype(np.int64), self.own,
            np.searchsorted(self.tails[order], np.arange(n + 1)).astype(np.int64), users[order],
        )  # fmt: skip
        by_head = np.argsort(self.head, kind="stable")
        self._edges, self._edge_start = by_head, np.searchsorted(self.head[by_head], np.arange(n + 1))
        self._found: dict[int, list[Ranked]] = {}
        self._candidates: dict[int, list[Ranked]] = {}
        self._known: dict[int, set[Ranked]] = {}
        self._open: set[tuple[int, int]] = set()
        self._exhausted: set[int] = set()
        self._made: dict[tuple[int, int], Derivation] = {}

    def proofs(self, fact: int) -> Iterator[Derivation]:
        """Proofs of a fact id, cheapest first. One in which a fact has two derivations holds another and is skipped."""
        root = int(np.searchsorted(self.part.facts, fact))
        rank = 0
        while rank < self.tries and self._run(self._ensure(root, rank)) == FOUND:
            tree = self._tree(root, rank)
            if not tree.derives_twice():
                yield tree
            rank += 1

    def best_proof(self, fact: int) -> Derivation | None:
        """The cheapest proof of a fact id; None where there is none.

        It is known from the start, so that asking for it takes no steps of the search.
        """
        row = int(np.searchsorted(self.part.facts, fact))
        return self._tree(row, 0) if self._derivations(row) else None

    def _run(self, task: Task) -> int:
        """Runs a task that waits for others of its kind, on a stack of its own."""
        stack = [task]
        answer: int | None = None
        while stack:
            self._steps += 1
            if self._steps > self.max_steps:
                self.cut = True
                return OPEN
            try:
                stack.append(stack[-1].send(answer))
                answer = None
            except StopIteration as done:
                stack.pop()
                answer = done.value
        assert answer is not None
        return answer

    def _ensure(self, fact: int, rank: int) -> Task:
        """Finds the rank-th best derivation of a fact, if it exists.

        That it does not is remembered: where proofs share much, it would be found out again on every way to the fact.
        """
        found = self._derivations(fact)
        if len(found) > rank:
            return FOUND
        if not found or self.first[fact] < 0 or fact in self._exhausted:
            return NONE
        if (fact, rank) in self._open:
            return OPEN  # a derivation that needs itself
        self._open.add((fact, rank))
        try:
            candidates = self._candidates.get(fact)
            if candidates is None:
                candidates = self._candidates[fact] = self._cheapest(fact)
                self._known[fact] = {*candidates, found[0]}
            while len(found) <= rank:
                _, edge, ranks = found[-1]
                waits = False
                for position in range(len(ranks)):
                    made = yield self._push(
                        fact, edge, (*ranks[:position], ranks[position] + 1, *ranks[position + 1 :])
                    )
                    waits |= made == OPEN
                if not candidates:
                    if not waits:
                        self._exhausted.add(fact)
                    return OPEN if waits else NONE
                found.append(heapq.heappop(candidates))
            return FOUND
        finally:
            self._open.discard((fact, rank))

    def _derivations(self, fact: int) -> list[Ranked]:
        """Those found so far; the best is known from the start."""
        found = self._found.get(fact)
        if found is None:
            edge = int(self.first[fact])
            ranks = (0,) * int(self.tail_start[edge + 1] - self.tail_start[edge]) if edge >= 0 else ()
            best = float(self.best[fact])
            found = self._found[fact] = [(best, edge, ranks)] if math.isfinite(best) else []
        return found

    def _cheapest(self, fact: int) -> list[Ranked]:
        """The groundings of a fact by the best derivations of their bodies; no more than can be asked for."""
        edges = self._edges[self._edge_start[fact] : self._edge_start[fact + 1]]
        edges = edges[np.isfinite(self.total[edges]) & (edges != self.first[fact])]
        if len(edges) > self.tries:
            edges = edges[np.argpartition(self.total[edges], self.tries)[: self.tries]]
        sizes = self.tail_start[edges + 1] - self.tail_start[edges]
        heap = [
            (c, e, (0,) * k) for c, e, k in zip(self.total[edges].tolist(), edges.tolist(), sizes.tolist(), strict=True)
        ]
        heapq.heapify(heap)
        return heap

    def _push(self, fact: int, edge: int, ranks: tuple[int, ...]) -> Task:
        """Make a candidate of a grounding and derivations of its body, if there are such."""
        total = float(self.own[edge])
        tails = self.tails[self.tail_start[edge] : self.tail_start[edge + 1]].tolist()
        for tail, rank in zip(tails, ranks, strict=True):
            # rank 0 is there from the start, so only further ranks can need themselves
            made = yield self._ensure(tail, rank)
            if made != FOUND:
                return made
            total += self._found[tail][rank][0]
        candidate = (total, edge, ranks)
        if candidate not in self._known[fact]:
            self._known[fact].add(candidate)
            heapq.heappush(self._candidates[fact], candidate)
        return FOUND

    def _tree(self, fact: int, rank: int) -> Derivation:
        """The derivation of a rank, which was found before."""
        stack = [(fact, rank)]
        while stack:
            at, k = stack[-1]
            if (at, k) in self._made:
                stack.pop()
                continue
            edge, ranks = self._derivations(at)[k][1:]
            number = int(self.part.facts[at])
            if edge < 0:
                self._made[at, k] = Derivation(number, None, (), ())
                continue
            below = list(
                zip(self.tails[self.tail_start[edge] : self.tail_start[edge + 1]].tolist(), ranks, strict=True)
            )
            missing = [b for b in below if b not in self._made]
            if missing:
                stack.extend(missing)
                continue
            negated = self.negated[self.negated_start[edge] : self.negated_start[edge + 1]]
            self._made[at, k] = Derivation(
                number, int(self.grounding[edge]), tuple(self._made[b] for b in below),
                tuple(self.part.facts[negated].tolist()),
            )  # fmt: skip
        return self._made[fact, rank]


def _offsets(rows: NDArray[np.integer], count: int) -> NDArray[np.int64]:
    """Where the entries of each row begin, of entries sorted by row."""
    return np.searchsorted(rows, np.arange(count + 1)).astype(np.int64)


def proof_probability(graph: DerivationGraph, tree: Derivation, probability: Callable[[int, bool], float]) -> float:
    """The product over the leaves of a proof, each counted once; 0 if two of them exclude one another.

    That is the probability that they all hold if no derived fact stands under negation, or those are independent.
    """
    signs = dict.fromkeys(tree.leaves)
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
