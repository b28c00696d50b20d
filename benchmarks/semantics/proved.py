"""The share of facts for which sums and products are right that is proved so, on random programs.

Right is what enumeration says: under several random weights, the sum of the products of a fact's groundings is its
probability, or one minus the product of what the sums of some groups of them leave is, the probabilities of its
children being exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from benchmarks.common.programs import RandomDraw, Style, program, propositions
from benchmarks.semantics.enumerated import TooManyWorlds, Worlds
from neurosym.errors import NeurosymError
from neurosym.grounding import CERTAIN, DerivationGraph, ground
from neurosym.lang import Program
from neurosym.semantics.exact import Exact, survey

VECTORS = 3
SAME = 1e-9
MOST = 6  # bodies of which all divisions into groups are tried
WEIGHTS = ("0.1", "0.3", "0.5", "0.5", "0.9", "1.0", "0.0")
STYLE = Style(constants=("1", "2"), weights=WEIGHTS, facts=6, rules=6, groups=True)
Body = tuple[frozenset[tuple[int, frozenset[int]]], frozenset[int]]  # choice → allowed outcomes; literals on facts


def proved(graph: DerivationGraph) -> dict[int, bool]:
    """Uncertain derived fact → whether the engine proves sums and products of its groundings right."""
    asked = np.nonzero(graph.status != CERTAIN)[0].astype(np.int32)
    if not len(asked):
        return {}
    found = survey(graph, asked)
    return dict(zip(found.facts.tolist(), found.proved.tolist(), strict=True))


@dataclass
class Counts:
    """What was found.

    Attributes:
        right: facts for which sums or products are right; proved: those of them that are proved; several, and
            proved_several: of those with two groundings or more.
        false: facts that are proved and not right; wrong: facts whose probability by the engine is wrong.
        missed: examples of facts that are right and not proved.
    """

    programs: int = 0
    facts: int = 0
    right: int = 0
    proved: int = 0
    several: int = 0
    proved_several: int = 0
    false: int = 0
    wrong: int = 0
    missed: list[str] | None = None


def solve(kind: str, programs: int) -> dict[str, Any]:
    """Count over random programs of a kind, `rules` or `propositions`."""
    counts = Counts(missed=[])
    for seed in range(programs):
        draw = RandomDraw(f"{kind} {seed}")
        statements = program(draw, STYLE) if kind == "rules" else propositions(draw)
        statements = [s for s in statements if not s.startswith("evidence")]
        try:
            graph = ground(Program.from_text("\n".join(statements)))
            worlds = Worlds(graph)
        except (NeurosymError, TooManyWorlds):
            continue  # what the checker refuses, or what is too large
        counts.programs += 1
        _count(graph, worlds, seed, counts)
    return vars(counts)


def _count(graph: DerivationGraph, worlds: Worlds, seed: int, counts: Counts) -> None:
    """Judge all facts of one graph."""
    random = np.random.default_rng(seed)
    weighings = [worlds.weigh(random) for _ in range(VECTORS)]
    exact = [worlds.truth @ weights for _, weights in weighings]
    claims = proved(graph)
    asked = [f for f in claims if f not in worlds.leaf]
    if not asked:
        return
    values = _engine(graph, worlds, asked, [w for w, _ in weighings])
    normal = _Normal(graph, worlds)
    for column, fact in enumerate(asked):
        counts.facts += 1
        bodies = normal.bodies(fact)
        counts.wrong += not all(abs(values[k][column] - exact[k][fact]) <= SAME for k in range(VECTORS))
        choices = [w for w, _ in weighings]
        right = _right(bodies, fact, exact, choices)
        if claims[fact] and not right:
            # bodies that hold in no world, or only where another one does, may be left out
            counts.false += not _right(_without_idle(bodies, worlds), fact, exact, choices)
        if right:
            counts.right += 1
            counts.proved += claims[fact]
            if len(bodies) > 1:
                counts.several += 1
                counts.proved_several += claims[fact]
            if not claims[fact] and counts.missed is not None and len(counts.missed) < 50:
                counts.missed.append(f"{seed}: {graph.atom(fact)}")


def _engine(graph: DerivationGraph, worlds: Worlds, facts: list[int], weights: list[list]) -> list[list[float]]:  # type: ignore[type-arg]
    """The engine's probabilities of facts under each weighing."""
    inputs = torch.full((len(weights), graph.num_facts), torch.nan, dtype=torch.float64)
    for k, one in enumerate(weights):
        for leaf, (choice, outcome) in worlds.leaf.items():
            inputs[k, leaf] = float(one[choice][outcome])
    return Exact(graph, facts)(inputs).tolist()


class _Normal:
    """Bodies as they are compared: literals on one choice merged, what is certain or repeated left out."""

    def __init__(self, graph: DerivationGraph, worlds: Worlds) -> None:
        self.worlds = worlds
        self.certain = (graph.status == CERTAIN).tolist()
        self._bodies: dict[int, list[Body]] = {}
        self._open: set[int] = set()

    def bodies(self, fact: int) -> list[Body]:
        """The different bodies of a fact, without those that contradict themselves or rest on the fact itself."""
        if fact not in self._bodies:
            self._open.add(fact)
            found = [self._body(literals) for literals in self.worlds.bodies[fact] if fact not in literals]
            self._open.remove(fact)
            made = self._united(list(dict.fromkeys(body for body in found if body is not None)))
            if self._open:  # on a cycle, what is found depends on where one came from
                return made
            self._bodies[fact] = made
        return self._bodies[fact]

    def _united(self, bodies: list[Body]) -> list[Body]:
        """Bodies without those that another one implies; sets of outcomes of one choice as one set."""
        bodies = [
            two
            for k, two in enumerate(bodies)
            if not any(
                _implies(one, two) and (j < k or not _implies(two, one)) for j, one in enumerate(bodies) if j != k
            )
        ]
        sets = [next(iter(choices)) for choices, facts in bodies if len(choices) == 1 and not facts]
        if len(bodies) > 1 and len(sets) == len(bodies) and len({choice for choice, _ in sets}) == 1:
            every = frozenset().union(*(mask for _, mask in sets))
            whole = len(every) == self.worlds.sizes[sets[0][0]]
            return [(frozenset() if whole else frozenset({(sets[0][0], every)}), frozenset())]
        return bodies

    def _body(self, literals: list[int]) -> Body | None:
        allowed: dict[int, frozenset[int]] = {}
        facts: set[int] = set()
        for literal in literals:
            if self.certain[literal if literal >= 0 else ~literal]:
                if literal < 0:
                    return None
                continue
            truth = self._truth(literal)
            if truth is not None:
                if not truth:
                    return None
                continue
            choices, inner = self._target(literal)
            facts |= inner
            for choice, mask in choices:
                allowed[choice] = allowed.get(choice, mask) & mask
        if not all(allowed.values()) or any(~f in facts for f in facts):
            return None
        kept = {(c, mask) for c, mask in allowed.items() if len(mask) < self.worlds.sizes[c]}
        return frozenset(kept), frozenset(facts)

    def _truth(self, literal: int) -> bool | None:
        """Whether a literal holds in all worlds, or in none, by the bodies of its fact."""
        fact = literal if literal >= 0 else ~literal
        if fact in self.worlds.leaf or fact in self._open:
            return None
        bodies = self.bodies(fact)
        if not bodies:
            return literal < 0
        return literal >= 0 if any(not choices and not facts for choices, facts in bodies) else None

    def _target(self, literal: int) -> Body:
        """What a literal stands for: outcomes of a choice, or itself; a fact of one literal is that literal."""
        fact = literal if literal >= 0 else ~literal
        if fact in self.worlds.leaf:
            choice, outcome = self.worlds.leaf[fact]
            return self._signed(choice, frozenset({outcome}), literal < 0), frozenset()
        if fact not in self._open and len(bodies := self.bodies(fact)) == 1:
            ((choices, facts),) = bodies
            if len(choices) + len(facts) == 1:
                for choice, mask in choices:
                    return self._signed(choice, mask, literal < 0), frozenset()
                return frozenset(), frozenset(x if literal >= 0 else ~x for x in facts)
        return frozenset(), frozenset({literal})

    def _signed(self, choice: int, mask: frozenset[int], negative: bool) -> frozenset[tuple[int, frozenset[int]]]:
        every = frozenset(range(self.worlds.sizes[choice]))
        return frozenset({(choice, every - mask if negative else mask)})


def _implies(one: Body, two: Body) -> bool:
    """Whether a body holds wherever another one does, because all that it asks is asked there."""
    masks = dict(two[0])
    return one[1] <= two[1] and all(choice in masks and masks[choice] <= mask for choice, mask in one[0])


def _right(bodies: list[Body], fact: int, exact: list, choices: list[list]) -> bool:  # type: ignore[type-arg]
    """Whether sums and products are right under every weighing.

    That is, for some division of the bodies into groups, one minus the product of what the sums of the groups leave.
    """
    every = list(range(len(bodies)))
    ways = _divisions(len(bodies)) if len(bodies) <= MOST else [[[k] for k in every], [every], _by_choices(bodies)]
    for probabilities, weights in zip(exact, choices, strict=True):
        products = []
        for allowed, facts in bodies:
            value = 1.0
            for choice, outcomes in allowed:
                value *= sum(weights[choice][k] for k in outcomes)
            for x in facts:
                value *= probabilities[x] if x >= 0 else 1 - probabilities[~x]
            products.append(value)
        ways = [way for way in ways if abs(_combined(way, products) - probabilities[fact]) <= SAME]
    return bool(ways)


def _by_choices(bodies: list[Body]) -> list[list[int]]:
    """Bodies in groups that speak of the same choices."""
    groups: list[tuple[set[int], list[int]]] = []
    for k, (sets, _) in enumerate(bodies):
        choices = {c for c, _ in sets}
        meeting = [g for g in groups if g[0] & choices]
        groups = [g for g in groups if not g[0] & choices]
        groups.append((choices.union(*(g[0] for g in meeting)), [*(j for g in meeting for j in g[1]), k]))
    return [members for _, members in groups]


def _combined(way: list[list[int]], products: list[float]) -> float:
    return 1 - float(np.prod([1 - sum(products[k] for k in group) for group in way]))


def _divisions(count: int) -> list[list[list[int]]]:
    """All ways to divide so many bodies into groups."""
    ways: list[list[list[int]]] = [[]]
    for k in range(count):
        ways = [
            [*way[:at], [*way[at], k], *way[at + 1 :]] if at < len(way) else [*way, [k]]
            for way in ways
            for at in range(len(way) + 1)
        ]
    return ways


def _truth(body: Body, worlds: Worlds) -> np.ndarray:
    """In which worlds a body holds."""
    allowed, facts = body
    truth = worlds.holds(sorted(facts))
    for choice, outcomes in allowed:
        truth &= np.isin(worlds.outcomes[:, choice], sorted(outcomes))
    return truth


def _without_idle(bodies: list[Body], worlds: Worlds) -> list[Body]:
    """Bodies without those that hold in no world, or only where another one does.

    Literals that say nothing beside the others of their body are left out, too.
    """
    kept: list[tuple[Body, np.ndarray]] = []
    for body in bodies:
        truth = _truth(body, worlds)
        for literal in sorted(body[1]):
            fewer = (body[0], body[1] - {literal})
            body = fewer if (_truth(fewer, worlds) == truth).all() else body
        if truth.any() and not any((truth & ~other == 0).all() for _, other in kept):
            kept = [(b, t) for b, t in kept if (t & ~truth).any()] + [(body, truth)]
    return [body for body, _ in kept]
