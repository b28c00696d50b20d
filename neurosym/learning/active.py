"""Which choices an interpretation makes: those whose rule body holds.

A weighted rule chooses once for each grounding of its body. Where the body does not hold the choice has no effect, and
an observation says nothing about it: it must not count. A fact's choice is always made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from neurosym.grounding import CERTAIN, DerivationGraph
from neurosym.grounding.graph import POSSIBLE
from neurosym.grounding.groundings import Columns, Groundings

Literal = tuple[int, bool]  # fact id, positive
Observed = Mapping[int, bool]


@dataclass(frozen=True)
class Made:
    """The learnable choices that an interpretation can say something about.

    Attributes:
        sure: choices that are made whatever else holds; `open`: those for which it depends.
    """

    sure: tuple[int, ...]
    open: tuple[int, ...]


class Activity:
    """The learnable choices of a graph, with a fact for each that says whether the choice is made.

    Attributes:
        graph: the graph with these facts appended.
        parameter: learnable choice → index of its parameter.
        probe: learnable choice → the fact that holds where the choice is made; none for a choice that always is.
    """

    def __init__(self, graph: DerivationGraph) -> None:
        self.parameter: dict[int, int] = {}
        first = 0
        for group in graph.choices:
            if group.kind == "learned":
                assert group.parameters is not None
                self.parameter |= {first + k: p for k, p in enumerate(group.parameters.tolist())}
            first += len(group.facts)
        self._certain = graph.status == CERTAIN
        self._choice = graph.choice
        self._groundings = _by_head(graph)
        self.bodies = self._bodies(graph)
        self.probe: dict[int, int] = {}
        self.graph = self._with_probes(graph)

    def _bodies(self, graph: DerivationGraph) -> dict[int, frozenset[tuple[Literal, ...]]]:
        """Learnable choice of a rule → the bodies under which it is made; left out if one of them is certain."""
        ruled = self.parameter
        found: dict[int, set[tuple[Literal, ...]]] = {}
        hidden = np.array([key in graph.program.hidden for key in graph.predicates], bool)
        leaf = (self._choice >= 0) & hidden[graph.predicate]
        edges = np.nonzero(leaf[graph.body] & graph.sign)[0]
        groundings = np.searchsorted(graph.body_start, edges, side="right") - 1
        for edge, grounding in zip(edges.tolist(), groundings.tolist(), strict=True):
            choice = int(self._choice[graph.body[edge]])
            if choice in ruled:
                rest = [x for x in self._literals(graph, grounding) if x[0] != graph.body[edge]]
                found.setdefault(choice, set()).add(tuple(sorted(rest)))
        return {c: frozenset(b) for c, b in found.items() if () not in b}

    def _literals(self, graph: DerivationGraph, grounding: int) -> list[Literal]:
        """The literals of a grounding that are not certain."""
        body, sign = graph.body_of(grounding)
        return [(f, s) for f, s in zip(body, sign, strict=True) if not self._certain[f]]

    def _with_probes(self, graph: DerivationGraph) -> DerivationGraph:
        heads: list[int] = []
        bodies: list[tuple[Literal, ...]] = []
        known: dict[frozenset[tuple[Literal, ...]], int] = {}
        for choice, ways in self.bodies.items():
            only = next(iter(ways))
            if len(ways) == 1 and len(only) == 1 and only[0][1]:  # a fact that is there already
                self.probe[choice] = only[0][0]
                continue
            if ways not in known:
                known[ways] = graph.num_facts + len(known)
                heads += [known[ways]] * len(ways)
                bodies += sorted(ways)
            self.probe[choice] = known[ways]
        return _extended(graph, len(known), heads, bodies) if known else graph

    def made(self, observed: Observed) -> Made:
        """The learnable choices that can matter to what was observed.

        A walk from the observed facts to what they rest on, which leaves out groundings that an observation refutes.
        """
        seen: set[int] = set()
        choices: dict[int, None] = {}
        stack = list(observed)
        while stack:
            fact = stack.pop()
            if fact in seen or self._certain[fact]:
                continue
            seen.add(fact)
            choice = int(self._choice[fact])
            if choice >= 0:
                choices.setdefault(choice)
                continue
            for body in self._groundings(fact):
                if all(observed.get(f, s) == s for f, s in body):
                    stack.extend(f for f, _ in body)
        sure: list[int] = []
        undecided: list[int] = []
        for choice in choices:
            if choice in self.parameter:
                state = self._state(choice, observed)
                if state is not False:
                    (sure if state else undecided).append(choice)
        return Made(tuple(sure), tuple(undecided))

    def _state(self, choice: int, observed: Observed) -> bool | None:
        """Whether the observations say that a choice is made."""
        if choice not in self.bodies:
            return True
        state: bool | None = False
        for body in self.bodies[choice]:
            if any(f in observed and observed[f] != s for f, s in body):
                continue
            if all(f in observed for f, _ in body):
                return True
            state = None
        return state


class _by_head:
    """Fact → the bodies of its groundings, without certain literals; kept once read."""

    def __init__(self, graph: DerivationGraph) -> None:
        self.graph = graph
        self.starts, self.order = graph.groundings_of()
        self.certain = graph.status == CERTAIN
        self.known: dict[int, list[list[Literal]]] = {}

    def __call__(self, fact: int) -> list[list[Literal]]:
        if fact not in self.known:
            bodies = []
            for grounding in self.order[self.starts[fact] : self.starts[fact + 1]].tolist():
                body, sign = self.graph.body_of(grounding)
                bodies.append([(f, s) for f, s in zip(body, sign, strict=True) if not self.certain[f]])
            self.known[fact] = bodies
        return self.known[fact]


def _extended(
    graph: DerivationGraph, count: int, heads: list[int], bodies: list[tuple[Literal, ...]]
) -> DerivationGraph:  # fmt: skip
    """The graph with more facts, numbered from F, and groundings that derive them."""
    facts = graph.facts.with_more(count)
    ends = int(graph.body_start[-1]) + np.cumsum([len(b) for b in bodies])
    last = np.full(len(bodies), graph.absent_start[-1], graph.absent_start.dtype)
    columns = Columns(
        rule=np.concatenate([graph.rule, np.zeros(len(heads), graph.rule.dtype)]),
        head=np.concatenate([graph.head, np.array(heads, graph.head.dtype)]),
        body_start=np.concatenate([graph.body_start, ends.astype(graph.body_start.dtype)]),
        body=np.concatenate([graph.body, np.array([f for b in bodies for f, _ in b], graph.body.dtype)]),
        sign=np.concatenate([graph.sign, np.array([s for b in bodies for _, s in b], bool)]),
        absent_start=np.concatenate([graph.absent_start, last]),
        absent=graph.absent,
    )
    status = np.concatenate([graph.status, np.full(count, POSSIBLE, graph.status.dtype)])
    return replace(graph, facts=facts, status=status, groundings=Groundings(columns))
