"""The probability that ground formulas hold, by the exact semantics: formulas as facts of a larger graph.

A node becomes a literal: of an atom's fact, or of a new fact that its operands derive. Conjunctions are single
groundings, negation is a sign, so nothing else is needed. Instances that share no choice are independent and are
multiplied; those that do are conjoined and solved together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from neurosym.facts import Ids
from neurosym.grounding import CERTAIN, POSSIBLE, CoreRule, DerivationGraph
from neurosym.grounding.core import CoreAtom
from neurosym.grounding.fact_columns import FactColumns, Run
from neurosym.grounding.formulas import AND, ATOM, EXISTS, FALSE, FORALL, IFF, IMPLIES, NOT, OR, TRUE, FormulaGraph
from neurosym.grounding.groundings import Columns, Groundings
from neurosym.semantics.exact import MAX_CIRCUIT, Exact
from neurosym.semantics.part import relevant_part
from neurosym.semantics.unknown_atoms import linked

PART = ("part of a constraint", 0)
Literal = int | bool  # a fact, its bitwise complement under negation; or a constant
Evidence = Sequence[tuple[int, bool]]


class _Facts:
    """New facts of a graph, each derived by the conjunction of some literals."""

    def __init__(self, graph: DerivationGraph) -> None:
        self.graph = graph
        self.bodies: list[tuple[int, ...]] = []
        self._known: dict[tuple[int, ...], int] = {}

    def conjoin(self, literals: Sequence[Literal]) -> Literal:
        """The literal that holds where all do."""
        found: set[int] = set()
        for literal in literals:
            if literal is False:
                return False
            if literal is not True:
                found.add(int(literal))
        if any(~x in found for x in found):
            return False
        if len(found) <= 1:
            return found.pop() if found else True
        body = tuple(sorted(found))
        if body not in self._known:
            self._known[body] = self.graph.num_facts + len(self.bodies)
            self.bodies.append(body)
        return self._known[body]

    def disjoin(self, literals: Sequence[Literal]) -> Literal:
        """The literal that holds where one does."""
        return negated(self.conjoin([negated(x) for x in literals]))

    def extended(self) -> DerivationGraph:
        """The graph with the new facts."""
        graph, n = self.graph, len(self.bodies)
        sizes = np.array([len(b) for b in self.bodies], np.int64)
        flat = np.array([x for b in self.bodies for x in b], np.int64)
        last = int(graph.body_start[-1]) if len(graph.body_start) else 0
        absent = int(graph.absent_start[-1]) if len(graph.absent_start) else 0
        columns = Columns(
            rule=np.concatenate([graph.rule, np.full(n, len(graph.rules), graph.rule.dtype)]),
            head=np.concatenate([graph.head, np.arange(graph.num_facts, graph.num_facts + n, dtype=graph.head.dtype)]),
            body_start=np.concatenate([graph.body_start, last + np.cumsum(sizes)]),
            body=np.concatenate([graph.body, np.where(flat < 0, ~flat, flat).astype(graph.body.dtype)]),
            sign=np.concatenate([graph.sign, flat >= 0]),
            absent_start=np.concatenate([graph.absent_start, np.full(n, absent)]),
            absent=graph.absent,
        )
        old = graph.facts
        runs = [*old.runs, Run(len(graph.predicates), graph.num_facts, n, 0, 0)]
        return replace(
            graph,
            predicates=[*graph.predicates, PART],
            rows=[*graph.rows, np.zeros((n, 0), np.int32)],
            fact_ids=[*graph.fact_ids, np.arange(graph.num_facts, graph.num_facts + n, dtype=np.int32)],
            facts=FactColumns(old.size + n, runs, old.places, old.leaves, old.before),
            status=np.concatenate([graph.status, np.full(n, POSSIBLE, graph.status.dtype)]),
            rules=[*graph.rules, CoreRule(((CoreAtom(PART, ()), None),), (), -1, "constraint")],
            groundings=Groundings(columns),
            program=replace(graph.program, hidden={**graph.program.hidden, PART: "a part of a constraint"}),
        )


def negated(literal: Literal) -> Literal:
    """The complement of a literal."""
    return not literal if isinstance(literal, bool) else ~literal


class FormulaProbabilities:
    """Probabilities of formulas of a graph; made once, evaluated for every batch."""

    def __init__(
        self, formulas: FormulaGraph, groups: Sequence[Sequence[int]], evidence: Evidence = (),
        max_circuit: int = MAX_CIRCUIT, apart: bool = False,
    ) -> None:  # fmt: skip
        """Solve.

        Args:
            groups: for each of the results, the nodes that are to hold together.
            apart: give each node's probability instead, (groups,) lists of them.
        """
        self.formulas = formulas
        self.facts = _Facts(formulas.graph)
        literals = self._literals(sorted({n for g in groups for n in g}))
        wanted = [[literals[n] for n in g] for g in groups]
        parts = [[[x] for x in g] for g in wanted] if apart else self._split(wanted, evidence)
        self.results: list[list[Literal]] = [[self.facts.conjoin(p) for p in part] for part in parts]
        roots = sorted({x if x >= 0 else ~x for r in self.results for x in r if not isinstance(x, bool)})
        self.at = {fact: k for k, fact in enumerate(roots)}
        self.graph = self.facts.extended()
        self.exact = Exact(self.graph, roots, evidence, max_circuit) if roots else None

    def _literals(self, nodes: Sequence[int]) -> dict[int, Literal]:
        graph, made = self.formulas, {}
        certain = graph.graph.status == CERTAIN
        for node in self._in_order(graph.below(nodes)):
            kind = int(graph.kind[node])
            x: list[Literal] = [made[c] for c in graph.children_of(node)]
            if kind in (FALSE, TRUE):
                made[node] = kind == TRUE
            elif kind == ATOM:
                fact = int(graph.atom[node])
                made[node] = True if certain[fact] else fact
            elif kind == NOT:
                made[node] = negated(x[0])
            elif kind in (AND, FORALL):
                made[node] = self.facts.conjoin(x)
            elif kind in (OR, EXISTS):
                made[node] = self.facts.disjoin(x)
            elif kind == IMPLIES:
                made[node] = self.facts.disjoin([negated(x[0]), x[1]])
            else:
                assert kind == IFF
                neither = self.facts.conjoin([negated(x[0]), negated(x[1])])
                made[node] = self.facts.disjoin([self.facts.conjoin(x), neither])
        return made

    def _in_order(self, nodes: Ids) -> list[int]:
        return nodes[np.argsort(self.formulas.level[nodes], kind="stable")].tolist()

    def _split(self, groups: list[list[Literal]], evidence: Evidence) -> list[list[list[Literal]]]:
        """Each group in parts that share no choice with one another, directly or through evidence."""
        graph = self.facts.extended()
        used = sorted({x if x >= 0 else ~x for g in groups for x in g if not isinstance(x, bool)})
        roots = np.array([*used, *(f for f, _ in evidence)], np.int32)
        if not len(used):
            return [[g] for g in groups]
        part = relevant_part(graph, roots, drop_certain=True)
        label = dict(zip(used, linked(graph, part)[part.roots[: len(used)]].tolist(), strict=True))
        result: list[list[list[Literal]]] = []
        for group in groups:
            parts: dict[int, list[Literal]] = {}
            for x in group:
                parts.setdefault(-1 if isinstance(x, bool) else label[x if x >= 0 else ~x], []).append(x)
            result.append(list(parts.values()))
        return result

    def __call__(self, tags: Tensor) -> list[Tensor]:
        """For each group (B, parts) the probabilities of its parts.

        Args:
            tags: (B, F) tags of the leaves.
        """
        batch = len(tags)
        found = tags.new_zeros((batch, 0))
        if self.exact is not None:
            found = self.exact(torch.cat([tags, tags.new_zeros((batch, self.graph.num_facts - tags.shape[1]))], dim=1))
        return [
            torch.stack([self._of(x, found) for x in r], dim=1) if r else tags.new_ones((batch, 0))
            for r in self.results
        ]

    def _of(self, literal: Literal, found: Tensor) -> Tensor:
        if isinstance(literal, bool):
            return found.new_full((len(found),), float(literal))
        value = found[:, self.at[literal if literal >= 0 else ~literal]]
        return value if literal >= 0 else 1 - value
